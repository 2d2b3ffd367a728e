//! One run on a slot: its clocks, its end, and the evidence.

use std::os::fd::AsRawFd;

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;
use assay_shared::wire::{Ended, Exceeded, JobLimits, Stop, ToKeeper};

use super::clock::{FairClock, Partner};
use super::crowd::{self, Crowd, Wants};
use super::slot::{KEEPER_PATIENCE, KeeperHandle, Waiting};
use crate::cgroup::{Counters, FULL_WEIGHT};

const MILLISECOND: u64 = 1_000_000;
const KILL_ROUND: u64 = MILLISECOND;
/// Between two requests to a keeper to kill.
const KEEPER_ROUND: u64 = 200 * MILLISECOND;
/// A new run goes before others until it has used so much CPU time; its weight is a quarter then, and a quarter of that
/// whenever the time has doubled.
const FIRST_MOMENT: u64 = 20 * MILLISECOND;
const LEAST_WEIGHT: u64 = 4;
/// Between two looks at CPU time that is nearly used up.
const SHORTEST_LOOK: u64 = MILLISECOND / 2;

/// What came of handing a job over.
pub enum Launched {
    Running(Box<Run>),
    /// The kernel was short of something, and nothing has happened.
    Refused(Fault),
}

pub struct Run {
    pub run_id: u64,
    pub limits: JobLimits,
    pub reserved_bytes: u64,
    pub flavour: Option<u32>,
    pub collect: Vec<String>,
    /// The run that it talks with.
    pub partner: Option<u64>,
    pub started: u64,
    pub held_ns: u64,
    pub before: Counters,
    pub stopped_by: Option<Stop>,
    /// wait status and wall time of the first process.
    pub exited: Option<(i32, u64)>,
    /// It is, or was, a fork of a zygote.
    pub warm: bool,
    pub launch_fault: Option<Fault>,
    /// Told of a container only.
    pub socket_made: bool,
    /// What a keeper ended it for that watches it itself, the most memory that it saw, and what it refused.
    pub exceeded: Option<Exceeded>,
    pub seen_peak_bytes: u64,
    pub seen_refused: u64,
    pub seen_cpu_ns: u64,
    clock: FairClock,
    /// In its first moment and, as far as is known, not asleep.
    is_young: bool,
    next_look: u64,
    killing: Option<Killing>,
    pub ended: Option<Ended>,
}

struct Killing {
    since: u64,
    next_round: u64,
}

impl KeeperHandle {
    /// Hands the job to the parked child and starts its clocks.
    pub fn launch(&mut self, waiting: &mut Waiting, crowd: &mut Crowd) -> Result<Launched> {
        let Waiting { job, fds, since } = waiting;
        let before = Counters { cpu_ns: self.cgroup.cpu_ns()?, ..self.counters };
        self.cgroup.limit(&job.limits, self.held_bytes)?;
        self.cgroup.reset_peak()?;
        let inline = !job.launch.is_empty();
        let mut message = vec![u8::from(inline)];
        message.extend_from_slice(&job.launch);
        let raw: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let started = sys::monotonic_ns();
        match sys::send(&self.job, &message, &raw) {
            Ok(true) => {}
            Ok(false) => return Err(Fault::new("the parked child does not read", self.pid.to_string(), libc::EAGAIN)),
            Err(fault) if fault.is_shortage() => return Ok(Launched::Refused(fault)),
            Err(fault) => return Err(fault),
        }
        self.cgroup.prepare()?;
        let first_look = crowd.enter(started);
        let limits = job.limits;
        Ok(Launched::Running(Box::new(Run {
            run_id: job.run_id,
            limits,
            reserved_bytes: job.reserved_bytes,
            flavour: job.flavour,
            collect: std::mem::take(&mut job.collect),
            partner: job.partner,
            started,
            held_ns: started.saturating_sub(*since),
            before,
            stopped_by: None,
            exited: None,
            warm: false,
            launch_fault: None,
            socket_made: false,
            clock: FairClock::start(started, limits.cpus),
            is_young: true,
            next_look: soonest(started, limits.cpu_ns, limits.cpus, limits.wall_ns)
                .min(first_look)
                .min(self.look_by(started)),
            exceeded: None,
            seen_peak_bytes: 0,
            seen_refused: 0,
            seen_cpu_ns: 0,
            killing: None,
            ended: None,
        })))
    }

    /// Looks at the clocks of a run and kills it where it is past a limit.
    pub fn watch(&mut self, run: &mut Run, now: u64, partner: Partner, crowd: &Crowd) -> Result<()> {
        if run.killing.is_some() {
            return self.go_on_killing(run, now);
        }
        if run.exited.is_some() {
            return Ok(());
        }
        let used = self.cgroup.cpu_ns()?.saturating_sub(run.before.cpu_ns);
        let Self { program_pid, cgroup, ours, .. } = self;
        let mut wants = Wants::Core;
        let at_work = run.clock.look(now, used, partner, crowd.was_scarce(), || {
            wants = crowd::wants(*program_pid, &mut **cgroup, ours);
            wants != Wants::Nothing
        });
        run.is_young = at_work && used < FIRST_MOMENT;
        let (cpu_left, wall_left) = (run.limits.cpu_ns.saturating_sub(used), run.clock.left_ns(run.limits.wall_ns));
        if cpu_left == 0 {
            return self.stop(run, Stop::Cpu, now);
        }
        if wall_left == 0 {
            return self.stop(run, Stop::Wall, now);
        }
        run.next_look = soonest(now, cpu_left, run.limits.cpus, wall_left).min(self.look_by(now));
        if crowd.is_scarce() {
            run.next_look = run.next_look.min(crowd.next_tick(now));
            self.cgroup.set_weight(if wants == Wants::End { FULL_WEIGHT } else { weight_of(used) })?;
        }
        Ok(())
    }

    /// What the clock of the run that this one talks with leaves out.
    pub fn as_partner(&mut self, run: &Run, crowd: &Crowd) -> Result<Partner> {
        let used_ns = self.cgroup.cpu_ns()?.saturating_sub(run.before.cpu_ns);
        let asked = crowd.was_scarce() && run.exited.is_none();
        let is_ready = asked && crowd::wants(self.program_pid, &mut *self.cgroup, &self.ours) != Wants::Nothing;
        Ok(Partner { used_ns, is_ready })
    }

    /// Ends the run for this reason, if nothing ended it before.
    pub fn stop(&mut self, run: &mut Run, reason: Stop, now: u64) -> Result<()> {
        if run.exited.is_none() {
            run.stopped_by.get_or_insert(reason);
        }
        self.kill_all(run, now)
    }

    /// Kills every process of the slot but the keeper, again until only the keeper is left.
    pub fn kill_all(&mut self, run: &mut Run, now: u64) -> Result<()> {
        if run.killing.is_none() {
            run.killing = Some(Killing { since: now, next_round: now });
            // The dead have to run once more, and whoever waits for their slot waits for that.
            self.cgroup.set_weight(FULL_WEIGHT)?;
        }
        self.go_on_killing(run, now)
    }

    fn go_on_killing(&mut self, run: &mut Run, now: u64) -> Result<()> {
        let Some(killing) = &mut run.killing else { return Ok(()) };
        if now < killing.next_round {
            return Ok(());
        }
        if now > killing.since + KEEPER_PATIENCE {
            // It does not reap: lost with all that is in its namespace. The loop sees its end.
            return sys::pidfd_kill(&self.pidfd);
        }
        if !self.grouped {
            killing.next_round = now + KEEPER_ROUND;
            return self.send(&ToKeeper::Kill);
        }
        killing.next_round = now + KILL_ROUND;
        self.cgroup.kill(&self.ours)
    }

    /// Every process of the run is gone: the evidence, and the limits of the slot in force again.
    pub fn conclude(&mut self, run: &mut Run) -> Result<Ended> {
        let peak = self.cgroup.peak_memory_bytes()?;
        let after = self.cgroup.counters()?;
        self.counters = after;
        self.cgroup.set_weight(FULL_WEIGHT)?;
        if run.killing.take().is_some() {
            self.cgroup.release()?;
        }
        // What was there before and went meanwhile, of a slot's last life, is in the peak only if it was there then.
        let held = self.held_bytes.min(self.cgroup.memory_bytes()?);
        self.evidence(run, after, peak.saturating_sub(held))
    }

    fn evidence(&mut self, run: &Run, after: Counters, peak_memory_bytes: u64) -> Result<Ended> {
        let cpu_ns = after.cpu_ns.saturating_sub(run.before.cpu_ns).max(run.seen_cpu_ns);
        let mut stopped_by = run.stopped_by;
        // It ended by itself, but only after its time was over.
        if stopped_by.is_none() && cpu_ns > run.limits.cpu_ns {
            stopped_by = Some(Stop::Cpu);
        }
        if after.oom_kills > run.before.oom_kills && !self.cgroup.was_own_limit()? {
            // The kernel did, for want of memory elsewhere.
            stopped_by = Some(Stop::Evicted);
        }
        Ok(Ended {
            run_id: run.run_id,
            fault: run.launch_fault.clone(),
            status: run.exited.map(|(status, _)| status),
            stopped_by,
            cpu_ns,
            wall_ns: run.exited.map_or_else(|| sys::monotonic_ns() - run.started, |(_, wall)| wall),
            held_ns: run.held_ns,
            peak_memory_bytes: peak_memory_bytes.max(run.seen_peak_bytes),
            oom_kills: after.oom_kills.saturating_sub(run.before.oom_kills)
                + u64::from(run.exceeded == Some(Exceeded::Memory)),
            refused_processes: after.refused_processes.saturating_sub(run.before.refused_processes) + run.seen_refused,
            warm: run.warm,
            collected: Vec::new(),
        })
    }

    /// The keeper died with a run on it: what can still be told, and a fault where nothing speaks against the program.
    pub fn conclude_lost(&mut self, run: &Run) -> Ended {
        let evidence = self.cgroup.peak_memory_bytes().and_then(|peak| {
            let after = self.cgroup.counters()?;
            self.evidence(run, after, peak.saturating_sub(self.held_bytes))
        });
        match evidence {
            Ok(mut ended) => {
                if ended.status.is_none() && ended.stopped_by.is_none() && ended.fault.is_none() {
                    ended.fault = Some(Fault::new("the slot's keeper was lost", "", 0));
                }
                ended
            }
            Err(fault) => Ended { run_id: run.run_id, fault: Some(fault), ..Ended::default() },
        }
    }

    fn look_by(&self, now: u64) -> u64 {
        now.saturating_add(self.cgroup.longest_look())
    }
}

impl Run {
    /// It is new, and wants a core.
    pub fn is_young(&self) -> bool {
        self.is_young && !self.is_ending()
    }

    /// Less than its limit was reserved for it.
    pub fn may_be_evicted(&self) -> bool {
        self.reserved_bytes < self.limits.memory_bytes
    }

    /// Its first process is gone, or all are being killed.
    pub fn is_ending(&self) -> bool {
        self.exited.is_some() || self.killing.is_some()
    }

    /// When the supervisor has to look again.
    pub fn next_look(&self) -> u64 {
        match &self.killing {
            Some(killing) => killing.next_round,
            None if self.exited.is_some() => u64::MAX,
            None => self.next_look,
        }
    }
}

/// When one of the two can be used up at the soonest.
fn soonest(now: u64, cpu_left: u64, cpus: f64, wall_left: u64) -> u64 {
    // A program on fewer cores than it may use cannot be faster than the machine.
    let at_its_fastest = (cpu_left as f64 / cpus) as u64;
    now + at_its_fastest.max(SHORTEST_LOOK).min(wall_left)
}

fn weight_of(used_ns: u64) -> u64 {
    let doublings = (used_ns / FIRST_MOMENT).checked_ilog2().map_or(0, |doubled| doubled + 1);
    (FULL_WEIGHT >> (2 * doublings).min(u64::BITS - 1)).max(LEAST_WEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_weighs_less_as_it_gets_older() {
        let weights = [0, 19, 20, 39, 40, 80, 500, 10_000].map(|used| weight_of(used * MILLISECOND));
        assert_eq!(weights, [1024, 1024, 256, 256, 64, 16, 4, 4]);
    }
}
