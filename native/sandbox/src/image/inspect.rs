//! Looking into an image as a program would: its layers under one overlay, in a mount namespace of our own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};

use super::store::Store;
use crate::fault::{Context, Result};
use crate::rootfs;
use crate::sys;

/// Where each of these tools is in the image; one that is not there is left out.
pub fn find_tools(store: &Store, layers: &[PathBuf], search: &str, names: &[&str]) -> Result<BTreeMap<String, String>> {
    let root = mount(&store.inspection(), layers)?;
    let find = |name: &&str| {
        let places = search.split(':').filter(|place| place.starts_with('/'));
        let mut paths = places.map(|place| format!("{}/{name}", place.trim_end_matches('/')));
        let path = paths.find(|path| is_program(&root, path))?;
        Some(((*name).to_owned(), path))
    };
    Ok(names.iter().filter_map(find).collect())
}

/// The image's root; gone with this process.
fn mount(place: &Path, layers: &[PathBuf]) -> Result<std::fs::File> {
    if !sys::has_capability(sys::CAP_SYS_ADMIN)? {
        super::enter_user_namespace()?;
    }
    sys::unshare(libc::CLONE_NEWNS)?;
    sys::mount("", "/", "", libc::MS_REC | libc::MS_PRIVATE, "")?;
    sys::mount("tmpfs", place, "tmpfs", 0, "mode=0700,size=1m")?;
    let (empty, root) = (place.join("empty"), place.join("root"));
    for directory in [&empty, &root] {
        std::fs::create_dir(directory).context("mkdir", directory)?;
    }
    let lowers: Vec<&Path> = layers.iter().map(PathBuf::as_path).chain([empty.as_path()]).collect();
    rootfs::mount_layers(place, &lowers, None, &root)?;
    std::fs::File::open(&root).context("open", root)
}

fn is_program(root: &std::fs::File, path: &str) -> bool {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = rustix::fs::openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT);
    let facts = found.and_then(rustix::fs::fstat);
    facts.is_ok_and(|facts| {
        FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile && facts.st_mode & 0o111 != 0
    })
}
