//! Slots made by ourselves: the keeper is cloned into its namespaces, and makes its mounts in them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use assay_shared::fault::Result;
use assay_shared::sys;

use super::{Born, Runtime, Workshop};
use crate::keeper::{Keeper, fail, keep};
use crate::supervisor::ids::Ids;
use crate::supervisor::user_namespace::clone_in_user_namespace;

pub struct NativeRuntime;

impl Runtime for NativeRuntime {
    fn fds(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    fn workshop<'a>(&'a self, _root: &Path, ids: &'a Ids, slot: u32) -> Result<Box<dyn Workshop + 'a>> {
        Ok(Box::new(Cloning { ids, slot }))
    }
}

struct Cloning<'a> {
    ids: &'a Ids,
    slot: u32,
}

impl Workshop for Cloning<'_> {
    fn make_keeper(&mut self, keeper: Keeper, started: &OwnedFd) -> Result<Born> {
        let namespaces =
            libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
        // CLONE_PARENT: the keeper is the supervisor's child, who has to learn of its end.
        let flags = namespaces | libc::CLONE_PARENT;
        let Some(keeper_pid) = clone_in_user_namespace(flags, self.ids, self.slot)? else {
            let Keeper { control, job, supervisor, go, leaf, .. } = &keeper;
            let kept: Vec<_> = [control, job, supervisor, go].into_iter().chain(leaf).map(AsFd::as_fd).collect();
            sys::close_all_but(&kept);
            if let Err(fault) = sys::replace_standard_streams() {
                fail(control, fault);
            }
            keep(keeper);
        };
        drop(keeper);
        sys::send(started, b"g", &[])?;
        Ok(Born { keeper_pid, held_pid: None })
    }
}
