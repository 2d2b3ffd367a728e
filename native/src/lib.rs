//! The native side of `engine`: the pool's client (jobs out, outcomes in, output pipes read), and pure
//! functions: grading of maths answers, cutting large texts where they may be decoded piece by piece, and finding sequences
//! that repeat themselves.
//!
//! Nothing here but `py` knows Python.

mod crun;
mod cut;
mod math;
mod pool;
mod py;
mod repeat;
