//! The store: one directory per layer, named by its diff id, shared by every engine on this machine.
//!
//! An engine holds a shared lock on each layer that it shows; whoever removes one takes it exclusively, and out of the way
//! under another name first, so that a layer that has its name is whole.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::check;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::digest::Digest;
use super::refuse;
use crate::rootfs::opaque_attribute;

pub struct Store {
    root: PathBuf,
    pub layers: PathBuf,
    /// Root's layers have the owners that the image names, an ordinary user's are all its own.
    pub keeps_owners: bool,
}

/// A layer that nobody removes while its lock is open, here or wherever it was sent.
pub struct HeldLayer {
    pub directory: PathBuf,
    pub lock: File,
}

impl Store {
    /// Made if it is not there; others must not be able to put layers in.
    pub fn open(root: &Path, keeps_owners: bool) -> Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root).context("image_store: mkdir", root)?;
        let root = fs::canonicalize(root).context("open", root)?;
        let facts = fs::metadata(&root).context("stat", &root)?;
        if facts.uid() != rustix::process::geteuid().as_raw() || facts.mode() & 0o022 != 0 {
            return refuse(format!("{}: others may write to the image store", root.display()));
        }
        // Where an overlay does not look for the mark of a layer, it would show what that hides.
        let layers = root.join(if opaque_attribute()?.starts_with("trusted") { "layers" } else { "layers-user" });
        let store = Self { root, layers, keeps_owners };
        for path in [store.layers.clone(), store.inspection(), store.removed()] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).context("mkdir", &path)?;
        }
        Ok(store)
    }

    /// Where images are mounted to be looked at, in a mount namespace of one's own.
    pub fn inspection(&self) -> PathBuf {
        self.root.join("inspect")
    }

    /// Where layers are on their way out.
    pub fn removed(&self) -> PathBuf {
        self.root.join("removed")
    }

    /// Where a layer is being written, by whoever has the store's lock.
    pub fn partial(&self) -> PathBuf {
        self.root.join("partial")
    }

    /// The layer; `fill` writes it unless it is there.
    ///
    /// It appears under its name only when it is whole and on the disk: a crash leaves the store as it was.
    pub fn layer(&self, diff_id: &Digest, fill: impl FnOnce(&Path) -> Result<()>) -> Result<HeldLayer> {
        let directory = self.layers.join(diff_id.hex());
        if let Some(lock) = hold(&directory)? {
            return Ok(HeldLayer { directory, lock });
        }
        // Engines that need a new layer at the same time unpack one after the other; the second finds the first one's.
        // Held until the end of this function, or of this process.
        let _lock = self.lock(FlockOperation::LockExclusive)?;
        if let Some(lock) = hold(&directory)? {
            return Ok(HeldLayer { directory, lock });
        }
        let partial = self.partial();
        remove_tree(&partial)?;
        fs::DirBuilder::new().mode(0o755).create(&partial).context("mkdir", &partial)?;
        let filled = fill(&partial).and_then(|()| {
            let lock = open_directory(&partial).context("open", &partial)?;
            flock(&lock, FlockOperation::LockShared, &partial)?;
            // SAFETY: no pointers.
            check("syncfs", &partial, unsafe { libc::syncfs(lock.as_raw_fd()) }.into())?;
            fs::rename(&partial, &directory).context("rename", &partial)?;
            File::open(&self.layers).and_then(|layers| layers.sync_all()).context("fsync", &self.layers)?;
            Ok(lock)
        });
        if filled.is_err() {
            remove_tree(&partial)?;
        }
        filled.map(|lock| HeldLayer { directory, lock })
    }

    /// None if somebody unpacks and we are not to wait.
    pub fn lock(&self, how: FlockOperation) -> Result<Option<File>> {
        let path = self.root.join("lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path).context("open", &path)?;
        Ok(flock(&file, how, &path)?.then_some(file))
    }
}

/// The layer with a shared lock, None if it is not there.
fn hold(directory: &Path) -> Result<Option<File>> {
    lock_directory(directory, FlockOperation::LockShared)
}

/// None if the directory is not there, no longer there once it is locked, or locked by somebody and we are not to wait.
pub fn lock_directory(directory: &Path, how: FlockOperation) -> Result<Option<File>> {
    let file = match open_directory(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.context("open", directory)?,
    };
    if !flock(&file, how, directory)? {
        return Ok(None);
    }
    let ours = file.metadata().context("fstat", directory)?;
    let still_there =
        fs::symlink_metadata(directory).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
    Ok(still_there.then_some(file))
}

fn open_directory(path: &Path) -> std::io::Result<File> {
    File::options().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(path)
}

/// False if somebody else has it and we are not to wait.
fn flock(file: &File, how: FlockOperation, path: &Path) -> Result<bool> {
    match rustix::fs::flock(file, how) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(Fault::new("flock", path, errno.raw_os_error())),
    }
}

pub fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("remove", path),
        _ => Ok(()),
    }
}
