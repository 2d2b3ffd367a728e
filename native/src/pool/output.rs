//! One output pipe of a running program: what is kept, and what is only counted.

use std::os::fd::OwnedFd;

use assay_shared::fault::Result;
use assay_shared::sys;

/// Read at once from one pipe, so that a flood on one does not hold up the others.
pub const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS_PER_TURN: usize = 4;

pub struct Output {
    pipe: OwnedFd,
    cap: u64,
    kept: Vec<u8>,
    seen: u64,
}

impl Output {
    /// Keeps up to `cap` bytes of what the pipe brings, whose reads do not block and whose end never comes.
    pub fn new(pipe: OwnedFd, cap: u64) -> Self {
        Self { pipe, cap, kept: Vec::new(), seen: 0 }
    }

    pub fn pipe(&self) -> &OwnedFd {
        &self.pipe
    }

    /// Reads for one turn, through the caller's buffer.
    pub fn read_some(&mut self, buffer: &mut [u8]) -> Result<()> {
        for _ in 0..CHUNKS_PER_TURN {
            if self.read_chunk(buffer)?.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// One read into the caller's buffer; empty when the pipe has nothing more for now.
    pub fn read_chunk<'buffer>(&mut self, buffer: &'buffer mut [u8]) -> Result<&'buffer [u8]> {
        let count = sys::read_at_most(&self.pipe, buffer)?.unwrap_or(0);
        self.keep(&buffer[..count]);
        Ok(&buffer[..count])
    }

    /// Reads what is there when the run is over; a write end that lives on elsewhere is not waited for.
    pub fn read_rest(&mut self, buffer: &mut [u8], mut hear: impl FnMut(&[u8])) -> Result<()> {
        // No more than a pipe holds: whoever still writes is not the program.
        let most = self.seen + (1 << 20);
        while self.seen <= most {
            match self.read_chunk(buffer)? {
                [] => break,
                bytes => hear(bytes),
            }
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.cap.saturating_sub(self.kept.len() as u64);
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room as usize)]);
        self.seen += bytes.len() as u64;
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn written(cap: u64, bytes: usize) -> Output {
        let (read, write) = sys::output_pipe().expect("a pipe");
        let mut output = Output::new(read, cap);
        std::fs::File::from(write).write_all(&vec![b'x'; bytes]).expect("room in the pipe");
        output.read_rest(&mut [0; 100], |_| {}).expect("a readable pipe");
        output
    }

    #[test]
    fn exactly_the_cap_is_whole() {
        let output = written(1_000, 1_000);
        assert!(!output.truncated());
        assert_eq!(output.into_kept().len(), 1_000);
    }

    #[test]
    fn one_more_is_truncated_and_twice_as_much_not_yet_too_much() {
        assert!(written(1_000, 1_001).truncated());
        assert!(!written(1_000, 2_000).exceeded());
        let flood = written(1_000, 2_001);
        assert!(flood.exceeded());
        assert_eq!(flood.into_kept().len(), 1_000);
    }

    #[test]
    fn a_write_end_that_lives_on_is_not_waited_for() {
        let (read, write) = sys::output_pipe().expect("a pipe");
        let mut output = Output::new(read, 10);
        std::fs::File::from(write.try_clone().expect("a copy")).write_all(b"said").expect("room in the pipe");
        let mut heard = Vec::new();
        output.read_rest(&mut [0; 3], |bytes| heard.extend_from_slice(bytes)).expect("a readable pipe");
        assert_eq!(heard, b"said");
        assert_eq!(output.into_kept(), b"said");
        drop(write);
    }
}
