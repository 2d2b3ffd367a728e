//! SIGCHLD through a descriptor, so that one wait serves everything.

use std::os::fd::{FromRawFd, OwnedFd};

use super::{check, read_at_most};
use crate::fault::Result;

/// What a program expects to start with.
pub fn unblock_signals() -> Result<()> {
    // SAFETY: sigset_t is plain data and filled before use.
    let result = unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut())
    };
    check("sigprocmask", "", result.into()).map(drop)
}

pub struct ChildSignals {
    fd: OwnedFd,
}

impl ChildSignals {
    /// Blocks SIGCHLD; children inherit that until they unblock it.
    pub fn take() -> Result<Self> {
        // SAFETY: sigset_t is plain data and filled before use.
        let fd = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGCHLD);
            check("sigprocmask", "", libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()).into())?;
            libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        let fd = check("signalfd", "", fd.into())?;
        // SAFETY: just opened, no other owner.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd as i32) } })
    }

    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    pub fn drain(&self) -> Result<()> {
        // Only one can be pending, however many children have ended.
        let mut buffer = [0; size_of::<libc::signalfd_siginfo>()];
        read_at_most(&self.fd, &mut buffer).map(drop)
    }
}
