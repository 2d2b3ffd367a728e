//! The thresholds, and what follows from them.

use super::loops::PERIODS;
use super::ring::{FEWEST, MOST};

/// The thresholds of the three rules. What is allowed: `Limits::of`.
#[derive(Debug, PartialEq, Clone, Copy)]
pub struct Rules {
    pub loop_copies: u32,
    pub loop_tokens: u32,
    pub near_share: f64,
    pub window: u32,
    pub certain_tokens: u32,
    pub certain_probability: f64,
}

/// The rules as they are asked for each token.
pub struct Limits {
    pub rules: Rules,
    /// For each period from 1: tokens that equal the one a period before, in a row.
    pub runs: [u64; PERIODS],
    /// A run that is long enough contains so many tokens from a multiple of so many on. A power of two.
    pub epoch: u64,
    /// Tokens in the window that end a 16-gram seen before.
    pub near_tokens: u32,
    pub certain_logprob: f64,
}

impl Limits {
    /// Fails with the field that has no allowed value, and what is expected there.
    pub fn of(rules: Rules) -> Result<Self, (&'static str, String)> {
        let expected = |field, words: &str| Err((field, format!("expected {words}")));
        if !rules.window.is_power_of_two() || !(FEWEST..=MOST).contains(&(rules.window as usize)) {
            return expected("window", &format!("a power of two from {FEWEST} to {MOST}"));
        }
        // The ring has a whole run and the copy before it.
        let room = rules.window - PERIODS as u32;
        let most = room / PERIODS as u32 + 1;
        if !(2..=most).contains(&rules.loop_copies) {
            return expected("loop_copies", &format!("2 to {most}, for this window"));
        }
        if !(1..=room).contains(&rules.loop_tokens) {
            return expected("loop_tokens", &format!("1 to {room}, for this window"));
        }
        if !(rules.near_share > 0.0 && rules.near_share <= 1.0) {
            return expected("near_share", "a share above 0, at most 1");
        }
        if rules.certain_tokens == 0 {
            return expected("certain_tokens", "at least 1");
        }
        if !(rules.certain_probability > 0.0 && rules.certain_probability < 1.0) {
            return expected("certain_probability", "a probability between 0 and 1");
        }
        let run = |period: usize| u64::from(rules.loop_tokens.max((rules.loop_copies - 1) * period as u32));
        let shortest = run(1).div_ceil(2).min(PERIODS as u64);
        Ok(Self {
            runs: std::array::from_fn(|k| run(k + 1)),
            epoch: 1 << shortest.ilog2(),
            near_tokens: (rules.near_share * f64::from(rules.window)).ceil() as u32,
            certain_logprob: rules.certain_probability.ln(),
            rules,
        })
    }
}
