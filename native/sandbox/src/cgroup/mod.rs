//! The control groups of an instance: one per slot, made ahead, behind two small traits so that each cgroup version is one
//! file.

mod knob;
mod none;
mod place;
mod v1;
mod v2;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;

use assay_shared::fault::{Fault, Result};
use assay_shared::wire::JobLimits;

pub use knob::Knob;

/// What a slot holds is rounded up to this, so that a few pages more or less do not cost a write for every run.
const HELD_STEP_BYTES: u64 = 1 << 20;
/// A charge that its limit refuses is at most a huge page.
const LARGEST_CHARGE_BYTES: u64 = 2 << 20;
/// The kernel keeps memory limits in whole pages.
const PAGE_BYTES: u64 = 4096;

/// What a slot's counters of time and events say now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub cpu_ns: u64,
    pub oom_kills: u64,
    pub refused_processes: u64,
}

/// Of a slot beside others, as cpu.shares and cpu.weight have it: a new run's, and that of a slot without one.
pub const FULL_WEIGHT: u64 = 1024;

/// The control group of one slot, with its files held open.
pub trait SlotCgroup {
    /// Writes the limits that differ from those in force and reads them back; what the slot holds already is not the program's.
    fn limit(&mut self, limits: &JobLimits, held_bytes: u64) -> Result<()>;
    fn counters(&mut self) -> Result<Counters>;
    fn cpu_ns(&mut self) -> Result<u64>;
    /// At least so often a run is to be looked at: what is not seen may be lost.
    fn longest_look(&self) -> u64 {
        u64::MAX
    }
    /// The ids of every thread of the program; ours may be among them.
    fn threads(&mut self) -> Result<Vec<i32>>;
    /// The program's threads, by the kernel's count.
    fn threads_count(&mut self) -> Result<u64>;
    /// How much of the cores it gets beside other slots.
    fn set_weight(&mut self, _weight: u64) -> Result<()> {
        Ok(())
    }
    fn memory_bytes(&mut self) -> Result<u64>;
    /// Still charged to where the last run was, if that is not where the next will be.
    fn left_bytes(&mut self) -> Result<u64> {
        Ok(0)
    }
    fn peak_memory_bytes(&mut self) -> Result<u64>;
    /// Whether a process that the kernel has killed for memory was killed at the slot's own limit, not for want of memory
    /// elsewhere.
    fn was_own_limit(&mut self) -> Result<bool>;
    /// From now on the peak counts anew.
    fn reset_peak(&mut self) -> Result<()>;
    /// Kills every process in it but these, and sees to it that they can die at once; again until none is left.
    fn kill(&mut self, spared: &[i32]) -> Result<()>;
    /// Puts back what `kill` has changed.
    fn release(&mut self) -> Result<()>;
    /// Gives back what its dead processes left charged; may take milliseconds.
    fn reclaim(&self) -> Result<()>;
    /// Called while a program runs: time to get ready for the next.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }
    /// So many processes in it are ours, from now on.
    fn set_ours(&mut self, _count: u32) -> Result<()> {
        Ok(())
    }
    /// Whether it can stay where all else of the slot is made anew.
    fn outlives_builder(&self) -> bool {
        true
    }
    /// Called when a run is over; where its successor is to be born, if it is a new place.
    fn renew(&mut self) -> Result<Option<BorrowedFd<'_>>> {
        Ok(None)
    }
}

/// Where an instance's control groups live.
pub trait Hierarchy {
    /// For people: "v1 (hybrid)".
    fn describe(&self) -> String;
    /// Without control groups programs have rlimits, and the keeper kills.
    fn is_there(&self) -> bool {
        true
    }
    /// The directories that hold nothing but this instance's groups.
    fn directories(&self) -> Vec<PathBuf>;
    fn make_instance(&self) -> Result<()>;
    /// What all slots together are charged for, in bytes; None without control groups.
    fn open_usage(&self) -> Result<Option<Knob>>;
    /// Beside the rest of the machine all slots together weigh as much as one busy process on each of so many cores.
    fn weigh_instance(&self, _cores: u32) -> Result<()> {
        Ok(())
    }
    /// `uid`: the slot's root.
    fn make_slot(&self, slot: u32, uid: u32) -> Result<()>;
    /// Puts this process, and what it clones from now on, into the slot, where the control group namespace begins; the
    /// directory that programs are to be born in, if it is another one.
    fn enter_slot(&self, slot: u32) -> Result<Option<OwnedFd>>;
    /// `ours`: the keeper, born in the slot, and who else of us stays there.
    fn open_slot(&self, slot: u32, uid: u32, ours: &[i32]) -> Result<Box<dyn SlotCgroup>>;
    fn slot_directories(&self, slot: u32) -> Vec<PathBuf>;
}

/// The hierarchy of the instance with this name on this machine.
///
/// Faults with ENOTSUP where a controller is neither a v1 hierarchy nor given to our own group of v2.
pub fn detect(instance: &str) -> Result<Box<dyn Hierarchy>> {
    if let Some(hierarchy) = v1::V1::detect(instance)? {
        return Ok(Box::new(hierarchy));
    }
    match v2::V2::detect(instance)? {
        Some(hierarchy) => Ok(Box::new(hierarchy)),
        None => Err(Fault::new("find a mounted cgroup hierarchy", "/proc/self/mountinfo", libc::ENOTSUP)),
    }
}

/// For a machine where we may make no control groups.
pub fn none(has_namespaces: bool) -> Box<dyn Hierarchy> {
    Box::new(none::Nowhere { has_namespaces })
}

pub mod leftovers {
    //! Emptying and removing groups whose owners are gone.

    use std::fs;
    use std::path::Path;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use assay_shared::fault::{Context, Fault, Result};

    const PATIENCE: Duration = Duration::from_secs(5);

    /// Kills what lives in a group and removes it; one that is not there is fine.
    pub fn remove(directory: &Path) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            uncharge(directory)?;
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

    /// Kills what lives in a group of v1 and waits until nothing does.
    pub fn empty(directory: &Path) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while is_populated(directory)? {
            kill_all(directory)?;
            if Instant::now() > deadline {
                return Err(Fault::new("empty", directory, libc::ETIMEDOUT));
            }
            sleep(Duration::from_millis(1));
        }
        Ok(())
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

    /// Gives back the page cache charged to a dead group of v1, which would keep the kernel from freeing it once removed.
    fn uncharge(directory: &Path) -> Result<()> {
        let path = directory.join("memory.force_empty");
        if !path.exists() || is_populated(directory)? {
            return Ok(());
        }
        fs::write(&path, "0").context("write", path)
    }

    fn is_populated(directory: &Path) -> Result<bool> {
        let path = directory.join("cgroup.procs");
        fs::read_to_string(&path).context("read", path).map(|text| !text.is_empty())
    }

    fn kill_all(directory: &Path) -> Result<()> {
        // v2 kills a whole tree at once, and no forker outruns it.
        let kill = directory.join("cgroup.kill");
        if kill.exists() {
            return fs::write(&kill, "1").context("write", kill);
        }
        let path = directory.join("cgroup.procs");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).context("read", path),
        };
        for pid in text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 1) {
            // SAFETY: no pointers. The pid was in our own group just now.
            if unsafe { libc::kill(pid, libc::SIGKILL) } < 0 && assay_shared::fault::last_errno() != libc::ESRCH {
                return Err(Fault::last("kill", pid.to_string()));
            }
        }
        Ok(())
    }
}
