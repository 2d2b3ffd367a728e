//! Reading what an image's tools are loaded from, before any program is charged for it.
//!
//! A slot gives the pages of files back after each run that was the first to read them, so that what nobody else has read
//! is read from the disk every time, and counts as every program's memory. Nothing of the image is run for this: it is
//! whoever's, and outside of slots.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use rustix::fs::{Advice, Mode, OFlags, ResolveFlags};

use super::elf::needs;

/// Far more than an interpreter takes: files in all, libraries of one of them, and places that it names.
const MOST_FILES: usize = 64;
const MOST_LIBRARIES: usize = 64;
const MOST_PLACES: usize = 16;
const MOST_BYTES: u64 = 512 << 20;
/// Where libraries are looked for whatever a program says; how distributions name their own place differs.
const LIBRARIES: [&str; 9] = [
    "/usr/local/lib",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];

/// Has the kernel read these programs of the image at `root`, and the libraries that they are linked to.
pub fn read_ahead<'a>(root: &File, programs: impl Iterator<Item = &'a String>) {
    let mut waiting: Vec<String> = programs.cloned().collect();
    let mut seen = HashSet::new();
    let mut bytes_left = MOST_BYTES;
    while let Some(path) = waiting.pop() {
        if seen.len() == MOST_FILES || !seen.insert(path.clone()) {
            continue;
        }
        let Some((file, bytes)) = open(root, &path) else { continue };
        let Some(left) = bytes_left.checked_sub(bytes) else { continue };
        bytes_left = left;
        // What it does not read, programs will.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::WillNeed);
        let Some(needs) = needs(&file) else { continue };
        let own = Path::new(&path).parent().map(|own| own.display().to_string()).unwrap_or_default();
        let search: Vec<String> = needs.search.iter().map(|places| places.replace("$ORIGIN", &own)).collect();
        let named = || search.iter().flat_map(|places| places.split(':')).take(MOST_PLACES);
        let found = |name: &String| {
            let mut paths = named().chain(LIBRARIES).map(|place| format!("{place}/{name}"));
            paths.find(|path| open(root, path).is_some())
        };
        waiting.extend(needs.interpreter);
        waiting.extend(needs.libraries.iter().take(MOST_LIBRARIES).filter_map(found));
    }
}

/// A file of the image, and its size.
fn open(root: &File, path: &str) -> Option<(File, u64)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = File::from(rustix::fs::openat2(root, path, flags, Mode::empty(), within).ok()?);
    let facts = file.metadata().ok()?;
    facts.is_file().then_some((file, facts.len()))
}
