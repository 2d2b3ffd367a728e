//! Two other ways to look for repeats, which `assay bench repeat` measures beside ours. The first is also what the tests
//! hold ours against.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::grams::GRAM;
use super::rules::{Limits, Rules};
use super::{Kind, Repeat};

/// Takes a token; says whether the sequence repeats itself.
pub trait Peer {
    fn push(&mut self, token: u32) -> Option<Repeat>;
    /// What it holds, about.
    fn bytes(&self) -> usize;
}

/// Rules 1 and 2 as they are written: every period counted anew for each token, and every 16-gram kept.
pub struct Naive {
    limits: Limits,
    tokens: Vec<u32>,
    seen: Vec<bool>,
    seen_in_window: usize,
    last: HashMap<[u32; GRAM as usize], usize>,
}

impl Naive {
    /// Fails as `Limits::of`.
    pub fn new(rules: Rules) -> Result<Self, (&'static str, String)> {
        let limits = Limits::of(rules)?;
        Ok(Self { limits, tokens: Vec::new(), seen: Vec::new(), seen_in_window: 0, last: HashMap::new() })
    }

    fn looped(&self) -> Option<usize> {
        (1..=self.limits.runs.len()).find(|&period| {
            let enough = self.limits.runs[period - 1] as usize;
            let length = self.tokens.len();
            length >= enough + period
                && (length - enough..length).rev().all(|place| self.tokens[place] == self.tokens[place - period])
        })
    }

    fn seen_before(&mut self) -> bool {
        let place = self.tokens.len() - 1;
        let Some(gram) = self.tokens.last_chunk() else { return false };
        let before = self.last.insert(*gram, place);
        before.is_some_and(|before| place - before + GRAM as usize <= self.limits.rules.window as usize)
    }

    fn begins(&self) -> u64 {
        let (window, near) = (self.limits.rules.window as usize, i64::from(self.limits.near_tokens));
        let places = self.seen.len().saturating_sub(window)..self.seen.len();
        let weight = |from: usize| {
            let weights = self.seen[from..].iter().map(|&seen| if seen { window as i64 - near } else { -near });
            weights.sum::<i64>()
        };
        // The earliest of those that weigh the same.
        let heaviest = places.rev().max_by_key(|&from| weight(from)).unwrap_or(0);
        (heaviest as u64).saturating_sub(GRAM - 1)
    }
}

impl Peer for Naive {
    fn push(&mut self, token: u32) -> Option<Repeat> {
        self.tokens.push(token);
        let seen = self.seen_before();
        self.seen.push(seen);
        let gone = self.seen.len().checked_sub(self.limits.rules.window as usize + 1).map(|place| self.seen[place]);
        self.seen_in_window += usize::from(seen);
        self.seen_in_window -= usize::from(gone == Some(true));
        let at = self.tokens.len() as u64;
        if let Some(period) = self.looped() {
            let start = at - self.limits.runs[period - 1] - period as u64;
            return Some(Repeat { kind: Kind::Loop, at, start, period: period as u64 });
        }
        let near = self.seen_in_window >= self.limits.near_tokens as usize;
        near.then(|| Repeat { kind: Kind::NearLoop, at, start: self.begins(), period: 0 })
    }

    fn bytes(&self) -> usize {
        let entry = size_of::<([u32; GRAM as usize], usize)>() + 1;
        self.tokens.capacity() * size_of::<u32>() + self.seen.capacity() + self.last.capacity() * entry
    }
}

/// Keys are words already.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A suffix automaton of the whole sequence: the longest suffix that was there before, whatever its length. With it only
/// rule 2 is asked, over all that came before.
pub struct Automaton {
    limits: Limits,
    /// By state: the length of its longest text, its suffix link, and the tokens that lead on.
    states: Vec<(u32, u32, Vec<u32>)>,
    edges: HashMap<u64, u32, BuildHasherDefault<Mix>>,
    last: u32,
    seen: Vec<bool>,
    seen_in_window: usize,
}

const NONE: u32 = u32::MAX;

impl Automaton {
    /// Fails as `Limits::of`.
    pub fn new(rules: Rules) -> Result<Self, (&'static str, String)> {
        let (limits, states) = (Limits::of(rules)?, vec![(0, NONE, Vec::new())]);
        Ok(Self { limits, states, edges: HashMap::default(), last: 0, seen: Vec::new(), seen_in_window: 0 })
    }

    fn edge(&self, state: u32, token: u32) -> Option<u32> {
        self.edges.get(&(u64::from(state) << 32 | u64::from(token))).copied()
    }

    fn lead(&mut self, state: u32, token: u32, to: u32) {
        if self.edges.insert(u64::from(state) << 32 | u64::from(token), to).is_none() {
            self.states[state as usize].2.push(token);
        }
    }

    /// The length of the longest suffix that was there before.
    pub fn extend(&mut self, token: u32) -> u32 {
        let new = self.states.len() as u32;
        self.states.push((self.states[self.last as usize].0 + 1, 0, Vec::new()));
        let mut from = self.last;
        while from != NONE && self.edge(from, token).is_none() {
            self.lead(from, token, new);
            from = self.states[from as usize].1;
        }
        if let Some(next) = (from != NONE).then(|| self.edge(from, token)).flatten() {
            let length = self.states[from as usize].0 + 1;
            self.states[new as usize].1 =
                if self.states[next as usize].0 == length { next } else { self.split(from, token, next, length) };
        }
        self.last = new;
        let link = self.states[new as usize].1;
        self.states[link as usize].0
    }

    fn split(&mut self, mut from: u32, token: u32, next: u32, length: u32) -> u32 {
        let clone = self.states.len() as u32;
        let (_, link, tokens) = self.states[next as usize].clone();
        self.states.push((length, link, Vec::new()));
        for token in tokens {
            if let Some(to) = self.edge(next, token) {
                self.lead(clone, token, to);
            }
        }
        while from != NONE && self.edge(from, token) == Some(next) {
            self.lead(from, token, clone);
            from = self.states[from as usize].1;
        }
        self.states[next as usize].1 = clone;
        clone
    }
}

impl Peer for Automaton {
    fn push(&mut self, token: u32) -> Option<Repeat> {
        let seen = u64::from(self.extend(token)) >= GRAM;
        self.seen.push(seen);
        let gone = self.seen.len().checked_sub(self.limits.rules.window as usize + 1).map(|place| self.seen[place]);
        self.seen_in_window += usize::from(seen);
        self.seen_in_window -= usize::from(gone == Some(true));
        let at = self.seen.len() as u64;
        let near = self.seen_in_window >= self.limits.near_tokens as usize;
        near.then_some(Repeat { kind: Kind::NearLoop, at, start: 0, period: 0 })
    }

    fn bytes(&self) -> usize {
        let leads: usize = self.states.iter().map(|state| state.2.capacity() * size_of::<u32>()).sum();
        let edges = self.edges.capacity() * (size_of::<(u64, u32)>() + 1);
        self.states.capacity() * size_of::<(u32, u32, Vec<u32>)>() + leads + edges + self.seen.capacity()
    }
}
