//! Rule 2: the share of 16-grams that were there before.
//!
//! A table of buckets, each one line of the cache: 16 places, the newest first, with 16 bits of the hash beside each.
//! What was seen and what is new both move to the front, so that a bucket forgets what is oldest. A window full of
//! different 16-grams has 4 for each bucket; more than 16, and the oldest is missed, has one bucket in two million.

use super::cpu;
use super::ring::Ring;
use super::rules::Limits;

pub const GRAM: u64 = 16;
const WAYS: usize = 16;
/// A multiple of 16, whose sixteenth power is 0 in 64 bits: after 16 others a token has left the hash by itself. The
/// oldest decides only 4 bits of it, which is enough to choose what is compared.
const FACTOR: u64 = 0xD6E8_FEB8_6659_FD93 << 4;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    tags: [u16; WAYS],
    /// Modulo 65,536; whatever stands here is compared before it counts.
    places: [u16; WAYS],
}

pub struct Grams {
    /// Of the last 16 tokens: a polynomial in FACTOR.
    hash: u64,
    shift: u32,
    /// How far back the last 16-gram was found, 0 if it was new.
    age: u64,
    /// Bits of `seen` that are set.
    count: u32,
    buckets: Box<[Bucket]>,
    /// The words of `seen` at the newest token: as they will be, and as they were a window ago.
    newest: u64,
    oldest: u64,
    /// A bit for each place modulo the window: whether its token ended a 16-gram seen before.
    seen: Box<[u64]>,
}

/// The polynomial after one more token.
#[inline]
fn rolled(hash: u64, token: u32) -> u64 {
    hash.wrapping_mul(FACTOR).wrapping_add(u64::from(token).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

impl Grams {
    /// For a ring of `room` tokens.
    pub fn new(room: usize, window: usize) -> Self {
        let buckets = room * 4 / WAYS;
        Self {
            hash: 0,
            shift: 64 - buckets.ilog2(),
            age: 0,
            count: 0,
            buckets: vec![Bucket { tags: [0; WAYS], places: [0; WAYS] }; buckets].into(),
            newest: 0,
            oldest: 0,
            seen: vec![0; window / 64].into(),
        }
    }

    pub fn bytes(&self) -> usize {
        size_of_val(&*self.buckets) + size_of_val(&*self.seen)
    }

    /// The hash of the 16 tokens up to `token`; its bucket is on the way.
    #[inline]
    pub fn roll(&mut self, token: u32) -> u64 {
        self.hash = rolled(self.hash, token);
        self.bring_bucket(self.hash)
    }

    /// Have the bucket brought that `roll` will want.
    pub fn aim(&self, token: u32) {
        self.bring_bucket(rolled(self.hash, token));
    }

    #[inline]
    fn bring_bucket(&self, hash: u64) -> u64 {
        let mixed = (hash ^ hash >> 32).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        cpu::prefetch(&self.buckets[(mixed >> self.shift) as usize]);
        mixed
    }

    /// The 16-gram that ends at `place`, which the ring has already: was it there, from `first` on? From now on it was.
    #[inline]
    pub fn seen_before(&mut self, mixed: u64, place: u64, ring: &Ring, first: u64) -> bool {
        let bucket = &mut self.buckets[(mixed >> self.shift) as usize];
        let tag = (mixed >> 16) as u16;
        let mut candidates = cpu::equal_words(&bucket.tags, tag);
        let mut found = WAYS - 1;
        let last_age = std::mem::take(&mut self.age);
        while candidates != 0 {
            let way = candidates.trailing_zeros() as usize;
            candidates &= candidates - 1;
            let age = u64::from((place as u16).wrapping_sub(bucket.places[way]));
            if age == 0 || place + 1 < first + GRAM + age {
                continue;
            }
            let from = place + 1 - GRAM;
            // Where the last one was found so far back, only the newest token is left to compare.
            let same = if age == last_age {
                ring.get(place) == ring.get(place - age)
            } else {
                ring.same(from, from - age, GRAM)
            };
            if same {
                self.age = age;
                found = way;
                break;
            }
        }
        // All of them move for what is new, the common case, and that many at once.
        if found == WAYS - 1 {
            let before = *bucket;
            bucket.tags[1..].copy_from_slice(&before.tags[..WAYS - 1]);
            bucket.places[1..].copy_from_slice(&before.places[..WAYS - 1]);
        } else {
            bucket.tags.copy_within(..found, 1);
            bucket.places.copy_within(..found, 1);
        }
        bucket.tags[0] = tag;
        bucket.places[0] = place as u16;
        self.age != 0
    }

    /// A table for `ring`, as its tokens from `first` on leave it; the bits stay as they are.
    pub fn rebuild(&mut self, ring: &Ring, first: u64) {
        let new = Self::new(ring.room(), 0);
        (self.hash, self.shift, self.age, self.buckets) = (0, new.shift, 0, new.buckets);
        for place in first..ring.length() {
            let mixed = self.roll(ring.get(place));
            if place + 1 >= first + GRAM {
                self.seen_before(mixed, place, ring, first);
            }
        }
    }

    /// Whether enough of the window was seen before, now that `seen` is known for `place`.
    #[inline]
    pub fn push(&mut self, seen: bool, place: u64, limits: &Limits) -> bool {
        let bit = place % 64;
        self.newest |= u64::from(seen) << bit;
        self.count = self.count + u32::from(seen) - (self.oldest >> bit & 1) as u32;
        if bit == 63 {
            let words = self.seen.len();
            let word = (place / 64) as usize % words;
            self.seen[word] = std::mem::take(&mut self.newest);
            self.oldest = self.seen[(word + 1) % words];
        }
        self.count >= limits.near_tokens
    }

    /// Where the repeated part begins, `length` tokens being known: the suffix in which seen 16-grams outweigh others most.
    pub fn begins(&self, length: u64, limits: &Limits) -> u64 {
        let window = u64::from(limits.rules.window);
        let (unseen, seen) = (i64::from(limits.near_tokens), window as i64 - i64::from(limits.near_tokens));
        let (mut sum, mut most, mut begins) = (0, i64::MIN, length - 1);
        for place in (length.saturating_sub(window)..length).rev() {
            sum += if self.bit(place, length) { seen } else { -unseen };
            if sum >= most {
                (most, begins) = (sum, place);
            }
        }
        begins.saturating_sub(GRAM - 1)
    }

    fn bit(&self, place: u64, length: u64) -> bool {
        let newest = place / 64 == length / 64;
        let word = if newest { self.newest } else { self.seen[(place / 64) as usize % self.seen.len()] };
        word >> (place % 64) & 1 == 1
    }

    /// The bits of the last tokens, the oldest first, in words that begin at multiples of 64.
    pub fn bits(&self, length: u64) -> impl Iterator<Item = u64> {
        let words = self.seen.len() as u64;
        let last = length / 64;
        // A window ends within a word: the oldest is there twice, as it was and as it will be.
        (last.saturating_sub(words)..last).map(move |word| self.seen[(word % words) as usize]).chain([self.newest])
    }

    /// Take the bits back from what `bits` gave.
    pub fn restore_bits(&mut self, length: u64, bits: &[u64]) {
        let words = self.seen.len() as u64;
        let last = length / 64;
        for (word, &bits) in (last.saturating_sub(words)..last).zip(bits) {
            self.seen[(word % words) as usize] = bits;
        }
        self.newest = *bits.last().unwrap_or(&0) & ((1 << (length % 64)) - 1);
        self.oldest = self.seen[(last % words) as usize];
        let gone = self.oldest & ((1 << (length % 64)) - 1);
        let kept: u32 = self.seen.iter().map(|word| word.count_ones()).sum();
        self.count = kept + self.newest.count_ones() - gone.count_ones();
    }
}
