//! The control groups of an instance: one per slot, made ahead, behind two small traits so that each cgroup version is one
//! file.

mod v1;

use std::path::PathBuf;

use crate::fault::{Fault, Result};
use crate::wire::JobLimits;

/// What a slot's counters of time and events say now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub cpu_ns: u64,
    pub oom_kills: u64,
    pub refused_processes: u64,
}

/// The control group of one slot, with its files held open.
pub trait SlotCgroup {
    /// Writes the limits that differ from those in force; what the slot holds already is not the program's.
    fn limit(&mut self, limits: &JobLimits, held_bytes: u64) -> Result<()>;
    fn counters(&mut self) -> Result<Counters>;
    fn cpu_ns(&mut self) -> Result<u64>;
    fn memory_bytes(&mut self) -> Result<u64>;
    fn peak_memory_bytes(&mut self) -> Result<u64>;
    /// From now on the peak counts anew.
    fn reset_peak(&mut self) -> Result<()>;
    /// The pids of every process in it, zombies left out.
    fn processes(&mut self, pids: &mut Vec<i32>) -> Result<()>;
    /// No new processes and no CPU throttling, so that a killer is faster than any forker.
    fn seize(&mut self) -> Result<()>;
    /// Undoes `seize`.
    fn release(&mut self) -> Result<()>;
    /// Where to write to give back what its dead processes left charged; may take milliseconds.
    fn reclaim(&self) -> Result<()>;
}

/// Where an instance's control groups live.
pub trait Hierarchy {
    /// For people: "v1 (hybrid)".
    fn describe(&self) -> String;
    /// The directories that hold nothing but this instance's groups.
    fn directories(&self) -> Vec<PathBuf>;
    fn make_instance(&self) -> Result<()>;
    fn make_slot(&self, slot: u32) -> Result<()>;
    fn join_slot(&self, slot: u32, pid: i32) -> Result<()>;
    fn open_slot(&self, slot: u32) -> Result<Box<dyn SlotCgroup>>;
    fn slot_directories(&self, slot: u32) -> Vec<PathBuf>;
}

/// The hierarchy of the instance with this name on this machine.
///
/// Faults with ENOTSUP where the controllers are not mounted as v1.
pub fn detect(instance: &str) -> Result<Box<dyn Hierarchy>> {
    match v1::V1::detect(instance)? {
        Some(hierarchy) => Ok(Box::new(hierarchy)),
        None => Err(Fault::new(
            "find the memory, cpu, cpuacct and pids controllers of cgroup v1",
            "/proc/self/mountinfo",
            libc::ENOTSUP,
        )),
    }
}

pub mod leftovers {
    //! Emptying and removing groups whose owners are gone.

    use std::fs;
    use std::path::Path;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use crate::fault::{Context, Fault, Result};

    const PATIENCE: Duration = Duration::from_secs(5);

    /// Kills what lives in a group and removes it; one that is not there is fine.
    pub fn remove(directory: &Path) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match fs::remove_dir(directory) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) && Instant::now() < deadline => {}
                Err(error) => return Err(error).context("rmdir", directory),
            }
            kill_all(directory)?;
            sleep(Duration::from_millis(1));
        }
    }

    /// Removes a group and the groups below it.
    pub fn remove_tree(directory: &Path) -> Result<()> {
        let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove_tree(&entry.path())?;
            }
        }
        remove(directory)
    }

    fn kill_all(directory: &Path) -> Result<()> {
        let path = directory.join("cgroup.procs");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).context("read", path),
        };
        for pid in text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 1) {
            // SAFETY: no pointers. The pid was in our own group just now.
            if unsafe { libc::kill(pid, libc::SIGKILL) } < 0 && crate::fault::last_errno() != libc::ESRCH {
                return Err(Fault::last("kill", pid.to_string()));
            }
        }
        Ok(())
    }
}
