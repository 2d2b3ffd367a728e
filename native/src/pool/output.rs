//! One output pipe of a running program: what is kept, and what is only counted.

use std::os::fd::OwnedFd;

use assay_sandbox::fault::Result;
use assay_sandbox::sys;

/// Read at once from one pipe, so that a flood on one does not hold up the others.
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS_PER_TURN: usize = 4;

pub struct Output {
    pipe: OwnedFd,
    cap: u64,
    kept: Vec<u8>,
    seen: u64,
    at_end: bool,
}

impl Output {
    /// Keeps up to `cap` bytes of what the pipe brings.
    pub fn new(pipe: OwnedFd, cap: u64) -> Result<Self> {
        sys::set_nonblocking(&pipe)?;
        Ok(Self { pipe, cap, kept: Vec::new(), seen: 0, at_end: false })
    }

    pub fn pipe(&self) -> &OwnedFd {
        &self.pipe
    }

    /// Reads for one turn; false when the pipe has nothing more for now.
    pub fn read_some(&mut self) -> Result<bool> {
        let mut chunk = [0; CHUNK_BYTES];
        for _ in 0..CHUNKS_PER_TURN {
            match sys::read_at_most(&self.pipe, &mut chunk)? {
                None => return Ok(false),
                Some(0) => {
                    self.at_end = true;
                    return Ok(false);
                }
                Some(count) => self.keep(&chunk[..count]),
            }
        }
        Ok(true)
    }

    /// Reads what is there when the run is over; a write end that lives on elsewhere is not waited for.
    pub fn read_rest(&mut self) -> Result<()> {
        // No more than a pipe holds: whoever still writes is not the program.
        let most = self.seen + (1 << 20);
        while self.seen <= most && self.read_some()? {}
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.cap.saturating_sub(self.kept.len() as u64);
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room as usize)]);
        self.seen += bytes.len() as u64;
    }

    pub fn is_at_end(&self) -> bool {
        self.at_end
    }

    pub fn truncated(&self) -> bool {
        self.seen > self.cap
    }

    /// Twice the cap: the program will not stop by itself.
    pub fn exceeded(&self) -> bool {
        self.seen > 2 * self.cap
    }

    pub fn into_kept(self) -> Vec<u8> {
        self.kept
    }
}
