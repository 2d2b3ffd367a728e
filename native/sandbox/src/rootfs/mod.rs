//! The program's root: one tmpfs with everything that a program may write to, and bound into it what it may only read.
//!
//! The parts that no program can write to are made once per slot by the builder, as real root, in `make_parts`: of the
//! machine's own trees (`host`) or of an image's layers (`image`). The root itself is made anew by the keeper, in
//! `make_root`.

mod host;
mod image;

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Result};
use assay_shared::sys::{mknod, mount, set_times, statfs};
use assay_shared::wire::Rootfs;
use serde::{Deserialize, Serialize};

pub use host::{ETC_COPIES, MERGED};
pub use image::{layout, mount_layers, opaque_attribute};

const NO_PRIVILEGES: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV;
/// Where the keeper makes the program's root.
pub const ROOT: &str = "/root";
/// The directories that a program may write to, below its root.
const WRITABLE: [&str; 7] = ["work", "tmp", "var/tmp", "run", "run/shm", "home", "mnt"];
pub const DEVICES: [(&str, u32); 5] = [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)];
/// The root's own directories, links and mount points are inodes too.
const ROOT_INODES: u64 = 256;

/// A slot's unchanging parts, mounted below one directory.
#[derive(Clone)]
pub struct Parts {
    pub directory: PathBuf,
    pub layout: Layout,
}

/// What stands in the program's root beside our own directories; the names are the same below `parts`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Layout {
    pub directories: Vec<String>,
    pub files: Vec<String>,
    /// Name and target.
    pub links: Vec<(String, String)>,
}

/// Makes what all slots share.
pub fn make_shared(base: &Path) -> Result<()> {
    mount("tmpfs", base, "tmpfs", NO_PRIVILEGES, "mode=0755,size=16m")?;
    make_directory(&base.join("slot"), 0o755)?;
    host::make_shared(base)?;
    image::make_shared(base)
}

/// Mounts a slot's unchanging parts below `base/slot`, as real root: the trees or the image, and /dev.
///
/// `uid`: what root inside is outside, if the slot has a whole user map from there on.
pub fn make_parts(base: &Path, rootfs: &Rootfs, uid: Option<u32>) -> Result<Parts> {
    let slot = base.join("slot");
    mount("tmpfs", &slot, "tmpfs", NO_PRIVILEGES, "mode=0755,size=1m")?;
    for name in ["parts", "devices", "dev", "proc", "root"] {
        make_directory(&slot.join(name), 0o755)?;
    }
    let layout = match rootfs {
        Rootfs::Host { trees } => host::make(base, &slot, trees)?,
        Rootfs::Image { layers } => image::make(base, &slot, layers, uid)?,
    };
    make_devices(&slot.join("devices"))?;
    Ok(Parts { directory: slot, layout })
}

/// Shows the parts at their own paths in the keeper's root, too: what a zygote runs from. A root of its own would show in
/// the paths of its program and libraries, which its children have in common with it.
pub fn show_parts(parts: &Parts) -> Result<()> {
    let slot = &parts.directory;
    let ours = |name: &str| slot.join(name).symlink_metadata().is_ok();
    for name in parts.layout.directories.iter().filter(|name| !ours(name)) {
        make_directories(&slot.join(name))?;
        bind(&slot.join("parts").join(name), &slot.join(name))?;
    }
    for name in parts.layout.files.iter().filter(|name| !ours(name)) {
        fs::File::create(slot.join(name)).context("create", slot.join(name))?;
        bind(&slot.join("parts").join(name), &slot.join(name))?;
    }
    for (name, target) in parts.layout.links.iter().filter(|(name, _)| !ours(name)) {
        symlink(target, slot.join(name)).context("symlink", slot.join(name))?;
    }
    make_directory(&slot.join("work"), 0o755)?;
    mount(&slot.join("devices").display().to_string(), slot.join("dev"), "", libc::MS_BIND | libc::MS_REC, "")
}

fn make_devices(dev: &Path) -> Result<()> {
    mount("tmpfs", dev, "tmpfs", libc::MS_NOSUID | libc::MS_NOEXEC, "mode=0755,size=64k")?;
    for (name, minor) in DEVICES {
        match mknod(&dev.join(name), libc::S_IFCHR | 0o666, 1, minor) {
            // Nobody makes nodes in a user namespace: there the machine's own are shown.
            Err(fault) if fault.is(libc::EPERM) => {
                fs::File::create(dev.join(name)).context("create", dev.join(name))?;
                bind(&Path::new("/dev").join(name), &dev.join(name))?;
            }
            made => made?,
        }
    }
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        symlink(target, dev.join(name)).context("symlink", dev.join(name))?;
    }
    make_directory(&dev.join("shm"), 0o755)?;
    mount("", dev, "", libc::MS_REMOUNT | libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NOEXEC, "mode=0755,size=64k")
}

/// Mount options of a root that holds this many bytes.
pub fn root_options(disk_bytes: u64) -> String {
    format!("mode=0755,size={disk_bytes},nr_inodes={}", disk_bytes / 4096 + ROOT_INODES)
}

/// Mounts a new program's root at `ROOT`, in the keeper's own root; everything that a program can write is in it.
///
/// The caller's umask must be 0.
pub fn make_root(layout: &Layout, disk_bytes: u64) -> Result<Blank> {
    let root = Path::new(ROOT);
    mount("tmpfs", root, "tmpfs", NO_PRIVILEGES | libc::MS_NOATIME, &root_options(disk_bytes))?;
    for name in ["var", "program", "dev", "proc"] {
        make_directory(&root.join(name), 0o755)?;
    }
    for name in WRITABLE {
        make_directory(&root.join(name), 0o1777)?;
    }
    for name in &layout.directories {
        make_directories(&root.join(name))?;
        bind(&Path::new("/parts").join(name), &root.join(name))?;
    }
    for name in &layout.files {
        fs::File::create(root.join(name)).context("create", root.join(name))?;
        bind(&Path::new("/parts").join(name), &root.join(name))?;
    }
    for (name, target) in &layout.links {
        symlink(target, root.join(name)).context("symlink", root.join(name))?;
    }
    // With the nodes that are mounts themselves.
    mount("/devices", root.join("dev"), "", libc::MS_BIND | libc::MS_REC, "")?;
    bind(&root.join("run/shm"), &root.join("dev/shm"))?;
    let proc = root.join("proc");
    bind(Path::new("/proc"), &proc)?;
    // There a program would lower its oom_score_adj, and the slot's own processes die for what it takes.
    mount("", &proc, "", libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY | NO_PRIVILEGES | libc::MS_NOEXEC, "")?;
    Blank::mark(root)
}

/// How a new root looks. A program cannot change it and leave no trace in these: whatever it makes or removes changes the
/// time of a directory that it does not own, and only an owner can set a time of his choice; what is open but has no name
/// is gone with its processes, and could not have been made without one.
pub struct Blank {
    counts: Counts,
}

/// Blocks, and free ones; files, and free ones.
type Counts = [u64; 4];

const MARKER: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 1 };

impl Blank {
    fn mark(root: &Path) -> Result<Self> {
        for name in WRITABLE {
            set_times(&root.join(name), MARKER)?;
        }
        Ok(Self { counts: counts(root)? })
    }

    /// Whether the root is still as it was made.
    pub fn holds(&self) -> Result<bool> {
        let root = Path::new(ROOT);
        for name in WRITABLE {
            let path = root.join(name);
            let facts = fs::symlink_metadata(&path).context("stat", &path)?;
            if (facts.mtime(), facts.mtime_nsec()) != (MARKER.tv_sec, MARKER.tv_nsec) {
                return Ok(false);
            }
        }
        Ok(counts(root)? == self.counts)
    }
}

fn counts(root: &Path) -> Result<Counts> {
    let facts = statfs(root)?;
    Ok([facts.f_blocks, facts.f_bfree, facts.f_files, facts.f_ffree])
}

fn bind(source: &Path, target: &Path) -> Result<()> {
    mount(&source.display().to_string(), target, "", libc::MS_BIND, "")
}

fn make_directory(path: &Path, mode: u32) -> Result<()> {
    fs::DirBuilder::new().mode(mode).create(path).context("mkdir", path)
}

fn make_directories(path: &Path) -> Result<()> {
    fs::DirBuilder::new().mode(0o755).recursive(true).create(path).context("mkdir", path)
}
