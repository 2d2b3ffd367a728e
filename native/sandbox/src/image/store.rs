//! The store: one directory per layer, named by its diff id, shared by every engine on this machine.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::digest::Digest;
use super::refuse;
use crate::fault::{Context, Fault, Result};
use crate::rootfs::opaque_attribute;
use crate::sys::check;

pub struct Store {
    root: PathBuf,
    layers: PathBuf,
    /// Root's layers have the owners that the image names, an ordinary user's are all its own.
    pub keeps_owners: bool,
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
        for path in [&layers, &root.join("inspect")] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(path).context("mkdir", path)?;
        }
        Ok(Self { root, layers, keeps_owners })
    }

    /// Where images are mounted to be looked at, in a mount namespace of one's own.
    pub fn inspection(&self) -> PathBuf {
        self.root.join("inspect")
    }

    /// The layer's directory; `fill` writes it unless it is there.
    ///
    /// It appears under its name only when it is whole and on the disk: a crash leaves the store as it was.
    pub fn layer(&self, diff_id: &Digest, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let layer = self.layers.join(diff_id.hex());
        if layer.exists() {
            return Ok(layer);
        }
        // Held until the end of this function, or of this process.
        let _lock = self.lock()?;
        if layer.exists() {
            return Ok(layer);
        }
        let partial = self.root.join("partial");
        remove_tree(&partial)?;
        fs::DirBuilder::new().mode(0o755).create(&partial).context("mkdir", &partial)?;
        let filled = fill(&partial).and_then(|()| {
            let directory = File::open(&partial).context("open", &partial)?;
            // SAFETY: no pointers.
            check("syncfs", &partial, unsafe { libc::syncfs(directory.as_raw_fd()) }.into())?;
            fs::rename(&partial, &layer).context("rename", &partial)?;
            File::open(&self.layers).and_then(|layers| layers.sync_all()).context("fsync", &self.layers)
        });
        if filled.is_err() {
            remove_tree(&partial)?;
        }
        filled.map(|()| layer)
    }

    /// Engines that need a new layer at the same time unpack one after the other; the second finds the first one's.
    fn lock(&self) -> Result<File> {
        let path = self.root.join("lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path).context("open", &path)?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .map_err(|errno| Fault::new("flock", &path, errno.raw_os_error()))?;
        Ok(file)
    }
}

fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("remove", path),
        _ => Ok(()),
    }
}
