//! Rule 1: a short period, exactly.
//!
//! Each token leaves a mark of one byte, so that one line of the cache has the last 64 of them, and one comparison tells
//! for every period whether the token may equal the one a period before. Equal marks are only a reason to look: at the
//! end of every epoch, the periods that held all through it are counted in the tokens themselves, and again at the
//! earliest token at which one of them can be long enough.

use super::cpu;
use super::ring::Ring;
use super::rules::Limits;

/// Periods from 1 to so many.
pub const PERIODS: usize = 64;

#[repr(C)]
pub struct Loops {
    /// The newest first, turned by its place: the mark of the token at place i is at 63 - i % 64.
    marks: [u8; PERIODS],
    /// Bit k: period k + 1 has held since the epoch's start.
    pub held: u64,
    /// Bit k: period k + 1 held when last counted.
    pub watched: u64,
    /// The length at which to count next.
    pub due: u64,
}

/// So small that a few pairs of tokens share it.
fn mark(token: u32) -> u8 {
    (token.wrapping_mul(0x9E37_79B1) >> 24) as u8
}

impl Loops {
    pub fn new(limits: &Limits) -> Self {
        Self { marks: [0; PERIODS], held: u64::MAX, watched: 0, due: limits.epoch }
    }

    /// Take the marks of the last tokens from the ring.
    pub fn remark(&mut self, ring: &Ring) {
        for place in ring.length().saturating_sub(PERIODS as u64)..ring.length() {
            self.marks[!place as usize % PERIODS] = mark(ring.get(place));
        }
    }

    /// The newest token, which the ring has already; the period that is a loop now.
    #[inline]
    pub fn push(&mut self, token: u32, ring: &Ring, limits: &Limits) -> Option<u64> {
        let place = ring.length().wrapping_sub(1);
        let mark = mark(token);
        let slot = !place as usize % PERIODS;
        self.held &= cpu::equal_bytes(&self.marks, mark).rotate_right(slot as u32 + 1);
        self.marks[slot] = mark;
        if ring.length() < self.due { None } else { self.count(ring, limits) }
    }

    #[cold]
    fn count(&mut self, ring: &Ring, limits: &Limits) -> Option<u64> {
        let length = ring.length();
        if length.is_multiple_of(limits.epoch) {
            self.watched |= self.held;
            self.held = u64::MAX;
        }
        self.due = (length / limits.epoch + 1) * limits.epoch;
        let mut left = self.watched;
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            let (period, enough) = (u64::from(bit) + 1, limits.runs[bit as usize]);
            let run = ring.run(period, enough);
            if run == enough {
                return Some(period);
            }
            if run < limits.epoch {
                // Broken; should it begin anew, an epoch will be full of it in time.
                self.watched &= !(1 << bit);
            } else {
                self.due = self.due.min(length + enough - run);
            }
        }
        None
    }
}
