//! Images: a directory, an OCI image layout or a `docker save` archive, unpacked once into a store of layers.
//!
//! This runs as a process of its own, `assay-sandbox unpack`, so that whatever an archive holds meets neither the engine
//! nor the supervisor. Layers are kept by their diff id, the digest of the uncompressed archive; the image's entry point
//! and user are not looked at, of its environment only PATH is.

mod digest;
mod entries;
mod inspect;
mod layer;
mod manifest;
mod pax;
mod source;
mod store;
mod tree;
mod zstd;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::fault::{Context, Fault, Result};
use crate::sys;
use crate::wire::{Unpacked, encode};
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
pub fn main(store: &str, reference: &str, tools: &[&str]) -> Result<()> {
    sys::set_process_name(c"assay-unpack");
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
    let unpacked = unpack(&Store::open(Path::new(store), keeps_owners)?, reference, tools)?;
    std::io::stdout().write_all(&encode(&unpacked)?).context("write", "standard output")
}

fn enter_user_namespace() -> Result<()> {
    sys::enter_user_namespace_alone().map_err(|fault| {
        refusal(format!("{fault}; without root images need a user namespace, `assay doctor` says what is in its way"))
    })
}

fn unpack(store: &Store, reference: &str, tools: &[&str]) -> Result<Unpacked> {
    let (path, name) = split(reference)?;
    let (layers, search) = match Source::open(&path)? {
        None if name.is_some() => return refuse(format!("{}: a plain directory has no tags", path.display())),
        None => (vec![path], None),
        Some(source) => {
            let image = manifest::resolve(&source, name)?;
            (layer::unpack_all(&source, store, &image.layers)?, image.path)
        }
    };
    let search = search.unwrap_or_else(|| DEFAULT_PATH.to_owned());
    let tools = inspect::find_tools(store, &layers, &search, tools)?;
    let text = |path: PathBuf| match path.into_os_string().into_string() {
        Ok(text) => Ok(text),
        Err(path) => refuse(format!("{path:?}: not UTF-8")),
    };
    Ok(Unpacked { layers: layers.into_iter().map(text).collect::<Result<_>>()?, path: search, tools })
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
