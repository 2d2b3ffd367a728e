//! The native side of `engine`: the pool's client (jobs out, outcomes in, output pipes read) and exact number grading.
//!
//! Nothing here but `py` knows Python.

mod crun;
mod math;
mod pool;
mod py;
