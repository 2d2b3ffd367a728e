//! The supervisor: one epoll thread that holds the clocks and limits of every run, and kills.
//!
//! It never does more than a millisecond of work at once: slots are made by builders, its short-lived children.

mod builder;
mod clock;
mod crowd;
mod engine_link;
mod heard;
mod ids;
mod instance;
mod lifecycle;
mod memory;
mod prepare;
mod run;
mod runs;
mod runtime;
mod slot;
mod start;
mod user_namespace;
mod warmth;

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Duration;

use assay_shared::fault::{Fault, Result};
use assay_shared::outbox::PAUSE;
use assay_shared::sys::{self, ChildSignals, Epoll, Reaped};
use assay_shared::wire::{Stop, ToSupervisor};

use crate::cgroup::{Hierarchy, SlotCgroup};
use builder::{Builder, Plan};
use crowd::Crowd;
use engine_link::EngineLink;
use instance::Instance;
use memory::Budget;
use slot::{KeeperHandle, SlotState, Waiting, patience_until};
use start::Started;
use warmth::Warmth;

/// What an epoll event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Engine,
    EngineDeath,
    Children,
    Builder,
    Control,
    Job,
    KeeperDeath,
}

const SOURCES: [Source; 7] = [
    Source::Engine,
    Source::EngineDeath,
    Source::Children,
    Source::Builder,
    Source::Control,
    Source::Job,
    Source::KeeperDeath,
];

/// Source, slot and the slot's generation, so that an event of a slot's last life never hits its next.
fn token(source: Source, slot: usize, generation: u32) -> u64 {
    source as u64 | (slot as u64) << 8 | u64::from(generation) << 32
}

fn parts(token: u64) -> (Source, usize, u32) {
    (SOURCES[(token & 0xff) as usize], (token >> 8 & 0xff_ffff) as usize, (token >> 32) as u32)
}

struct Slot {
    generation: u32,
    /// Which of the plan's images it shows.
    image: usize,
    /// From the keeper that was there before, where it was used once; without it the slot's control groups are made anew.
    kept: Option<Kept>,
    /// Why its last keeper could not be made with the first image, or ended before it had a child parked.
    failure: Option<Fault>,
    /// At work, or waiting for more where keepers are used once.
    builder: Option<Builder>,
    state: SlotState,
    keeper: Option<KeeperHandle>,
}

impl Slot {
    /// A new run wants a core there, or a Python that starts for the next one.
    fn is_young(&self) -> bool {
        match (&self.state, &self.keeper) {
            (SlotState::Running(run), _) => run.is_young(),
            (SlotState::Renewing { .. }, Some(keeper)) => keeper.flavour.is_some(),
            _ => false,
        }
    }
}

/// What one keeper leaves to the next in its slot.
struct Kept {
    cgroup: Box<dyn SlotCgroup>,
    /// Charged to it when it was new.
    baseline_bytes: u64,
}

struct Supervisor {
    epoll: Epoll,
    engine: EngineLink,
    /// Ours; keepers die with it.
    own_pidfd: OwnedFd,
    instance: Instance,
    hierarchy: Box<dyn Hierarchy>,
    plan: Plan,
    slots: Vec<Slot>,
    parked: Vec<usize>,
    waiting: VecDeque<Waiting>,
    /// No job's descriptors have gone through since then.
    refused_since: Option<u64>,
    started: bool,
    leaving: bool,
    signals: ChildSignals,
    /// No clock of any slot is over before this; with a thousand slots, not to be looked up at every event.
    next_look: u64,
    /// What keepers and parked children say is received here.
    buffer: Vec<u8>,
    warmth: Warmth,
    crowd: Crowd,
    budget: Budget,
}

/// The supervisor's whole life, from the engine's first message to the last trace removed.
pub fn main() -> Result<()> {
    prepare::reset_inherited()?;
    let mut engine = EngineLink::adopt()?;
    let (start, library) = engine.wait_for_start()?;
    let slots = start.pooled_slots();
    match Started::start(&mut engine, start, library) {
        Ok(started) => started.supervise(engine, slots),
        Err(fault) => engine.refuse(&prepare::explained(fault, slots)),
    }
}

impl Supervisor {
    fn run(&mut self) -> Result<()> {
        let mut ready = Vec::new();
        while !self.leaving {
            self.look_at_clocks()?;
            self.dispatch();
            self.engine.flush(&self.epoll)?;
            if self.leaving || self.engine.gone {
                break;
            }
            ready.clear();
            self.epoll.wait(&mut ready, self.timeout())?;
            for (token, _) in ready.drain(..) {
                let (source, slot, generation) = parts(token);
                match source {
                    Source::Engine => self.hear_engine()?,
                    Source::EngineDeath => self.leaving = true,
                    Source::Children => self.reap_children()?,
                    _ if self.slots[slot].generation != generation => {}
                    Source::Builder => self.finish_build(slot),
                    Source::Control | Source::Job | Source::KeeperDeath => {
                        if let Err(fault) = self.hear_slot(slot, source) {
                            self.lose(slot, fault);
                        }
                        self.note_clock(slot);
                    }
                }
            }
        }
        // A refusal may still have to go out.
        self.engine.flush(&self.epoll)
    }

    fn timeout(&self) -> Option<Duration> {
        let look = (self.next_look != u64::MAX)
            .then(|| Duration::from_nanos(self.next_look.saturating_sub(sys::monotonic_ns())));
        let again = self.engine.tries_again().then_some(PAUSE);
        look.into_iter().chain(again).min()
    }

    /// To be called after every change of a slot's state.
    fn note_clock(&mut self, index: usize) {
        self.next_look = self.next_look.min(patience_until(&self.slots[index].state)).min(self.crowd.next_look());
    }

    fn hear_engine(&mut self) -> Result<()> {
        while let Some((message, fds)) = self.engine.receive()? {
            match message {
                ToSupervisor::Job(job) if job.image as usize >= self.plan.images.len() => {
                    return Err(Fault::new(
                        "a job for an image that is not there",
                        job.image.to_string(),
                        libc::EBADMSG,
                    ));
                }
                ToSupervisor::Job(job) => {
                    self.waiting.push_back(Waiting { job, fds, since: sys::monotonic_ns() });
                }
                ToSupervisor::Cancel { run_id } => self.end(run_id, Stop::Cancel),
                ToSupervisor::OutputExceeded { run_id } => self.end(run_id, Stop::Output),
                ToSupervisor::Shutdown => self.leaving = true,
                ToSupervisor::Start(_) => return Err(Fault::new("a second start", "", libc::EBADMSG)),
            }
            self.dispatch();
        }
        self.leaving |= self.engine.gone;
        Ok(())
    }

    fn reap_children(&mut self) -> Result<()> {
        self.signals.drain()?;
        while let Reaped::Child { .. } = sys::reap()? {}
        Ok(())
    }
}
