//! The supervisor: one epoll thread that holds the clocks and limits of every run, and kills.
//!
//! It never does more than a millisecond of work at once: slots are made by builders, its short-lived children.

mod builder;
mod clock;
mod crowd;
mod engine_link;
mod ids;
mod instance;
mod lifecycle;
mod memory;
mod prepare;
mod runs;
mod runtime;
mod slot;
mod user_namespace;
mod warmth;

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use assay_shared::fault::{Fault, Result};
use assay_shared::outbox::PAUSE;
use assay_shared::sys::{self, ChildSignals, Epoll, READABLE, Reaped};
use assay_shared::wire::{Start, Stop, ToSupervisor};

use crate::cgroup::{Hierarchy, SlotCgroup};
use crate::rootfs;
use builder::{Builder, Plan};
use crowd::Crowd;
use engine_link::EngineLink;
use ids::{Ids, Rights, Supply};
use instance::{Groups, Instance, Unlink};
use memory::Budget;
use runtime::Runtime;
use slot::{KeeperHandle, SlotState, Waiting, patience_until};
use warmth::Warmth;

const DEFAULT_DISK_BYTES: u64 = 64 << 20;

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
    unlink: Unlink,
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
    let (hold, zygote) = if start.runtime.used_once() { (library, None) } else { (None, library) };
    match Started::start(&mut engine, &start, hold) {
        Ok(made) => made.supervise(engine, &start, zygote),
        Err(fault) => engine.refuse(&fault),
    }
}

/// Everything that may be refused, made before the loop.
struct Started {
    epoll: Epoll,
    instance: Instance,
    unlink: Unlink,
    hierarchy: Box<dyn Hierarchy>,
    ids: Ids,
    runtime: Box<dyn Runtime>,
}

impl Started {
    fn start(engine: &mut EngineLink, start: &Start, hold: Option<File>) -> Result<Self> {
        let epoll = Epoll::new()?;
        let has_namespaces = start.runtime.has_namespaces();
        let supply = Supply::find(start.uid_base)?;
        let supply = if has_namespaces { supply } else { supply.without_namespaces()? };
        let slots = start.pooled_slots();
        runtime::refuse_without_rights(&start.runtime, supply.part(0, slots).0.rights)?;
        let (instance, hierarchy) = Instance::take(&start.state_dir, groups_for(start))?;
        hierarchy.weigh_instance(start.cores)?;
        let unlink = Unlink::prepare(&instance)?;
        let (part, ids) = supply.part(instance.number, slots);
        let base = Path::new(&start.state_dir);
        let entered = if has_namespaces { enter_own_namespaces(&part, base) } else { Ok(()) };
        let prepared = entered.and_then(|()| runtime::prepare(start, hold, instance.number, &ids));
        let runtime = match prepared {
            Ok(runtime) => runtime,
            Err(fault) => {
                // Should even this fail, whoever starts next sweeps it.
                let _ = instance.clear(&*hierarchy).and_then(|()| unlink.unlink());
                return Err(fault);
            }
        };
        engine.describe(&instance, &*hierarchy, part.uids(&ids, slots));
        Ok(Self { epoll, instance, unlink, hierarchy, ids, runtime })
    }

    fn supervise(self, engine: EngineLink, start: &Start, zygote: Option<File>) -> Result<()> {
        let Started { epoll, instance, unlink, hierarchy, ids, runtime } = self;
        let can_be_warm = hierarchy.is_there() && !ids.shared() && zygote.is_some();
        let flavours = if can_be_warm { start.flavours.clone() } else { Vec::new() };
        let warmth = Warmth::new(flavours.len(), zygote);
        let signals = ChildSignals::take()?;
        epoll.add(&engine.socket, token(Source::Engine, 0, 0), READABLE)?;
        epoll.add(&engine.pidfd, token(Source::EngineDeath, 0, 0), READABLE)?;
        epoll.add(signals.fd(), token(Source::Children, 0, 0), READABLE)?;
        let budget = Budget::open(start.memory_bytes, &*hierarchy)?;
        let plan = Plan {
            ids,
            base: start.state_dir.clone(),
            images: start.images.clone(),
            disk_bytes: DEFAULT_DISK_BYTES,
            fresh: start.fresh,
            runtime,
            used_once: start.runtime.used_once(),
            flavours,
            known: start.known.clone(),
        };
        let broken = || Slot {
            generation: 0,
            image: 0,
            kept: None,
            builder: None,
            state: SlotState::Broken { until: 0 },
            keeper: None,
        };
        let mut supervisor = Supervisor {
            epoll,
            engine,
            own_pidfd: sys::pidfd_open(sys::getpid())?,
            instance,
            unlink,
            hierarchy,
            plan,
            slots: (0..start.pooled_slots()).map(|_| broken()).collect(),
            parked: Vec::new(),
            waiting: VecDeque::new(),
            refused_since: None,
            started: false,
            leaving: false,
            signals,
            next_look: 0,
            buffer: vec![0; sys::MESSAGE_BYTES],
            warmth,
            crowd: Crowd::new(start.cores)?,
            budget,
        };
        let result = supervisor.run();
        supervisor.leave()?;
        result
    }
}

fn groups_for(start: &Start) -> Groups {
    match (start.runtime.has_namespaces(), start.allow_degraded) {
        (false, _) => Groups::None,
        (true, true) => Groups::WherePossible,
        (true, false) => Groups::Needed,
    }
}

/// Where we may mount, and where only our own see what is mounted.
fn enter_own_namespaces(part: &Supply, base: &Path) -> Result<()> {
    if part.rights != Rights::Administrator {
        user_namespace::enter(part)?;
    }
    prepare::leave_mount_namespace()?;
    rootfs::make_shared(base)
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
