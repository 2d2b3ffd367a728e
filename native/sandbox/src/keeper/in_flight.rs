//! Descriptors that a run sent over unix sockets and that nobody received.
//!
//! Sent into a cycle (a socket's queue holds the socket itself) they outlive every process, until the kernel's collector
//! runs, which it does whenever somebody happens to close a unix socket. Until then whatever they refer to lives on:
//! locks on files that stay with the slot, names of deleted files, accounts of pipes and inotify instances.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, check};

use super::sockets::own_pair;

const TRIES: u32 = 100;
const TRY_MS: i32 = 1;

/// Waits until nothing that the dead processes of this network namespace sent is left. A fault costs the slot.
pub fn collect_garbage() -> Result<()> {
    if !unix_sockets_live()? {
        return Ok(());
    }
    for _ in 0..TRIES {
        drop(own_pair()?); // closing one starts the collector
        sleep_or_hang_up(None)?;
        if !unix_sockets_live()? {
            // The last socket is gone, and with it every queue; what these held is being let go of, in batches. What is
            // sent from here on falls into a later batch, so its end is the end of all.
            return follow_one();
        }
    }
    Err(Fault::new("wait for descriptors in flight", "", libc::ETIMEDOUT))
}

/// Sends a pipe's end into a cycle of our own and waits until it is closed.
fn follow_one() -> Result<()> {
    let (read, write) = sys::pipe()?;
    let (a, b) = own_pair()?;
    sys::send(&a, b"x", &[write.as_raw_fd(), a.as_raw_fd(), b.as_raw_fd()])?;
    drop((write, a, b));
    for _ in 0..TRIES {
        drop(own_pair()?);
        if sleep_or_hang_up(Some(&read))? {
            return Ok(());
        }
    }
    Err(Fault::new("wait for a descriptor in flight", "", libc::ETIMEDOUT))
}

/// Whether any unix socket of this network namespace is left, one in flight included.
fn unix_sockets_live() -> Result<bool> {
    let path = "/proc/self/net/protocols";
    let table = fs::read_to_string(path).context("read", path)?;
    let sockets = |line: &str| line.split_ascii_whitespace().nth(2).is_some_and(|count| count != "0");
    Ok(table.lines().any(|line| line.starts_with("UNIX") && sockets(line)))
}

fn sleep_or_hang_up(pipe: Option<&OwnedFd>) -> Result<bool> {
    let mut entry = libc::pollfd { fd: pipe.map_or(-1, AsRawFd::as_raw_fd), events: 0, revents: 0 };
    // SAFETY: one entry that outlives the call; a negative descriptor is ignored.
    match check("poll", "", unsafe { libc::poll(&mut entry, 1, TRY_MS) }.into()) {
        Err(fault) if fault.is(libc::EINTR) => Ok(false),
        result => result.map(|ready| ready > 0),
    }
}
