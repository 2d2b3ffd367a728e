//! The `host` root file system: the machine's own /usr, read-only, under a new root made of tmpfs.
//!
//! The parts that no program can write to are made once per slot by the builder, as real root, in `make_parts`; the root
//! itself, which holds everything writable, is made anew for every run by the keeper, in `make_root`.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use crate::fault::{Context, Fault, Result};
use crate::sys::{mknod, mount, set_times, statfs};

const NO_PRIVILEGES: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV;
/// Where the keeper makes the program's root.
pub const ROOT: &str = "/root";
/// The directories that a program may write to, below its root.
const WRITABLE: [&str; 6] = ["work", "tmp", "var/tmp", "run", "run/shm", "home"];
/// Top-level names that point into /usr wherever /usr is merged.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// Copied from the machine where they are there: without them linked libraries and commands are not found.
const ETC_COPIES: [&str; 4] = ["ld.so.cache", "mime.types", "protocols", "services"];
const DEVICES: [(&str, u32); 5] = [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)];

/// Makes what all slots share: the file /etc and the empty directory that overlays need.
pub fn make_shared(base: &Path) -> Result<()> {
    mount("tmpfs", base, "tmpfs", NO_PRIVILEGES, "mode=0755,size=16m")?;
    make_directory(&base.join("empty"), 0o755)?;
    make_directory(&base.join("slot"), 0o755)?;
    let etc = base.join("etc");
    make_directory(&etc, 0o755)?;
    let write = |name: &str, text: &str| fs::write(etc.join(name), text).context("write", etc.join(name));
    write(
        "passwd",
        "root:x:0:0:root:/:/usr/sbin/nologin\nassay:x:1000:1000:assay:/work:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    )?;
    write("group", "root:x:0:\nassay:x:1000:\nnogroup:x:65534:\n")?;
    write("hosts", "127.0.0.1 localhost\n::1 localhost\n")?;
    write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")?;
    write("hostname", "assay\n")?;
    for name in ETC_COPIES {
        let source = Path::new("/etc").join(name);
        if source.is_file() {
            fs::copy(&source, etc.join(name)).context("copy", source)?;
        }
    }
    copy_links(Path::new("/etc/alternatives"), &etc.join("alternatives"))
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

/// Mounts a slot's unchanging parts below `base/slot`, as real root: overlays of the trees and /etc, and /dev.
///
/// Each tree is an overlay of its own: a plain bind mount would let file locks cross slots.
pub fn make_parts(base: &Path, trees: &[String]) -> Result<PathBuf> {
    let slot = base.join("slot");
    mount("tmpfs", &slot, "tmpfs", NO_PRIVILEGES, "mode=0755,size=1m")?;
    for name in ["parts", "dev", "proc", "root"] {
        make_directory(&slot.join(name), 0o755)?;
    }
    let lowers = trees.iter().map(|tree| (tree.clone(), tree.trim_start_matches('/').to_owned()));
    let etc = (base.join("etc").display().to_string(), "etc".to_owned());
    for (lower, name) in lowers.chain([etc]) {
        if lower.contains([',', ':', '\\']) {
            return Err(Fault::new("a tree's path may not contain , : or \\", lower, libc::EINVAL));
        }
        let target = slot.join("parts").join(name);
        make_directories(&target)?;
        let options = format!("lowerdir={lower}:{}", base.join("empty").display());
        mount("overlay", &target, "overlay", NO_PRIVILEGES | libc::MS_RDONLY, &options)?;
    }
    make_devices(&slot.join("dev"))?;
    Ok(slot)
}

fn make_devices(dev: &Path) -> Result<()> {
    mount("tmpfs", dev, "tmpfs", libc::MS_NOSUID | libc::MS_NOEXEC, "mode=0755,size=64k")?;
    for (name, minor) in DEVICES {
        mknod(&dev.join(name), libc::S_IFCHR | 0o666, 1, minor)?;
    }
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        symlink(target, dev.join(name)).context("symlink", dev.join(name))?;
    }
    make_directory(&dev.join("shm"), 0o755)?;
    mount("", dev, "", libc::MS_REMOUNT | libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NOEXEC, "mode=0755,size=64k")
}

/// Mount options of a root that holds this many bytes.
pub fn root_options(disk_bytes: u64) -> String {
    // The root's own directories and links are inodes too.
    format!("mode=0755,size={disk_bytes},nr_inodes={}", disk_bytes / 4096 + 64)
}

/// Mounts a new program's root at `ROOT`, in the keeper's own root; everything that a program can write is in it.
///
/// The caller's umask must be 0.
pub fn make_root(trees: &[String], disk_bytes: u64) -> Result<Blank> {
    let root = Path::new(ROOT);
    mount("tmpfs", root, "tmpfs", NO_PRIVILEGES | libc::MS_NOATIME, &root_options(disk_bytes))?;
    for name in ["var", "program", "dev", "proc", "etc"] {
        make_directory(&root.join(name), 0o755)?;
    }
    for name in WRITABLE {
        make_directory(&root.join(name), 0o1777)?;
    }
    for tree in trees.iter().map(|tree| tree.trim_start_matches('/')) {
        make_directories(&root.join(tree))?;
        bind(&Path::new("/parts").join(tree), &root.join(tree))?;
    }
    for name in MERGED {
        if Path::new("/parts/usr").join(name).is_dir() {
            symlink(format!("usr/{name}"), root.join(name)).context("symlink", root.join(name))?;
        }
    }
    bind(Path::new("/parts/etc"), &root.join("etc"))?;
    bind(Path::new("/dev"), &root.join("dev"))?;
    bind(&root.join("run/shm"), &root.join("dev/shm"))?;
    bind(Path::new("/proc"), &root.join("proc"))?;
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
