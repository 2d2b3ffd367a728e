//! No control groups: what can be counted and limited without them, for an engine that was allowed to start degraded.
//!
//! Each process has its limits (data, number of processes of the slot's user) as rlimits, set when it becomes the program.
//! CPU time is that of the keeper's living descendants and of those that it has reaped, in clock ticks; a program that
//! has its children reaped unseen, by ignoring SIGCHLD, hides theirs. Memory is not counted at all.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use assay_shared::fault::Result;
use assay_shared::sys;
use assay_shared::wire::JobLimits;

use super::{Counters, Hierarchy, Knob, SlotCgroup};

/// The kernel's USER_HZ, which is 100 on every architecture that we build for.
const TICK_NS: u64 = 10_000_000;

pub struct Nowhere;

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
        // So that no path of the machine shows.
        sys::unshare(libc::CLONE_NEWCGROUP)?;
        Ok(None)
    }

    fn open_slot(&self, _slot: u32, _uid: u32, ours: &[i32]) -> Result<Box<dyn SlotCgroup>> {
        Ok(Box::new(Descendants { keeper: ours[0], seen_ns: 0 }))
    }

    fn slot_directories(&self, _slot: u32) -> Vec<PathBuf> {
        Vec::new()
    }
}

struct Descendants {
    keeper: i32,
    seen_ns: u64,
}

impl SlotCgroup for Descendants {
    /// It counts what this keeper's processes do.
    fn outlives_builder(&self) -> bool {
        false
    }

    fn limit(&mut self, _limits: &JobLimits, _held_bytes: u64) -> Result<()> {
        Ok(())
    }

    fn counters(&mut self) -> Result<Counters> {
        Ok(Counters { cpu_ns: self.cpu_ns()?, ..Counters::default() })
    }

    fn cpu_ns(&mut self) -> Result<u64> {
        let living = descendants(self.keeper).into_iter().filter_map(ticks).map(|[own, reaped]| own + reaped);
        let living: u64 = living.sum();
        // What was seen stays true when the keeper is dead, or while a dead child is no longer there and not yet reaped.
        if let Some([_, reaped]) = ticks(self.keeper) {
            self.seen_ns = self.seen_ns.max((reaped + living) * TICK_NS);
        }
        Ok(self.seen_ns)
    }

    fn threads(&mut self) -> Result<Vec<i32>> {
        let of_process = |pid| fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let threads = descendants(self.keeper).into_iter().flat_map(of_process);
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

    /// The keeper is asked instead: its kill(-1) reaches all of its pid namespace at once, and no forker outruns it.
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

/// Every process below this one. Some may have ended meanwhile; orphans are the keeper's, so none is lost.
fn descendants(root: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for thread in threads.flatten() {
            let text = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            let children = text.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok());
            found.extend(children.clone());
            parents.extend(children);
        }
    }
    found
}

/// A process's own CPU time and that of the children that it has reaped.
fn ticks(pid: i32) -> Option<[u64; 2]> {
    parse_ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_ticks(stat: &str) -> Option<[u64; 2]> {
    // The name, in brackets, may hold anything.
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<u64> =
        after_name.split_ascii_whitespace().skip(11).take(4).map_while(|field| field.parse().ok()).collect();
    let [user, system, user_of_children, system_of_children] = fields.try_into().ok()?;
    Some([user + system, user_of_children + system_of_children])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_stands_behind_whatever_name() {
        let stat = "7 (a) 1 2) b) R 1 1 1 0 -1 4194304 90 0 0 0 31 4 200 17 20 0 1 0 5 1000 200";
        assert_eq!(parse_ticks(stat), Some([35, 217]));
        assert_eq!(parse_ticks("7 (a) R 1"), None);
    }

    #[test]
    fn a_child_is_found() {
        let mut child = std::process::Command::new("sleep").arg("9").spawn().expect("sleep is there");
        let found = descendants(std::process::id() as i32);
        child.kill().expect("our child");
        child.wait().expect("our child");
        assert!(found.contains(&(child.id() as i32)));
    }
}
