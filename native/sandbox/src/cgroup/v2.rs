//! cgroup v2: a slot has one leaf for its keeper and, beside it, one for its program, who is born there.
//!
//! ```text
//! own group/        where the engine was started
//!   assay-host/     its processes, where it is not the machine's root: who has any may not hand on controllers
//!   assay-0/        the instance
//!     slot-3/       the root of what keeper and program see
//!       keeper/
//!       run-17/     limits and counters of the program
//! ```
//!
//! Before Linux 6.12 a leaf's peak of memory cannot be reset: each run gets a new leaf, made while the one before is running.

mod leaf;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys;

use super::knob::{Knob, make, write};
use super::{Hierarchy, SlotCgroup, place};
use leaf::Leaves;

const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];
/// Of an ordinary process, and the kernel's most.
const WEIGHT: u64 = 100;
const MOST_WEIGHT: u64 = 10_000;
const HOST: &str = "assay-host";
const KEEPER: &str = "keeper";
/// A process that forks while it is being moved leaves a child behind.
const MOVES: usize = 100;

pub struct V2 {
    /// The group that this process was started in.
    own: PathBuf,
    instance: PathBuf,
    hybrid: bool,
}

impl V2 {
    /// None where there is no v2 mount; faults with ENOTSUP where it lacks a controller.
    pub fn detect(instance: &str) -> Result<Option<Self>> {
        let [mounts, memberships] = place::read()?;
        let Some(found) = Self::parse(&mounts, &memberships, instance) else { return Ok(None) };
        let path = found.own.join("cgroup.controllers");
        let missing = missing_controllers(&path)?;
        if missing.is_empty() {
            return Ok(Some(found));
        }
        Err(Fault::new(&format!("find the controllers {} in", missing.join(", ")), path, libc::ENOTSUP))
    }

    fn parse(mounts: &str, memberships: &str, instance: &str) -> Option<Self> {
        let mut own = place::own_directory(mounts, memberships, |kind, _| kind == "cgroup2", str::is_empty)?;
        // An engine was here before and has moved whoever started us.
        if own.ends_with(HOST) {
            own.pop();
        }
        let hybrid = mounts.lines().any(|line| line.contains(" - cgroup "));
        Some(Self { instance: own.join(instance), own, hybrid })
    }

    fn slot(&self, slot: u32) -> PathBuf {
        self.instance.join(format!("slot-{slot}"))
    }
}

impl Hierarchy for V2 {
    fn describe(&self) -> String {
        if self.hybrid { "v2 (hybrid)".to_owned() } else { "v2".to_owned() }
    }

    fn directories(&self) -> Vec<PathBuf> {
        vec![self.instance.clone()]
    }

    fn make_instance(&self) -> Result<()> {
        match hand_on_controllers(&self.own) {
            Err(fault) if fault.is(libc::EBUSY) => {
                move_processes(&self.own, &self.own.join(HOST))?;
                hand_on_controllers(&self.own)?;
            }
            result => result?,
        }
        make(&self.instance)?;
        hand_on_controllers(&self.instance)
    }

    fn open_usage(&self) -> Result<Option<Knob>> {
        Knob::open(self.instance.join("memory.current"), false).map(Some)
    }

    fn weigh_instance(&self, cores: u32) -> Result<()> {
        write(&self.instance.join("cpu.weight"), (WEIGHT * u64::from(cores)).min(MOST_WEIGHT))
    }

    fn make_slot(&self, slot: u32, uid: u32) -> Result<()> {
        let directory = self.slot(slot);
        make(&directory)?;
        make(&directory.join(KEEPER))?;
        // Whoever bears a child into another group needs this right on the nearest group above both.
        let procs = directory.join("cgroup.procs");
        chown(&procs, Some(uid), Some(uid)).context("chown", procs)?;
        leaf::make(&directory, 0, uid)
    }

    fn enter_slot(&self, slot: u32) -> Result<Option<OwnedFd>> {
        let directory = self.slot(slot);
        write(&directory.join("cgroup.procs"), sys::getpid())?;
        // Made here, above keeper and program: a mount with `nsdelegate` lets nobody leave the root of its namespace.
        sys::unshare(libc::CLONE_NEWCGROUP)?;
        write(&directory.join(KEEPER).join("cgroup.procs"), sys::getpid())?;
        hand_on_controllers(&directory)?;
        let first = leaf::path(&directory, 0);
        Ok(Some(File::open(&first).context("open", first)?.into()))
    }

    fn open_slot(&self, slot: u32, uid: u32, _ours: &[i32]) -> Result<Box<dyn SlotCgroup>> {
        Ok(Box::new(Leaves::open(self.slot(slot), uid)?))
    }

    fn slot_directories(&self, slot: u32) -> Vec<PathBuf> {
        vec![self.slot(slot)]
    }
}

/// Gives a group's children their controllers; EBUSY where it has processes.
fn hand_on_controllers(directory: &Path) -> Result<()> {
    let path = directory.join("cgroup.subtree_control");
    let missing = missing_controllers(&path)?;
    if missing.is_empty() {
        return Ok(());
    }
    write(&path, missing.iter().map(|name| format!("+{name}")).collect::<Vec<_>>().join(" "))
}

fn missing_controllers(list: &Path) -> Result<Vec<&'static str>> {
    let text = fs::read_to_string(list).context("read", list)?;
    Ok(CONTROLLERS.into_iter().filter(|name| !text.split_whitespace().any(|there| there == *name)).collect())
}

fn move_processes(from: &Path, to: &Path) -> Result<()> {
    make(to)?;
    let (from, to) = (from.join("cgroup.procs"), to.join("cgroup.procs"));
    for _ in 0..MOVES {
        let text = fs::read_to_string(&from).context("read", &from)?;
        if text.is_empty() {
            return Ok(());
        }
        // 0 stands for one that our pid namespace does not show, and for ourselves when written.
        for pid in text.lines().filter(|pid| *pid != "0") {
            match write(&to, pid) {
                Err(fault) if fault.is(libc::ESRCH) => {}
                result => result?,
            }
        }
    }
    Err(Fault::new("move every process out of", from, libc::EBUSY))
}
