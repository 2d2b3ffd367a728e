//! What every fuzz target asserts; native/shared/tests/decode.rs asks the same of the seeds and their mutations, on stable
//! Rust.

pub mod check;
#[path = "../../src/math/mod.rs"]
pub mod math;
pub mod meter;
