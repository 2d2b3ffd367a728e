//! The processes below one of ours, and what the kernel says of each: for places where no control group counts them.

use std::fs;
use std::path::Path;

/// The kernel's USER_HZ, which is 100 on every architecture that we build for.
pub const TICK_NS: u64 = 10_000_000;
const PAGE_BYTES: u64 = 4096;
const KIB: u64 = 1024;

/// A process as its `stat` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its process group.
    pub group: i32,
    /// CPU time of the children that it has reaped; of its own see `sys::process_cpu_ns`.
    pub reaped_ticks: u64,
    pub threads: u64,
    /// Since the machine's start; with the pid, no two processes have the same.
    pub started_ticks: u64,
    /// In memory now, what it shares with others included.
    pub resident_bytes: u64,
    /// Mapped, in memory or not.
    pub mapped_bytes: u64,
}

/// Every process below this one. Some may have ended meanwhile; orphans are the keeper's, so none is lost.
pub fn descendants(root: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for thread in threads.flatten() {
            let text = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            let children = text.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok());
            found.extend(children.clone());
            parents.extend(children);
        }
    }
    found
}

/// None if it is gone.
pub fn facts(pid: i32) -> Option<Facts> {
    let facts = parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    if facts.resident_bytes > 0 || facts.threads < 2 {
        return Some(facts);
    }
    // Its first thread has ended, and knows of no memory any more; the others do.
    let of_thread = |thread: i32| parse(&fs::read_to_string(format!("/proc/{pid}/task/{thread}/stat")).ok()?);
    let resident_bytes = threads(pid).into_iter().filter_map(of_thread).map(|facts| facts.resident_bytes).max();
    Some(Facts { resident_bytes: resident_bytes.unwrap_or(0), ..facts })
}

fn threads(pid: i32) -> Vec<i32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// What the kernel needs to map its memory; asked of who maps much.
pub fn tables_bytes(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmPTE:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * KIB
}

fn parse(stat: &str) -> Option<Facts> {
    // The name, in brackets, may hold anything; after it the third field comes, the state.
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Facts {
        group: fields.get(5 - 3)?.parse().ok()?,
        reaped_ticks: field(16)? + field(17)?,
        threads: field(20)?,
        started_ticks: field(22)?,
        resident_bytes: field(24)? * PAGE_BYTES,
        mapped_bytes: field(23)?,
    })
}

/// The process that a thread belongs to; None if it is gone.
pub fn process_of(thread: i32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

/// Its part of what it shares, and what is its own; None where that may not be read.
pub fn proportional_bytes(pid: i32) -> Option<u64> {
    // The first thread may have ended.
    let of_thread = |thread| fs::read_to_string(format!("/proc/{pid}/task/{thread}/smaps_rollup")).ok();
    let text = threads(pid).into_iter().filter_map(of_thread).find(|text| !text.is_empty())?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? * KIB)
}

/// Files without a name that it holds open or mapped on this device: inode numbers and bytes.
pub fn nameless_files(pid: i32, device: u64) -> Vec<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let directory = format!("/proc/{pid}/fd");
    let opened = fs::read_dir(Path::new(&directory)).into_iter().flatten().flatten();
    let files = opened.filter_map(|entry| fs::metadata(entry.path()).ok());
    let nameless = files.filter(|facts| facts.is_file() && facts.nlink() == 0 && facts.dev() == device);
    let opened = nameless.map(|facts| (facts.ino(), facts.blocks() * 512));
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    opened.chain(maps.lines().filter_map(|line| deleted(line, device))).collect()
}

/// `7f00-7f10 rw-s 00001000 fe:00 1234 /a/b (deleted)`: the inode, and what of the file is mapped.
fn deleted(line: &str, device: u64) -> Option<(u64, u64)> {
    let mut words = line.strip_suffix(" (deleted)")?.split_ascii_whitespace();
    let (range, offset, place, inode) = (words.next()?, words.nth(1)?, words.next()?, words.next()?);
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let (major, minor) = place.split_once(':')?;
    if libc::makedev(number(major)? as u32, number(minor)? as u32) != device {
        return None;
    }
    let (from, to) = range.split_once('-')?;
    Some((inode.parse().ok()?, number(offset)? + number(to)?.checked_sub(number(from)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_behind_whatever_name() {
        let stat = "7 (a) 1 2) b) R 1 1 1 0 -1 4194304 90 0 0 0 31 4 200 17 20 0 3 0 5 1000 200 1";
        let wanted = Facts {
            group: 1,
            reaped_ticks: 217,
            threads: 3,
            started_ticks: 5,
            resident_bytes: 200 * PAGE_BYTES,
            mapped_bytes: 1000,
        };
        assert_eq!(parse(stat), Some(wanted));
        assert_eq!(parse("7 (a) R 1"), None);
    }

    #[test]
    fn what_is_mapped_of_a_deleted_file_is_told() {
        let device = libc::makedev(0xfe, 0);
        let line = "7f0000000000-7f0000004000 rw-s 00001000 fe:00 77          /a b (deleted)";
        assert_eq!(deleted(line, device), Some((77, 0x5000)));
        assert_eq!(deleted(line, device + 1), None);
        assert_eq!(deleted("7f00-7f10 rw-p 00000000 fe:00 77 /a", device), None);
    }

    #[test]
    fn a_child_is_found_and_measured() {
        let mut child = std::process::Command::new("sleep").arg("9").spawn().expect("sleep is there");
        let pid = child.id() as i32;
        // Until it has become that program.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let found = descendants(std::process::id() as i32);
        let facts = facts(pid).expect("it lives");
        let proportional = proportional_bytes(pid);
        child.kill().expect("our child");
        child.wait().expect("our child");
        assert!(found.contains(&pid));
        assert!(facts.threads == 1 && facts.resident_bytes > 0 && facts.started_ticks > 0);
        assert!(proportional.is_some_and(|bytes| bytes > 0 && bytes <= facts.resident_bytes + PAGE_BYTES));
    }
}
