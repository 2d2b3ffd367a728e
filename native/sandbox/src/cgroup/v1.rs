//! cgroup v1, also beside a v2 mount (hybrid): one directory per controller and slot.

#[cfg(test)]
mod tests;

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Result};
use assay_shared::sys;
use assay_shared::wire::JobLimits;

use super::knob::{Knob, make, write};
use super::{Counters, HELD_STEP_BYTES, Hierarchy, LARGEST_CHARGE_BYTES, PAGE_BYTES, SlotCgroup, place};

const PERIOD_US: u64 = 100_000;
/// Of an ordinary process, and the kernel's most.
const SHARES: u64 = 1024;
const MOST_SHARES: u64 = 1 << 18;
/// Socket buffers are counted beside the memory limit, so they get a part of it on top.
const SOCKET_SHARE: u64 = 2;
const CONTROLLERS: [&str; 4] = ["memory", "cpu", "cpuacct", "pids"];

/// The instance's directory under each controller.
pub struct V1 {
    memory: PathBuf,
    cpu: PathBuf,
    cpuacct: PathBuf,
    pids: PathBuf,
    hybrid: bool,
}

impl V1 {
    /// None where one of the controllers is not a v1 hierarchy.
    pub fn detect(instance: &str) -> Result<Option<Self>> {
        let [mounts, memberships] = place::read()?;
        Ok(Self::parse(&mounts, &memberships, instance))
    }

    pub fn parse(mounts: &str, memberships: &str, instance: &str) -> Option<Self> {
        let base = |controller| Some(own_directory(mounts, memberships, controller)?.join(instance));
        let [memory, cpu, cpuacct, pids] = CONTROLLERS.map(base);
        let hybrid = mounts.lines().any(|line| line.contains(" - cgroup2 "));
        Some(Self { memory: memory?, cpu: cpu?, cpuacct: cpuacct?, pids: pids?, hybrid })
    }
}

fn own_directory(mounts: &str, memberships: &str, controller: &str) -> Option<PathBuf> {
    let names_it = |list: &str| list.split(',').any(|name| name == controller);
    place::own_directory(mounts, memberships, |kind, options| kind == "cgroup" && names_it(options), names_it)
}

fn slot_name(slot: u32) -> String {
    format!("slot-{slot}")
}

impl Hierarchy for V1 {
    fn describe(&self) -> String {
        if self.hybrid { "v1 (hybrid)".to_owned() } else { "v1".to_owned() }
    }

    fn directories(&self) -> Vec<PathBuf> {
        // cpu and cpuacct are often one hierarchy under two names.
        let mut all = vec![self.memory.clone(), self.cpu.clone(), self.cpuacct.clone(), self.pids.clone()];
        all.dedup();
        all
    }

    fn make_instance(&self) -> Result<()> {
        self.directories().iter().try_for_each(|directory| make(directory))
    }

    fn open_usage(&self) -> Result<Option<Knob>> {
        Knob::open(self.memory.join("memory.usage_in_bytes"), false).map(Some)
    }

    fn weigh_instance(&self, cores: u32) -> Result<()> {
        write(&self.cpu.join("cpu.shares"), (SHARES * u64::from(cores)).min(MOST_SHARES))
    }

    fn make_slot(&self, slot: u32, _uid: u32) -> Result<()> {
        for directory in self.slot_directories(slot) {
            make(&directory)?;
        }
        write(&self.cpu.join(slot_name(slot)).join("cpu.cfs_period_us"), PERIOD_US)
    }

    fn enter_slot(&self, slot: u32) -> Result<Option<OwnedFd>> {
        for directory in self.slot_directories(slot) {
            // A thread that moves itself needs no lock of the kernel's. A write to cgroup.procs takes one that every fork and
            // every exit of the machine waits for, and that itself waits for a fork of whoever has hardly any CPU time.
            write(&directory.join("tasks"), 0)?;
        }
        // Made now, so that no path of the machine shows.
        sys::unshare(libc::CLONE_NEWCGROUP)?;
        Ok(None)
    }

    fn open_slot(&self, slot: u32, _uid: u32, ours: &[i32]) -> Result<Box<dyn SlotCgroup>> {
        Ok(Box::new(self.open(slot, ours.len() as u32)?))
    }

    fn slot_directories(&self, slot: u32) -> Vec<PathBuf> {
        self.directories().iter().map(|directory| directory.join(slot_name(slot))).collect()
    }
}

impl V1 {
    fn open(&self, slot: u32, our_processes: u32) -> Result<SlotGroups> {
        let name = slot_name(slot);
        let (memory, cpu, pids) = (self.memory.join(&name), self.cpu.join(&name), self.pids.join(&name));
        Ok(SlotGroups {
            usage: Knob::open(memory.join("memory.usage_in_bytes"), false)?,
            max_usage: Knob::open(memory.join("memory.max_usage_in_bytes"), true)?,
            max_with_swap: Knob::open(memory.join("memory.memsw.max_usage_in_bytes"), true).ok(),
            limit: Knob::open(memory.join("memory.limit_in_bytes"), true)?,
            // Absent without swap accounting.
            limit_with_swap: Knob::open(memory.join("memory.memsw.limit_in_bytes"), true).ok(),
            socket_limit: Knob::open(memory.join("memory.kmem.tcp.limit_in_bytes"), true).ok(),
            oom_control: Knob::open(memory.join("memory.oom_control"), false)?,
            force_empty: memory.join("memory.force_empty"),
            quota: Knob::open(cpu.join("cpu.cfs_quota_us"), true)?,
            shares: Knob::open(cpu.join("cpu.shares"), true)?,
            cpu_usage: Knob::open(self.cpuacct.join(&name).join("cpuacct.usage"), false)?,
            pids_max: Knob::open(pids.join("pids.max"), true)?,
            pids_events: Knob::open(pids.join("pids.events"), false)?,
            pids_current: Knob::open(pids.join("pids.current"), false)?,
            procs: pids.join("cgroup.procs"),
            tasks: pids.join("tasks"),
            our_processes,
            in_force: None,
            held_bytes: 0,
            seized: false,
            weight: None,
        })
    }
}

struct SlotGroups {
    usage: Knob,
    max_usage: Knob,
    max_with_swap: Option<Knob>,
    limit: Knob,
    limit_with_swap: Option<Knob>,
    /// Memory in socket buffers, which v1 counts apart and only once this has been written; absent in some kernels.
    socket_limit: Option<Knob>,
    oom_control: Knob,
    force_empty: PathBuf,
    quota: Knob,
    shares: Knob,
    cpu_usage: Knob,
    pids_max: Knob,
    pids_events: Knob,
    pids_current: Knob,
    procs: PathBuf,
    tasks: PathBuf,
    /// In the slot's group too.
    our_processes: u32,
    in_force: Option<JobLimits>,
    /// What the slot holds by itself, in whole steps; the program's memory limit comes on top.
    held_bytes: u64,
    seized: bool,
    weight: Option<u64>,
}

impl SlotGroups {
    /// The pids of every process in it, zombies left out.
    fn processes(&self) -> Result<Vec<i32>> {
        ids(&self.procs)
    }

    fn write_limits(&mut self, limits: &JobLimits, held_bytes: u64) -> Result<()> {
        let bytes = (limits.memory_bytes + held_bytes).next_multiple_of(PAGE_BYTES);
        // The limit with swap must never be below the one without.
        if let Some(with_swap) = &self.limit_with_swap {
            let first_is_smaller = self.in_force.is_none_or(|now| bytes < now.memory_bytes + self.held_bytes);
            let order: [&Knob; 2] = if first_is_smaller { [&self.limit, with_swap] } else { [with_swap, &self.limit] };
            order.iter().try_for_each(|knob| knob.set(bytes))?;
        } else {
            self.limit.set(bytes)?;
        }
        if let Some(socket_limit) = &self.socket_limit {
            socket_limit.set((limits.memory_bytes / SOCKET_SHARE).next_multiple_of(PAGE_BYTES))?;
        }
        self.quota.set((limits.cpus * PERIOD_US as f64).max(1_000.0) as u64)?;
        self.pids_max.set(limits.processes + self.our_processes)?;
        (self.in_force, self.held_bytes) = (Some(*limits), held_bytes);
        Ok(())
    }
}

fn ids(list: &Path) -> Result<Vec<i32>> {
    // Opened anew each time: v1 keeps the list that a descriptor read first for another second.
    let text = fs::read_to_string(list).context("read", list)?;
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}

impl SlotCgroup for SlotGroups {
    fn limit(&mut self, limits: &JobLimits, held_bytes: u64) -> Result<()> {
        let held_bytes = held_bytes.next_multiple_of(HELD_STEP_BYTES);
        let same = self.in_force.is_some_and(|now| {
            (now.memory_bytes, now.processes, now.cpus) == (limits.memory_bytes, limits.processes, limits.cpus)
        });
        if same && held_bytes == self.held_bytes { Ok(()) } else { self.write_limits(limits, held_bytes) }
    }

    fn counters(&mut self) -> Result<Counters> {
        Ok(Counters {
            cpu_ns: self.cpu_usage.number()?,
            oom_kills: self.oom_control.field("oom_kill ")?,
            refused_processes: self.pids_events.field("max ")?,
        })
    }

    fn cpu_ns(&mut self) -> Result<u64> {
        self.cpu_usage.number()
    }

    fn threads(&mut self) -> Result<Vec<i32>> {
        ids(&self.tasks)
    }

    fn threads_count(&mut self) -> Result<u64> {
        Ok(self.pids_current.number()?.saturating_sub(self.our_processes.into()))
    }

    fn set_weight(&mut self, weight: u64) -> Result<()> {
        if self.weight.replace(weight) == Some(weight) {
            return Ok(());
        }
        self.shares.write(weight)
    }

    fn memory_bytes(&mut self) -> Result<u64> {
        self.usage.number()
    }

    fn peak_memory_bytes(&mut self) -> Result<u64> {
        self.max_usage.number()
    }

    fn was_own_limit(&mut self) -> Result<bool> {
        // What was swapped out is in the second alone.
        let with_swap = self.max_with_swap.as_ref().map_or(Ok(0), Knob::number)?;
        let peak = self.max_usage.number()?.max(with_swap);
        let limit = self.in_force.map_or(0, |limits| limits.memory_bytes + self.held_bytes);
        Ok(peak + LARGEST_CHARGE_BYTES >= limit)
    }

    fn reset_peak(&mut self) -> Result<()> {
        // Both: the peak of an earlier run would say that this one hit its limit.
        self.max_with_swap.as_ref().map_or(Ok(()), |peak| peak.write(0))?;
        self.max_usage.write(0)
    }

    fn kill(&mut self, spared: &[i32]) -> Result<()> {
        if !self.seized {
            // No new processes and no throttling, so that the killer is faster than any forker.
            self.seized = true;
            self.quota.write(-1)?;
            self.pids_max.write(0)?;
        }
        for pid in self.processes()?.into_iter().filter(|pid| !spared.contains(pid)) {
            // SAFETY: no pointers. The pid was in the slot's group just now, and only the keeper frees it.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        match (self.seized, self.in_force) {
            (true, Some(limits)) => {
                self.seized = false;
                self.write_limits(&limits, self.held_bytes)
            }
            _ => Ok(()),
        }
    }

    fn reclaim(&self) -> Result<()> {
        write(&self.force_empty, 0)
    }

    fn set_ours(&mut self, count: u32) -> Result<()> {
        self.our_processes = count;
        match (self.seized, self.in_force) {
            (false, Some(limits)) => self.pids_max.set(limits.processes + count),
            _ => Ok(()),
        }
    }
}
