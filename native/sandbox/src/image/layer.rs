//! One layer from its file to its directory: decompressed, both digests checked.

use std::collections::HashSet;
use std::io::{self, BufReader, Read};
use std::path::Path;

use assay_shared::fault::{Fault, Result};
use flate2::read::MultiGzDecoder;

use super::digest::Hashing;
use super::entries;
use super::manifest::Layer;
use super::source::Source;
use super::store::{HeldLayer, Store};
use super::tree::Tree;
use super::zstd::ZstdDecoder;
use super::{refusal, refuse};
use crate::rootfs::opaque_attribute;

/// Of the uncompressed archive: whatever a few kilobytes claim to hold ends here.
const MAX_LAYER_BYTES: u64 = 32 << 30;
const BLOCK_BYTES: usize = 512;
const MAGIC_BYTES: usize = 4;

/// The layers in the store, the topmost first, and how many of these can be seen.
pub fn unpack_all(source: &Source, store: &Store, layers: &[Layer]) -> Result<(Vec<HeldLayer>, usize)> {
    let mut seen = HashSet::new();
    // A layer that comes again higher up says the same there, and an overlay refuses to hold it twice.
    let layers = layers.iter().rev().filter(|layer| seen.insert(layer.diff_id));
    let held = layers.map(|layer| {
        let fill = |directory: &Path| unpack(source, layer, &Tree::open(directory, store.keeps_owners)?);
        store.layer(&layer.diff_id, fill)
    });
    let held: Vec<_> = held.collect::<Result<_>>()?;
    // An overlay looks for this mark everywhere but at its layers' own roots.
    let opaque = opaque_attribute()?;
    let hides = held.iter().position(|layer| rustix::fs::fgetxattr(&layer.lock, opaque, &mut [0; 1]).is_ok());
    let seen = hides.map_or(held.len(), |index| index + 1);
    Ok((held, seen))
}

fn unpack(source: &Source, layer: &Layer, tree: &Tree) -> Result<()> {
    let named = |fault: Fault| Fault { operation: format!("layer {}: {}", layer.diff_id, fault.operation), ..fault };
    let (file, size) = source.open_file(&layer.name).map_err(named)?;
    let mut blob = Hashing::new(BufReader::new(file), u64::MAX);
    let unpacked = unpack_blob(&mut blob, layer, tree);
    // A damaged file is told as such, and not by what it did to the archive in it.
    if let Some((digest, expected)) = &layer.blob {
        let (found, _) = blob.finish().map_err(|error| named(unreadable(&error)))?;
        if size != *expected || found != *digest {
            return refuse(format!(
                "layer {digest}: the file's digest is {found}, its size {size} of {expected} bytes"
            ));
        }
    }
    unpacked.map_err(named)
}

fn unpack_blob(blob: &mut dyn Read, layer: &Layer, tree: &Tree) -> Result<()> {
    let archive = decompress(blob).map_err(|error| unreadable(&error))?;
    let mut archive = Hashing::new(archive, MAX_LAYER_BYTES);
    entries::unpack(&mut Padded { inner: &mut archive, bytes: 0 }, tree)?;
    let (found, _) = archive.finish().map_err(|error| unreadable(&error))?;
    if found != layer.diff_id {
        return refuse(format!("the archive's digest is {found}"));
    }
    Ok(())
}

/// Some builders end a layer with the last byte of its last file; archives are read in whole blocks.
struct Padded<R> {
    inner: R,
    bytes: usize,
}

impl<R: Read> Read for Padded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = self.inner.read(buffer)?;
        if count == 0 {
            count = buffer.len().min(self.bytes.wrapping_neg() % BLOCK_BYTES);
            buffer[..count].fill(0);
        }
        self.bytes = (self.bytes + count) % BLOCK_BYTES;
        Ok(count)
    }
}

/// By what the file begins with: media types are not always right.
fn decompress<'a>(blob: &'a mut (dyn Read + 'a)) -> io::Result<Box<dyn Read + 'a>> {
    let mut magic = Vec::with_capacity(MAGIC_BYTES);
    Read::take(&mut *blob, MAGIC_BYTES as u64).read_to_end(&mut magic)?;
    let kind = magic.clone();
    let whole = io::Cursor::new(magic).chain(blob);
    Ok(match kind[..] {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(whole)),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Box::new(ZstdDecoder::new(whole)),
        _ => Box::new(whole),
    })
}

fn unreadable(error: &io::Error) -> Fault {
    refusal(format!("cannot be read: {error}"))
}
