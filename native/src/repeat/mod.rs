//! Finds where a sequence of tokens begins to repeat itself: token by token, for many sequences at once.
//!
//! A sequence is told once, at the first token at which one of three rules holds:
//!
//! 1. Loop: a period of at most 64 tokens, so many copies in a row, so many tokens after the first copy.
//! 2. Near-loop: of the last `window` tokens so large a share ends a 16-gram that the last `window` tokens contain twice.
//! 3. Certain: so many tokens in a row that the sampler gave a probability above a bound.
//!
//! What rule 1 reports is compared token by token, and so is every 16-gram of rule 2: hashes only choose what is
//! compared, so that no choice of tokens makes a false alarm. The state is a function of the last `window` tokens and a
//! few counts; how the tokens were cut into calls changes nothing.

mod cpu;
mod detector;
mod grams;
mod loops;
pub mod peers;
mod ring;
mod rules;
mod sequence;
mod state;
#[cfg(test)]
mod tests;

pub use detector::{Batch, Detector, Logprobs, Tokens};
pub use rules::Rules;
pub use state::Damaged;

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Kind {
    Loop,
    NearLoop,
    Certain,
}

/// What was found. All places count tokens from the sequence's start.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Repeat {
    pub kind: Kind,
    /// Tokens fed when the rule first held.
    pub at: u64,
    /// Where the first copy begins (loop), what was there before (near-loop), or the certain stretch.
    pub start: u64,
    /// Of a loop; 0 for the others.
    pub period: u64,
}

impl Repeat {
    /// The end of the first copy: nothing before it is a repeat.
    pub fn truncate_at(&self) -> u64 {
        self.start + self.period
    }
}
