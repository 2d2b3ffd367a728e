//! Memory on demand: runs are admitted for less than their limit, and evicted where together they use too much.
//!
//! What was reserved for a run is its own. The engine reserves no more than the budget in all, so where more is used some
//! run uses more than was reserved for it: the one that is furthest beyond goes first.

use assay_shared::fault::Result;
use assay_shared::sys;
use assay_shared::wire::Stop;

use super::slot::SlotState;
use super::{Slot, Supervisor};
use crate::cgroup::{Hierarchy, Knob};

const MILLISECOND: u64 = 1_000_000;
/// Between two looks where little is left; a core fills 5 to 50 MB meanwhile.
const CLOSE_TICK: u64 = 5 * MILLISECOND;

/// What all slots may use together, and what they do use.
pub struct Budget {
    bytes: u64,
    /// None without control groups: then every run has all of its memory reserved.
    usage: Option<Knob>,
}

impl Budget {
    pub fn open(bytes: u64, hierarchy: &dyn Hierarchy) -> Result<Self> {
        Ok(Self { bytes, usage: hierarchy.open_usage()? })
    }

    /// By how much too much is used, and when to look again if that is soon.
    fn look(&self, now: u64) -> Result<(u64, Option<u64>)> {
        let Some(usage) = &self.usage else { return Ok((0, None)) };
        let used = usage.number()?;
        let is_close = used > self.bytes - self.bytes / 4;
        Ok((used.saturating_sub(self.bytes), is_close.then_some(now + CLOSE_TICK)))
    }
}

impl Supervisor {
    /// Evicts until what is left fits; the memory of those that are about to end counts as free.
    pub(super) fn look_at_memory(&mut self, now: u64) -> Result<()> {
        let (mut excess, next_look) = self.budget.look(now)?;
        if let Some(next_look) = next_look {
            self.crowd.look_again_by(next_look);
        }
        if excess == 0 {
            return Ok(());
        }
        let mut evictable = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Slot { state: SlotState::Running(run), keeper: Some(keeper), .. } = slot else { continue };
            let used = keeper.cgroup.memory_bytes()?.saturating_sub(keeper.held_bytes);
            if run.is_ending() {
                excess = excess.saturating_sub(used);
            } else if run.may_be_evicted() && used > run.reserved_bytes {
                evictable.push((used - run.reserved_bytes, used, index));
            }
        }
        evictable.sort_unstable();
        while let (true, Some((_, used, index))) = (excess > 0, evictable.pop()) {
            self.evict(index);
            excess = excess.saturating_sub(used);
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
