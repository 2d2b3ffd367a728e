//! Looking into an image as a program would: its layers under one overlay, in a mount namespace of our own.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Result};
use assay_shared::sys;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};

use super::refusal;
use super::store::Store;
use crate::rootfs;

/// Where each of these tools is in the image at `root`; one that is not there is left out.
pub fn find_tools(root: &File, search: &str, names: &[&str]) -> BTreeMap<String, String> {
    let find = |name: &&str| {
        let places = search.split(':').filter(|place| place.starts_with('/'));
        let mut paths = places.map(|place| format!("{}/{name}", place.trim_end_matches('/')));
        let path = paths.find(|path| is_program(root, path))?;
        Some(((*name).to_owned(), path))
    };
    names.iter().filter_map(find).collect()
}

/// The image's root; gone with this process.
pub fn open(store: &Store, layers: &[PathBuf]) -> Result<File> {
    let place = &store.inspection();
    if !sys::has_capability(sys::CAP_SYS_ADMIN)? {
        super::enter_user_namespace()?;
    }
    sys::unshare(libc::CLONE_NEWNS)?;
    sys::mount("", "/", "", libc::MS_REC | libc::MS_PRIVATE, "")?;
    sys::mount("tmpfs", place, "tmpfs", 0, "mode=0700,size=1m")?;
    let (below, root) = (place.join("below"), place.join("root"));
    // As below every image that is shown.
    for directory in [&below, &below.join("etc"), &root] {
        std::fs::create_dir(directory).context("mkdir", directory)?;
    }
    let lowers: Vec<&Path> = layers.iter().map(PathBuf::as_path).chain([below.as_path()]).collect();
    rootfs::mount_layers(place, &lowers, None, &root)?;
    // What no slot could show is told now, and not with every run.
    rootfs::layout(&root).map_err(|fault| refusal(fault.to_string()))?;
    File::open(&root).context("open", root)
}

fn is_program(root: &File, path: &str) -> bool {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = rustix::fs::openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT);
    let facts = found.and_then(rustix::fs::fstat);
    facts.is_ok_and(|facts| {
        FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile && facts.st_mode & 0o111 != 0
    })
}
