//! One slot as the supervisor sees it: its keeper, its state, and what it holds between runs.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;
use assay_shared::wire::{Job, ToKeeper, encode};

use super::builder::Build;
use super::run::Run;
use crate::cgroup::{Counters, SlotCgroup};

/// How long a keeper may take to reap what the supervisor has killed, or to renew, before it is killed itself.
pub const KEEPER_PATIENCE: u64 = 5_000_000_000;
/// What a slot may keep charged between runs before it is asked to give it back.
const KEPT_BYTES: u64 = 2 << 20;

/// A job that waits for a slot, with its descriptors.
pub struct Waiting {
    pub job: Job,
    pub fds: Vec<OwnedFd>,
    pub since: u64,
}

pub enum SlotState {
    /// A builder is at work, until then at the latest.
    Building {
        build: Build,
        until: u64,
    },
    /// The keeper renews, until then at the latest.
    Renewing {
        until: u64,
    },
    /// Dead processes' memory is being given back.
    Reclaiming {
        since: u64,
        next_look: u64,
        asked: bool,
    },
    /// A child waits for a job.
    Parked,
    Running(Box<Run>),
    /// The builder failed; tried again at this time.
    Broken {
        until: u64,
    },
}

/// A keeper with its sockets and control group.
pub struct KeeperHandle {
    pub pid: i32,
    pub pidfd: OwnedFd,
    /// It, and who else of us stays in the slot's control group: not to be killed with the program.
    pub ours: Vec<i32>,
    /// Some of `ours`.
    pub zygotes: Vec<ZygoteHandle>,
    /// The flavour of the one that it is starting.
    pub warming: Option<u32>,
    /// Of the zygote that the parked child is from, if its keeper had one when it parked it.
    pub flavour: Option<u32>,
    pub control: OwnedFd,
    pub job: OwnedFd,
    pub cgroup: Box<dyn SlotCgroup>,
    /// There are control groups; otherwise the keeper kills.
    pub grouped: bool,
    /// The parked child or first process, in our pid namespace.
    pub program_pid: i32,
    /// In a row.
    pub runs_without_flavour: u32,
    /// Charged in a slot that nothing has run in since it was made, or since a zygote came or went; 0 if not known yet.
    pub baseline_bytes: u64,
    /// It had a child parked once: its image can be used.
    pub has_parked: bool,
    /// Charged when the child was parked.
    pub held_bytes: u64,
    /// What the last run left; but for CPU time, which renewal uses too, nothing changes between two runs.
    pub counters: Counters,
}

pub struct ZygoteHandle {
    pub flavour: u32,
    pub pid: i32,
    /// A fork of it was a program.
    pub has_served: bool,
}

impl KeeperHandle {
    pub fn send(&self, message: &ToKeeper) -> Result<()> {
        send(&self.control, message, &[])
    }

    /// Has the slot renewed and the next child parked, from this zygote if it is there.
    pub fn renew(&mut self, flavour: Option<u32>) -> Result<()> {
        let leaf = self.cgroup.renew()?;
        if leaf.is_some() {
            self.counters = Counters::default();
        }
        let fds: Vec<_> = leaf.iter().map(AsRawFd::as_raw_fd).collect();
        self.flavour = flavour;
        send(&self.control, &ToKeeper::Renew { flavour }, &fds)
    }

    pub fn is_dead(&self) -> bool {
        sys::is_readable(&self.pidfd)
    }

    /// Whether the slot still holds memory of dead processes, now that a child is parked.
    pub fn holds_too_much(&mut self) -> Result<bool> {
        self.held_bytes = self.cgroup.memory_bytes()?;
        self.has_parked = true;
        if self.baseline_bytes == 0 {
            self.baseline_bytes = self.held_bytes;
        }
        // Where a zygote came, what the last run had left may have been in the first look.
        self.baseline_bytes = self.baseline_bytes.min(self.held_bytes);
        Ok(self.held_bytes + self.cgroup.left_bytes()? > self.baseline_bytes + KEPT_BYTES)
    }
}

pub fn send(keeper: &OwnedFd, message: &ToKeeper, fds: &[i32]) -> Result<()> {
    match sys::send(keeper, &encode(message)?, fds)? {
        true => Ok(()),
        false => Err(Fault::new("the keeper does not read", "", libc::EAGAIN)),
    }
}

/// When a state that waits for somebody has waited too long.
pub fn patience_until(state: &SlotState) -> u64 {
    match state {
        SlotState::Renewing { until } => *until,
        SlotState::Reclaiming { next_look, .. } => *next_look,
        SlotState::Broken { until } | SlotState::Building { until, .. } => *until,
        SlotState::Running(run) => run.next_look(),
        SlotState::Parked => u64::MAX,
    }
}

/// The run that a cancel or an output overflow speaks of may still wait for a slot.
pub fn take_waiting(queue: &mut VecDeque<Waiting>, run_id: u64) -> Option<Waiting> {
    let index = queue.iter().position(|waiting| waiting.job.run_id == run_id)?;
    queue.remove(index)
}
