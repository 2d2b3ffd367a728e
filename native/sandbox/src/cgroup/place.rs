//! Where on this machine our own control groups are.

use std::fs;
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Result};

/// The texts that tell: the mounts, and the groups that this process is in.
pub fn read() -> Result<[String; 2]> {
    let read = |path: &str| fs::read_to_string(path).context("read", path);
    Ok([read("/proc/self/mountinfo")?, read("/proc/self/cgroup")?])
}

/// This process's own group in the hierarchy whose mount has this kind and these options.
pub fn own_directory(
    mounts: &str,
    memberships: &str,
    is_mounted: impl Fn(&str, &str) -> bool,
    is_listed: impl Fn(&str) -> bool,
) -> Option<PathBuf> {
    let (root, mount_point) = mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut filesystem = right.split(' ');
        let (kind, options) = (filesystem.next()?, filesystem.nth(1)?);
        is_mounted(kind, options).then_some(())?;
        let mut fields = left.split(' ').skip(3);
        Some((fields.next()?, fields.next()?))
    })?;
    let path = memberships.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        is_listed(controllers).then_some(path)
    })?;
    // A container may show its own group as the root of its mount.
    let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
    Some(Path::new(mount_point).join(below))
}
