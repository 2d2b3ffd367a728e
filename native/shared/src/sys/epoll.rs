//! epoll with a u64 token per descriptor.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::check;
use crate::fault::Result;

pub const READABLE: u32 = libc::EPOLLIN as u32;
pub const WRITABLE: u32 = libc::EPOLLOUT as u32;

const BATCH: usize = 64;

pub struct Epoll {
    fd: OwnedFd,
}

impl Epoll {
    pub fn new() -> Result<Self> {
        // SAFETY: no pointers.
        let fd = check("epoll_create1", "", unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }.into())?;
        // SAFETY: just opened, no other owner.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd as i32) } })
    }

    pub fn add(&self, fd: impl AsFd, token: u64, interest: u32) -> Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    pub fn change(&self, fd: impl AsFd, token: u64, interest: u32) -> Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    /// Closing the last descriptor of an open file does the same; this is for those that live on.
    pub fn remove(&self, fd: impl AsFd) -> Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, 0)
    }

    fn control(&self, operation: i32, fd: impl AsFd, token: u64, interest: u32) -> Result<()> {
        let mut event = libc::epoll_event { events: interest, u64: token };
        // SAFETY: the event outlives the call.
        let result = unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd.as_fd().as_raw_fd(), &mut event) };
        check("epoll_ctl", "", result.into()).map(drop)
    }

    /// Waits for events or the timeout (None: for ever) and appends (token, events).
    pub fn wait(&self, ready: &mut Vec<(u64, u32)>, timeout: Option<Duration>) -> Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        let timespec = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let timespec_pointer = timespec.as_ref().map_or(std::ptr::null(), |timespec| timespec as *const _);
        // SAFETY: the array has room for BATCH events; the timespec is NULL or outlives the call. epoll_pwait2 has no
        // wrapper in static glibc builds before 2.35, hence the raw call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.fd.as_raw_fd(),
                events.as_mut_ptr(),
                BATCH as i32,
                timespec_pointer,
                std::ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        match check("epoll_pwait2", "", result) {
            Ok(count) => ready.extend(events[..count as usize].iter().map(|event| (event.u64, event.events))),
            Err(fault) if fault.is(libc::EINTR) => {}
            Err(fault) => return Err(fault),
        }
        Ok(())
    }
}
