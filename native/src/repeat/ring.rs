//! The last tokens of a sequence, by their place in it.

/// Places for so many at first.
pub const FEWEST: usize = 256;
/// The largest window: the places of 16-grams are kept modulo twice as much.
pub const MOST: usize = 1 << 15;

pub struct Ring {
    tokens: Box<[u32]>,
}

impl Ring {
    /// Room for the last min(`length`, `window`) tokens, rounded up: every length has its one size.
    pub fn new(length: u64, window: usize) -> Self {
        let room = (length.min(window as u64) as usize).max(FEWEST).next_power_of_two();
        Self { tokens: vec![0; room].into() }
    }

    pub fn room(&self) -> usize {
        self.tokens.len()
    }

    fn index(&self, place: u64) -> usize {
        place as usize & (self.tokens.len() - 1)
    }

    #[inline]
    pub fn get(&self, place: u64) -> u32 {
        self.tokens[self.index(place)]
    }

    #[inline]
    pub fn put(&mut self, place: u64, token: u32) {
        let index = self.index(place);
        self.tokens[index] = token;
    }

    pub fn address(&self, place: u64) -> *const u32 {
        &self.tokens[self.index(place)]
    }

    /// Whether the `N` tokens from `one` on are those from `other` on.
    #[inline]
    pub fn same<const N: usize>(&self, one: u64, other: u64) -> bool {
        let whole = |place| self.tokens[self.index(place)..].first_chunk::<N>();
        match (whole(one), whole(other)) {
            (Some(one), Some(other)) => one == other,
            // One of them goes on at the ring's start.
            _ => (0..N as u64).all(|k| self.get(one + k) == self.get(other + k)),
        }
    }

    /// How many tokens before `length` equal the one `period` before them, up to `most`.
    pub fn run(&self, length: u64, period: u64, most: u64) -> u64 {
        let most = most.min(length.saturating_sub(period));
        (0..most).find(|k| self.get(length - 1 - k) != self.get(length - 1 - k - period)).unwrap_or(most)
    }
}
