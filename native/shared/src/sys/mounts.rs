//! Mounts as descriptors: copied, their owners mapped, attached.

use std::ffi::CString;
use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use super::{c_string, check, exit_now, pipe};
use crate::fault::{Context, Result};

const ALL_IDS: u32 = 65_536;
const EMPTY: &std::ffi::CStr = c"";

/// A detached copy of the mount that `path` is on, with `path` as its root; mounts below are not in it.
pub fn clone_mount(path: &Path) -> Result<OwnedFd> {
    let path_c: CString = c_string(path)?;
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC;
    // SAFETY: a NUL-terminated string that outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path_c.as_ptr(), flags) };
    let fd = check("open_tree", path, result)?;
    // SAFETY: just opened, no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Makes a detached mount read-only and shows its owners as `user_namespace` maps them.
pub fn map_owners(tree: &OwnedFd, user_namespace: impl AsFd) -> Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP | libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
        attr_clr: 0,
        propagation: 0,
        userns_fd: user_namespace.as_fd().as_raw_fd() as u64,
    };
    // SAFETY: string and struct outlive the call; the size is the struct's.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            EMPTY.as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of_val(&attributes),
        )
    };
    check("mount_setattr", "", result).map(drop)
}

/// Attaches a detached mount at `target`.
pub fn attach_mount(tree: &OwnedFd, target: &Path) -> Result<()> {
    let target_c = c_string(target)?;
    // SAFETY: NUL-terminated strings that outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            EMPTY.as_ptr(),
            libc::AT_FDCWD,
            target_c.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    check("move_mount", target, result).map(drop)
}

/// A user namespace in which 0 is `first_id` outside, and so on; nothing lives in it, only its map counts.
pub fn user_namespace(first_id: u32) -> Result<OwnedFd> {
    let (hold, hold_write) = pipe()?;
    let flags = (libc::CLONE_NEWUSER | libc::SIGCHLD) as libc::c_ulong;
    // SAFETY: without CLONE_VM this is a fork, and this program has one thread.
    let pid = check("clone", "", unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })? as i32;
    if pid == 0 {
        drop(hold_write);
        // Until the other end closes, also by its owner's death.
        let _ = fs::File::from(hold).read(&mut [0]);
        exit_now(0);
    }
    let mapped = map(pid, first_id);
    drop(hold_write);
    // SAFETY: our own child, not reaped before; no status is asked for.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    mapped
}

fn map(pid: i32, first_id: u32) -> Result<OwnedFd> {
    for name in ["uid_map", "gid_map"] {
        let path = format!("/proc/{pid}/{name}");
        fs::write(&path, format!("0 {first_id} {ALL_IDS}")).context("write", path)?;
    }
    let path = format!("/proc/{pid}/ns/user");
    fs::File::open(&path).context("open", path).map(OwnedFd::from)
}
