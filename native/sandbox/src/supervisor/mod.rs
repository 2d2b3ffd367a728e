//! The supervisor: one epoll thread that holds the clocks and limits of every run, and kills.
//!
//! It never does more than a millisecond of work at once: slots are made by builders, its short-lived children.

mod builder;
mod engine;
mod instance;
mod prepare;
mod slot;

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::cgroup::{self, Hierarchy};
use crate::fault::{Fault, Result};
use crate::rootfs;
use crate::sys::{self, ChildSignals, Epoll, READABLE, Reaped};
use crate::wire::{Ended, FromKeeper, FromParked, FromSupervisor, Start, Stop, ToKeeper, ToSupervisor, decode};
use builder::{Build, Plan};
use engine::Engine;
use instance::{Instance, Unlink};
use slot::{Keeper, Run, State, Waiting, patience_until, take_waiting};

const DEFAULT_DISK_BYTES: u64 = 64 << 20;
const MILLISECOND: u64 = 1_000_000;
const REBUILD_DELAY: u64 = 200 * MILLISECOND;
const RECLAIM_PATIENCE: u64 = 100 * MILLISECOND;

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
    state: State,
    keeper: Option<Keeper>,
}

struct Supervisor {
    epoll: Epoll,
    engine: Engine,
    /// Ours; keepers die with it.
    own_pidfd: OwnedFd,
    instance: Instance,
    unlink: Unlink,
    hierarchy: Box<dyn Hierarchy>,
    plan: Plan,
    slots: Vec<Slot>,
    parked: Vec<usize>,
    waiting: VecDeque<Waiting>,
    started: bool,
    leaving: bool,
    signals: ChildSignals,
}

/// The supervisor's whole life, from the engine's first message to the last trace removed.
pub fn main() -> Result<()> {
    prepare::reset_inherited()?;
    let mut engine = Engine::adopt()?;
    let start = engine.wait_for_start()?;
    match Supervisor::new(&mut engine, &start) {
        Ok(make) => make.supervise(engine, &start),
        Err(fault) => engine.refuse(&fault),
    }
}

/// Everything that may be refused, made before the loop.
struct Made {
    epoll: Epoll,
    instance: Instance,
    unlink: Unlink,
    hierarchy: Box<dyn Hierarchy>,
}

impl Made {
    fn supervise(self, engine: Engine, start: &Start) -> Result<()> {
        let Made { epoll, instance, unlink, hierarchy } = self;
        let signals = ChildSignals::take()?;
        epoll.add(&engine.socket, token(Source::Engine, 0, 0), READABLE)?;
        epoll.add(&engine.pidfd, token(Source::EngineDeath, 0, 0), READABLE)?;
        epoll.add(signals.fd(), token(Source::Children, 0, 0), READABLE)?;
        let plan = Plan { base: start.state_dir.clone(), trees: start.trees.clone(), disk_bytes: DEFAULT_DISK_BYTES };
        let broken = || Slot { generation: 0, state: State::Broken { until: 0 }, keeper: None };
        let mut supervisor = Supervisor {
            epoll,
            engine,
            own_pidfd: sys::pidfd_open(sys::getpid())?,
            instance,
            unlink,
            hierarchy,
            plan,
            slots: (0..start.slots).map(|_| broken()).collect(),
            parked: Vec::new(),
            waiting: VecDeque::new(),
            started: false,
            leaving: false,
            signals,
        };
        let result = supervisor.run();
        supervisor.leave()?;
        result
    }
}

impl Supervisor {
    fn new(engine: &mut Engine, start: &Start) -> Result<Made> {
        let epoll = Epoll::new()?;
        let mut instance = Instance::take(&start.state_dir, start.uid_base)?;
        let unlink = Unlink::prepare(&instance)?;
        let hierarchy = cgroup::detect(&instance.name())?;
        instance.record(&*hierarchy)?;
        // Nobody holds the lock, so whatever carries our name is nobody's.
        instance.clear(&*hierarchy)?;
        hierarchy.make_instance()?;
        prepare::leave_mount_namespace()?;
        rootfs::make_shared(std::path::Path::new(&start.state_dir))?;
        engine.describe(&instance, &*hierarchy, start.slots);
        Ok(Made { epoll, instance, unlink, hierarchy })
    }

    fn run(&mut self) -> Result<()> {
        let mut ready = Vec::new();
        while !self.leaving {
            self.look_at_clocks();
            self.dispatch();
            self.engine.flush(&self.epoll)?;
            if self.leaving {
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
                    }
                }
            }
        }
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        let next = self.slots.iter().map(|slot| patience_until(&slot.state)).min().unwrap_or(u64::MAX);
        (next != u64::MAX).then(|| Duration::from_nanos(next.saturating_sub(sys::monotonic_ns())))
    }

    // ---- engine

    fn hear_engine(&mut self) -> Result<()> {
        while let Some((message, fds)) = self.engine.receive()? {
            match message {
                ToSupervisor::Job(job) => self.waiting.push_back(Waiting { job, fds }),
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

    /// Ends one run, wherever it is; one that has ended already is nobody's any more.
    fn end(&mut self, run_id: u64, reason: Stop) {
        if take_waiting(&mut self.waiting, run_id).is_some() {
            return self.engine.ended(Ended { run_id, stopped_by: Some(reason), ..Ended::default() }, Vec::new());
        }
        let now = sys::monotonic_ns();
        for index in 0..self.slots.len() {
            let Slot { state: State::Running(run), keeper: Some(keeper), .. } = &mut self.slots[index] else { continue };
            if run.run_id == run_id {
                if let Err(fault) = keeper.stop(run, reason, now) {
                    self.lose(index, fault);
                }
                return;
            }
        }
    }

    fn dispatch(&mut self) {
        while !self.waiting.is_empty() {
            let Some(index) = self.parked.pop() else {
                return self.refuse_if_all_broken();
            };
            let slot = &mut self.slots[index];
            let (State::Parked, Some(keeper)) = (&slot.state, &mut slot.keeper) else { continue };
            let Some(waiting) = self.waiting.pop_front() else { return };
            let run_id = waiting.job.run_id;
            match keeper.launch(waiting) {
                Ok(run) => slot.state = State::Running(Box::new(run)),
                Err(fault) => {
                    let ended = Ended { run_id, fault: Some(fault.clone()), ..Ended::default() };
                    self.engine.ended(ended, Vec::new());
                    self.lose(index, fault);
                }
            }
        }
    }

    /// With no slot left or in the making, waiting would last for ever.
    fn refuse_if_all_broken(&mut self) {
        if self.slots.iter().all(|slot| matches!(slot.state, State::Broken { .. })) {
            for Waiting { job, .. } in std::mem::take(&mut self.waiting) {
                let fault = Fault::new("no slot could be made", "", 0);
                self.engine.ended(Ended { run_id: job.run_id, fault: Some(fault), ..Ended::default() }, Vec::new());
            }
        }
    }

    // ---- slots

    fn look_at_clocks(&mut self) {
        let now = sys::monotonic_ns();
        for index in 0..self.slots.len() {
            if patience_until(&self.slots[index].state) > now {
                continue;
            }
            if let Err(fault) = self.look_at(index, now) {
                self.lose(index, fault);
            }
        }
    }

    fn look_at(&mut self, index: usize, now: u64) -> Result<()> {
        let slot = &mut self.slots[index];
        match (&mut slot.state, &mut slot.keeper) {
            (State::Running(run), Some(keeper)) => keeper.watch(run, now),
            (State::Broken { .. }, _) => {
                self.build(index);
                Ok(())
            }
            (State::Reclaiming { .. }, _) => self.park(index),
            (State::Renewing { .. }, _) => Err(Fault::new("the keeper did not renew in time", "", libc::ETIMEDOUT)),
            _ => Ok(()),
        }
    }

    fn build(&mut self, index: usize) {
        let uid = self.instance.slot_uid(index as u32);
        let slot = &mut self.slots[index];
        slot.generation += 1;
        let build = builder::start(&self.plan, &*self.hierarchy, index as u32, uid, &self.own_pidfd);
        let build = build.and_then(|build| {
            self.epoll.add(&build.report, token(Source::Builder, index, slot.generation), READABLE)?;
            Ok(build)
        });
        match build {
            Ok(build) => slot.state = State::Building(build),
            Err(fault) => self.cannot_build(index, &fault),
        }
    }

    fn finish_build(&mut self, index: usize) {
        let State::Building(build) =
            std::mem::replace(&mut self.slots[index].state, State::Renewing { since: sys::monotonic_ns() })
        else {
            return;
        };
        if let Err(fault) = self.adopt(index, build) {
            self.cannot_build(index, &fault);
        }
    }

    fn adopt(&mut self, index: usize, build: Build) -> Result<()> {
        let pid = builder::finish(&build)?;
        let generation = self.slots[index].generation;
        let pidfd = sys::pidfd_open(pid)?;
        let cgroup = self.hierarchy.open_slot(index as u32)?;
        self.epoll.add(&build.control, token(Source::Control, index, generation), READABLE)?;
        self.epoll.add(&build.job, token(Source::Job, index, generation), READABLE)?;
        self.epoll.add(&pidfd, token(Source::KeeperDeath, index, generation), READABLE)?;
        let Build { control, job, .. } = build;
        self.slots[index].keeper =
            Some(Keeper { pid, pidfd, control, job, cgroup, program_pid: 0, baseline_bytes: 0 });
        self.engine.say(&FromSupervisor::Keeper { slot: index as u32, pid }, Vec::new());
        Ok(())
    }

    fn cannot_build(&mut self, index: usize, fault: &Fault) {
        if !self.started {
            // The first of its kind: this machine cannot do it.
            self.engine.refused(fault);
            self.leaving = true;
        }
        self.slots[index].keeper = None;
        self.slots[index].state = State::Broken { until: sys::monotonic_ns() + REBUILD_DELAY };
    }

    fn hear_slot(&mut self, index: usize, source: Source) -> Result<()> {
        match source {
            Source::KeeperDeath => Err(Fault::new("the keeper died", "", 0)),
            Source::Job => self.hear_parked(index),
            _ => {
                // A start that failed is told before the exit that follows.
                self.hear_parked(index)?;
                self.hear_keeper(index)
            }
        }
    }

    fn hear_parked(&mut self, index: usize) -> Result<()> {
        let mut buffer = [0; 4096];
        loop {
            let slot = &mut self.slots[index];
            let Some(keeper) = &mut slot.keeper else { return Ok(()) };
            let Some(received) = sys::receive(&keeper.job, &mut buffer)? else { return Ok(()) };
            if received.length == 0 {
                return Err(Fault::new("the keeper closed its job socket", "", 0));
            }
            match decode(&buffer[..received.length])? {
                FromParked::Parked => {
                    keeper.program_pid = received.pid;
                    self.park(index)?;
                }
                FromParked::Failed(fault) => match &mut slot.state {
                    State::Running(run) => run.launch_fault = Some(fault),
                    _ => return Err(fault),
                },
            }
        }
    }

    /// A child is parked: the slot is free once it holds no memory of dead processes.
    fn park(&mut self, index: usize) -> Result<()> {
        let now = sys::monotonic_ns();
        let slot = &mut self.slots[index];
        let Some(keeper) = &mut slot.keeper else { return Ok(()) };
        if keeper.baseline_bytes == 0 {
            keeper.baseline_bytes = keeper.cgroup.memory_bytes()?;
        }
        if keeper.holds_too_much()? {
            let State::Reclaiming { since, .. } = slot.state else {
                slot.state = State::Reclaiming { since: now, next_look: now };
                return reclaim(keeper);
            };
            if now > since + RECLAIM_PATIENCE {
                return Err(Fault::new("the slot keeps memory of dead processes", "", 0));
            }
            slot.state = State::Reclaiming { since, next_look: now + MILLISECOND };
            return Ok(());
        }
        slot.state = State::Parked;
        self.parked.push(index);
        if !self.started && self.slots.iter().all(|slot| matches!(slot.state, State::Parked)) {
            self.started = true;
            self.engine.started();
        }
        self.dispatch();
        Ok(())
    }

    fn hear_keeper(&mut self, index: usize) -> Result<()> {
        let mut buffer = vec![0; sys::MESSAGE_BYTES];
        loop {
            let slot = &mut self.slots[index];
            let Some(keeper) = &mut slot.keeper else { return Ok(()) };
            let Some(received) = sys::receive(&keeper.control, &mut buffer)? else { return Ok(()) };
            if received.length == 0 {
                return Err(Fault::new("the keeper closed its socket", "", 0));
            }
            let message = decode(&buffer[..received.length])?;
            if let FromKeeper::Failed(fault) = message {
                return Err(fault);
            }
            let now = sys::monotonic_ns();
            let State::Running(run) = &mut slot.state else {
                return Err(Fault::new("the parked child ended without a job", "", 0));
            };
            match message {
                FromKeeper::Exited { status, empty } => {
                    run.exited = Some((status, now - run.started));
                    if empty { self.conclude(index)? } else { keeper.kill_all(run, now)? }
                }
                FromKeeper::Empty => self.conclude(index)?,
                FromKeeper::Collected { paths } => {
                    let mut ended = run.ended.take().unwrap_or_default();
                    ended.collected = paths;
                    self.answer(index, ended, received.fds)?;
                }
                FromKeeper::Failed(_) => {}
            }
        }
    }

    /// Nothing of the run is left alive.
    fn conclude(&mut self, index: usize) -> Result<()> {
        let Slot { state: State::Running(run), keeper: Some(keeper), .. } = &mut self.slots[index] else { return Ok(()) };
        let ended = keeper.conclude(run)?;
        if run.collect.is_empty() {
            return self.answer(index, ended, Vec::new());
        }
        run.ended = Some(ended);
        keeper.send(&ToKeeper::Collect { paths: std::mem::take(&mut run.collect) })
    }

    /// The answer goes out first, then the slot is renewed.
    fn answer(&mut self, index: usize, ended: Ended, files: Vec<OwnedFd>) -> Result<()> {
        self.engine.ended(ended, files);
        self.engine.flush(&self.epoll)?;
        let slot = &mut self.slots[index];
        slot.state = State::Renewing { since: sys::monotonic_ns() };
        match &slot.keeper {
            Some(keeper) => keeper.send(&ToKeeper::Renew),
            None => Ok(()),
        }
    }

    /// The slot is unfit: whatever ran on it is answered, its keeper dies, a builder makes a new one.
    fn lose(&mut self, index: usize, fault: Fault) {
        self.parked.retain(|parked| *parked != index);
        let slot = &mut self.slots[index];
        let state = std::mem::replace(&mut slot.state, State::Broken { until: 0 });
        let Some(mut keeper) = slot.keeper.take() else { return };
        if let State::Running(run) = state {
            let ended = lost_run(&mut keeper, *run, fault.clone());
            self.engine.ended(ended, Vec::new());
        }
        // If this fails, the builder kills it with whatever else is in the slot's group.
        let _ = sys::pidfd_kill(&keeper.pidfd);
        if !self.started {
            self.cannot_build(index, &fault);
        }
    }

    fn reap_children(&mut self) -> Result<()> {
        self.signals.drain()?;
        while let Reaped::Child { .. } = sys::reap()? {}
        Ok(())
    }

    /// Kills everything and removes every trace.
    fn leave(&mut self) -> Result<()> {
        for slot in &mut self.slots {
            if let State::Building(build) = &slot.state {
                // SAFETY: no pointers; a builder is our child and not yet reaped, or gone with its pid unused this soon.
                unsafe { libc::kill(build.builder_pid, libc::SIGKILL) };
            }
            if let Some(keeper) = &slot.keeper {
                sys::pidfd_kill(&keeper.pidfd)?;
            }
        }
        self.instance.clear(&*self.hierarchy)?;
        self.unlink.unlink()
    }
}

fn lost_run(keeper: &mut Keeper, mut run: Run, fault: Fault) -> Ended {
    if let Some(ended) = run.ended.take() {
        return ended; // it was over, only its files were still to come
    }
    let mut ended = keeper.conclude_lost(&run);
    if let Some(found) = &mut ended.fault {
        *found = fault;
    }
    ended
}

/// Gives back what dead processes left charged, in a child of its own: it takes milliseconds.
fn reclaim(keeper: &Keeper) -> Result<()> {
    if sys::fork()?.is_none() {
        let result = keeper.cgroup.reclaim();
        sys::exit_now(i32::from(result.is_err()));
    }
    Ok(())
}
