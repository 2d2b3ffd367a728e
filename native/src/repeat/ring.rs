//! The last tokens of a sequence, by their place in it.
//!
//! The newest stand in the sequence itself, and only 16 at a time go to where the others are: a token that comes alone
//! need not wait for that memory.

/// Places for so many at first.
pub const FEWEST: usize = 256;
/// The largest window: the places of 16-grams are kept modulo twice as much.
pub const MOST: usize = 1 << 15;
const NEWEST: usize = 16;

#[repr(C)]
pub struct Ring {
    newest: [u32; NEWEST],
    /// How many tokens there have been.
    length: u64,
    /// All but those since the last multiple of 16.
    older: Box<[u32]>,
}

impl Ring {
    /// To go on behind `first`, with the size of a sequence that has `length` tokens: room for the last `window` at most.
    pub fn new(first: u64, length: u64, window: usize) -> Self {
        let room = (length.min(window as u64) as usize).max(FEWEST).next_power_of_two();
        Self { newest: [0; NEWEST], length: first, older: vec![0; room].into() }
    }

    pub fn room(&self) -> usize {
        self.older.len()
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    fn index(&self, place: u64) -> usize {
        place as usize & (self.older.len() - 1)
    }

    /// The token at one of the last `room()` places.
    #[inline]
    pub fn get(&self, place: u64) -> u32 {
        if place + NEWEST as u64 >= self.length {
            self.newest[place as usize % NEWEST]
        } else {
            self.older[self.index(place)]
        }
    }

    #[inline]
    pub fn push(&mut self, token: u32) {
        let slot = self.length as usize % NEWEST;
        self.newest[slot] = token;
        self.length += 1;
        if slot == NEWEST - 1 {
            let first = self.index(self.length - NEWEST as u64);
            self.older[first..first + NEWEST].copy_from_slice(&self.newest);
        }
    }

    /// Where the next of so many tokens will be written beside the newest, if one will.
    pub fn address(&self, tokens: usize) -> Option<*const u32> {
        let written = self.length as usize % NEWEST + tokens >= NEWEST;
        written.then(|| &raw const self.older[self.index(self.length)])
    }

    /// Whether the `count` tokens from `one` on are those from `other` on.
    #[inline]
    pub fn same(&self, one: u64, other: u64, count: u64) -> bool {
        (0..count).all(|k| self.get(one + k) == self.get(other + k))
    }

    /// How many of the last tokens equal the one `period` before them, up to `most`.
    pub fn run(&self, period: u64, most: u64) -> u64 {
        let last = self.length.wrapping_sub(1);
        let most = most.min(self.length.saturating_sub(period));
        (0..most).find(|k| self.get(last - k) != self.get(last - k - period)).unwrap_or(most)
    }
}
