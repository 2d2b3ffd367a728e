//! Inside a slot: the keeper (PID 1 of its namespaces), what it renews between runs, and the child that becomes the program.

mod collect;
pub mod contained;
mod in_flight;
mod keeper;
mod launch;
mod renew;
mod sockets;

pub use keeper::{Keeper, fail, keep};
pub use launch::{PROGRAM_ID, START_FAILED};
