//! Bringing files back after every process is dead: regular files only, never through a link.

use std::fs::{File, Metadata};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use assay_shared::fault::{Context, Result};
use assay_shared::outbox::PATIENCE;
use assay_shared::sys::{self, c_string, check, privileged};
use assay_shared::wire::{FromKeeper, encode};

/// Sends the supervisor what is there of the asked paths, below a program's root; missing and irregular ones are left out.
pub fn answer(control: &OwnedFd, root: &Path, paths: Vec<String>) -> Result<()> {
    let (paths, files): (Vec<_>, Vec<_>) = open_all(root, paths).into_iter().unzip();
    let fds: Vec<_> = files.iter().map(AsRawFd::as_raw_fd).collect();
    // Every process of the run is dead by now, and nobody waits for us but for this.
    sys::send_patiently(control, &encode(&FromKeeper::Collected { paths })?, &fds, PATIENCE).map(drop)
}

fn open_all(root: &Path, paths: Vec<String>) -> Vec<(String, OwnedFd)> {
    paths
        .into_iter()
        .filter_map(|path| {
            let below = match path.strip_prefix('/') {
                Some(inside) => inside.to_owned(),
                None => format!("work/{path}"),
            };
            let file = open_beneath(root, &below).ok()?;
            file.metadata().is_ok_and(|facts: Metadata| facts.is_file()).then(|| (path, file.into()))
        })
        .collect()
}

fn open_beneath(root: &Path, path: &str) -> Result<File> {
    let root = File::open(root).context("open", root)?;
    let path_c = c_string(path)?;
    // SAFETY: open_how is plain data for which all zero is valid.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    // O_NONBLOCK: a FIFO in the file's place must not stop us.
    how.flags = (libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY) as u64;
    how.resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS;
    let arguments =
        [root.as_raw_fd() as usize, path_c.as_ptr() as usize, &raw const how as usize, size_of::<libc::open_how>(), 0];
    // SAFETY: string and struct outlive the call; the size is the struct's own.
    let fd = unsafe { privileged(libc::SYS_openat2, arguments) };
    // SAFETY: just opened, no other owner.
    check("openat2", path, fd).map(|fd| unsafe { File::from_raw_fd(fd as i32) })
}
