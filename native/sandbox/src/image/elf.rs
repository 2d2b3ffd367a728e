//! What a program's file says of the others that it is loaded with. The file is whoever's: what makes no sense is left out.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// The kinds of 64-bit little-endian ELF.
const MAGIC: &[u8] = b"\x7fELF\x02\x01";
const HEADER_BYTES: usize = 64;
const SEGMENT_BYTES: usize = 56;
const DYNAMIC_BYTES: usize = 16;
const MAX_SEGMENTS: usize = 64;
const MAX_DYNAMIC_BYTES: usize = 16 << 10;
const MAX_NAME_BYTES: usize = 256;
const LOADED: u64 = 1;
const DYNAMIC: u64 = 2;
const INTERPRETER: u64 = 3;
const NEEDED: u64 = 1;
const STRINGS: u64 = 5;
const SEARCHED: [u64; 2] = [15, 29];

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    pub interpreter: Option<String>,
    /// Names, as they are looked for in `search` and elsewhere.
    pub libraries: Vec<String>,
    /// Directories, separated by colons; `$ORIGIN` is the file's own.
    pub search: Vec<String>,
}

/// None for what is no ELF file.
pub fn needs(file: &File) -> Option<Needs> {
    let header = read(file, 0, HEADER_BYTES).filter(|header| header.starts_with(MAGIC))?;
    let count = number(&header, 56, 2) as usize;
    let segments = read(file, number(&header, 32, 8), count.min(MAX_SEGMENTS) * SEGMENT_BYTES)?;
    let segments = || segments.chunks_exact(SEGMENT_BYTES);
    let place_of = |kind| segments().find(|segment| number(segment, 0, 4) == kind).map(|segment| number(segment, 8, 8));
    let mut needs =
        Needs { interpreter: place_of(INTERPRETER).and_then(|place| text(file, place)), ..Needs::default() };
    let Some(dynamic) = place_of(DYNAMIC).and_then(|place| read(file, place, MAX_DYNAMIC_BYTES)) else {
        return Some(needs);
    };
    let entries = || {
        let entries = dynamic.chunks_exact(DYNAMIC_BYTES).map(|entry| (number(entry, 0, 8), number(entry, 8, 8)));
        entries.take_while(|(tag, _)| *tag != 0)
    };
    let address = entries().find(|(tag, _)| *tag == STRINGS)?.1;
    let strings = segments().filter(|segment| number(segment, 0, 4) == LOADED).find_map(|segment| {
        let inside = address.checked_sub(number(segment, 16, 8)).filter(|inside| *inside < number(segment, 32, 8))?;
        number(segment, 8, 8).checked_add(inside)
    })?;
    for (tag, offset) in entries() {
        let Some(word) = strings.checked_add(offset).and_then(|place| text(file, place)) else { continue };
        match tag {
            NEEDED => needs.libraries.push(word),
            tag if SEARCHED.contains(&tag) => needs.search.push(word),
            _ => {}
        }
    }
    Some(needs)
}

/// As much as there is of so many bytes.
fn read(file: &File, place: u64, most: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; most];
    let count = file.read_at(&mut bytes, place).ok()?;
    bytes.truncate(count);
    Some(bytes)
}

fn text(file: &File, place: u64) -> Option<String> {
    let bytes = read(file, place, MAX_NAME_BYTES)?;
    let length = bytes.iter().position(|byte| *byte == 0)?;
    String::from_utf8(bytes[..length].to_vec()).ok()
}

/// 0 where the bytes end before.
fn number(bytes: &[u8], at: usize, count: usize) -> u64 {
    let bytes = bytes.get(at..at + count).unwrap_or_default();
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn own() -> Vec<u8> {
        std::fs::read("/proc/self/exe").unwrap()
    }

    fn needs_of(bytes: &[u8]) -> Option<Needs> {
        let mut file = assay_shared::sys::memfd(c"elf").unwrap();
        file.write_all(bytes).unwrap();
        needs(&file)
    }

    #[test]
    fn a_program_names_its_interpreter_and_libraries() {
        let needs = needs_of(&own()).unwrap();
        assert!(needs.interpreter.unwrap().contains("ld-linux"));
        assert!(needs.libraries.contains(&"libc.so.6".to_owned()), "{:?}", needs.libraries);
    }

    #[test]
    fn what_is_no_program_needs_nothing() {
        assert_eq!(needs_of(b"#!/bin/sh\n"), None);
        assert_eq!(needs_of(b"\x7fELF\x02\x01"), Some(Needs::default()));
    }

    proptest! {
        #[test]
        fn whatever_the_file_holds_is_no_crash(
            spots in prop::collection::vec((0usize..4096, any::<u64>()), 1..20), length in 0usize..20_000
        ) {
            let mut bytes = own();
            bytes.truncate(length);
            for (at, value) in spots {
                if let Some(place) = bytes.get_mut(at..at + 8) {
                    place.copy_from_slice(&value.to_le_bytes());
                }
            }
            needs_of(&bytes);
        }
    }
}
