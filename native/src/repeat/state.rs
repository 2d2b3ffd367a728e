//! A sequence as bytes, so that one that was cut off goes on elsewhere as if it had not been.
//!
//! Little endian: MAGIC and version, the rules, what follows (1: a live sequence; 2: what it was told), and FNV-1a of all
//! before. A live one has its length, `certain`, the three words of rule 1, the bits of rule 2 and its last tokens;
//! everything else follows from these.

use super::grams::Grams;
use super::loops::Loops;
use super::ring::Ring;
use super::rules::{Limits, Rules};
use super::sequence::Sequence;
use super::{Kind, Repeat};

const MAGIC: &[u8; 8] = b"assayR\0\x01";
const LIVE: u8 = 1;
const TOLD: u8 = 2;
/// Sums of places never overflow.
const LONGEST: u64 = 1 << 56;

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Damaged {
    /// No state of this version.
    Foreign,
    /// Not as it was written.
    Broken,
    /// Whole, but of a detector with other rules.
    OtherRules,
}

pub enum Restored {
    Live(Box<Sequence>),
    Told(Repeat),
}

pub fn of_live(sequence: &Sequence, limits: &Limits) -> Vec<u8> {
    let mut bytes = head(limits);
    bytes.push(LIVE);
    bytes.extend(sequence.ring.length().to_le_bytes());
    bytes.extend(sequence.certain.to_le_bytes());
    for word in [sequence.loops.held, sequence.loops.watched, sequence.loops.due] {
        bytes.extend(word.to_le_bytes());
    }
    sequence.grams.bits(sequence.ring.length()).for_each(|word| bytes.extend(word.to_le_bytes()));
    for place in sequence.first(limits)..sequence.ring.length() {
        bytes.extend(sequence.ring.get(place).to_le_bytes());
    }
    sealed(bytes)
}

pub fn of_told(repeat: &Repeat, limits: &Limits) -> Vec<u8> {
    let mut bytes = head(limits);
    bytes.push(TOLD);
    bytes.push(match repeat.kind {
        Kind::Loop => 0,
        Kind::NearLoop => 1,
        Kind::Certain => 2,
    });
    for place in [repeat.at, repeat.start, repeat.period] {
        bytes.extend(place.to_le_bytes());
    }
    sealed(bytes)
}

fn head(limits: &Limits) -> Vec<u8> {
    let Rules { loop_copies, loop_tokens, near_share, window, certain_tokens, certain_probability } = limits.rules;
    let mut bytes = MAGIC.to_vec();
    for number in [loop_copies, loop_tokens, window, certain_tokens] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(near_share.to_le_bytes());
    bytes.extend(certain_probability.to_le_bytes());
    bytes
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes
}

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Damaged::Broken)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u64(&mut self) -> Result<u64, Damaged> {
        self.take().map(u64::from_le_bytes)
    }

    /// A place, or the length.
    fn place(&mut self) -> Result<u64, Damaged> {
        self.u64().and_then(|place| if place < LONGEST { Ok(place) } else { Err(Damaged::Broken) })
    }
}

/// The way back. Whatever the bytes are, what comes of them is refused or can be fed.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Restored, Damaged> {
    if !bytes.starts_with(MAGIC) {
        return Err(Damaged::Foreign);
    }
    let (bytes, sum) = bytes.split_last_chunk().ok_or(Damaged::Broken)?;
    if checksum(bytes).to_le_bytes() != *sum {
        return Err(Damaged::Broken);
    }
    let rest = bytes.strip_prefix(&*head(limits)).ok_or(Damaged::OtherRules)?;
    let mut reader = Reader(rest);
    let restored = match reader.take()? {
        [LIVE] => Restored::Live(Box::new(live(&mut reader, limits)?)),
        [TOLD] => Restored::Told(told(&mut reader)?),
        _ => return Err(Damaged::Broken),
    };
    if reader.0.is_empty() { Ok(restored) } else { Err(Damaged::Broken) }
}

fn live(reader: &mut Reader<'_>, limits: &Limits) -> Result<Sequence, Damaged> {
    let length = reader.place()?;
    let certain = reader.take().map(u32::from_le_bytes)?;
    if certain >= limits.rules.certain_tokens {
        return Err(Damaged::Broken);
    }
    let (held, watched, due) = (reader.u64()?, reader.u64()?, reader.u64()?);
    if due <= length || due > (length / limits.epoch + 1) * limits.epoch {
        return Err(Damaged::Broken);
    }
    let window = u64::from(limits.rules.window);
    let words = (length / 64).min(window / 64) + 1;
    let bits = (0..words).map(|_| reader.u64()).collect::<Result<Vec<_>, _>>()?;
    let first = length.saturating_sub(window);
    let mut ring = Ring::new(first, length, window as usize);
    for _ in first..length {
        ring.push(u32::from_le_bytes(reader.take()?));
    }
    let mut loops = Loops::new(limits);
    (loops.held, loops.watched, loops.due) = (held, watched, due);
    loops.remark(&ring);
    let mut grams = Grams::new(ring.room(), window as usize);
    grams.restore_bits(length, &bits);
    grams.rebuild(&ring, first);
    Ok(Sequence { loops, ring, certain, grams })
}

fn told(reader: &mut Reader<'_>) -> Result<Repeat, Damaged> {
    let kind = match reader.take()? {
        [0] => Kind::Loop,
        [1] => Kind::NearLoop,
        [2] => Kind::Certain,
        _ => return Err(Damaged::Broken),
    };
    let repeat = Repeat { kind, at: reader.place()?, start: reader.place()?, period: reader.place()? };
    let sound = repeat.start + repeat.period <= repeat.at && (repeat.kind == Kind::Loop) == (repeat.period > 0);
    if sound { Ok(repeat) } else { Err(Damaged::Broken) }
}
