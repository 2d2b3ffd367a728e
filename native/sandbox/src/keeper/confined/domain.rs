//! What of the machine's file system a program may open: nothing but this.

use std::path::Path;

use assay_shared::fault::Result;
use assay_shared::sys::{Access, Landlock};

use super::places::Places;
use crate::rootfs::{DEVICES, ETC_COPIES, MERGED};

/// Beside what is copied for slots of their own: what makes a program fail that may not read it, where it is there.
const ETC: [&str; 3] = ["alternatives", "nsswitch.conf", "ssl/openssl.cnf"];

/// Facts of the machine that interpreters ask for; never /proc as a whole, in which other processes are.
const FACTS: [&str; 11] = [
    "cpuinfo",
    "filesystems",
    "loadavg",
    "meminfo",
    "stat",
    "uptime",
    "version",
    "sys/kernel/osrelease",
    "sys/kernel/random",
    "sys/vm/max_map_count",
    "sys/vm/overcommit_memory",
];

/// Of a program's first process. Its `net` and `task` show the machine's network, so they are not among them.
const OWN_FACTS: [&str; 13] =
    ["auxv", "cmdline", "comm", "environ", "fd", "fdinfo", "io", "limits", "maps", "smaps", "stat", "statm", "status"];

/// To be called by the process that becomes the program.
pub fn allow_own_facts(rules: &Landlock) -> Result<()> {
    OWN_FACTS.iter().try_for_each(|name| rules.allow(&Path::new("/proc/self").join(name), Access::Read))
}

/// The rules of one run, to which those of its first process are added.
pub fn rules(places: &Places) -> Result<Landlock> {
    let rules = Landlock::forbidding_all()?;
    let read = |path: &Path| rules.allow(path, Access::Read);
    places.trees().iter().try_for_each(|tree| read(Path::new(tree)))?;
    // Where these are links into /usr the rules say the same twice.
    MERGED.iter().try_for_each(|name| read(&Path::new("/").join(name)))?;
    let etc = ETC_COPIES.iter().chain(&ETC);
    etc.into_iter().try_for_each(|name| read(&Path::new("/etc").join(name)))?;
    FACTS.iter().try_for_each(|name| read(&Path::new("/proc").join(name)))?;
    // Memory that is mapped from /dev/zero may be shared, and then nobody counts it.
    let devices = DEVICES.iter().filter(|(name, _)| *name != "zero");
    devices.into_iter().try_for_each(|(name, _)| rules.allow(&Path::new("/dev").join(name), Access::Device))?;
    read(&places.program())?;
    rules.allow(&places.work(), Access::Change)?;
    rules.allow(&places.tmp(), Access::Change)?;
    Ok(rules)
}
