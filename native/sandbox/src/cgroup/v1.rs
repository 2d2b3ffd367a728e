//! cgroup v1, also beside a v2 mount (hybrid): one directory per controller and slot.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Counters, Hierarchy, SlotCgroup};
use crate::fault::{Context, Fault, Result};
use crate::wire::JobLimits;

const PERIOD_US: u64 = 100_000;
/// The keeper is in the slot's group too.
const OUR_PROCESSES: u32 = 1;
/// Socket buffers are counted beside the memory limit, so they get a part of it on top.
const SOCKET_SHARE: u64 = 2;
const HELD_STEP_BYTES: u64 = 1 << 20;
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
        let mounts = read("/proc/self/mountinfo")?;
        let memberships = read("/proc/self/cgroup")?;
        Ok(Self::parse(&mounts, &memberships, instance))
    }

    fn parse(mounts: &str, memberships: &str, instance: &str) -> Option<Self> {
        let base = |controller| Some(own_directory(mounts, memberships, controller)?.join(instance));
        let [memory, cpu, cpuacct, pids] = CONTROLLERS.map(base);
        let hybrid = mounts.lines().any(|line| line.contains(" - cgroup2 "));
        Some(Self { memory: memory?, cpu: cpu?, cpuacct: cpuacct?, pids: pids?, hybrid })
    }
}

/// Where this process's own group of a controller is mounted.
fn own_directory(mounts: &str, memberships: &str, controller: &str) -> Option<PathBuf> {
    let (root, mount_point) = mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut filesystem = right.split(' ');
        let (kind, options) = (filesystem.next()?, filesystem.nth(1)?);
        (kind == "cgroup" && options.split(',').any(|option| option == controller)).then_some(())?;
        let mut fields = left.split(' ').skip(3);
        Some((fields.next()?, fields.next()?))
    })?;
    let path = memberships.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })?;
    let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
    Some(Path::new(mount_point).join(below))
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

    fn make_slot(&self, slot: u32) -> Result<()> {
        for directory in self.slot_directories(slot) {
            make(&directory)?;
        }
        write_file(&self.cpu.join(slot_name(slot)).join("cpu.cfs_period_us"), PERIOD_US)
    }

    fn join_slot(&self, slot: u32, pid: i32) -> Result<()> {
        for directory in self.slot_directories(slot) {
            write_file(&directory.join("cgroup.procs"), pid as u64)?;
        }
        Ok(())
    }

    fn open_slot(&self, slot: u32) -> Result<Box<dyn SlotCgroup>> {
        let name = slot_name(slot);
        let (memory, cpu, pids) = (self.memory.join(&name), self.cpu.join(&name), self.pids.join(&name));
        Ok(Box::new(Slot {
            usage: Knob::open(memory.join("memory.usage_in_bytes"), false)?,
            max_usage: Knob::open(memory.join("memory.max_usage_in_bytes"), true)?,
            limit: Knob::open(memory.join("memory.limit_in_bytes"), true)?,
            // Absent without swap accounting.
            limit_with_swap: Knob::open(memory.join("memory.memsw.limit_in_bytes"), true).ok(),
            socket_limit: Knob::open(memory.join("memory.kmem.tcp.limit_in_bytes"), true).ok(),
            oom_control: Knob::open(memory.join("memory.oom_control"), false)?,
            force_empty: memory.join("memory.force_empty"),
            quota: Knob::open(cpu.join("cpu.cfs_quota_us"), true)?,
            cpu_usage: Knob::open(self.cpuacct.join(&name).join("cpuacct.usage"), false)?,
            pids_max: Knob::open(pids.join("pids.max"), true)?,
            pids_events: Knob::open(pids.join("pids.events"), false)?,
            procs: pids.join("cgroup.procs"),
            in_force: None,
            held_bytes: 0,
            seized: false,
        }))
    }

    fn slot_directories(&self, slot: u32) -> Vec<PathBuf> {
        self.directories().iter().map(|directory| directory.join(slot_name(slot))).collect()
    }
}

struct Slot {
    usage: Knob,
    max_usage: Knob,
    limit: Knob,
    limit_with_swap: Option<Knob>,
    /// Memory in socket buffers, which v1 counts apart and only once this has been written; absent in some kernels.
    socket_limit: Option<Knob>,
    oom_control: Knob,
    force_empty: PathBuf,
    quota: Knob,
    cpu_usage: Knob,
    pids_max: Knob,
    pids_events: Knob,
    procs: PathBuf,
    in_force: Option<JobLimits>,
    /// What the slot holds by itself, in whole steps; the program's memory limit comes on top.
    held_bytes: u64,
    seized: bool,
}

impl Slot {
    fn write_limits(&mut self, limits: &JobLimits, held_bytes: u64) -> Result<()> {
        let bytes = limits.memory_bytes + held_bytes;
        // The limit with swap must never be below the one without.
        if let Some(with_swap) = &self.limit_with_swap {
            let first_is_smaller = self.in_force.is_none_or(|now| bytes < now.memory_bytes + self.held_bytes);
            let order: [&Knob; 2] = if first_is_smaller { [&self.limit, with_swap] } else { [with_swap, &self.limit] };
            order.iter().try_for_each(|knob| knob.write(bytes as i64))?;
        } else {
            self.limit.write(bytes as i64)?;
        }
        if let Some(socket_limit) = &self.socket_limit {
            socket_limit.write((limits.memory_bytes / SOCKET_SHARE) as i64)?;
        }
        self.quota.write((limits.cpus * PERIOD_US as f64).max(1_000.0) as i64)?;
        self.pids_max.write((limits.processes + OUR_PROCESSES).into())?;
        (self.in_force, self.held_bytes) = (Some(*limits), held_bytes);
        Ok(())
    }
}

impl SlotCgroup for Slot {
    fn limit(&mut self, limits: &JobLimits, held_bytes: u64) -> Result<()> {
        // In steps, so that a few pages more or less do not cost a write for every run.
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

    fn memory_bytes(&mut self) -> Result<u64> {
        self.usage.number()
    }

    fn peak_memory_bytes(&mut self) -> Result<u64> {
        self.max_usage.number()
    }

    fn reset_peak(&mut self) -> Result<()> {
        self.max_usage.write(0)
    }

    fn processes(&mut self, pids: &mut Vec<i32>) -> Result<()> {
        pids.clear();
        // Opened anew each time: v1 keeps the list that a descriptor read first for another second.
        let text = fs::read_to_string(&self.procs).context("read", &self.procs)?;
        pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        Ok(())
    }

    fn seize(&mut self) -> Result<()> {
        if !self.seized {
            self.seized = true;
            self.quota.write(-1)?;
            self.pids_max.write(0)?;
        }
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        self.seized = false;
        match self.in_force {
            Some(limits) => self.write_limits(&limits, self.held_bytes),
            None => Ok(()),
        }
    }

    fn reclaim(&self) -> Result<()> {
        write_file(&self.force_empty, 0)
    }
}

/// One control file, held open.
struct Knob {
    file: File,
    path: PathBuf,
}

impl Knob {
    fn open(path: PathBuf, write: bool) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(write).open(&path).context("open", &path)?;
        Ok(Self { file, path })
    }

    fn write(&self, value: i64) -> Result<()> {
        self.file.write_at(value.to_string().as_bytes(), 0).context("write", &self.path).map(drop)
    }

    fn number(&self) -> Result<u64> {
        let mut bytes = [0; 32];
        let count = self.file.read_at(&mut bytes, 0).context("read", &self.path)?;
        std::str::from_utf8(&bytes[..count])
            .ok()
            .and_then(|text| text.trim_end().parse().ok())
            .ok_or_else(|| Fault::new("parse", &self.path, libc::EBADMSG))
    }

    /// The number behind a key, as in `oom_kill 3`.
    fn field(&self, key: &str) -> Result<u64> {
        let mut bytes = [0; 128];
        let count = self.file.read_at(&mut bytes, 0).context("read", &self.path)?;
        std::str::from_utf8(&bytes[..count])
            .ok()
            .and_then(|text| text.lines().find_map(|line| line.strip_prefix(key)?.parse().ok()))
            .ok_or_else(|| Fault::new("parse", &self.path, libc::EBADMSG))
    }
}

fn make(directory: &Path) -> Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error).context("mkdir", directory),
        _ => Ok(()),
    }
}

fn write_file(path: &Path, value: u64) -> Result<()> {
    fs::write(path, value.to_string()).context("write", path)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).context("read", path)
}
