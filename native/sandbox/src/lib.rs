//! The sandbox: one static program (`main.rs`) and what it shares with the pool's client side (`fault`, `sys`, `wire`).

pub mod bare;
pub mod cgroup;
pub mod fault;
pub mod image;
pub mod probe;
pub mod rootfs;
pub mod seccomp;
pub mod slot;
pub mod supervisor;
pub mod sys;
pub mod wire;
