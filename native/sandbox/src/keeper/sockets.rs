//! Whether a run made a socket: asked of the kernel, not guessed from counters.
//!
//! A network namespace costs 1 ms of CPU time to make and clear away, and changes only through sockets. So the filter that
//! the keeper puts on itself, and every child inherits, reports each socket(2) and socketpair(2) to the keeper before it
//! happens. A run that reported none left the network as it was; this costs a run without sockets nothing, and one with
//! sockets some 20 us for each.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use assay_shared::fault::{Fault, Result};
use assay_shared::sys::{self, check, privileged};

use crate::seccomp::{self, Secrets};

// linux/seccomp.h; the libc crate has the structs but not the requests.
const NOTIF_RECV: libc::c_ulong = 0xc050_2100;
const NOTIF_SEND: libc::c_ulong = 0xc018_2101;

pub struct SocketWatch {
    reports: Reports,
    /// What a zygote has to say with its calls.
    pub zygote_pass: u64,
}

impl SocketWatch {
    /// Puts the program's filter on this process and all its children to come.
    pub fn install() -> Result<Self> {
        sys::prctl("prctl PR_SET_NO_NEW_PRIVS", libc::PR_SET_NO_NEW_PRIVS, 1)?;
        let secrets = Secrets { keeper: sys::draw_secret()?, zygote: sys::draw_secret()? };
        sys::use_secret(secrets.keeper);
        let listener = seccomp::install(&mut seccomp::filter(secrets))?;
        Ok(Self { reports: Reports { listener }, zygote_pass: secrets.zygote })
    }

    /// Readable when a program waits for permission to make a socket.
    pub fn fd(&self) -> &OwnedFd {
        self.reports.fd()
    }

    /// Lets one reported call go on; true if it will happen.
    pub fn let_go_on(&self) -> Result<bool> {
        Ok(self.reports.answer(|_| Verdict::GoesOn)?.is_some())
    }
}

/// What becomes of a call that was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    GoesOn,
    Fails(i32),
}

/// The calls that a filter reports, before they happen.
pub struct Reports {
    listener: OwnedFd,
}

impl Reports {
    pub fn new(listener: OwnedFd) -> Self {
        Self { listener }
    }

    /// Readable when a call waits for an answer.
    pub fn fd(&self) -> &OwnedFd {
        &self.listener
    }

    /// Answers one of them; None if its process is gone.
    pub fn answer(&self, judge: impl FnOnce(&libc::seccomp_data) -> Verdict) -> Result<Option<Verdict>> {
        // SAFETY: plain data for which all zero is valid, and which the kernel wants zeroed.
        let mut report: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the struct outlives the call.
        let received = unsafe { libc::ioctl(self.listener.as_raw_fd(), NOTIF_RECV as _, &raw mut report) };
        if gone(check("ioctl SECCOMP_IOCTL_NOTIF_RECV", "", received.into()))? {
            return Ok(None);
        }
        let verdict = judge(&report.data);
        let (error, flags) = match verdict {
            Verdict::GoesOn => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
            Verdict::Fails(errno) => (-errno, 0),
        };
        let mut answer = libc::seccomp_notif_resp { id: report.id, val: 0, error, flags };
        // SAFETY: the struct outlives the call.
        let sent = unsafe { libc::ioctl(self.listener.as_raw_fd(), NOTIF_SEND as _, &raw mut answer) };
        let is_gone = gone(check("ioctl SECCOMP_IOCTL_NOTIF_SEND", "", sent.into()))?;
        Ok((!is_gone).then_some(verdict))
    }
}

/// A UDP socket of the keeper's own.
pub fn own_socket() -> Result<OwnedFd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let fd = unsafe { privileged(libc::SYS_socket, [libc::AF_INET as usize, kind as usize, 0, 0, 0]) };
    // SAFETY: just opened, no other owner.
    check("socket", "", fd).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Two unix sockets of the keeper's own, connected.
pub fn own_pair() -> Result<(OwnedFd, OwnedFd)> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    let mut fds = [-1; 2];
    let arguments = [libc::AF_UNIX as usize, kind as usize, 0, (&raw mut fds).addr(), 0];
    // SAFETY: the array has room for the two descriptors and outlives the call.
    check("socketpair", "", unsafe { privileged(libc::SYS_socketpair, arguments) })?;
    // SAFETY: both were just opened and have no other owner.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Whoever reported was killed before or while we answered: then the call does not happen.
fn gone(result: Result<i64>) -> Result<bool> {
    match result {
        Ok(_) => Ok(false),
        Err(Fault { errno: libc::ENOENT | libc::EINTR, .. }) => Ok(true),
        Err(fault) => Err(fault),
    }
}
