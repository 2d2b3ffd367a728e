//! Where an image's files lie: in a directory, or in an archive that is read in place.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Fault, Result};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use tar::{Archive, EntryType};

use super::{refusal, refuse};

const MAX_MEMBERS: usize = 10_000;
const MAX_DOCUMENT_BYTES: u64 = 4 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub struct Source {
    path: PathBuf,
    files: Files,
}

enum Files {
    Directory(File),
    /// Offset and size of each member.
    Archive(File, HashMap<Vec<u8>, (u64, u64)>),
}

impl Source {
    /// None for a directory that is no image layout: it is a root file system itself.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let mut file = File::open(path).context("open", path)?;
        let is_directory = file.metadata().context("stat", path)?.is_dir();
        let files = if is_directory { Files::Directory(file) } else { archive(&mut file, path)? };
        let source = Self { path: path.to_owned(), files };
        let image = source.has("index.json") && source.has("oci-layout") || source.has("manifest.json");
        match (image, is_directory) {
            (true, _) => Ok(Some(source)),
            (false, true) => Ok(None),
            (false, false) => {
                refuse(format!("{}: neither a docker save archive nor an OCI image layout", path.display()))
            }
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.open_file(name).is_ok()
    }

    /// A file's contents from its start, and its size.
    pub fn open_file(&self, name: &str) -> Result<(Box<dyn Read>, u64)> {
        match &self.files {
            Files::Directory(directory) => {
                let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
                let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
                let file = rustix::fs::openat2(directory, name, flags, Mode::empty(), within)
                    .map_err(|errno| Fault::new("open", self.path.join(name), errno.raw_os_error()))?;
                let file = File::from(file);
                let facts = file.metadata().context("stat", name)?;
                if !facts.is_file() {
                    return refuse(format!("{}: not a file", self.path.join(name).display()));
                }
                Ok((Box::new(file), facts.len()))
            }
            Files::Archive(file, members) => {
                let Some((offset, size)) = members.get(name.as_bytes()) else {
                    return refuse(format!("{}: no {name} in it", self.path.display()));
                };
                // Each reader has a position of its own.
                let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
                let mut file = File::open(&path).context("open", path)?;
                file.seek(SeekFrom::Start(*offset)).context("seek", &self.path)?;
                Ok((Box::new(file.take(*size)), *size))
            }
        }
    }

    /// A whole JSON document.
    pub fn document(&self, name: &str) -> Result<Vec<u8>> {
        let (file, size) = self.open_file(name)?;
        if size > MAX_DOCUMENT_BYTES {
            return refuse(format!("{name}: {size} bytes, expected at most {MAX_DOCUMENT_BYTES}"));
        }
        let mut bytes = Vec::with_capacity(size as usize);
        file.take(size).read_to_end(&mut bytes).context("read", name)?;
        Ok(bytes)
    }
}

fn archive(file: &mut File, path: &Path) -> Result<Files> {
    let mut magic = [0; 4];
    let unreadable = |error: std::io::Error| refusal(format!("{}: not an archive: {error}", path.display()));
    file.read_exact(&mut magic).map_err(unreadable)?;
    file.rewind().context("seek", path)?;
    if magic.starts_with(&GZIP) || magic == ZSTD {
        return refuse(format!("{}: compressed as a whole, unpack it with gunzip or unzstd first", path.display()));
    }
    let mut members = HashMap::new();
    let mut archive = Archive::new(file.try_clone().context("dup", path)?);
    for entry in archive.entries_with_seek().map_err(unreadable)?.raw(true) {
        let entry = entry.map_err(unreadable)?;
        if members.len() == MAX_MEMBERS {
            return refuse(format!("{}: more than {MAX_MEMBERS} members", path.display()));
        }
        if matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous) {
            let name = entry.path_bytes();
            let name = name.strip_prefix(b"./").unwrap_or(&name).to_vec();
            members.insert(name, (entry.raw_file_position(), entry.size()));
        }
    }
    Ok(Files::Archive(file.try_clone().context("dup", path)?, members))
}
