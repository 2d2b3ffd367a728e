//! Whether a run made a socket: asked of the kernel, not guessed from counters.
//!
//! A network namespace costs 1 ms of CPU time to make and clear away, and changes only through sockets. So the keeper puts a
//! small filter on itself once, which every child inherits, and which reports each socket(2) and socketpair(2) to the
//! keeper before it happens. A run that reported none left the network as it was; this costs a run without sockets
//! nothing, and one with sockets some 20 us for each.
//!
//! The keeper's own calls would wait for the keeper: they carry a secret as their sixth argument, which the kernel ignores
//! and the filter knows. The secret lives in the keeper and in parked children, and exec wipes it from these.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::fault::{Fault, Result};
use crate::seccomp;
use crate::sys::check;

// linux/seccomp.h; the libc crate has the structs but not the requests.
const NOTIF_RECV: libc::c_ulong = 0xc050_2100;
const NOTIF_SEND: libc::c_ulong = 0xc018_2101;

pub struct SocketWatch {
    listener: OwnedFd,
    secret: u64,
}

impl SocketWatch {
    /// Puts the filter on this process and all its children to come.
    pub fn install() -> Result<Self> {
        let mut secret = [0u8; 8];
        // SAFETY: the buffer has the length that is given.
        check("getrandom", "", unsafe { libc::getrandom(secret.as_mut_ptr().cast(), secret.len(), 0) } as i64)?;
        let secret = u64::from_ne_bytes(secret);
        let listener = seccomp::listen(&mut seccomp::socket_reports(secret))?;
        Ok(Self { listener, secret })
    }

    /// Readable when a program waits for permission to make a socket.
    pub fn fd(&self) -> &OwnedFd {
        &self.listener
    }

    /// Lets one reported call go on; true if it will happen.
    pub fn let_go_on(&self) -> Result<bool> {
        // SAFETY: plain data for which all zero is valid, and which the kernel wants zeroed.
        let mut report: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the struct outlives the call.
        let received = unsafe { libc::ioctl(self.listener.as_raw_fd(), NOTIF_RECV as _, &raw mut report) };
        if gone(check("ioctl SECCOMP_IOCTL_NOTIF_RECV", "", received.into()))? {
            return Ok(false);
        }
        let mut answer = libc::seccomp_notif_resp {
            id: report.id,
            val: 0,
            error: 0,
            flags: libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        };
        // SAFETY: the struct outlives the call.
        let sent = unsafe { libc::ioctl(self.listener.as_raw_fd(), NOTIF_SEND as _, &raw mut answer) };
        Ok(!gone(check("ioctl SECCOMP_IOCTL_NOTIF_SEND", "", sent.into()))?)
    }

    /// A UDP socket of the keeper's own.
    pub fn own_socket(&self) -> Result<OwnedFd> {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        // SAFETY: no pointers.
        let fd = unsafe { libc::syscall(libc::SYS_socket, libc::AF_INET, kind, 0, 0, 0, self.secret) };
        // SAFETY: just opened, no other owner.
        check("socket", "", fd).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as i32) })
    }
}

/// Whoever reported was killed before or while we answered: then the call does not happen.
fn gone(result: Result<i64>) -> Result<bool> {
    match result {
        Ok(_) => Ok(false),
        Err(Fault { errno: libc::ENOENT | libc::EINTR, .. }) => Ok(true),
        Err(fault) => Err(fault),
    }
}
