//! Slots made by builders, lost, and made again.

use std::thread::sleep;
use std::time::{Duration, Instant};

use assay_shared::fault::{Fault, Result};
use assay_shared::sys::{self, READABLE, Reaped};
use assay_shared::wire::{Ended, Fresh, FromSupervisor, JobLimits};

use crate::cgroup::FULL_WEIGHT;

use super::builder::{self, Build, Site};
use super::prepare;
use super::run::Run;
use super::runtime::Born;
use super::slot::{KEEPER_PATIENCE, KeeperHandle, SlotState};
use super::{Kept, Source, Supervisor, token};

const MILLISECOND: u64 = 1_000_000;
const REBUILD_DELAY: u64 = 200 * MILLISECOND;
/// A thousand at once on a busy machine take some seconds each; one that waits for a dead file system never ends.
const BUILD_PATIENCE: u64 = 60_000 * MILLISECOND;
/// Of a slot whose control groups are kept: its builder and crun are in them.
const WHILE_BUILDING: JobLimits =
    JobLimits { cpu_ns: 0, wall_ns: 0, memory_bytes: 512 << 20, processes: 64, cpus: 4.0 };
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);
/// In force from the start, so that a slot whose limits cannot be set is refused before any program: what runs get that
/// name no limits of their own. The clocks are each run's.
pub(super) const MADE_WITH: JobLimits =
    JobLimits { cpu_ns: 0, wall_ns: 0, memory_bytes: 512 << 20, processes: 64, cpus: 1.0 };

impl Supervisor {
    pub(super) fn build(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.generation += 1;
        let next = match (&slot.builder, &mut slot.kept) {
            (Some(builder), Some(kept)) => kept.cgroup.renew().and_then(|leaf| builder.make_next(leaf)).ok(),
            _ => None,
        };
        let build = match next {
            Some(build) => Ok(build),
            None => {
                // Of the slot's first life, or of one whose builder died: a program's memory may have been its end.
                slot.kept.take_if(|kept| !kept.cgroup.outlives_builder());
                let site = Site { slot: index as u32, image: slot.image, keeps_groups: slot.kept.is_some() };
                builder::start(&self.plan, &*self.hierarchy, &site, &self.own_pidfd).map(|(build, builder)| {
                    slot.builder = Some(builder);
                    build
                })
            }
        };
        let build = build.and_then(|build| {
            self.epoll.add(&build.report, token(Source::Builder, index, slot.generation), READABLE)?;
            Ok(build)
        });
        match build {
            Ok(build) => {
                slot.state = SlotState::Building { build, until: sys::monotonic_ns() + BUILD_PATIENCE };
                self.note_clock(index);
            }
            Err(fault) => self.cannot_build(index, &fault),
        }
    }

    pub(super) fn finish_build(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        // A builder that was forked meanwhile may hold a copy of the report's descriptor, which then is told again.
        if !matches!(slot.state, SlotState::Building { .. }) {
            return;
        }
        let renewing = SlotState::Renewing { until: sys::monotonic_ns() + KEEPER_PATIENCE };
        let SlotState::Building { build, .. } = std::mem::replace(&mut slot.state, renewing) else { return };
        if let Err(fault) = self.adopt(index, build) {
            self.cannot_build(index, &fault);
        }
        self.note_clock(index);
    }

    pub(super) fn adopt(&mut self, index: usize, build: Build) -> Result<()> {
        let Born { keeper_pid: pid, held_pid } = builder::finish(&build)?;
        let generation = self.slots[index].generation;
        let pidfd = sys::pidfd_open(pid)?;
        let slot = &mut self.slots[index];
        if !self.plan.used_once {
            // Its builder has no more to do.
            slot.builder = None;
        }
        let builder_pid = slot.builder.as_ref().map(|builder| builder.pid);
        let ours: Vec<_> = [pid].into_iter().chain(builder_pid).chain(held_pid).collect();
        let Kept { mut cgroup, baseline_bytes } = match slot.kept.take() {
            Some(kept) => kept,
            None => {
                let uid = self.plan.ids.keeper(index as u32);
                Kept { cgroup: self.hierarchy.open_slot(index as u32, uid, &ours)?, baseline_bytes: 0 }
            }
        };
        let counters = cgroup.counters()?;
        let held_bytes = cgroup.memory_bytes()?;
        cgroup.limit(&MADE_WITH, held_bytes)?;
        cgroup.set_weight(FULL_WEIGHT)?;
        self.epoll.add(&build.control, token(Source::Control, index, generation), READABLE)?;
        self.epoll.add(&build.job, token(Source::Job, index, generation), READABLE)?;
        self.epoll.add(&pidfd, token(Source::KeeperDeath, index, generation), READABLE)?;
        let Build { control, job, .. } = build;
        self.slots[index].keeper = Some(KeeperHandle {
            pid,
            pidfd,
            ours,
            zygotes: Vec::new(),
            warming: None,
            flavour: None,
            control,
            job,
            cgroup,
            grouped: self.hierarchy.is_there(),
            program_pid: 0,
            runs_without_flavour: 0,
            baseline_bytes,
            has_parked: baseline_bytes != 0,
            held_bytes: 0,
            counters,
        });
        self.engine.say(&FromSupervisor::Keeper { slot: index as u32, pid }, Vec::new());
        Ok(())
    }

    /// It is killed, and should it not die of that, left to itself.
    pub(super) fn give_up_build(&mut self, index: usize) -> Result<()> {
        if let Some(builder) = &self.slots[index].builder {
            builder.kill()?;
        }
        self.cannot_build(index, &Fault::new("a slot's builder did not end in time", "", libc::ETIMEDOUT));
        Ok(())
    }

    pub(super) fn cannot_build(&mut self, index: usize, fault: &Fault) {
        if !self.started {
            // The first of its kind: this machine cannot do it.
            self.engine.refused(&prepare::explained(fault.clone(), self.slots.len() as u32));
            self.leaving = true;
        }
        let slot = &mut self.slots[index];
        (slot.keeper, slot.kept, slot.builder) = (None, None, None);
        self.note_failure(index, fault);
        self.note_clock(index);
    }

    /// A waiting job that no slot has the image for, nor will have soon, gets the slot that was idle for the longest.
    pub(super) fn change_images(&mut self) {
        let mut coming = vec![0; self.plan.images.len()];
        for slot in &self.slots {
            let is_coming = matches!(
                slot.state,
                SlotState::Building { .. } | SlotState::Renewing { .. } | SlotState::Reclaiming { .. }
            );
            coming[slot.image] += usize::from(is_coming);
        }
        let mut wanted = Vec::new();
        for image in self.waiting.iter().map(|waiting| waiting.job.image as usize) {
            match coming[image] {
                0 => wanted.push(image),
                _ => coming[image] -= 1,
            }
        }
        let idle = self.parked.len().min(wanted.len());
        for (index, image) in self.parked.drain(..idle).collect::<Vec<_>>().into_iter().zip(wanted) {
            let slot = &mut self.slots[index];
            slot.image = image;
            if let Some(keeper) = slot.keeper.take() {
                // If this fails, the builder kills it with whatever else is in the slot's group.
                let _ = sys::pidfd_kill(&keeper.pidfd);
            }
            slot.builder = None;
            self.build(index);
        }
    }

    /// The next one in this slot may fare no better, and has to wait. A slot that could not be made with an image goes back to
    /// the first one; a job that waited for it is answered.
    fn note_failure(&mut self, index: usize, fault: &Fault) {
        let slot = &mut self.slots[index];
        slot.state = SlotState::Broken { until: sys::monotonic_ns() + REBUILD_DELAY };
        let image = std::mem::take(&mut slot.image);
        if image == 0 {
            slot.failure = Some(fault.clone());
            return;
        }
        let at = self.waiting.iter().position(|waiting| waiting.job.image as usize == image);
        if let Some(waiting) = at.and_then(|at| self.waiting.remove(at)) {
            let run_id = waiting.job.run_id;
            self.engine.ended(Ended { run_id, fault: Some(fault.clone()), ..Ended::default() }, Vec::new());
        }
    }

    /// The slot is unfit: whatever ran on it is answered, its keeper dies, a builder makes a new one.
    pub(super) fn lose(&mut self, index: usize, fault: Fault) {
        self.parked.retain(|parked| *parked != index);
        let slot = &mut self.slots[index];
        let state = std::mem::replace(&mut slot.state, SlotState::Broken { until: 0 });
        let Some(mut keeper) = slot.keeper.take() else { return self.note_clock(index) };
        let never_parked = !keeper.has_parked;
        if let SlotState::Running(run) = state {
            let ended = lost_run(&mut keeper, *run, fault.clone());
            self.engine.ended(ended, Vec::new());
        }
        // If this fails, the builder kills it with whatever else is in the slot's group.
        let _ = sys::pidfd_kill(&keeper.pidfd);
        if !self.started {
            self.cannot_build(index, &fault);
        } else if never_parked {
            self.note_failure(index, &fault);
        }
        self.note_clock(index);
    }

    /// A keeper that is used once dies, and the builder makes the next one among the same mounts and in the same network
    /// namespace. What a socket of the run may have changed is made anew with all else, by a new builder.
    pub(super) fn replace(&mut self, index: usize) -> Result<()> {
        let slot = &mut self.slots[index];
        let socket_made = matches!(&slot.state, SlotState::Running(run) if run.socket_made);
        if socket_made || self.plan.fresh == Fresh::Always {
            slot.builder = None;
        }
        if let Some(KeeperHandle { pidfd, mut cgroup, baseline_bytes, .. }) = slot.keeper.take() {
            sys::pidfd_kill(&pidfd)?;
            if slot.builder.is_some() || cgroup.outlives_builder() {
                cgroup.limit(&WHILE_BUILDING, 0)?;
                slot.kept = Some(Kept { cgroup, baseline_bytes });
            }
        }
        self.build(index);
        Ok(())
    }

    /// Kills everything and removes every trace.
    pub(super) fn leave(&mut self) -> Result<()> {
        for slot in &mut self.slots {
            // One with nothing to do sees the end of its orders.
            if let (SlotState::Building { .. }, Some(builder)) = (&slot.state, slot.builder.take()) {
                builder.kill()?;
            }
            if let Some(keeper) = &slot.keeper {
                sys::pidfd_kill(&keeper.pidfd)?;
            }
        }
        wait_for_children()?;
        // To clear away takes descriptors too.
        self.slots.clear();
        self.plan.runtime.clear()?;
        self.instance.clear(&*self.hierarchy)?;
        self.instance.let_go()
    }
}

/// Waits until every process of ours is dead: whatever a builder had under way has come to us.
fn wait_for_children() -> Result<()> {
    let deadline = Instant::now() + LEAVE_PATIENCE;
    loop {
        match sys::reap()? {
            Reaped::NoChildren => return Ok(()),
            Reaped::StillRunning if Instant::now() > deadline => return Ok(()),
            Reaped::StillRunning => sleep(Duration::from_millis(1)),
            Reaped::Child { .. } => {}
        }
    }
}

fn lost_run(keeper: &mut KeeperHandle, mut run: Run, fault: Fault) -> Ended {
    if let Some(mut ended) = run.ended.take() {
        // It was over, but the files that were asked for are lost.
        ended.fault = Some(fault);
        return ended;
    }
    let mut ended = keeper.conclude_lost(&run);
    if let Some(found) = &mut ended.fault {
        *found = fault;
    }
    ended
}
