//! An image: its layers under one overlay, made once per slot, whose top-level entries are bound into the program's root.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, mount};

use super::host::{GROUP, HOSTNAME, HOSTS, NSSWITCH, PASSWD, write_etc};
use super::{Layout, NO_PRIVILEGES, make_directory};

/// What wins over the image: it names this machine, not the one that the image was built on.
const ABOVE: &str = "image-above";
/// What an image may lack.
const BELOW: &str = "image-below";
/// Top-level names that are ours whatever the image has there; of /var only /var/tmp is.
const OURS: [&str; 9] = ["work", "tmp", "run", "home", "mnt", "dev", "proc", "program", "var"];
const USER_OPAQUE: &str = "user.overlay.opaque";
/// Each name is a mount or a link in every new root.
const MAX_NAMES: usize = 128;

/// The attribute by which a directory of a layer hides what lower layers have in it, as our overlays read it.
///
/// Only the machine's own administrator may write the ordinary one; an overlay reads the other if it is told to.
pub fn opaque_attribute() -> Result<&'static str> {
    let trusted = sys::has_capability(sys::CAP_SYS_ADMIN)? && sys::in_first_user_namespace()?;
    Ok(if trusted { "trusted.overlay.opaque" } else { USER_OPAQUE })
}

pub fn make_shared(base: &Path) -> Result<()> {
    write_etc(&base.join(ABOVE).join("etc"), &[HOSTS, HOSTNAME])?;
    write_etc(&base.join(BELOW).join("etc"), &[PASSWD, GROUP, NSSWITCH])
}

/// Mounts the image below `slot/parts`; `layers` are directories, the topmost first.
pub fn make(base: &Path, slot: &Path, layers: &[String], uid: Option<u32>) -> Result<Layout> {
    let parts = slot.join("parts");
    let map = uid.map(sys::user_namespace).transpose()?;
    let above = base.join(ABOVE);
    let below = base.join(BELOW);
    let lowers = [above.as_path()].into_iter().chain(layers.iter().map(Path::new)).chain([below.as_path()]);
    let lowers: Vec<&Path> = lowers.collect();
    mount_layers(slot, &lowers, map.as_ref(), &parts)?;
    layout(&parts)
}

/// What of the image mounted at `parts` stands in a program's root; a fault where that is more than a root can take.
pub fn layout(parts: &Path) -> Result<Layout> {
    let mut layout = Layout::default();
    add_entries(parts, "", &OURS, &mut layout)?;
    if fs::symlink_metadata(parts.join("var")).is_ok_and(|var| var.is_dir()) {
        add_entries(parts, "var/", &["tmp"], &mut layout)?;
    }
    Ok(layout)
}

/// Mounts the overlay of these directories, the topmost first, with their owners as `map` shows them.
///
/// The mapped trees are attached only while the overlay is being mounted, which keeps private copies of them: whoever
/// inherits this mount namespace must find no way to the machine's files past the map.
pub fn mount_layers(place: &Path, lowers: &[&Path], map: Option<&OwnedFd>, target: &Path) -> Result<()> {
    let places = place.join("lowers");
    make_directory(&places, 0o700)?;
    let mut names = Vec::with_capacity(lowers.len());
    for (index, lower) in lowers.iter().enumerate() {
        // Short names: the options of a mount are at most one page.
        let name = index.to_string();
        make_directory(&places.join(&name), 0o700)?;
        let tree = sys::clone_mount(lower).map_err(|fault| match fault.errno {
            libc::EINVAL => Fault::new("only root can leave out what is mounted below", lower, 0),
            _ => fault,
        })?;
        match map.map_or(Ok(()), |map| sys::map_owners(&tree, map)) {
            Ok(()) => {}
            // A file system without such mounts, as an overlay: there owners show as nobody, and nothing else differs.
            Err(fault) if [libc::EINVAL, libc::EPERM, libc::EOPNOTSUPP, libc::ENOSYS].contains(&fault.errno) => {}
            Err(fault) => return Err(fault),
        }
        sys::attach_mount(&tree, &places.join(&name))?;
        names.push(name);
    }
    std::env::set_current_dir(&places).context("chdir", &places)?;
    let attributes = if opaque_attribute()? == USER_OPAQUE { ",userxattr" } else { "" };
    let options = format!("lowerdir={}{attributes}", names.join(":"));
    let mounted = mount("overlay", target, "overlay", NO_PRIVILEGES | libc::MS_RDONLY, &options);
    std::env::set_current_dir("/").context("chdir", "/")?;
    names.iter().try_for_each(|name| sys::detach(places.join(name)))?;
    mounted
}

fn add_entries(parts: &Path, place: &str, ours: &[&str], layout: &mut Layout) -> Result<()> {
    let directory = parts.join(place);
    let mut entries: Vec<_> = fs::read_dir(&directory).context("read", &directory)?.flatten().collect();
    if entries.len() > MAX_NAMES {
        return Err(Fault::new("more than 128 names in the image's", Path::new("/").join(place), 0));
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            return Err(not_text("name", place, &entry));
        };
        if ours.contains(&name.as_str()) {
            continue;
        }
        let name = format!("{place}{name}");
        let kind = entry.file_type().context("stat", &path)?;
        if kind.is_dir() {
            layout.directories.push(name);
        } else if kind.is_file() {
            layout.files.push(name);
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).context("readlink", &path)?.into_os_string().into_string();
            layout.links.push((name, target.map_err(|_| not_text("link", place, &entry))?));
        }
    }
    Ok(())
}

fn not_text(what: &str, place: &str, entry: &fs::DirEntry) -> Fault {
    Fault::new(&format!("a {what} that is not UTF-8:"), Path::new("/").join(place).join(entry.file_name()), 0)
}
