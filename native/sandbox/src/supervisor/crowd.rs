//! Whether cores are scarce, and whether a program waits for one.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

use assay_shared::fault::{Context, Result};

use crate::cgroup::SlotCgroup;

const MILLISECOND: u64 = 1_000_000;
const RUNNING: &str = "/proc/loadavg";
/// Between two looks at the machine, while anything runs.
const MACHINE_TICK: u64 = 25 * MILLISECOND;
/// Cores that were scarce once count as scarce for so long.
const LASTS: u64 = 200 * MILLISECOND;
/// Between two looks at a run; with many of them longer, so that a thousand cost a hundredth of a core.
const RUN_TICK: u64 = 20 * MILLISECOND;
const TICK_OF_MANY: u64 = MILLISECOND;
/// New runs that may want a core at once, for each core: more would only slow each other.
const YOUNG_OF_A_CORE: usize = 4;
/// Threads of one program that a look asks for; more than this asleep count as asleep.
const MOST_ASKED: usize = 64;

/// What is known of the machine's cores.
pub struct Crowd {
    cores: u64,
    running: File,
    scarce_until: u64,
    looked: u64,
    /// `u64::MAX` while nothing runs.
    next_look: u64,
    scarce: bool,
    /// In the time that ends at the next look at a run.
    was_scarce: bool,
    /// Programs that run in slots.
    live: u64,
}

impl Crowd {
    pub fn new(cores: u32) -> Result<Self> {
        let running = File::open(RUNNING).context("open", RUNNING)?;
        Ok(Self {
            cores: cores.into(),
            running,
            scarce_until: 0,
            looked: 0,
            next_look: u64::MAX,
            scarce: false,
            was_scarce: false,
            live: 0,
        })
    }

    /// A run begins; the answer is when to look at it, if not for its limits.
    pub fn enter(&mut self, now: u64) -> u64 {
        if self.next_look == u64::MAX {
            self.look(now, 1);
            self.settle();
        }
        self.next_tick(now)
    }

    pub fn next_look(&self) -> u64 {
        self.next_look
    }

    pub fn look_again_by(&mut self, when: u64) {
        self.next_look = self.next_look.min(when);
    }

    pub fn was_scarce(&self) -> bool {
        self.was_scarce
    }

    /// Every run has been looked at since the last look at the machine, or need not be.
    pub fn settle(&mut self) {
        self.was_scarce = self.scarce;
    }

    /// Looks at the machine; whether cores have become scarce, or are no longer.
    pub fn look(&mut self, now: u64, live: u64) -> bool {
        let mut bytes = [0; 128];
        let count = self.running.read_at(&mut bytes, 0).unwrap_or(0);
        let text = std::str::from_utf8(&bytes[..count]).unwrap_or_default();
        // This process is one of those that run.
        if running(text).is_some_and(|running| running > self.cores + 1) {
            self.scarce_until = now + LASTS;
        }
        (self.looked, self.live) = (now, live);
        self.next_look = if live > 0 { now + MACHINE_TICK } else { u64::MAX };
        self.scarce = now < self.scarce_until;
        self.scarce != self.was_scarce
    }

    /// Whether one more new run would only slow those that there are; where that is not known, the machine is looked at first.
    pub fn is_full(&mut self, young: usize, now: u64) -> bool {
        if young < YOUNG_OF_A_CORE * self.cores as usize {
            return false;
        }
        let known = now < self.looked + MILLISECOND;
        if !self.scarce && !known {
            self.next_look = now;
        }
        self.scarce || !known
    }

    pub fn is_scarce(&self) -> bool {
        self.scarce
    }

    /// When to look at a run again: where cores are scarce, at a moment that its program cannot foresee.
    pub fn next_tick(&self, now: u64) -> u64 {
        if !self.scarce {
            return u64::MAX;
        }
        let tick = RUN_TICK.max(self.live * TICK_OF_MANY);
        now + tick / 2 + now % tick
    }
}

/// Of `0.20 0.18 0.12 3/480 11206` the 3.
fn running(loadavg: &str) -> Option<u64> {
    loadavg.split_ascii_whitespace().nth(3)?.split_once('/')?.0.parse().ok()
}

/// What a run wants of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// All of it is asleep.
    Nothing,
    /// A thread of the program, or the keeper on its behalf, runs or could if it had a core.
    Core,
    /// It is over, and the keeper has to find the time to say so.
    End,
}

/// `first` is the program's first process, `ours` the keeper and whoever else of us is in its control group.
pub fn wants(first: i32, cgroup: &mut dyn SlotCgroup, ours: &[i32]) -> Wants {
    let is_running = |thread| state_of(thread) == Some(b'R');
    let first_state = state_of(first);
    if first_state == Some(b'R') {
        return Wants::Core;
    }
    if is_running(ours[0]) {
        return if matches!(first_state, None | Some(b'Z' | b'X')) { Wants::End } else { Wants::Core };
    }
    // What cannot be read is gone, and what is gone waits for nothing.
    if first_state.is_some() && cgroup.threads_count().unwrap_or(0) <= 1 {
        return Wants::Nothing;
    }
    let threads = cgroup.threads().unwrap_or_default();
    let mut others = threads.into_iter().filter(|id| *id != first && !ours.contains(id)).take(MOST_ASKED);
    if others.any(is_running) { Wants::Core } else { Wants::Nothing }
}

fn state_of(thread: i32) -> Option<u8> {
    let mut bytes = [0; 512];
    let read = File::open(format!("/proc/{thread}/task/{thread}/stat")).and_then(|mut file| file.read(&mut bytes));
    read.ok().and_then(|count| state(&bytes[..count]))
}

/// The letter behind the name, which is in brackets and may hold anything.
fn state(stat: &[u8]) -> Option<u8> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(end + 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_counts_are_read() {
        assert_eq!(state(b"7 (a) R) S 1 1 1 0"), Some(b'S'));
        assert_eq!(state(b"7 (a"), None);
        assert_eq!(running("0.20 0.18 0.12 3/480 11206\n"), Some(3));
        assert_eq!(running(""), None);
    }

    #[test]
    fn looks_are_spread_and_grow_with_the_number_of_runs() {
        let mut crowd = Crowd::new(2).expect("loadavg is there");
        assert_eq!(crowd.next_tick(7), u64::MAX);
        crowd.scarce = true;
        let ticks =
            |crowd: &Crowd| (0..10_000).map(|step| crowd.next_tick(step * 7919) - step * 7919).collect::<Vec<_>>();
        let few = ticks(&crowd);
        assert!(few.iter().all(|tick| (RUN_TICK / 2..RUN_TICK * 3 / 2).contains(tick)));
        crowd.live = 1_000;
        assert!(ticks(&crowd).iter().all(|tick| *tick >= 500 * MILLISECOND));
    }

    #[test]
    fn who_sleeps_and_who_is_over_is_seen() {
        let mut asleep = std::process::Command::new("sleep").arg("9").spawn().expect("sleep is there");
        let pid = asleep.id() as i32;
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(state_of(pid), Some(b'S'));
        asleep.kill().expect("a running child");
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(state_of(pid), Some(b'Z'));
        asleep.wait().expect("its end");
        assert_eq!(state_of(pid), None);
    }
}
