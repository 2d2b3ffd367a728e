//! The fuzz targets' question on stable Rust: real messages, and what becomes of them by cutting, changing and joining.

#[path = "../../fuzz/src/check.rs"]
mod check;

use std::fs;
use std::path::Path;

use check::MESSAGES;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The messages of real runs, as scripts/fuzz-seeds recorded them.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let read = |target: &str| {
        let entries = fs::read_dir(folder.join(target)).expect("seeds of every message");
        entries.map(|entry| fs::read(entry.expect("an entry").path()).expect("a seed")).collect::<Vec<_>>()
    };
    MESSAGES.iter().flat_map(|(target, _)| read(target)).collect()
}

fn ask_all(bytes: &[u8]) {
    for (_, check) in MESSAGES {
        check(bytes);
    }
}

#[test]
fn seeds_and_every_beginning_of_them() {
    let seeds = seeds();
    assert!(seeds.len() >= MESSAGES.len());
    for seed in seeds {
        for end in (0..=seed.len()).rev().step_by(1 + seed.len() / 500) {
            ask_all(&seed[..end]);
        }
    }
}

#[test]
fn lengths_that_are_not_there() {
    // Arrays, maps, strings and binaries of four thousand million entries, alone and where a field should be.
    for head in [0xddu8, 0xdf, 0xdb, 0xc6, 0xc9] {
        let announced = [head, 0xff, 0xff, 0xff, 0xff];
        ask_all(&announced);
        for seed in seeds() {
            for at in 0..seed.len().min(64) {
                ask_all(&[&seed[..at], &announced, &seed[at..]].concat());
            }
        }
    }
    ask_all(&[0x91; 60_000]);
}

#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index, Index),
    Join(Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Cut(from, to)),
        (any::<Index>(), select(seeds())).prop_map(|(at, other)| Change::Join(at, other)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let length = bytes.len();
        let place = |at: &Index| at.index(length + 1);
        match change {
            Change::Set(at, byte) if length > 0 => bytes[at.index(length)] = *byte,
            Change::Set(..) => {}
            Change::Insert(at, more) => drop(bytes.splice(place(at)..place(at), more.iter().copied())),
            Change::Cut(from, to) => {
                let (from, to) = (place(from), place(to));
                drop(bytes.drain(from.min(to)..from.max(to)));
            }
            Change::Join(at, other) => {
                let at = place(at);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[at.min(other.len())..]);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_seeds(seed in select(seeds()), changes in prop::collection::vec(change(), 1..6)) {
        ask_all(&changed(seed, &changes));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        ask_all(&bytes);
    }
}
