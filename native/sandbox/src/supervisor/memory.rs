//! Memory on demand: runs are admitted for less than their limit, and evicted where together they use too much.
//!
//! What was reserved for a run is its own. The engine reserves no more than the budget in all, so where more is used some
//! run uses more than was reserved for it: the one that is furthest beyond goes first.

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;
use assay_shared::wire::Stop;

use super::slot::SlotState;
use super::{Slot, Supervisor};
use crate::cgroup::{Hierarchy, Knob};

const MILLISECOND: u64 = 1_000_000;
/// Between two looks where little is left; a core fills 5 to 50 MB meanwhile.
const CLOSE_TICK: u64 = 5 * MILLISECOND;
/// More for each run, so that the looks cost a fiftieth of a core at most.
const TICK_OF_MANY: u64 = MILLISECOND / 40;

/// What all runs may use together.
pub struct Budget {
    bytes: u64,
    /// Of everything in the slots, our own too; None without control groups, where each run has all of its memory reserved.
    usage: Option<Knob>,
}

impl Budget {
    pub fn open(bytes: u64, hierarchy: &dyn Hierarchy) -> Result<Self> {
        Ok(Self { bytes, usage: hierarchy.open_usage()? })
    }

    fn is_close(&self, used: u64) -> bool {
        used > self.bytes - self.bytes / 4
    }

    /// One read says for all runs that they are far from it.
    fn may_be_close(&self) -> Result<bool> {
        self.usage.as_ref().map_or(Ok(false), |usage| Ok(self.is_close(usage.number()?)))
    }
}

impl Supervisor {
    /// Evicts until what is left fits; the memory of those that are about to end counts as free.
    pub(super) fn look_at_memory(&mut self, now: u64) -> Result<()> {
        if !self.budget.may_be_close()? {
            return Ok(());
        }
        let (mut total, mut live) = (0, 0);
        let mut evictable = Vec::new();
        let mut unreadable: Vec<(usize, Fault)> = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Slot { state: SlotState::Running(run), keeper: Some(keeper), .. } = slot else { continue };
            live += 1;
            let used = match keeper.cgroup.memory_bytes() {
                Ok(bytes) => bytes.saturating_sub(keeper.held_bytes),
                Err(fault) => {
                    unreadable.push((index, fault));
                    continue;
                }
            };
            if run.is_ending() {
                continue;
            }
            total += used;
            if run.may_be_evicted() && used > run.reserved_bytes {
                evictable.push((used - run.reserved_bytes, used, index));
            }
        }
        unreadable.into_iter().for_each(|(index, fault)| self.lose(index, fault));
        if self.budget.is_close(total) {
            self.crowd.look_again_by(now + CLOSE_TICK.max(live * TICK_OF_MANY));
        }
        evictable.sort_unstable();
        while let (true, Some((_, used, index))) = (total > self.budget.bytes, evictable.pop()) {
            self.evict(index);
            total -= used;
        }
        Ok(())
    }

    fn evict(&mut self, index: usize) {
        let Slot { state: SlotState::Running(run), keeper: Some(keeper), .. } = &mut self.slots[index] else { return };
        if let Err(fault) = keeper.stop(run, Stop::Evicted, sys::monotonic_ns()) {
            self.lose(index, fault);
        }
        self.note_clock(index);
    }
}
