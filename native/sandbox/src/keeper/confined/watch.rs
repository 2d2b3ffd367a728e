//! What a run uses of memory and disk, looked at again and again: nothing else counts it here.
//!
//! A look costs some 30 us for each process. The next one comes when what this one cost is a fiftieth of the time between
//! them, and later where nothing grows; so a run goes past its limit for some milliseconds before it is ended.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_shared::sys;
use assay_shared::wire::Exceeded;

use super::storage::{Grounds, open_to_ourselves};
use crate::census;

const MILLISECOND: u64 = 1_000_000;
/// A core fills 5 to 50 MB meanwhile.
const SHORTEST: u64 = 4 * MILLISECOND;
/// Where nothing has grown for a while.
const LONGEST: u64 = 40 * MILLISECOND;
/// The time between two looks, in costs of a look.
const COSTS: u64 = 50;
const BLOCK_BYTES: u64 = 4096;
/// As in a slot that has a file system of its own.
const INODES: u64 = 256;
/// Tables for less of it are small.
const MUCH_MAPPED_BYTES: u64 = 1 << 30;
/// Sums of memory past the limit before it counts as exceeded. Processes are read one after the other: while they come and
/// go, their parts of what they share add up to more than there is.
const SUMS: usize = 3;
/// Directories below directories that are looked into.
const DEPTH: usize = 64;

/// What a run may use.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    pub memory_bytes: u64,
    pub processes: u32,
    pub disk_bytes: u64,
}

/// Of one run; without one there is nothing to look at.
#[derive(Default)]
pub struct Watch(Option<Watched>);

struct Watched {
    allowed: Allowed,
    /// Where it may write.
    directories: [PathBuf; 2],
    device: u64,
    next: u64,
    interval: u64,
    last_used: u64,
    peak_bytes: u64,
}

impl Watch {
    pub fn start(allowed: Allowed, grounds: &Grounds) -> Self {
        let places = grounds.places();
        let device = fs::metadata(places.root()).map_or(0, |facts| facts.dev());
        let now = sys::monotonic_ns();
        Self(Some(Watched {
            allowed,
            directories: [places.work(), places.tmp()],
            device,
            next: now + SHORTEST / 2,
            interval: SHORTEST,
            last_used: 0,
            peak_bytes: 0,
        }))
    }

    /// Until the next look.
    pub fn patience(&self) -> Option<Duration> {
        let watched = self.0.as_ref()?;
        let left = watched.next.saturating_sub(sys::monotonic_ns());
        Some(Duration::from_millis(left.div_ceil(MILLISECOND)))
    }

    pub fn peak_bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |watched| watched.peak_bytes)
    }

    /// What the processes below this one are past, if it is time to look. A run that is past something stays so.
    pub fn look(&mut self, keeper: i32) -> Option<Exceeded> {
        let watched = self.0.as_mut()?;
        let began = sys::monotonic_ns();
        if began < watched.next {
            return None;
        }
        let found = watched.exceeded(keeper);
        let now = sys::monotonic_ns();
        watched.next = now + watched.interval.max((now - began) * COSTS);
        found
    }
}

impl Watched {
    fn exceeded(&mut self, keeper: i32) -> Option<Exceeded> {
        let pids = census::descendants(keeper);
        let mut used = self.memory_bytes(&pids);
        for _ in 1..SUMS {
            if used > self.allowed.memory_bytes {
                used = used.min(self.memory_bytes(&census::descendants(keeper)));
            }
        }
        self.peak_bytes = self.peak_bytes.max(used);
        let files = self.files(&pids);
        let total = used + files.bytes;
        self.interval = if total > self.last_used { SHORTEST } else { (self.interval * 2).min(LONGEST) };
        self.last_used = total;
        if used > self.allowed.memory_bytes {
            return Some(Exceeded::Memory);
        }
        let inodes = self.allowed.disk_bytes / BLOCK_BYTES + INODES;
        (files.bytes > self.allowed.disk_bytes || files.count > inodes || files.too_deep).then_some(Exceeded::Disk)
    }

    fn memory_bytes(&self, pids: &[i32]) -> u64 {
        let facts: Vec<_> = pids.iter().filter_map(|pid| Some((*pid, census::facts(*pid)?))).collect();
        let mut used: u64 = facts.iter().map(|(_, facts)| facts.resident_bytes).sum();
        if used > self.allowed.memory_bytes && facts.len() > 1 {
            used = facts.iter().map(|(pid, _)| part_bytes(*pid)).sum();
        }
        let maps_much = |(_, facts): &&(i32, census::Facts)| facts.mapped_bytes > MUCH_MAPPED_BYTES;
        used + facts.iter().filter(maps_much).map(|(pid, _)| census::tables_bytes(*pid)).sum::<u64>()
    }

    fn files(&self, pids: &[i32]) -> Files {
        let mut files =
            Files { bytes: 0, count: 0, too_deep: false, most: self.allowed.disk_bytes / BLOCK_BYTES + INODES };
        self.directories.iter().for_each(|directory| files.add(directory, 0));
        let mut nameless: HashMap<u64, u64> = HashMap::new();
        for (inode, bytes) in pids.iter().flat_map(|pid| census::nameless_files(*pid, self.device)) {
            let known = nameless.entry(inode).or_default();
            *known = bytes.max(*known);
        }
        files.bytes += nameless.values().sum::<u64>();
        files
    }
}

/// Its part of the memory. A program can close that to everybody: then what it shares counts whole, unless it has ended.
fn part_bytes(pid: i32) -> u64 {
    census::proportional_bytes(pid).unwrap_or_else(|| census::facts(pid).map_or(0, |facts| facts.resident_bytes))
}

/// What lies in a run's directories.
struct Files {
    bytes: u64,
    count: u64,
    too_deep: bool,
    /// More need not be counted.
    most: u64,
}

impl Files {
    /// Links are not followed; what cannot be read is gone.
    fn add(&mut self, directory: &Path, depth: usize) {
        if depth > DEPTH {
            self.too_deep = true;
            return;
        }
        let mut entries = fs::read_dir(directory);
        if entries.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EACCES)) {
            // Its owner has closed it, which we are.
            let _ = open_to_ourselves(directory);
            entries = fs::read_dir(directory);
        }
        for entry in entries.into_iter().flatten().flatten() {
            let Ok(facts) = entry.metadata() else { continue };
            self.count += 1;
            self.bytes += facts.blocks() * 512 / facts.nlink().max(1);
            if self.count > self.most || self.too_deep {
                return;
            }
            if facts.is_dir() {
                self.add(&entry.path(), depth + 1);
            }
        }
    }
}
