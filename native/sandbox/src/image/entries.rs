//! The entries of a layer's archive: which are taken, and which refuse the whole image.
//!
//! A layer comes from whoever made the image. Nothing in it may be written outside its own directory, and nothing that
//! could not stand in a program's root is taken over silently: absolute names, `..`, NUL, ways through links, devices,
//! FIFOs and sparse files are refused with the entry's name. Set-user-id bits and extended attributes (file
//! capabilities) are dropped: no program here gains rights by an exec.

use std::io::Read;

use assay_shared::fault::{Fault, Result};
use tar::{Archive, Entry, EntryType};

use super::pax::Extended;
use super::tree::{Owner, Tree};
use super::{refusal, refuse};

const MAX_ENTRIES: u64 = 1_000_000;
/// A long name or an extended header; they are held in memory.
const MAX_HEADER_BYTES: u64 = 1 << 20;
const MAX_PATH_BYTES: usize = 4095;
const MAX_NAME_BYTES: usize = 255;
const MAX_DEPTH: usize = 128;
/// What a slot maps.
const MAX_ID: u64 = 65_535;
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Marks of an older union file system; they name no file of the image.
const FOREIGN: &[u8] = b".wh..wh.";

/// Writes what the archive holds into `tree`.
pub fn unpack(archive: &mut dyn Read, tree: &Tree) -> Result<()> {
    let mut archive = Archive::new(archive);
    let mut extended = Extended::default();
    // Raw: the library would hold a long name of any length in memory.
    let entries = archive.entries().map_err(|error| unreadable(&error))?.raw(true);
    for (count, entry) in (0..).zip(entries) {
        let mut entry = entry.map_err(|error| unreadable(&error))?;
        if count == MAX_ENTRIES {
            return refuse(format!("more than {MAX_ENTRIES} entries"));
        }
        match entry.header().entry_type() {
            EntryType::GNULongName => extended.path = Some(long_name(&mut entry)?),
            EntryType::GNULongLink => extended.link = Some(long_name(&mut entry)?),
            EntryType::XHeader => extended.add(&header_bytes(&mut entry)?)?,
            // Speaks of the archive as a whole: a comment, a time.
            EntryType::XGlobalHeader => drop(header_bytes(&mut entry)?),
            _ => write(entry, std::mem::take(&mut extended), tree)?,
        }
    }
    Ok(())
}

fn write<R: Read>(mut entry: Entry<'_, R>, extended: Extended, tree: &Tree) -> Result<()> {
    let name = extended.path.unwrap_or_else(|| entry.path_bytes().into_owned());
    put(&mut entry, &name, extended.link, extended.size, [extended.uid, extended.gid], tree)
        .map_err(|fault| Fault { operation: format!("entry {}: {}", shown(&name), fault.operation), ..fault })
}

fn put<R: Read>(
    entry: &mut Entry<'_, R>,
    name: &[u8],
    link: Option<Vec<u8>>,
    size: Option<u64>,
    ids: [Option<u64>; 2],
    tree: &Tree,
) -> Result<()> {
    let header = entry.header();
    if header.entry_type().is_gnu_sparse() {
        return refuse("a sparse file");
    }
    let number = |result: std::io::Result<u64>| result.map_err(|error| refusal(error.to_string()));
    let plain_size = number(header.size())?;
    if size.is_some_and(|size| size != plain_size) {
        return refuse("a size that its plain header cannot hold");
    }
    let path = parts(name)?;
    let Some((last, parents)) = path.split_last() else {
        // The root itself, which is ours.
        return if header.entry_type().is_dir() { Ok(()) } else { refuse("no name") };
    };
    if parents.iter().any(|part| part.starts_with(WHITEOUT)) {
        return refuse("a whiteout is no directory");
    }
    let owner = Owner {
        uid: id("uid", number(header.uid())?, ids[0])?,
        gid: id("gid", number(header.gid())?, ids[1])?,
        mode: header.mode().map_err(|error| refusal(error.to_string()))?,
        modified: number(header.mtime())?,
    };
    if let Some(hidden) = last.strip_prefix(WHITEOUT) {
        return match *last {
            OPAQUE => tree.hide_all_below(parents),
            _ if last.starts_with(FOREIGN) => Ok(()),
            _ if matches!(hidden, b"" | b"." | b"..") => refuse("a whiteout of nothing"),
            _ => tree.hide(parents, hidden),
        };
    }
    let link = link.or_else(|| entry.link_name_bytes().map(|link| link.into_owned()));
    match entry.header().entry_type() {
        EntryType::Directory => tree.directory(parents, last, &owner),
        // Archives from before there was a type for directories.
        EntryType::Regular if name.ends_with(b"/") => tree.directory(parents, last, &owner),
        EntryType::Regular | EntryType::Continuous => tree.file(parents, last, &owner, plain_size, entry),
        EntryType::Symlink => tree.symlink(parents, last, &owner, &link_target(link)?),
        EntryType::Link => tree.hard_link(parents, last, &parts(&link_target(link)?)?),
        // /dev is ours in every program's root.
        EntryType::Char | EntryType::Block | EntryType::Fifo if path[0] == b"dev" => Ok(()),
        EntryType::Char | EntryType::Block => refuse("a device node"),
        EntryType::Fifo => refuse("a FIFO"),
        kind => refuse(format!("an entry of unknown type {:?}", kind.as_byte() as char)),
    }
}

/// The parts of a name that stays below the layer's own root.
fn parts(name: &[u8]) -> Result<Vec<&[u8]>> {
    if name.contains(&0) {
        return refuse("NUL in a name");
    }
    if name.starts_with(b"/") {
        return refuse("an absolute name");
    }
    let parts: Vec<&[u8]> = name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
    if parts.contains(&b"..".as_slice()) {
        return refuse("'..' in a name");
    }
    if name.len() > MAX_PATH_BYTES || parts.len() > MAX_DEPTH || parts.iter().any(|part| part.len() > MAX_NAME_BYTES) {
        return refuse("a name that is too long");
    }
    Ok(parts)
}

fn link_target(link: Option<Vec<u8>>) -> Result<Vec<u8>> {
    match link {
        Some(link) if link.is_empty() => refuse("a link to nowhere"),
        Some(link) if link.contains(&0) => refuse("NUL in a link"),
        Some(link) if link.len() > MAX_PATH_BYTES => refuse("a link that is too long"),
        Some(link) => Ok(link),
        None => refuse("a link to nowhere"),
    }
}

fn id(name: &str, plain: u64, extended: Option<u64>) -> Result<u32> {
    match extended.unwrap_or(plain) {
        id if id <= MAX_ID => Ok(id as u32),
        id => refuse(format!("{name} {id}, expected at most {MAX_ID}")),
    }
}

fn long_name<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>> {
    let mut name = header_bytes(entry)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

fn header_bytes<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>> {
    if entry.size() > MAX_HEADER_BYTES {
        return refuse(format!("a header of {} bytes", entry.size()));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

fn unreadable(error: &std::io::Error) -> Fault {
    refusal(format!("the archive cannot be read: {error}"))
}

/// A name for an error message: any bytes, cut short.
fn shown(name: &[u8]) -> String {
    const MOST: usize = 100;
    let text = String::from_utf8_lossy(&name[..name.len().min(MOST)]);
    format!("{text:?}{}", if name.len() > MOST { "..." } else { "" })
}
