//! Runtimes: who makes a slot's keeper, with its namespaces and mounts. A new one is a file here, its line in `prepare`, and
//! its kind in `wire`.

mod crun;
mod held;
mod landlock;
mod native;

use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;
use assay_shared::wire::{Rootfs, RuntimeKind, Start};
use serde::{Deserialize, Serialize};

use super::ids::{Ids, Rights};
use crate::keeper::Keeper;
use crate::rootfs::{self, Parts};
use crun::CrunRuntime;
use landlock::LandlockRuntime;
use native::NativeRuntime;

/// As the supervisor has it, for all its slots.
pub trait Runtime {
    /// What a builder needs of it.
    fn fds(&self) -> Vec<BorrowedFd<'_>>;

    /// In a builder: the slot's unchanging parts, in a mount namespace of the slot's. `zygotes`: they show in its root too.
    fn parts(&self, base: &Path, rootfs: &Rootfs, ids: &Ids, slot: u32, zygotes: bool) -> Result<Parts> {
        sys::unshare(libc::CLONE_NEWNS)?;
        let parts = rootfs::make_parts(base, rootfs, ids.whole_map(slot))?;
        if zygotes {
            rootfs::show_parts(&parts)?;
        }
        Ok(parts)
    }

    /// Removes what it made outside of namespaces; its processes are dead.
    fn clear(&self) -> Result<()> {
        Ok(())
    }

    /// In a builder, in the slot's control group and among its mounts, which lie below `root`: where keepers are made.
    fn workshop<'a>(&'a self, root: &Path, ids: &'a Ids, slot: u32) -> Result<Box<dyn Workshop + 'a>>;
}

/// As a builder has it, for its slot.
pub trait Workshop {
    /// Makes a keeper, once the last one is gone, and lets it go on; `started` is the other end of its `go`.
    fn make_keeper(&mut self, keeper: Keeper, started: &OwnedFd) -> Result<Born>;

    /// The builder has nothing more to build; comes back when it has nothing more to do.
    fn stay(&mut self) {}
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
    if kind.has_namespaces() { Ok(()) } else { sys::require_landlock() }
}

/// Once per supervisor, in its own mount namespace if it has one. `hold`: the library that holds crun; `number`: the
/// instance's.
pub fn prepare(start: &Start, hold: Option<File>, number: u32, ids: &Ids) -> Result<Box<dyn Runtime>> {
    let base = Path::new(&start.state_dir);
    Ok(match &start.runtime {
        RuntimeKind::Native => Box::new(NativeRuntime),
        RuntimeKind::Crun { program } => Box::new(CrunRuntime::prepare(program, hold, base)?),
        RuntimeKind::Landlock { scratch } => {
            Box::new(LandlockRuntime::prepare(Path::new(scratch), base, number, ids, &start.images)?)
        }
    })
}
