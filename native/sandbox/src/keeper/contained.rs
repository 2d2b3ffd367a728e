//! The keeper as the entry point of a container: its namespaces, mounts and rights were made by an OCI runtime, and its
//! sockets are descriptors that the runtime preserved.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;
use assay_shared::wire::Fresh;
use serde::{Deserialize, Serialize};

use super::{Keeper, keep};
use crate::rootfs::{Layout, Parts};

/// The static program is the first of the preserved descriptors.
const FIRST_FD: RawFd = 3;
const PROGRAM: &str = "/proc/self/fd/3";

/// What a keeper has to be told beside its descriptors.
#[derive(Serialize, Deserialize)]
struct Described {
    disk_bytes: u64,
    has_leaf: bool,
    by_rlimits: bool,
    layout: Layout,
}

/// How a keeper is started in a container.
pub struct Entry<'a> {
    pub arguments: [String; 3],
    pub fds: Vec<BorrowedFd<'a>>,
}

/// `program`: the static program, which the keeper lets go of at once.
pub fn entry<'a>(keeper: &'a Keeper, program: &'a File) -> Result<Entry<'a>> {
    let Keeper { control, job, supervisor, go, leaf, parts, disk_bytes, by_rlimits, .. } = keeper;
    let (disk_bytes, by_rlimits, layout) = (*disk_bytes, *by_rlimits, parts.layout.clone());
    let described = Described { disk_bytes, has_leaf: leaf.is_some(), by_rlimits, layout };
    let described = serde_json::to_string(&described)
        .map_err(|error| Fault::new(&format!("encode a layout: {error}"), "", libc::EINVAL))?;
    let fds = [control, job, supervisor, go].into_iter().chain(leaf).map(AsFd::as_fd);
    Ok(Entry {
        arguments: [PROGRAM.to_owned(), "keeper".to_owned(), described],
        fds: [program.as_fd()].into_iter().chain(fds).collect(),
    })
}

/// Lives as the keeper of a container; comes back only if it was started wrongly.
pub fn main(described: &str) -> Result<()> {
    let Described { disk_bytes, has_leaf, by_rlimits, layout } = serde_json::from_str(described)
        .map_err(|error| Fault::new(&format!("decode a layout: {error}"), "", libc::EBADMSG))?;
    let mut next = FIRST_FD;
    let mut take = || {
        next += 1;
        // SAFETY: the runtime left exactly these open for us, and nothing owns them yet.
        unsafe { OwnedFd::from_raw_fd(next - 1) }
    };
    drop(take());
    let (control, job, supervisor, go) = (take(), take(), take(), take());
    let leaf = has_leaf.then(take);
    sys::set_cloexec_above(FIRST_FD as u32)?;
    sys::replace_standard_streams()?;
    // Who we are goes with it.
    sys::send(&go, b"h", &[])?;
    let parts = Parts { directory: PathBuf::from("/"), layout };
    let (fresh, shared_user) = (Fresh::Never, false);
    let (flavours, known) = (Vec::new(), Vec::new());
    keep(Keeper {
        control,
        job,
        supervisor,
        go,
        leaf,
        parts,
        disk_bytes,
        fresh,
        shared_user,
        by_rlimits,
        flavours,
        known,
    })
}
