//! Messages on their way into a socket that never blocks, in order.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::sys;

/// How long descriptors are tried again that the kernel does not take.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// Until the next try.
pub const PAUSE: Duration = Duration::from_millis(5);

pub struct Outbox<F> {
    messages: VecDeque<Message<F>>,
    /// No descriptors have gone through since then.
    refused_since: Option<Instant>,
}

struct Message<F> {
    bytes: Vec<u8>,
    fds: Vec<F>,
    since: Instant,
}

/// What a flush has left for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    Nothing,
    /// Something that waits for room in the socket.
    UntilRoom,
    /// Something that the kernel was short of room for: again after a `PAUSE`.
    UntilLater,
    /// Nobody is there to receive it.
    Gone,
}

impl<F: AsRawFd> Outbox<F> {
    pub fn clear(&mut self) {
        self.messages.clear();
    }

    pub fn push(&mut self, bytes: Vec<u8>, fds: Vec<F>) {
        self.messages.push_back(Message { bytes, fds, since: Instant::now() });
    }

    /// Sends what the socket takes. A message whose descriptors cannot be sent is given up, and what `instead` makes of
    /// it and of the fault goes out in its place, if anything.
    pub fn flush(&mut self, socket: impl AsFd, mut instead: impl FnMut(&[u8], Fault) -> Option<Vec<u8>>) -> Left {
        while let Some(Message { bytes, fds, since }) = self.messages.front_mut() {
            let raw: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
            match sys::send(&socket, bytes, &raw) {
                Ok(true) => {
                    self.refused_since = self.refused_since.filter(|_| fds.is_empty());
                    self.messages.pop_front();
                }
                Ok(false) => return Left::UntilRoom,
                Err(fault) if fault.is(libc::EPIPE) || fault.is(libc::ECONNRESET) => return Left::Gone,
                Err(fault) if fds.is_empty() => {
                    return if fault.is_shortage() { Left::UntilLater } else { Left::Gone };
                }
                Err(fault) if fault.is_shortage() && is_patient(&mut self.refused_since, *since) => {
                    return Left::UntilLater;
                }
                Err(fault) => match instead(bytes, fault) {
                    Some(other) => (*bytes, *fds) = (other, Vec::new()),
                    None => drop(self.messages.pop_front()),
                },
            }
        }
        Left::Nothing
    }
}

/// Of one that came during a long refusal, from when it came.
fn is_patient(refused_since: &mut Option<Instant>, since: Instant) -> bool {
    let now = Instant::now();
    now < since.max(*refused_since.get_or_insert(now)) + PATIENCE
}

impl<F> Default for Outbox<F> {
    fn default() -> Self {
        Self { messages: VecDeque::new(), refused_since: None }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{OwnedFd, RawFd};

    use super::*;

    const NOT_OPEN: RawFd = -1;

    fn pair() -> (OwnedFd, OwnedFd) {
        let (ours, theirs) = sys::seqpacket_pair().expect("a pair");
        sys::set_nonblocking(&ours).expect("a socket");
        (ours, theirs)
    }

    fn heard(theirs: &OwnedFd) -> Vec<u8> {
        let mut buffer = vec![0; 1 << 16];
        let received = sys::receive(theirs, &mut buffer).expect("a socket").expect("a message");
        buffer[..received.length].to_vec()
    }

    #[test]
    fn what_cannot_be_sent_is_replaced_or_left_out_and_the_order_stays() {
        let (ours, theirs) = pair();
        let mut outbox = Outbox::default();
        for (bytes, fds) in [("a", vec![]), ("b", vec![NOT_OPEN]), ("c", vec![NOT_OPEN]), ("d", vec![])] {
            outbox.push(bytes.into(), fds);
        }
        let left = outbox.flush(&ours, |bytes, fault| {
            assert!(fault.is(libc::EBADF));
            (bytes == b"b").then(|| b"instead".to_vec())
        });
        assert_eq!(left, Left::Nothing);
        assert_eq!([heard(&theirs), heard(&theirs), heard(&theirs)], [&b"a"[..], b"instead", b"d"]);
    }

    #[test]
    fn what_has_no_room_waits() {
        let (ours, theirs) = pair();
        let mut outbox: Outbox<RawFd> = Outbox::default();
        for at in 0..100u8 {
            outbox.push(vec![at; 10_000], Vec::new());
        }
        assert_eq!(outbox.flush(&ours, |_, _| None), Left::UntilRoom);
        for at in 0..100 {
            assert_eq!(heard(&theirs)[0], at);
            outbox.flush(&ours, |_, _| None);
        }
        assert_eq!(outbox.flush(&ours, |_, _| None), Left::Nothing);
        drop(theirs);
        outbox.push(b"x".to_vec(), Vec::new());
        assert_eq!(outbox.flush(&ours, |_, _| None), Left::Gone);
    }
}
