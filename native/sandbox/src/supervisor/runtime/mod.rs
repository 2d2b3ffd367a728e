//! Runtimes: who makes a slot's keeper, with its namespaces and mounts. A new one is a file here, its line in `prepare`, and
//! its kind in `wire`.

mod crun;
mod held;
mod native;

use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use assay_shared::fault::{Fault, Result};
use assay_shared::wire::RuntimeKind;
use serde::{Deserialize, Serialize};

use super::ids::{Ids, Rights};
use crate::keeper::Keeper;
use crun::CrunRuntime;
use native::NativeRuntime;

/// As the supervisor has it, for all its slots.
pub trait Runtime {
    /// What a builder needs of it.
    fn fds(&self) -> Vec<BorrowedFd<'_>>;

    /// In a builder, in the slot's control group and among its mounts, which lie below `root`: where keepers are made.
    fn workshop<'a>(&'a self, root: &Path, ids: &'a Ids, slot: u32) -> Result<Box<dyn Workshop + 'a>>;
}

/// As a builder has it, for its slot.
pub trait Workshop {
    /// Makes a keeper, once the last one is gone, and lets it go on; `started` is the other end of its `go`.
    fn make_keeper(&mut self, keeper: Keeper, started: &OwnedFd) -> Result<Born>;
}

/// The processes of a slot that was made.
#[derive(Serialize, Deserialize)]
pub struct Born {
    pub keeper_pid: i32,
    /// The crun that containers are forked from.
    pub held_pid: Option<i32>,
}

/// Before anything is made: what else is missing here would not help.
pub fn refuse_without_rights(kind: &RuntimeKind, rights: Rights) -> Result<()> {
    if kind.needs_root() && rights != Rights::Administrator {
        let (name, other) = (kind.name(), RuntimeKind::Native.name());
        return Err(Fault::new(&format!("runtime {name:?} needs root, runtime {other:?} does not"), "", 0));
    }
    Ok(())
}

/// Once per supervisor, in its own mount namespace. `hold`: the library that holds crun.
pub fn prepare(kind: &RuntimeKind, hold: Option<File>, base: &Path) -> Result<Box<dyn Runtime>> {
    Ok(match kind {
        RuntimeKind::Native => Box::new(NativeRuntime),
        RuntimeKind::Crun { program } => Box::new(CrunRuntime::prepare(program, hold, base)?),
    })
}
