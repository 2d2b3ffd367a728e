//! Instances: a number with a locked file and a control group prefix; and sweeping those whose lock is free.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Fault, Result};

use crate::cgroup::{self, Hierarchy, leftovers};

pub const MAX_INSTANCES: u32 = 31;

/// Which control groups an instance is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    Needed,
    WherePossible,
    None,
}

pub struct Instance {
    pub number: u32,
    /// Held until the end; the kernel frees the lock with it.
    lock: File,
    path: PathBuf,
    /// Where that lies: the supervisor's mount namespace may hide the path.
    directory: File,
}

impl Instance {
    /// Sweeps what dead instances left and takes the first free number, with its control groups made.
    pub fn take(state_dir: &str, groups: Groups) -> Result<(Self, Box<dyn Hierarchy>)> {
        let directory = Path::new(state_dir).join("instances");
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&directory).context("mkdir", &directory)?;
        sweep(&directory)?;
        for number in 0..MAX_INSTANCES {
            let path = directory.join(format!("{number}.lock"));
            let opened = File::open(&directory).context("open", &directory)?;
            let Some(lock) = try_lock(&path)? else { continue };
            let mut instance = Self { number, lock, path, directory: opened };
            match instance.make_groups(groups) {
                Ok(hierarchy) => return Ok((instance, hierarchy)),
                Err(fault) => {
                    instance.let_go()?;
                    if !fault.is(libc::EEXIST) {
                        return Err(fault);
                    }
                    // An engine with another state directory has this number.
                }
            }
        }
        Err(Fault::new("every instance number is taken by a running engine", directory, libc::EBUSY))
    }

    /// Writes down where the groups are before the first is made, for whoever has to sweep them.
    fn make_groups(&mut self, groups: Groups) -> Result<Box<dyn Hierarchy>> {
        if groups == Groups::None {
            return Ok(cgroup::none(false));
        }
        match self.make_groups_here() {
            Err(Fault { errno: libc::EACCES | libc::EPERM | libc::EROFS | libc::ENOTSUP, .. })
                if groups == Groups::WherePossible =>
            {
                Ok(cgroup::none(true))
            }
            result => result,
        }
    }

    fn make_groups_here(&mut self) -> Result<Box<dyn Hierarchy>> {
        let hierarchy = cgroup::detect(&self.name())?;
        let directories = hierarchy.directories();
        if let Some(taken) = directories.iter().find(|directory| directory.exists()) {
            return Err(Fault::new("mkdir", taken, libc::EEXIST));
        }
        let text: String = directories.iter().map(|directory| format!("{}\n", directory.display())).collect();
        self.lock.write_all(text.as_bytes()).context("write", &self.path)?;
        match hierarchy.make_instance() {
            Ok(()) => Ok(hierarchy),
            Err(fault) => {
                // Some of the controllers may be ours to use, and some not.
                self.clear(&*hierarchy)?;
                Err(fault)
            }
        }
    }

    pub fn name(&self) -> String {
        format!("assay-{}", self.number)
    }

    /// Removes every trace; the processes are dead or die here.
    pub fn clear(&self, hierarchy: &dyn Hierarchy) -> Result<()> {
        hierarchy.directories().iter().try_for_each(|directory| leftovers::remove_tree(directory))
    }

    /// Somebody else may have the number.
    pub fn let_go(&self) -> Result<()> {
        let name = assay_shared::sys::c_string(format!("{}.lock", self.number))?;
        // SAFETY: a NUL-terminated string that outlives the call.
        let result = unsafe { libc::unlinkat(self.directory.as_raw_fd(), name.as_ptr(), 0) };
        assay_shared::sys::check("unlink", &self.path, result.into()).map(drop)
    }
}

/// None if somebody holds it.
pub fn try_lock(path: &Path) -> Result<Option<File>> {
    loop {
        let mut options = OpenOptions::new();
        // Nobody else's: whoever can open it can hold it.
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).context("open", path)?;
        // SAFETY: no pointers.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } < 0 {
            let fault = Fault::last("flock", path);
            return if fault.is(libc::EWOULDBLOCK) { Ok(None) } else { Err(fault) };
        }
        // Its last owner may have unlinked it between our open and our lock.
        let ours = file.metadata().context("fstat", path)?;
        match fs::metadata(path) {
            Ok(there) if there.ino() == ours.ino() && there.dev() == ours.dev() => return Ok(Some(file)),
            _ => {}
        }
    }
}

/// Removes what instances left whose lock nobody holds.
fn sweep(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory).context("read", directory)?.flatten() {
        let path = entry.path();
        let Some(number) = entry.file_name().to_str().and_then(|name| name.strip_suffix(".lock")?.parse::<u32>().ok())
        else {
            continue;
        };
        let Some(mut lock) = try_lock(&path)? else { continue };
        let mut text = String::new();
        lock.read_to_string(&mut text).context("read", &path)?;
        // Only what carries the instance's name: the file could be damaged.
        let name = format!("assay-{number}");
        for directory in text.lines().map(Path::new).filter(|directory| directory.ends_with(&name)) {
            cgroup::leftovers::remove_tree(directory)?;
        }
        fs::remove_file(&path).context("unlink", &path)?;
    }
    Ok(())
}
