//! A crun that is held before its `main`, as `native/hold` does it, and forked for each container.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;

/// The library is its descriptor 4; the orders come before it.
const PRELOAD: &str = "LD_PRELOAD=/proc/self/fd/4";

/// It takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct HeldCrun {
    pub pid: i32,
    orders: OwnedFd,
}

impl HeldCrun {
    /// None where crun takes no library, because it is linked statically: then it has run with these arguments, and is
    /// ended.
    pub fn start(crun: &File, library: &File, argv: &[&str]) -> Result<Option<Self>> {
        let (orders, theirs) = sys::seqpacket_pair()?;
        let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
        let fds = [stdin.as_fd(), stdout.as_fd(), stdout.as_fd(), theirs.as_fd(), library.as_fd()];
        let pid = sys::execute(crun, argv, &[PRELOAD], &fds)?;
        drop(theirs);
        let end = sys::pidfd_open(pid)?;
        if let [true, _] = sys::poll([&orders, &end], Some(PATIENCE))?
            && sys::receive(&orders, &mut [0; 8])?.is_some_and(|received| received.length > 0)
        {
            return Ok(Some(Self { pid, orders }));
        }
        sys::pidfd_kill(&end)?;
        sys::wait_for(pid)?;
        Ok(None)
    }

    /// Ends it; fine if it is dead already.
    pub fn end(self) -> Result<()> {
        drop(self.orders);
        sys::wait_for(self.pid).map(drop)
    }

    /// A crun of our own with these descriptors as 0, 1, 2 and so on; its pid.
    pub fn fork(&self, fds: &[BorrowedFd<'_>]) -> Result<i32> {
        let fds: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        sys::send(&self.orders, b"fork", &fds)?;
        let mut pid = [0; size_of::<i32>()];
        match sys::receive(&self.orders, &mut pid)? {
            Some(received) if received.length == pid.len() && i32::from_ne_bytes(pid) > 0 => {
                Ok(i32::from_ne_bytes(pid))
            }
            _ => Err(Fault::new("the held crun made no other", "", 0)),
        }
    }
}
