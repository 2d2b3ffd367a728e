//! `host`: the machine's own trees, read-only, under a minimal /etc.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::mount;

use super::{Layout, NO_PRIVILEGES, make_directories, make_directory};

/// Top-level names that point into /usr wherever /usr is merged.
pub const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// Copied from the machine where they are there: without them linked libraries and commands are not found.
pub const ETC_COPIES: [&str; 4] = ["ld.so.cache", "mime.types", "protocols", "services"];

/// The files of /etc that a program needs, wherever its root comes from: name and text.
pub const PASSWD: (&str, &str) = (
    "passwd",
    "root:x:0:0:root:/:/usr/sbin/nologin\nassay:x:1000:1000:assay:/work:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
);
pub const GROUP: (&str, &str) = ("group", "root:x:0:\nassay:x:1000:\nnogroup:x:65534:\n");
pub const HOSTS: (&str, &str) = ("hosts", "127.0.0.1 localhost\n::1 localhost\n");
pub const NSSWITCH: (&str, &str) = ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
pub const HOSTNAME: (&str, &str) = ("hostname", "assay\n");

/// Makes the file /etc of all slots and the empty directory that overlays need.
pub fn make_shared(base: &Path) -> Result<()> {
    make_directory(&base.join("empty"), 0o755)?;
    let etc = base.join("etc");
    write_etc(&etc, &[PASSWD, GROUP, HOSTS, NSSWITCH, HOSTNAME])?;
    for name in ETC_COPIES {
        let source = Path::new("/etc").join(name);
        if source.is_file() {
            fs::copy(&source, etc.join(name)).context("copy", source)?;
        }
    }
    copy_links(Path::new("/etc/alternatives"), &etc.join("alternatives"))
}

pub fn write_etc(etc: &Path, files: &[(&str, &str)]) -> Result<()> {
    make_directories(etc)?;
    files.iter().try_for_each(|(name, text)| fs::write(etc.join(name), text).context("write", etc.join(name)))
}

/// Debian's commands often are links through here.
fn copy_links(source: &Path, target: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(source) else { return Ok(()) };
    make_directory(target, 0o755)?;
    for entry in entries.flatten() {
        if let Ok(destination) = fs::read_link(entry.path()) {
            symlink(destination, target.join(entry.file_name())).context("symlink", entry.path())?;
        }
    }
    Ok(())
}

/// Mounts the trees and /etc below `slot/parts`.
///
/// Each is an overlay of its own: a plain bind mount would let file locks cross slots.
pub fn make(base: &Path, slot: &Path, trees: &[String]) -> Result<Layout> {
    let parts = slot.join("parts");
    let mut layout = Layout::default();
    let lowers = trees.iter().map(|tree| (tree.clone(), tree.trim_start_matches('/').to_owned()));
    let etc = (base.join("etc").display().to_string(), "etc".to_owned());
    for (lower, name) in lowers.chain([etc]) {
        if lower.contains([',', ':', '\\']) {
            return Err(Fault::new("a tree's path may not contain , : or \\", lower, libc::EINVAL));
        }
        let target = parts.join(&name);
        make_directories(&target)?;
        let options = format!("lowerdir={lower}:{}", base.join("empty").display());
        mount("overlay", &target, "overlay", NO_PRIVILEGES | libc::MS_RDONLY, &options)?;
        layout.directories.push(name);
    }
    let merged = MERGED.iter().filter(|name| parts.join("usr").join(name).is_dir());
    layout.links = merged.map(|name| ((*name).to_owned(), format!("usr/{name}"))).collect();
    Ok(layout)
}
