//! cgroup v1, also beside a v2 mount (hybrid): one directory per controller and slot.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Counters, Hierarchy, SlotCgroup};
use crate::fault::{Context, Fault, Result};
use crate::wire::JobLimits;

const PERIOD_US: u64 = 100_000;
/// The keeper is in the slot's group too.
const OUR_PROCESSES: u32 = 1;
const CONTROLLERS: [&str; 4] = ["memory", "cpu", "cpuacct", "pids"];

/// The instance's directory under each controller.
pub struct V1 {
    memory: PathBuf,
    cpu: PathBuf,
    cpuacct: PathBuf,
    pids: PathBuf,
    hybrid: bool,
}

impl V1 {
    /// None where one of the controllers is not a v1 hierarchy.
    pub fn detect(instance: &str) -> Result<Option<Self>> {
        let mounts = read("/proc/self/mountinfo")?;
        let memberships = read("/proc/self/cgroup")?;
        Ok(Self::parse(&mounts, &memberships, instance))
    }

    fn parse(mounts: &str, memberships: &str, instance: &str) -> Option<Self> {
        let base = |controller| Some(own_directory(mounts, memberships, controller)?.join(instance));
        let [memory, cpu, cpuacct, pids] = CONTROLLERS.map(base);
        let hybrid = mounts.lines().any(|line| line.contains(" - cgroup2 "));
        Some(Self { memory: memory?, cpu: cpu?, cpuacct: cpuacct?, pids: pids?, hybrid })
    }
}

/// Where this process's own group of a controller is mounted.
fn own_directory(mounts: &str, memberships: &str, controller: &str) -> Option<PathBuf> {
    let (root, mount_point) = mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut filesystem = right.split(' ');
        let (kind, options) = (filesystem.next()?, filesystem.nth(1)?);
        (kind == "cgroup" && options.split(',').any(|option| option == controller)).then_some(())?;
        let mut fields = left.split(' ').skip(3);
        Some((fields.next()?, fields.next()?))
    })?;
    let path = memberships.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })?;
    let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
    Some(Path::new(mount_point).join(below))
}

fn slot_name(slot: u32) -> String {
    format!("slot-{slot}")
}

impl Hierarchy for V1 {
    fn describe(&self) -> String {
        if self.hybrid { "v1 (hybrid)".to_owned() } else { "v1".to_owned() }
    }

    fn directories(&self) -> Vec<PathBuf> {
        // cpu and cpuacct are often one hierarchy under two names.
        let mut all = vec![self.memory.clone(), self.cpu.clone(), self.cpuacct.clone(), self.pids.clone()];
        all.dedup();
        all
    }

    fn make_instance(&self) -> Result<()> {
        self.directories().iter().try_for_each(|directory| make(directory))
    }

    fn make_slot(&self, slot: u32) -> Result<()> {
        for directory in self.slot_directories(slot) {
            make(&directory)?;
        }
        write_file(&self.cpu.join(slot_name(slot)).join("cpu.cfs_period_us"), PERIOD_US)
    }

    fn join_slot(&self, slot: u32, pid: i32) -> Result<()> {
        for directory in self.slot_directories(slot) {
            write_file(&directory.join("cgroup.procs"), pid as u64)?;
        }
        Ok(())
    }

    fn open_slot(&self, slot: u32) -> Result<Box<dyn SlotCgroup>> {
        let name = slot_name(slot);
        let (memory, cpu, pids) = (self.memory.join(&name), self.cpu.join(&name), self.pids.join(&name));
        Ok(Box::new(Slot {
            usage: Knob::open(memory.join("memory.usage_in_bytes"), false)?,
            max_usage: Knob::open(memory.join("memory.max_usage_in_bytes"), true)?,
            limit: Knob::open(memory.join("memory.limit_in_bytes"), true)?,
            // Absent without swap accounting.
            limit_with_swap: Knob::open(memory.join("memory.memsw.limit_in_bytes"), true).ok(),
            socket_limit: Knob::open(memory.join("memory.kmem.tcp.limit_in_bytes"), true).ok(),
            oom_control: Knob::open(memory.join("memory.oom_control"), false)?,
            force_empty: memory.join("memory.force_empty"),
            quota: Knob::open(cpu.join("cpu.cfs_quota_us"), true)?,
            cpu_usage: Knob::open(self.cpuacct.join(&name).join("cpuacct.usage"), false)?,
            pids_max: Knob::open(pids.join("pids.max"), true)?,
            pids_events: Knob::open(pids.join("pids.events"), false)?,
            procs: pids.join("cgroup.procs"),
            in_force: None,
            overhead_bytes: None,
            seized: false,
        }))
    }

    fn slot_directories(&self, slot: u32) -> Vec<PathBuf> {
        self.directories().iter().map(|directory| directory.join(slot_name(slot))).collect()
    }
}

struct Slot {
    usage: Knob,
    max_usage: Knob,
    limit: Knob,
    limit_with_swap: Option<Knob>,
    /// Memory in socket buffers, which v1 counts apart and only once this has been written; absent in some kernels.
    socket_limit: Option<Knob>,
    oom_control: Knob,
    force_empty: PathBuf,
    quota: Knob,
    cpu_usage: Knob,
    pids_max: Knob,
    pids_events: Knob,
    procs: PathBuf,
    in_force: Option<JobLimits>,
    /// What the slot holds by itself; the program's memory limit comes on top.
    overhead_bytes: Option<u64>,
    seized: bool,
}

impl Slot {
    fn write_limits(&mut self, limits: &JobLimits) -> Result<()> {
        let overhead = match self.overhead_bytes {
            Some(bytes) => bytes,
            None => *self.overhead_bytes.insert(self.usage.number()?),
        };
        let bytes = limits.memory_bytes + overhead;
        // The limit with swap must never be below the one without.
        if let Some(with_swap) = &self.limit_with_swap {
            let first_is_smaller = self.in_force.is_none_or(|now| limits.memory_bytes < now.memory_bytes);
            let order: [&Knob; 2] = if first_is_smaller { [&self.limit, with_swap] } else { [with_swap, &self.limit] };
            order.iter().try_for_each(|knob| knob.write(bytes as i64))?;
        } else {
            self.limit.write(bytes as i64)?;
        }
        if let Some(socket_limit) = &self.socket_limit {
            socket_limit.write(limits.memory_bytes as i64)?;
        }
        self.quota.write((limits.cpus * PERIOD_US as f64).max(1_000.0) as i64)?;
        self.pids_max.write((limits.processes + OUR_PROCESSES).into())?;
        self.in_force = Some(*limits);
        Ok(())
    }
}

impl SlotCgroup for Slot {
    fn limit(&mut self, limits: &JobLimits) -> Result<()> {
        let same = self.in_force.is_some_and(|now| {
            (now.memory_bytes, now.processes, now.cpus) == (limits.memory_bytes, limits.processes, limits.cpus)
        });
        if same { Ok(()) } else { self.write_limits(limits) }
    }

    fn counters(&mut self) -> Result<Counters> {
        Ok(Counters {
            cpu_ns: self.cpu_usage.number()?,
            memory_bytes: self.usage.number()?,
            oom_kills: self.oom_control.field("oom_kill ")?,
            refused_processes: self.pids_events.field("max ")?,
        })
    }

    fn cpu_ns(&mut self) -> Result<u64> {
        self.cpu_usage.number()
    }

    fn memory_bytes(&mut self) -> Result<u64> {
        self.usage.number()
    }

    fn peak_memory_bytes(&mut self) -> Result<u64> {
        self.max_usage.number()
    }

    fn reset_peak(&mut self) -> Result<()> {
        self.max_usage.write(0)
    }

    fn processes(&mut self, pids: &mut Vec<i32>) -> Result<()> {
        pids.clear();
        // Opened anew each time: v1 keeps the list that a descriptor read first for another second.
        let text = fs::read_to_string(&self.procs).context("read", &self.procs)?;
        pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        Ok(())
    }

    fn seize(&mut self) -> Result<()> {
        if !self.seized {
            self.seized = true;
            self.quota.write(-1)?;
            self.pids_max.write(0)?;
        }
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        self.seized = false;
        match self.in_force {
            Some(limits) => self.write_limits(&limits),
            None => Ok(()),
        }
    }

    fn reclaim(&self) -> Result<()> {
        write_file(&self.force_empty, 0)
    }
}

/// One control file, held open.
struct Knob {
    file: File,
    path: PathBuf,
}

impl Knob {
    fn open(path: PathBuf, write: bool) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(write).open(&path).context("open", &path)?;
        Ok(Self { file, path })
    }

    fn write(&self, value: i64) -> Result<()> {
        self.file.write_at(value.to_string().as_bytes(), 0).context("write", &self.path).map(drop)
    }

    fn number(&self) -> Result<u64> {
        let mut bytes = [0; 32];
        let count = self.file.read_at(&mut bytes, 0).context("read", &self.path)?;
        std::str::from_utf8(&bytes[..count])
            .ok()
            .and_then(|text| text.trim_end().parse().ok())
            .ok_or_else(|| Fault::new("parse", &self.path, libc::EBADMSG))
    }

    /// The number behind a key, as in `oom_kill 3`.
    fn field(&self, key: &str) -> Result<u64> {
        let mut bytes = [0; 128];
        let count = self.file.read_at(&mut bytes, 0).context("read", &self.path)?;
        std::str::from_utf8(&bytes[..count])
            .ok()
            .and_then(|text| text.lines().find_map(|line| line.strip_prefix(key)?.parse().ok()))
            .ok_or_else(|| Fault::new("parse", &self.path, libc::EBADMSG))
    }
}

fn make(directory: &Path) -> Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error).context("mkdir", directory),
        _ => Ok(()),
    }
}

fn write_file(path: &Path, value: u64) -> Result<()> {
    fs::write(path, value.to_string()).context("write", path)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).context("read", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
30 22 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
31 22 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
32 22 0:28 /kubepods/pod7 /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
33 22 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
    const MEMBERSHIPS: &str = "4:memory:/jobs/7\n3:cpu,cpuacct:/\n8:pids:/kubepods/pod7\n0::/";

    #[test]
    fn finds_the_own_group_of_each_controller() {
        let found = V1::parse(MOUNTS, MEMBERSHIPS, "assay-0").expect("all controllers are there");
        assert_eq!(found.memory, Path::new("/sys/fs/cgroup/memory/jobs/7/assay-0"));
        assert_eq!(found.cpu, Path::new("/sys/fs/cgroup/cpu,cpuacct/assay-0"));
        assert_eq!(found.pids, Path::new("/sys/fs/cgroup/pids/assay-0"));
        assert_eq!(found.directories().len(), 3);
        assert_eq!(found.describe(), "v1 (hybrid)");
    }

    #[test]
    fn a_missing_controller_is_not_v1() {
        assert!(V1::parse(MOUNTS, "4:memory:/\n3:cpu,cpuacct:/\n0::/", "assay-0").is_none());
    }

    /// A directory that poses as cgroupfs, with an instance and one slot in it.
    fn fake() -> (PathBuf, V1) {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let base = std::env::temp_dir().join(format!("assay-cgroup-test-{}-{count}", std::process::id()));
        fs::create_dir(&base).expect("a temporary directory");
        let one = base.join("assay-0");
        let v1 = V1 { memory: one.clone(), cpu: one.clone(), cpuacct: one.clone(), pids: one, hybrid: false };
        v1.make_instance().expect("an instance");
        v1.make_slot(3).expect("a slot");
        let slot = base.join("assay-0/slot-3");
        for (name, text) in [
            ("memory.usage_in_bytes", "1048576\n"),
            ("memory.max_usage_in_bytes", "2097152\n"),
            ("memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
            ("cpu.cfs_quota_us", "-1\n"),
            ("cpuacct.usage", "123456\n"),
            ("pids.max", "max\n"),
            ("pids.events", "max 7\n"),
            ("cgroup.procs", "10\n11\n"),
        ] {
            fs::write(slot.join(name), text).expect("a file");
        }
        (base, v1)
    }

    fn limits() -> JobLimits {
        JobLimits { cpu_ns: 1, wall_ns: 1, memory_bytes: 1 << 28, processes: 8, cpus: 1.5 }
    }

    #[test]
    fn reads_counters_and_processes() {
        let (base, v1) = fake();
        let mut slot = v1.open_slot(3).expect("an open slot");
        let expected = Counters { cpu_ns: 123_456, memory_bytes: 1 << 20, oom_kills: 4, refused_processes: 7 };
        assert_eq!(slot.counters().expect("counters"), expected);
        assert_eq!(slot.peak_memory_bytes().expect("a peak"), 2 << 20);
        let mut pids = Vec::new();
        slot.processes(&mut pids).expect("processes");
        assert_eq!(pids, [10, 11]);
        fs::remove_dir_all(base).expect("nothing else in it");
    }

    #[test]
    fn limits_come_on_top_of_what_the_slot_holds_and_return_after_a_kill() {
        let (base, v1) = fake();
        let mut slot = v1.open_slot(3).expect("an open slot");
        let text = |name: &str| fs::read_to_string(base.join("assay-0/slot-3").join(name)).expect("a file");
        slot.limit(&limits()).expect("limits");
        // A fake file keeps the tail of what was there before.
        assert!(text("memory.limit_in_bytes").starts_with(&((1 << 28) + (1 << 20)).to_string()));
        assert!(text("cpu.cfs_quota_us").starts_with("150000"));
        assert!(text("pids.max").starts_with('9'));
        slot.seize().expect("a seized slot");
        assert!(text("pids.max").starts_with('0'));
        slot.release().expect("a released slot");
        assert!(text("pids.max").starts_with('9'));
        fs::remove_dir_all(base).expect("nothing else in it");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let (base, v1) = fake();
        fs::write(base.join("assay-0/slot-3/cpuacct.usage"), "many\n").expect("a file");
        let fault = v1.open_slot(3).and_then(|mut slot| slot.cpu_ns()).expect_err("not a number");
        assert!(fault.to_string().contains("slot-3/cpuacct.usage"), "{fault}");
        fs::remove_dir_all(base).expect("nothing else in it");
    }
}
