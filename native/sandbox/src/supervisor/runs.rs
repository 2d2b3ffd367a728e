//! Jobs on slots: dispatched, watched, concluded and answered; what slots say of them is in heard.rs.

use std::os::fd::OwnedFd;

use assay_shared::fault::{Fault, Result};
use assay_shared::outbox::{PATIENCE, PAUSE};
use assay_shared::sys;
use assay_shared::wire::{Ended, FromSupervisor, Stop, ToKeeper};

use super::clock::Partner;
use super::run::Launched;
use super::slot::{KeeperHandle, SlotState, Waiting, patience_until, take_waiting};
use super::{Slot, Supervisor};

const MILLISECOND: u64 = 1_000_000;
const RECLAIM_PATIENCE: u64 = 100 * MILLISECOND;
const FREED_BY_ITSELF: u64 = 5 * MILLISECOND;
const PATIENCE_NS: u64 = PATIENCE.as_nanos() as u64;
const PAUSE_NS: u64 = PAUSE.as_nanos() as u64;

impl Supervisor {
    /// Ends one run, wherever it is; one that has ended already is nobody's any more.
    pub(super) fn end(&mut self, run_id: u64, reason: Stop) {
        if take_waiting(&mut self.waiting, run_id).is_some() {
            return self.engine.ended(Ended { run_id, stopped_by: Some(reason), ..Ended::default() }, Vec::new());
        }
        let now = sys::monotonic_ns();
        for index in 0..self.slots.len() {
            let Slot { state: SlotState::Running(run), keeper: Some(keeper), .. } = &mut self.slots[index] else {
                continue;
            };
            if run.run_id == run_id {
                if let Err(fault) = keeper.stop(run, reason, now) {
                    self.lose(index, fault);
                }
                return self.note_clock(index);
            }
        }
    }

    pub(super) fn dispatch(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let mut young = self.slots.iter().filter(|slot| slot.is_young()).count();
        let mut at = 0;
        while let Some(waiting) = self.waiting.get(at) {
            let (image, flavour) = (waiting.job.image as usize, waiting.job.flavour);
            if self.crowd.is_full(young, sys::monotonic_ns()) {
                // A look at the machine or at those that run, or the end of one, comes soon.
                self.next_look = self.next_look.min(self.crowd.next_look());
                return;
            }
            match self.take_parked(image, flavour) {
                Some(index) => match self.launch(at, index) {
                    true => young += 1,
                    // The descriptors of others would not go through either.
                    false => return,
                },
                None => at += 1,
            }
        }
        if !self.waiting.is_empty() {
            self.change_images();
            self.refuse_if_all_fail();
        }
    }

    /// The slot with this image that was used last, whose caches are warm; if there is one, with a child of this flavour.
    fn take_parked(&mut self, image: usize, flavour: Option<u32>) -> Option<usize> {
        let fits = |index: &usize| self.slots[*index].image == image;
        let is_of_flavour =
            |index: &usize| self.slots[*index].keeper.as_ref().is_some_and(|keeper| keeper.flavour == flavour);
        let at = self.parked.iter().rposition(|index| fits(index) && is_of_flavour(index));
        let at = at.or_else(|| self.parked.iter().rposition(fits))?;
        Some(self.parked.remove(at))
    }

    /// False where the job has to be tried again a moment later.
    fn launch(&mut self, at: usize, index: usize) -> bool {
        let slot = &mut self.slots[index];
        let (SlotState::Parked, Some(keeper)) = (&slot.state, &mut slot.keeper) else { return true };
        if keeper.is_dead() {
            // It died idle, and its end has not been heard yet: the job is for another slot.
            self.lose(index, Fault::new("the keeper died", "", 0));
            return true;
        }
        let Some(waiting) = self.waiting.get_mut(at) else { return true };
        let now = sys::monotonic_ns();
        match keeper.launch(waiting, &mut self.crowd) {
            Ok(Launched::Running(run)) => {
                self.waiting.remove(at);
                self.refused_since = None;
                slot.state = SlotState::Running(run);
                self.note_clock(index);
            }
            // As in an outbox.
            Ok(Launched::Refused(_))
                if now < waiting.since.max(*self.refused_since.get_or_insert(now)) + PATIENCE_NS =>
            {
                self.parked.push(index);
                self.next_look = self.next_look.min(now + PAUSE_NS);
                return false;
            }
            Ok(Launched::Refused(fault)) => {
                let ended = Ended { run_id: waiting.job.run_id, fault: Some(fault), ..Ended::default() };
                self.waiting.remove(at);
                self.engine.ended(ended, Vec::new());
                self.parked.push(index);
            }
            Err(fault) => {
                let ended = Ended { run_id: waiting.job.run_id, fault: Some(fault.clone()), ..Ended::default() };
                self.waiting.remove(at);
                self.engine.ended(ended, Vec::new());
                self.lose(index, fault);
            }
        }
        true
    }

    /// With no slot that was fit when it was last made, waiting could last for ever.
    fn refuse_if_all_fail(&mut self) {
        let Some(failures) = self.slots.iter().map(|slot| slot.failure.as_ref()).collect::<Option<Vec<_>>>() else {
            return;
        };
        let last = failures.last().map_or_else(String::new, |fault| format!(": {fault}"));
        let fault = Fault::new(&format!("no slot could be made{last}"), "", 0);
        for Waiting { job, .. } in std::mem::take(&mut self.waiting) {
            let ended = Ended { run_id: job.run_id, fault: Some(fault.clone()), ..Ended::default() };
            self.engine.ended(ended, Vec::new());
        }
    }

    pub(super) fn look_at_clocks(&mut self) -> Result<()> {
        let now = sys::monotonic_ns();
        if now < self.next_look {
            return Ok(());
        }
        // Where cores become scarce, or are no longer, every clock first moves on as it did until now.
        let all_runs = now >= self.crowd.next_look() && self.look_at_machine(now)?;
        self.next_look = self.crowd.next_look();
        for index in 0..self.slots.len() {
            let state = &self.slots[index].state;
            if (patience_until(state) <= now || all_runs && matches!(state, SlotState::Running(_)))
                && let Err(fault) = self.look_at(index, now)
            {
                self.lose(index, fault);
            }
            self.note_clock(index);
        }
        self.crowd.settle();
        Ok(())
    }

    fn look_at_machine(&mut self, now: u64) -> Result<bool> {
        let live = self.slots.iter().filter(|slot| matches!(slot.state, SlotState::Running(_))).count();
        let changed = self.crowd.look(now, live as u64);
        if live > 0 {
            self.look_at_memory(now)?;
        }
        Ok(changed)
    }

    pub(super) fn look_at(&mut self, index: usize, now: u64) -> Result<()> {
        let partner = self.partner_of(index)?;
        let slot = &mut self.slots[index];
        match (&mut slot.state, &mut slot.keeper) {
            (SlotState::Running(run), Some(keeper)) => keeper.watch(run, now, partner, &self.crowd),
            (SlotState::Broken { .. }, _) => {
                self.build(index);
                Ok(())
            }
            (SlotState::Building { .. }, _) => self.give_up_build(index),
            (SlotState::Reclaiming { .. }, _) => self.park(index),
            (SlotState::Renewing { .. }, _) => Err(Fault::new("the keeper did not renew in time", "", libc::ETIMEDOUT)),
            _ => Ok(()),
        }
    }

    /// What the run there has to know of the one that it talks with.
    fn partner_of(&mut self, index: usize) -> Result<Partner> {
        let SlotState::Running(run) = &self.slots[index].state else { return Ok(Partner::default()) };
        let Some(partner) = run.partner else { return Ok(Partner::default()) };
        if self.waiting.iter().any(|waiting| waiting.job.run_id == partner) {
            return Ok(Partner { used_ns: 0, is_ready: true });
        }
        match self.slot_of(partner).map(|at| &mut self.slots[at]) {
            Some(Slot { state: SlotState::Running(run), keeper: Some(keeper), .. }) => {
                keeper.as_partner(run, &self.crowd)
            }
            _ => Ok(Partner::default()),
        }
    }

    fn slot_of(&self, run_id: u64) -> Option<usize> {
        self.slots.iter().position(|slot| matches!(&slot.state, SlotState::Running(run) if run.run_id == run_id))
    }

    /// Before a run's counters are gone, the clock of the one that it talks with takes them in.
    fn look_at_partner(&mut self, index: usize) {
        let SlotState::Running(run) = &self.slots[index].state else { return };
        let Some(partner) = run.partner else { return };
        let Some(other) = self.slot_of(partner) else { return };
        if let Err(fault) = self.look_at(other, sys::monotonic_ns()) {
            self.lose(other, fault);
        }
        self.note_clock(other);
    }

    /// A child is parked: the slot is free once it holds no memory of dead processes.
    pub(super) fn park(&mut self, index: usize) -> Result<()> {
        let now = sys::monotonic_ns();
        let slot = &mut self.slots[index];
        let Some(keeper) = &mut slot.keeper else { return Ok(()) };
        if keeper.holds_too_much()? {
            let (since, asked) = match slot.state {
                SlotState::Reclaiming { since, asked, .. } => (since, asked),
                _ => (now, false),
            };
            if now > since + RECLAIM_PATIENCE {
                return Err(Fault::new("the slot keeps memory of dead processes", "", 0));
            }
            // The kernel frees much of it by itself, a moment after the last process.
            let ask = !asked && now >= since + FREED_BY_ITSELF;
            slot.state = SlotState::Reclaiming { since, next_look: now + MILLISECOND, asked: asked || ask };
            return if ask { reclaim(keeper) } else { Ok(()) };
        }
        (slot.state, slot.failure) = (SlotState::Parked, None);
        self.parked.push(index);
        if !self.started && self.slots.iter().all(|slot| matches!(slot.state, SlotState::Parked)) {
            self.started = true;
            self.engine.say(&FromSupervisor::Started, Vec::new());
        }
        self.dispatch();
        Ok(())
    }

    /// Nothing of the run is left alive.
    pub(super) fn conclude(&mut self, index: usize) -> Result<()> {
        self.look_at_partner(index);
        let Slot { state: SlotState::Running(run), keeper: Some(keeper), .. } = &mut self.slots[index] else {
            return Ok(());
        };
        let ended = keeper.conclude(run)?;
        if run.collect.is_empty() {
            return self.answer(index, ended, Vec::new());
        }
        run.ended = Some(ended);
        keeper.send(&ToKeeper::Collect { paths: std::mem::take(&mut run.collect) })
    }

    /// The answer goes out first, then the slot is renewed.
    pub(super) fn answer(&mut self, index: usize, ended: Ended, files: Vec<OwnedFd>) -> Result<()> {
        self.engine.ended(ended, files);
        self.engine.flush(&self.epoll)?;
        if self.plan.used_once {
            return self.replace(index);
        }
        self.renew(index)
    }
}

/// Gives back what dead processes left charged, in a child of its own: it takes milliseconds.
fn reclaim(keeper: &KeeperHandle) -> Result<()> {
    if sys::fork()?.is_none() {
        // Not to outlive the supervisor, whose lock it has inherited.
        let result = sys::prctl("prctl PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)
            .and_then(|()| keeper.cgroup.reclaim());
        sys::exit_now(i32::from(result.is_err()));
    }
    Ok(())
}
