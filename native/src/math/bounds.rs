//! What a text, a tree and the work on it may take. Everything is known before it is computed.

use std::cell::Cell;

pub const ANSWER_BYTES: usize = 4_096;
pub const REFERENCE_BYTES: usize = 16_384;
pub const TOKENS: usize = 2_048;
pub const DEPTH: usize = 64;
/// Decimal digits of all numerals of one text together.
pub const DIGITS: usize = 1_000;
pub const EXPONENT: i64 = 10_000;
pub const FACTORIAL: i64 = 3_000;
pub const ELEMENTS: usize = 256;
pub const VARIABLES: usize = 16;
pub const MONOMIALS: usize = 4_096;
pub const DEGREE: i64 = 2_000;
/// Bits of an enclosure.
pub const BITS: u64 = 4_096;
/// Bits of an exact number: 10^10000 and a few of its neighbours.
pub const NUMBER_BITS: u64 = 1 << 16;
/// Steps of one call, about a nanosecond each.
pub const WORK: u64 = 14_000_000;
/// Steps of one call that normal forms may take; beyond, there are cheaper ways.
pub const WORK_NORMAL: u64 = 4_000_000;

/// Why a tree has no value here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A bound of this file was met.
    TooLarge,
    /// Zero below a line, the logarithm of zero, a function outside its domain.
    NoValue,
    /// No method of this module speaks about it.
    Unknown,
}

thread_local! {
    // One call runs on one thread from beginning to end.
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Give the call that begins now its steps.
pub fn refill() {
    LEFT.set(WORK);
}

/// Take so many steps.
pub fn spend(steps: u64) -> Result<(), Stop> {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(steps));
    if left < steps { Err(Stop::TooLarge) } else { Ok(()) }
}

/// Whether the call has no steps left.
pub fn exhausted() -> bool {
    LEFT.get() == 0
}

/// Run something that may take only `steps` of what is left; what it does not take stays.
pub fn within<T>(steps: u64, run: impl FnOnce() -> Result<T, Stop>) -> Result<T, Stop> {
    let left = LEFT.get();
    let lent = steps.min(left);
    LEFT.set(lent);
    let result = run();
    LEFT.set(left - lent + LEFT.get());
    result
}
