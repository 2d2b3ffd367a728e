//! The leaf that a slot's program lives in, and the next one.

use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Result};
use assay_shared::wire::JobLimits;

use crate::cgroup::knob::{self, Knob, write};
use crate::cgroup::{Counters, HELD_STEP_BYTES, LARGEST_CHARGE_BYTES, PAGE_BYTES, SlotCgroup};

const PERIOD_US: u64 = 100_000;
const NANOSECONDS_OF_MICROSECOND: u64 = 1_000;

/// A slot's leaves: one in use, one made ahead, one whose run is over.
pub struct Leaves {
    directory: PathBuf,
    /// The slot's, not the leaf's: it is beside other slots that the leaf gets less.
    weight: Knob,
    weight_in_force: Option<u64>,
    /// Of the keeper, who bears children into them.
    uid: u32,
    number: u64,
    now: Leaf,
    next: Option<Leaf>,
    last: Option<Leaf>,
    in_force: Option<JobLimits>,
    held_bytes: u64,
    unthrottled: bool,
}

struct Leaf {
    path: PathBuf,
    directory: File,
    usage: Knob,
    peak: Knob,
    /// The peak counts anew after a write (Linux 6.12).
    peak_resets: bool,
    stat: Knob,
    max: Knob,
    events: Knob,
    reclaim: PathBuf,
    cpu_max: Knob,
    cpu_stat: Knob,
    pids_max: Knob,
    pids_events: Knob,
    pids_current: Knob,
    kill: Knob,
}

pub fn path(slot: &Path, number: u64) -> PathBuf {
    slot.join(format!("run-{number}"))
}

/// An empty leaf that this user may bear children into.
pub fn make(slot: &Path, number: u64, uid: u32) -> Result<()> {
    let path = path(slot, number);
    knob::make(&path)?;
    let procs = path.join("cgroup.procs");
    chown(&procs, Some(uid), Some(uid)).context("chown", procs)
}

impl Leaf {
    fn open(slot: &Path, number: u64) -> Result<Self> {
        let path = path(slot, number);
        let read = |name: &str| Knob::open(path.join(name), false);
        let written = |name: &str| Knob::open(path.join(name), true);
        let swap = path.join("memory.swap.max");
        // Absent without swap accounting.
        if swap.exists() {
            write(&swap, 0)?;
        }
        let peak = written("memory.peak")?;
        let peak_resets = match peak.write(0) {
            Err(fault) if fault.is(libc::EINVAL) => false,
            result => result.map(|()| true)?,
        };
        Ok(Self {
            directory: File::open(&path).context("open", &path)?,
            usage: read("memory.current")?,
            peak,
            peak_resets,
            stat: read("memory.stat")?,
            max: written("memory.max")?,
            events: read("memory.events")?,
            reclaim: path.join("memory.reclaim"),
            cpu_max: written("cpu.max")?,
            cpu_stat: read("cpu.stat")?,
            pids_max: written("pids.max")?,
            pids_events: read("pids.events")?,
            pids_current: read("pids.current")?,
            kill: written("cgroup.kill")?,
            path,
        })
    }

    fn cpu_ns(&self) -> Result<u64> {
        Ok(self.cpu_stat.field("usage_usec ")? * NANOSECONDS_OF_MICROSECOND)
    }

    /// Gives this much back; less is no fault, and may be all there is.
    fn reclaim(&self, bytes: u64) -> Result<()> {
        match write(&self.reclaim, bytes) {
            Err(fault) if !fault.is(libc::EAGAIN) => Err(fault),
            _ => Ok(()),
        }
    }

    /// Removes it, and what would keep the kernel's part of it alive: the pages of files that it was the first to read.
    fn remove(self) -> Result<()> {
        match self.stat.field("file ")? {
            0 => {}
            bytes => self.reclaim(bytes)?,
        }
        fs::remove_dir(&self.path).context("rmdir", &self.path)
    }
}

impl Leaves {
    /// The first leaf is there already.
    pub fn open(directory: PathBuf, uid: u32) -> Result<Self> {
        Ok(Self {
            now: Leaf::open(&directory, 0)?,
            weight: Knob::open(directory.join("cpu.weight"), true)?,
            weight_in_force: None,
            directory,
            uid,
            number: 0,
            next: None,
            last: None,
            in_force: None,
            held_bytes: 0,
            unthrottled: false,
        })
    }

    fn make_next(&mut self) -> Result<Leaf> {
        self.number += 1;
        make(&self.directory, self.number, self.uid)?;
        Leaf::open(&self.directory, self.number)
    }

    fn write_cpu_max(&self, cpus: f64) -> Result<()> {
        self.now.cpu_max.set(format!("{} {PERIOD_US}", (cpus * PERIOD_US as f64).max(1_000.0) as u64))
    }
}

impl SlotCgroup for Leaves {
    /// The next one begins with a first leaf.
    fn outlives_builder(&self) -> bool {
        false
    }

    fn limit(&mut self, limits: &JobLimits, held_bytes: u64) -> Result<()> {
        let held_bytes = held_bytes.next_multiple_of(HELD_STEP_BYTES);
        let same = self.in_force.is_some_and(|now| {
            (now.memory_bytes, now.processes, now.cpus) == (limits.memory_bytes, limits.processes, limits.cpus)
        });
        if same && held_bytes == self.held_bytes {
            return Ok(());
        }
        self.now.max.set((limits.memory_bytes + held_bytes).next_multiple_of(PAGE_BYTES))?;
        self.now.pids_max.set(limits.processes)?;
        self.write_cpu_max(limits.cpus)?;
        (self.in_force, self.held_bytes) = (Some(*limits), held_bytes);
        Ok(())
    }

    fn counters(&mut self) -> Result<Counters> {
        Ok(Counters {
            cpu_ns: self.now.cpu_ns()?,
            oom_kills: self.now.events.field("oom_kill ")?,
            refused_processes: self.now.pids_events.field("max ")?,
        })
    }

    fn cpu_ns(&mut self) -> Result<u64> {
        self.now.cpu_ns()
    }

    fn threads(&mut self) -> Result<Vec<i32>> {
        let path = self.now.path.join("cgroup.threads");
        let text = fs::read_to_string(&path).context("read", path)?;
        Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
    }

    fn threads_count(&mut self) -> Result<u64> {
        self.now.pids_current.number()
    }

    fn set_weight(&mut self, weight: u64) -> Result<()> {
        if self.weight_in_force.replace(weight) == Some(weight) {
            return Ok(());
        }
        self.weight.write(weight)
    }

    fn memory_bytes(&mut self) -> Result<u64> {
        self.now.usage.number()
    }

    fn left_bytes(&mut self) -> Result<u64> {
        self.last.as_ref().map_or(Ok(0), |last| last.usage.number())
    }

    fn peak_memory_bytes(&mut self) -> Result<u64> {
        self.now.peak.number()
    }

    fn was_own_limit(&mut self) -> Result<bool> {
        let limit = self.in_force.map_or(0, |limits| limits.memory_bytes + self.held_bytes);
        Ok(self.now.peak.number()? + LARGEST_CHARGE_BYTES >= limit)
    }

    fn reset_peak(&mut self) -> Result<()> {
        if self.now.peak_resets { self.now.peak.write(0) } else { Ok(()) }
    }

    fn kill(&mut self, _spared: &[i32]) -> Result<()> {
        if !self.unthrottled {
            // The dead have to run once more, and would wait for their next quota.
            self.now.cpu_max.write("max")?;
            self.unthrottled = true;
        }
        self.now.kill.write(1)
    }

    fn release(&mut self) -> Result<()> {
        match (std::mem::take(&mut self.unthrottled), self.in_force) {
            (true, Some(limits)) => self.write_cpu_max(limits.cpus),
            _ => Ok(()),
        }
    }

    fn reclaim(&self) -> Result<()> {
        let leaf = self.last.as_ref().unwrap_or(&self.now);
        leaf.reclaim(leaf.usage.number()?)
    }

    fn prepare(&mut self) -> Result<()> {
        if self.now.peak_resets {
            return Ok(());
        }
        if let Some(last) = self.last.take() {
            last.remove()?;
        }
        self.next = Some(self.make_next()?);
        Ok(())
    }

    fn renew(&mut self) -> Result<Option<BorrowedFd<'_>>> {
        if self.now.peak_resets {
            return Ok(None);
        }
        let next = match self.next.take() {
            Some(next) => next,
            None => self.make_next()?,
        };
        self.last = Some(std::mem::replace(&mut self.now, next));
        (self.in_force, self.unthrottled) = (None, false);
        Ok(Some(self.now.directory.as_fd()))
    }
}
