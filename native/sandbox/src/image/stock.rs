//! What is in the store, and removing what nobody uses.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Result};
use assay_shared::wire::{Layer, Pruned};
use rustix::fs::FlockOperation;

use super::store::{Store, lock_directory, remove_tree};

const BLOCK_BYTES: u64 = 512;
const DIGITS: usize = 64;

/// Every layer, by name.
pub fn list(store: &Store) -> Result<Vec<Layer>> {
    let layer = |(digest, directory): (String, PathBuf)| {
        let in_use = lock_directory(&directory, FlockOperation::NonBlockingLockExclusive)?.is_none();
        Ok(Layer { digest, bytes: bytes_of(&directory)?, in_use })
    };
    layers(store)?.into_iter().map(layer).collect()
}

/// Removes the layers that no engine holds, and what killed processes have left of others.
pub fn prune(store: &Store) -> Result<Pruned> {
    let mut pruned = Pruned::default();
    for path in children(&store.removed())? {
        // Somebody is at it, if it cannot be locked.
        if let Some(_lock) = lock_directory(&path, FlockOperation::NonBlockingLockExclusive)? {
            pruned.leftover_bytes += bytes_of(&path)?;
            remove_tree(&path)?;
        }
    }
    if let Some(_lock) = store.lock(FlockOperation::NonBlockingLockExclusive)? {
        pruned.leftover_bytes += bytes_of(&store.partial())?;
        remove_tree(&store.partial())?;
    }
    for (digest, directory) in layers(store)? {
        let Some(lock) = lock_directory(&directory, FlockOperation::NonBlockingLockExclusive)? else {
            pruned.in_use += 1;
            continue;
        };
        let bytes = bytes_of(&directory)?;
        // Unpacked anew meanwhile and removed again it would meet itself there, but for the number.
        let number = lock.metadata().context("fstat", &directory)?.ino();
        let removed = store.removed().join(format!("{digest}-{number}"));
        fs::rename(&directory, &removed).context("rename", &directory)?;
        remove_tree(&removed)?;
        pruned.layers.push(Layer { digest, bytes, in_use: false });
    }
    Ok(pruned)
}

fn layers(store: &Store) -> Result<Vec<(String, PathBuf)>> {
    let named = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.to_owned();
        (name.len() == DIGITS).then_some((name, path))
    };
    Ok(children(&store.layers)?.into_iter().filter_map(named).collect())
}

fn children(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).context("read", directory)?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// What it takes on the disk; 0 for what is gone.
fn bytes_of(directory: &Path) -> Result<u64> {
    let mut seen = HashSet::new();
    let mut waiting = vec![directory.to_owned()];
    let mut blocks = 0;
    while let Some(path) = waiting.pop() {
        // Somebody may be removing it.
        let Ok(facts) = fs::symlink_metadata(&path) else { continue };
        if facts.nlink() == 1 || facts.is_dir() || seen.insert(facts.ino()) {
            blocks += facts.blocks();
        }
        if facts.is_dir() {
            waiting.extend(children(&path).unwrap_or_default());
        }
    }
    Ok(blocks * BLOCK_BYTES)
}
