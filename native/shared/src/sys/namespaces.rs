//! User namespaces: the machine's first one, and one of our own.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::unshare;
use crate::fault::{Context, Result};

/// The kernel's own number for the user namespace that a machine starts with.
const FIRST_INODE: u64 = 0xEFFF_FFFD;

pub fn in_first_user_namespace() -> Result<bool> {
    let path = "/proc/self/ns/user";
    fs::metadata(path).context("stat", path).map(|facts| facts.ino() == FIRST_INODE)
}

/// Becomes root of a new user namespace in which our own user and group are all that there is.
pub fn enter_user_namespace_alone() -> Result<()> {
    // SAFETY: no arguments, cannot fail.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    unshare(libc::CLONE_NEWUSER)?;
    // The kernel's price for a map that nobody else has to allow: no groups can be given up.
    write_self("setgroups", "deny")?;
    write_self("uid_map", &format!("0 {uid} 1"))?;
    write_self("gid_map", &format!("0 {gid} 1"))
}

fn write_self(name: &str, text: &str) -> Result<()> {
    let path = format!("/proc/self/{name}");
    fs::write(&path, text).context("write", path)
}
