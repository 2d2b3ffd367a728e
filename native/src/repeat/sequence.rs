//! One sequence: its last tokens, and how far each rule is.

use super::cpu;
use super::grams::{GRAM, Grams};
use super::loops::Loops;
use super::ring::Ring;
use super::rules::Limits;
use super::{Kind, Repeat};

/// Tokens that are taken together; sizes change only between blocks, at multiples of it.
pub const BLOCK: usize = 16;

/// What is touched for every token stands together, in four lines of the cache.
#[repr(C, align(64))]
pub struct Sequence {
    pub loops: Loops,
    pub ring: Ring,
    /// Tokens in a row that were certain.
    pub certain: u32,
    pub grams: Grams,
}

const _: () = assert!(size_of::<Sequence>() <= 256);

impl Sequence {
    pub fn new(limits: &Limits) -> Self {
        let window = limits.rules.window as usize;
        let ring = Ring::new(0, 0, window);
        let grams = Grams::new(ring.room(), window);
        Self { loops: Loops::new(limits), ring, certain: 0, grams }
    }

    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.ring.room() * size_of::<u32>() + self.grams.bytes()
    }

    /// The first place that the ring still has.
    pub fn first(&self, limits: &Limits) -> u64 {
        self.ring.length().saturating_sub(limits.rules.window.into())
    }

    /// Twice the room, once it is full; a sequence of a length has the same state however it came to it.
    fn grow(&mut self, limits: &Limits) {
        let mut ring = Ring::new(0, self.ring.length() + 1, limits.rules.window as usize);
        for place in 0..self.ring.length() {
            ring.push(self.ring.get(place));
        }
        self.grams.rebuild(&ring, 0);
        self.ring = ring;
    }

    /// How many tokens are left until the next multiple of BLOCK.
    pub fn block(&self) -> usize {
        BLOCK - self.ring.length() as usize % BLOCK
    }

    /// The next tokens, at most `block()`; `logprobs` is for as many, or none is known.
    pub fn feed(&mut self, tokens: &[u32], logprobs: Option<&[f64]>, limits: &Limits) -> Option<Repeat> {
        let begin = self.ring.length();
        if begin == self.ring.room() as u64 && begin < u64::from(limits.rules.window) {
            self.grow(limits);
        }
        let certain = self.certain_after(logprobs, limits);
        // A token that decides by rule 3 is still looked at by the others.
        let tokens = &tokens[..certain.unwrap_or(tokens.len())];
        let told = if let &[token] = tokens {
            let hash = self.grams.roll(token);
            self.push(token, hash, limits)
        } else {
            // All hashes first: their buckets come from memory together.
            let mut hashes = [0; BLOCK];
            for (&token, hash) in tokens.iter().zip(&mut hashes) {
                *hash = self.grams.roll(token);
            }
            tokens.iter().zip(hashes).find_map(|(&token, hash)| self.push(token, hash, limits))
        };
        if told.is_some() {
            return told;
        }
        certain.map(|_| {
            let at = self.ring.length();
            let start = at - u64::from(limits.rules.certain_tokens);
            Repeat { kind: Kind::Certain, at, start, period: 0 }
        })
    }

    #[inline]
    fn push(&mut self, token: u32, hash: u64, limits: &Limits) -> Option<Repeat> {
        let place = self.ring.length();
        let at = place + 1;
        self.ring.push(token);
        let first = self.first(limits);
        let seen = at >= GRAM && self.grams.seen_before(hash, place, &self.ring, first);
        let near = self.grams.push(seen, place, limits);
        if let Some(period) = self.loops.push(token, &self.ring, limits) {
            let start = at - limits.runs[period as usize - 1] - period;
            return Some(Repeat { kind: Kind::Loop, at, start, period });
        }
        near.then(|| Repeat { kind: Kind::NearLoop, at, start: self.grams.begins(at, limits), period: 0 })
    }

    /// Count on; after how many of these tokens there were enough of them in a row.
    fn certain_after(&mut self, logprobs: Option<&[f64]>, limits: &Limits) -> Option<usize> {
        let Some(logprobs) = logprobs else {
            self.certain = 0;
            return None;
        };
        for (k, &logprob) in logprobs.iter().enumerate() {
            self.certain = if logprob > limits.certain_logprob { self.certain + 1 } else { 0 };
            if self.certain >= limits.rules.certain_tokens {
                return Some(k + 1);
            }
        }
        None
    }

    /// Have brought from memory what so many tokens ask for, of which this is the first.
    pub fn aim(&self, token: u32, tokens: usize) {
        self.grams.aim(token);
        if let Some(address) = self.ring.address(tokens) {
            cpu::prefetch(address);
        }
    }
}
