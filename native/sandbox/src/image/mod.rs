//! Images: a directory, an OCI image layout or a `docker save` archive, unpacked once into a store of layers.
//!
//! This runs as a process of its own, `assay-sandbox unpack`, so that whatever an archive holds meets neither the engine
//! nor the supervisor. Layers are kept by their diff id, the digest of the uncompressed archive; the image's entry point
//! and user are not looked at, of its environment only PATH is.

mod digest;
mod elf;
mod entries;
mod inspect;
mod layer;
mod manifest;
mod pax;
mod read_ahead;
mod source;
mod stock;
mod store;
mod tree;
mod zstd;

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::outbox::PATIENCE;
use assay_shared::sys;
use assay_shared::wire::{Inventory, Unpacked, encode};
use serde::Serialize;

use source::Source;
use store::Store;

const MEMORY_BYTES: u64 = 1 << 30;
const OPEN_FILES: u64 = 1024;
/// Where tools are looked for in an image that does not say.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A refusal: what is wrong with an image, in words for whoever made it.
fn refuse<T>(why: impl AsRef<str>) -> Result<T> {
    Err(refusal(why))
}

/// An archive's own text may be in it, so that it stays one line of what can be shown.
fn refusal(why: impl AsRef<str>) -> Fault {
    let mut shown = String::new();
    for character in why.as_ref().chars() {
        if character.is_control() { shown.extend(character.escape_default()) } else { shown.push(character) }
    }
    Fault::new(&shown, "", 0)
}

/// Makes the image at `reference` ready in the store, and writes what it is, encoded, to standard output.
///
/// The locks of its layers go to standard input, a socket: whoever started this holds them from then on.
pub fn main(store: &str, reference: &str, tools: &[&str]) -> Result<()> {
    let store = open_store(c"assay-unpack", store)?;
    let (unpacked, locks) = unpack(&store, reference, tools)?;
    let locks: Vec<_> = locks.iter().map(AsRawFd::as_raw_fd).collect();
    sys::send_patiently(std::io::stdin(), &[0], &locks, PATIENCE)?;
    say(&unpacked)
}

/// Writes the store's layers, and those that each of these images is made of, to standard output.
pub fn list(store: &str, references: &[&str]) -> Result<()> {
    let layers = stock::list(&open_store(c"assay-images", store)?)?;
    let images = references.iter().map(|reference| layers_of(reference).map_err(|fault| fault.to_string()));
    say(&Inventory { layers, images: images.collect() })
}

/// Removes what no engine uses from the store, and writes what that was to standard output.
pub fn prune(store: &str) -> Result<()> {
    say(&stock::prune(&open_store(c"assay-prune", store)?)?)
}

/// The store, with bounds to what this process can do by mistake.
fn open_store(process: &CStr, store: &str) -> Result<Store> {
    sys::set_process_name(process);
    let keeps_owners = rustix::process::geteuid().is_root();
    if !keeps_owners {
        // Its own files are beyond nobody, whatever modes an image gives them, and its layers can be mounted.
        enter_user_namespace()?;
    }
    // Modes are set one by one. A mistake of ours or of a library ends here, not with the machine's memory.
    rustix::process::umask(rustix::fs::Mode::empty());
    sys::rlimit(libc::RLIMIT_AS, MEMORY_BYTES)?;
    sys::rlimit(libc::RLIMIT_NOFILE, OPEN_FILES)?;
    sys::rlimit(libc::RLIMIT_CORE, 0)?;
    sys::prctl("prctl PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
    Store::open(Path::new(store), keeps_owners)
}

fn enter_user_namespace() -> Result<()> {
    sys::enter_user_namespace_alone().map_err(|fault| {
        refusal(format!("{fault}; without root images need a user namespace, `assay doctor` says what is in its way"))
    })
}

fn say(answer: &impl Serialize) -> Result<()> {
    std::io::stdout().write_all(&encode(answer)?).context("write", "standard output")
}

/// What a reference leads to.
enum Found {
    Directory(PathBuf),
    Image(Source, manifest::Image),
}

fn find(reference: &str) -> Result<Found> {
    let (path, name) = split(reference)?;
    match Source::open(&path)? {
        None if name.is_some() => refuse(format!("{}: a plain directory has no tags", path.display())),
        None => Ok(Found::Directory(path)),
        Some(source) => {
            let image = manifest::resolve(&source, name)?;
            Ok(Found::Image(source, image))
        }
    }
}

/// The digests of its layers in the store, the topmost first; a directory has none there.
fn layers_of(reference: &str) -> Result<Vec<String>> {
    match find(reference)? {
        Found::Directory(_) => Ok(Vec::new()),
        Found::Image(_, image) => Ok(image.layers.iter().rev().map(|layer| layer.diff_id.hex()).collect()),
    }
}

fn unpack(store: &Store, reference: &str, tools: &[&str]) -> Result<(Unpacked, Vec<File>)> {
    let (layers, locks, search) = match find(reference)? {
        Found::Directory(path) => (vec![path], Vec::new(), None),
        Found::Image(source, image) => {
            let (held, seen) = layer::unpack_all(&source, store, &image.layers)?;
            let (mut layers, locks): (Vec<_>, _) = held.into_iter().map(|held| (held.directory, held.lock)).unzip();
            layers.truncate(seen);
            (layers, locks, image.path)
        }
    };
    let search = search.unwrap_or_else(|| DEFAULT_PATH.to_owned());
    let root = inspect::open(store, &layers)?;
    let tools = inspect::find_tools(&root, &search, tools);
    read_ahead::read_ahead(&root, tools.values());
    let text = |path: PathBuf| match path.into_os_string().into_string() {
        Ok(text) => Ok(text),
        Err(path) => refuse(format!("{path:?}: not UTF-8")),
    };
    let layers = layers.into_iter().map(text).collect::<Result<_>>()?;
    Ok((Unpacked { layers, path: search, tools }, locks))
}

/// `PATH` or `PATH:NAME`; both may hold colons, so the first that makes a path that is there counts.
fn split(reference: &str) -> Result<(PathBuf, Option<&str>)> {
    let cuts = reference.match_indices(':').map(|(at, _)| at).chain([reference.len()]);
    for at in cuts {
        let (path, name) = reference.split_at(at);
        if let Ok(path) = fs::canonicalize(path) {
            return Ok((path, name.strip_prefix(':').filter(|name| !name.is_empty())));
        }
    }
    refuse(format!("{reference}: no such directory, image layout or archive"))
}
