//! Which slots have zygotes, and who gets one: an image's own Python that has started already.
//!
//! A slot has one from the first job that could have used it, which runs cold as the keeper starts it afterwards; a job
//! never waits for one. A flavour that failed a few times is left alone, and the engine is told why.

use std::fs::File;
use std::os::fd::AsRawFd;

use assay_shared::fault::Result;
use assay_shared::sys;
use assay_shared::wire::{FromSupervisor, ToKeeper};

use super::lifecycle::MADE_WITH;
use super::slot::{KEEPER_PATIENCE, KeeperHandle, SlotState, ZygoteHandle, send};
use super::{Slot, Supervisor};

/// Zygotes of one flavour in a row, in all slots, that ended before a program was a fork of them.
const MAX_FAILURES: u32 = 3;
/// Runs of other programs after which a slot parks children of its own again.
const KEPT_FOR: u32 = 4;
/// Above the keeper's own for a zygote's modules.
const MODULES_PATIENCE: u64 = 15_000_000_000;

/// What the supervisor knows of each flavour.
pub struct Warmth {
    library: Option<File>,
    failures: Vec<u32>,
}

impl Warmth {
    pub fn new(flavours: usize, library: Option<File>) -> Self {
        Self { library, failures: vec![0; flavours] }
    }

    fn is_worth_a_try(&self, flavour: u32) -> bool {
        self.failures.get(flavour as usize).is_some_and(|failures| *failures < MAX_FAILURES)
    }
}

impl KeeperHandle {
    fn has_zygote(&self, flavour: u32) -> bool {
        self.zygotes.iter().any(|zygote| zygote.flavour == flavour)
    }

    fn add_zygote(&mut self, flavour: u32, pid: i32) {
        self.zygotes.push(ZygoteHandle { flavour, pid, has_served: false });
        self.ours.push(pid);
        self.baseline_bytes = 0;
    }

    /// Whether it had served.
    fn drop_zygote(&mut self, flavour: u32) -> Result<bool> {
        let mut had_served = false;
        for zygote in self.zygotes.extract_if(.., |zygote| zygote.flavour == flavour) {
            self.ours.retain(|ours| *ours != zygote.pid);
            had_served |= zygote.has_served;
        }
        self.baseline_bytes = 0;
        self.cgroup.set_ours(self.ours.len() as u32)?;
        Ok(had_served)
    }

    /// Makes room for one, whatever the last run had.
    fn make_room(&mut self) -> Result<()> {
        self.cgroup.set_ours(self.ours.len() as u32 + 1)?;
        self.cgroup.limit(&MADE_WITH, self.held_bytes)
    }
}

impl Supervisor {
    /// The run on this slot has been answered.
    pub(super) fn renew(&mut self, index: usize) -> Result<()> {
        let slot = &mut self.slots[index];
        let mut until = sys::monotonic_ns() + KEEPER_PATIENCE;
        let Some(keeper) = &mut slot.keeper else { return Ok(()) };
        let next = self.waiting.iter().find(|waiting| waiting.job.image as usize == slot.image);
        let last = if let SlotState::Running(run) = &slot.state { run.flavour } else { None };
        keeper.runs_without_flavour = if last.is_some() { 0 } else { keeper.runs_without_flavour + 1 };
        let kept = keeper.flavour.filter(|_| keeper.runs_without_flavour < KEPT_FOR);
        // For the job that is next, if one waits; else for one like the last. What is parked can become any program, but a
        // fork of a Python is a dear way to get another one.
        let wanted = next.and_then(|waiting| waiting.job.flavour).or(last).or(kept);
        let wanted = wanted.filter(|flavour| self.warmth.is_worth_a_try(*flavour));
        if let (Some(flavour), Some(library)) = (wanted, &self.warmth.library)
            && !keeper.has_zygote(flavour)
        {
            // Made here, because sockets of the slot's own network would keep that from being renewed.
            let (control, its_control) = sys::seqpacket_pair()?;
            let (orders, its_orders) = sys::seqpacket_pair()?;
            let fds = [&control, &its_control, &orders, &its_orders].map(AsRawFd::as_raw_fd);
            let fds: Vec<_> = fds.into_iter().chain([library.as_raw_fd()]).collect();
            keeper.make_room()?;
            send(&keeper.control, &ToKeeper::Warm { flavour }, &fds)?;
            keeper.warming = Some(flavour);
            until += MODULES_PATIENCE;
        }
        slot.state = SlotState::Renewing { until };
        keeper.renew(wanted)
    }

    /// The zygote that this slot's keeper was told to start says so itself.
    pub(super) fn zygote_is_ready(&mut self, index: usize, pid: i32) {
        let Some(keeper) = &mut self.slots[index].keeper else { return };
        let Some(flavour) = keeper.warming.take() else { return };
        keeper.add_zygote(flavour, pid);
        self.engine.say(&FromSupervisor::Zygote { flavour, problem: None }, Vec::new());
    }

    /// The run on this slot is a fork of one.
    pub(super) fn zygote_serves(&mut self, index: usize) {
        let Slot { state: SlotState::Running(run), keeper: Some(keeper), .. } = &mut self.slots[index] else { return };
        let Some(flavour) = run.flavour else { return };
        if let Some(zygote) = keeper.zygotes.iter_mut().find(|zygote| zygote.flavour == flavour) {
            zygote.has_served = true;
        }
        self.warmth.failures[flavour as usize] = 0;
    }

    pub(super) fn zygote_is_gone(&mut self, index: usize, flavour: u32, reason: String) -> Result<()> {
        let Some(keeper) = &mut self.slots[index].keeper else { return Ok(()) };
        keeper.warming = keeper.warming.filter(|its| *its != flavour);
        keeper.flavour = keeper.flavour.filter(|its| *its != flavour);
        if !keeper.drop_zygote(flavour)? {
            self.warmth.failures[flavour as usize] += 1;
        }
        self.engine.say(&FromSupervisor::Zygote { flavour, problem: Some(reason) }, Vec::new());
        Ok(())
    }
}
