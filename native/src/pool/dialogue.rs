//! Two runs that talk: what one writes to its standard output is the other's standard input.
//!
//! It goes through us, and the two have no pipe in common: what one says is counted and kept like any output, its end is
//! told when its run is over, and nobody is ended by a signal because the other was the first to go. What one does not
//! read holds the other up, as a pipe between them would.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use assay_shared::fault::Result;
use assay_shared::sys::{self, Epoll, READABLE, WRITABLE};

use super::PoolState;
use super::run::{Heard, INPUT, PendingRun};

/// Standard input that another run writes.
pub struct Input {
    pipe: OwnedFd,
    /// The program's end: while we hold it too, a program that closes its own is one that does not read.
    _theirs: Arc<OwnedFd>,
    /// What the pipe had no room for.
    pending: Vec<u8>,
    is_watched: bool,
    /// No more comes.
    is_last: bool,
}

impl Input {
    /// With the end that is the program's.
    pub fn new() -> Result<(Self, Arc<OwnedFd>)> {
        let (read, pipe) = sys::input_pipe()?;
        let read = Arc::new(read);
        let input = Self { pipe, _theirs: Arc::clone(&read), pending: Vec::new(), is_watched: false, is_last: false };
        Ok((input, read))
    }

    /// Writes what the pipe has room for, and asks to be told when there is more; whether nothing is left.
    fn flush(&mut self, epoll: &Epoll, token: u64) -> Result<bool> {
        let mut written = 0;
        while written < self.pending.len() {
            match sys::write_at_most(&self.pipe, &self.pending[written..])? {
                Some(count) => written += count,
                None => break,
            }
        }
        self.pending.drain(..written);
        let waits = !self.pending.is_empty();
        if waits != self.is_watched {
            match waits {
                true => epoll.add(&self.pipe, token, WRITABLE)?,
                false => epoll.remove(&self.pipe)?,
            }
            self.is_watched = waits;
        }
        Ok(!waits)
    }
}

impl PendingRun {
    /// Whether the input took all of it.
    fn take_input(&mut self, epoll: &Epoll, run_id: u64, bytes: &[u8]) -> Result<bool> {
        let Some(input) = &mut self.input else { return Ok(true) };
        input.pending.extend_from_slice(bytes);
        self.flush_input(epoll, run_id)
    }

    fn flush_input(&mut self, epoll: &Epoll, run_id: u64) -> Result<bool> {
        let Some(input) = &mut self.input else { return Ok(true) };
        let is_empty = input.flush(epoll, run_id + INPUT as u64)?;
        if is_empty && input.is_last {
            self.input = None;
        }
        Ok(is_empty)
    }

    fn listen(&self, epoll: &Epoll, run_id: u64, interest: u32) -> Result<()> {
        match &self.outputs[0] {
            Some(stdout) => epoll.change(stdout.pipe(), run_id, interest),
            None => Ok(()),
        }
    }
}

impl PoolState {
    /// One that talks with `partner` has written: not more is taken from it than the other has room for.
    pub fn carry(&mut self, epoll: &Epoll, run_id: u64, partner: u64) -> Result<Heard> {
        let Some(run) = self.runs.get_mut(&run_id) else { return Ok(Heard::Nothing) };
        let (bytes, heard) = run.hear_chunk(&mut self.chunk)?;
        // What is said to one that has gone is heard by nobody, and counts all the same.
        let Some(other) = self.runs.get_mut(&partner) else { return Ok(heard) };
        if !other.take_input(epoll, partner, bytes)?
            && let Some(run) = self.runs.get(&run_id)
        {
            run.listen(epoll, run_id, 0)?;
        }
        Ok(heard)
    }

    /// There is room again in what this run reads.
    pub fn go_on(&mut self, epoll: &Epoll, run_id: u64) -> Result<()> {
        let Some(run) = self.runs.get_mut(&run_id) else { return Ok(()) };
        if run.flush_input(epoll, run_id)?
            && let Some(partner) = run.partner
            && let Some(other) = self.runs.get(&partner)
        {
            other.listen(epoll, partner, READABLE)?;
        }
        Ok(())
    }

    /// One has ended, and is no longer among the runs: the other hears the last of it, then the end.
    pub fn part(&mut self, epoll: &Epoll, run: &mut PendingRun) -> Result<()> {
        let Some(partner) = run.partner else { return Ok(()) };
        let Some(other) = self.runs.get_mut(&partner) else { return Ok(()) };
        if let (Some(input), Some(stdout)) = (&mut other.input, &mut run.outputs[0]) {
            stdout.read_rest(&mut self.chunk, |bytes| input.pending.extend_from_slice(bytes))?;
            input.is_last = true;
        }
        other.flush_input(epoll, partner)?;
        // It may have been held up by what the other did not read.
        other.listen(epoll, partner, READABLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_pipe_has_no_room_for_waits_and_nothing_is_lost() {
        let epoll = Epoll::new().expect("an epoll");
        let (mut input, theirs) = Input::new().expect("a pipe");
        let words: Vec<u8> = (0..200_000u32).map(|at| at as u8).collect();
        input.pending.extend_from_slice(&words);
        let mut read = Vec::new();
        let mut buffer = vec![0; 10_000];
        while !input.flush(&epoll, 1).expect("a pipe with a reader") {
            assert!(input.is_watched);
            let count = sys::read_at_most(&*theirs, &mut buffer).expect("a readable pipe").expect("bytes");
            read.extend_from_slice(&buffer[..count]);
        }
        assert!(!input.is_watched);
        // Its end is that of our end.
        drop(input);
        while let Some(count @ 1..) = sys::read_at_most(&*theirs, &mut buffer).expect("a readable pipe") {
            read.extend_from_slice(&buffer[..count]);
        }
        assert!(read == words);
    }
}
