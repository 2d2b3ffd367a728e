//! No control groups: what can be counted and limited without them, for an engine that was allowed to start degraded.
//!
//! Each process has its limits (data, number of processes of the slot's user) as rlimits, set when it becomes the program.
//! CPU time is that of the keeper's living descendants, and of those that it has reaped in clock ticks, or what was seen of
//! every process that there was, whichever is more; a program that has its children reaped unseen, by ignoring SIGCHLD,
//! hides what they used after the last look. Memory is not counted here.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use assay_shared::fault::Result;
use assay_shared::sys;
use assay_shared::wire::JobLimits;

use super::{Counters, Hierarchy, Knob, SlotCgroup};
use crate::census::{self, TICK_NS};

/// Between two looks at CPU time that may be hidden.
const LONGEST_LOOK: u64 = 50_000_000;

pub struct Nowhere {
    /// Namespaces can be made.
    pub has_namespaces: bool,
}

impl Hierarchy for Nowhere {
    fn describe(&self) -> String {
        "none".to_owned()
    }

    fn is_there(&self) -> bool {
        false
    }

    fn directories(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    fn make_instance(&self) -> Result<()> {
        Ok(())
    }

    fn open_usage(&self) -> Result<Option<Knob>> {
        Ok(None)
    }

    fn make_slot(&self, _slot: u32, _uid: u32) -> Result<()> {
        Ok(())
    }

    fn enter_slot(&self, _slot: u32) -> Result<Option<OwnedFd>> {
        if self.has_namespaces {
            // So that no path of the machine shows.
            sys::unshare(libc::CLONE_NEWCGROUP)?;
        }
        Ok(None)
    }

    fn open_slot(&self, _slot: u32, _uid: u32, ours: &[i32]) -> Result<Box<dyn SlotCgroup>> {
        Ok(Box::new(Descendants { keeper: ours[0], told: 0, total: 0, before: (0, 0), seen: HashMap::new() }))
    }

    fn slot_directories(&self, _slot: u32) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// Pid and start of a process.
type Who = (i32, u64);

/// All in nanoseconds of CPU time.
struct Descendants {
    keeper: i32,
    /// The answer, which never goes back.
    told: u64,
    /// Of the keeper, the living and the reaped.
    total: u64,
    /// Both when this run began.
    before: (u64, u64),
    /// The own time of every process of this run, when it was last seen.
    seen: HashMap<Who, u64>,
}

impl SlotCgroup for Descendants {
    /// It counts what this keeper's processes do.
    fn outlives_builder(&self) -> bool {
        false
    }

    fn longest_look(&self) -> u64 {
        LONGEST_LOOK
    }

    fn limit(&mut self, _limits: &JobLimits, _held_bytes: u64) -> Result<()> {
        // A run begins.
        self.before = (self.told, self.total);
        self.seen.clear();
        Ok(())
    }

    fn counters(&mut self) -> Result<Counters> {
        Ok(Counters { cpu_ns: self.cpu_ns()?, ..Counters::default() })
    }

    fn cpu_ns(&mut self) -> Result<u64> {
        // What was told stays true when the keeper is dead, or while a dead child is no longer there and not yet reaped.
        if let Some(keeper) = census::facts(self.keeper) {
            // What the keeper does meanwhile it does for the run: a program must not have that for nothing.
            let mut total = sys::process_cpu_ns(self.keeper).unwrap_or(0) + keeper.reaped_ticks * TICK_NS;
            for pid in census::descendants(self.keeper) {
                let (Some(facts), Some(own)) = (census::facts(pid), sys::process_cpu_ns(pid)) else { continue };
                total += own + facts.reaped_ticks * TICK_NS;
                self.seen.insert((pid, facts.started_ticks), own);
            }
            self.total = self.total.max(total);
            let (told, total) = self.before;
            let used = (self.total - total).max(self.seen.values().sum());
            self.told = self.told.max(told + used);
        }
        Ok(self.told)
    }

    fn threads(&mut self) -> Result<Vec<i32>> {
        let of_process = |pid| fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let threads = census::descendants(self.keeper).into_iter().flat_map(of_process);
        Ok(threads.filter_map(|thread| thread.file_name().to_str()?.parse().ok()).collect())
    }

    fn threads_count(&mut self) -> Result<u64> {
        Ok(self.threads()?.len() as u64)
    }

    fn memory_bytes(&mut self) -> Result<u64> {
        Ok(0)
    }

    fn peak_memory_bytes(&mut self) -> Result<u64> {
        Ok(0)
    }

    fn was_own_limit(&mut self) -> Result<bool> {
        Ok(true)
    }

    fn reset_peak(&mut self) -> Result<()> {
        Ok(())
    }

    /// The keeper is asked instead: its kill(-1) reaches all of its slot at once, and no forker outruns it.
    fn kill(&mut self, _spared: &[i32]) -> Result<()> {
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        Ok(())
    }

    fn reclaim(&self) -> Result<()> {
        Ok(())
    }
}
