//! Processes: fork, pidfds, waiting, clocks.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use super::check;
use crate::fault::Result;

pub fn getpid() -> i32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::getpid() }
}

pub fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC).unwrap_or(0)
}

/// CPU time of all threads that this process has had, exactly; anybody may ask. None if it is gone.
pub fn process_cpu_ns(pid: i32) -> Option<u64> {
    let mut clock = 0;
    // SAFETY: writes one clock's number.
    (unsafe { libc::clock_getcpuclockid(pid, &mut clock) } == 0).then(|| clock_ns(clock))?
}

/// CPU time of the children that were waited for, and of theirs, exactly.
pub fn reaped_cpu_ns() -> Result<u64> {
    // SAFETY: plain data for which all zero is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the struct outlives the call.
    check("getrusage RUSAGE_CHILDREN", "", unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) }.into())?;
    let of = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000;
    Ok(of(usage.ru_utime) + of(usage.ru_stime))
}

fn clock_ns(clock: libc::clockid_t) -> Option<u64> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec.
    let found = unsafe { libc::clock_gettime(clock, &mut now) } == 0;
    found.then(|| now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
}

/// None in the child, its pid in the parent.
pub fn fork() -> Result<Option<i32>> {
    // SAFETY: this program has one thread, so the child may do anything.
    let pid = check("fork", "", unsafe { libc::fork() }.into())? as i32;
    Ok((pid != 0).then_some(pid))
}

pub fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process without running anything else.
    unsafe { libc::_exit(code) }
}

pub fn pidfd_open(pid: i32) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = check("pidfd_open", pid.to_string(), unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: just opened, no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// SIGKILL; one that is gone already is fine.
pub fn pidfd_kill(pidfd: impl AsFd) -> Result<()> {
    // SAFETY: the siginfo pointer may be NULL.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_fd().as_raw_fd(),
            libc::SIGKILL,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    match check("pidfd_send_signal", "", result) {
        Err(fault) if !fault.is(libc::ESRCH) => Err(fault),
        _ => Ok(()),
    }
}

/// What waitpid said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaped {
    Child { pid: i32, status: i32 },
    StillRunning,
    NoChildren,
}

/// waitpid for any child, clone children included; never blocks.
pub fn reap() -> Result<Reaped> {
    let mut status = 0;
    // SAFETY: the status outlives the call.
    match check("waitpid", "", unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG | libc::__WALL) }.into()) {
        Ok(0) => Ok(Reaped::StillRunning),
        Ok(pid) => Ok(Reaped::Child { pid: pid as i32, status }),
        Err(fault) if fault.is(libc::ECHILD) => Ok(Reaped::NoChildren),
        Err(fault) => Err(fault),
    }
}

pub fn prctl(operation: &str, option: libc::c_int, argument: libc::c_ulong) -> Result<()> {
    // SAFETY: only options without pointers are passed here; the unused arguments must be 0.
    check(operation, "", unsafe { libc::prctl(option, argument, 0, 0, 0) }.into()).map(drop)
}

pub fn set_process_name(name: &std::ffi::CStr) {
    // SAFETY: a NUL-terminated string; longer than 15 bytes is cut by the kernel. A name is only for people.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
}

/// Sets soft and hard limit alike.
pub fn rlimit(resource: libc::__rlimit_resource_t, value: u64) -> Result<()> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the struct outlives the call.
    check("setrlimit", resource.to_string(), unsafe { libc::setrlimit(resource, &limit) }.into()).map(drop)
}

pub fn hard_limit(resource: libc::__rlimit_resource_t) -> Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct outlives the call.
    check("getrlimit", resource.to_string(), unsafe { libc::getrlimit(resource, &mut limit) }.into())?;
    Ok(limit.rlim_max)
}

/// The same where that is allowed, else as much of it as the hard limit leaves.
pub fn rlimit_up_to(resource: libc::__rlimit_resource_t, value: u64) -> Result<()> {
    match rlimit(resource, value) {
        Err(fault) if fault.is(libc::EPERM) => rlimit(resource, value.min(hard_limit(resource)?)),
        set => set,
    }
}

/// The exit code of this child, waiting for it; a signal counts as 128 and its number.
pub fn wait_for(pid: i32) -> Result<i32> {
    let mut status = 0;
    loop {
        // SAFETY: the status outlives the call.
        match check("waitpid", pid.to_string(), unsafe { libc::waitpid(pid, &mut status, 0) }.into()) {
            Ok(_) if libc::WIFEXITED(status) => return Ok(libc::WEXITSTATUS(status)),
            Ok(_) => return Ok(128 + libc::WTERMSIG(status)),
            Err(fault) if fault.is(libc::EINTR) => {}
            Err(fault) => return Err(fault),
        }
    }
}
