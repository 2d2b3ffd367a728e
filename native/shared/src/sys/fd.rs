//! File descriptors: pipes, sealed memfds, flags. Everything made here is close-on-exec.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::check;
use crate::fault::{Context, Result};

/// A pipe, read end first.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: the array has room for the two descriptors.
    check("pipe2", "", unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }.into())?;
    // SAFETY: both were just opened and have no other owner.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// A pipe for a program's output, read end first; only reading never blocks.
pub fn output_pipe() -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe()?;
    // SAFETY: no pointers. A new pipe has no other flag that could be lost.
    check("fcntl F_SETFL", "", unsafe { libc::fcntl(read.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }.into())?;
    // So that the program's user can open /dev/stdout again.
    set_mode(&write, 0o666)?;
    Ok((read, write))
}

/// A pipe for a program's input, read end first; only writing never blocks.
pub fn input_pipe() -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe()?;
    set_nonblocking(&write)?;
    // So that the program's user can open /dev/stdin again, but not the end that is ours.
    set_mode(&read, 0o444)?;
    Ok((read, write))
}

pub fn memfd(name: &std::ffi::CStr) -> Result<File> {
    // SAFETY: a NUL-terminated string that outlives the call.
    let fd = check(
        "memfd_create",
        "",
        unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) }.into(),
    )?;
    // SAFETY: just opened, no other owner.
    Ok(unsafe { File::from_raw_fd(fd as i32) })
}

/// From here on nobody can change the contents.
pub fn seal(fd: impl AsFd) -> Result<()> {
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: no pointers.
    check("fcntl F_ADD_SEALS", "", unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_ADD_SEALS, seals) }.into())?;
    Ok(())
}

/// A memfd with these bytes that nobody can change.
pub fn sealed_memfd(name: &std::ffi::CStr, contents: &[u8]) -> Result<File> {
    let mut file = memfd(name)?;
    file.write_all(contents).context("write", "memfd")?;
    seal(&file)?;
    Ok(file)
}

/// The same file, open for reading only and from its start.
pub fn reopen_read_only(file: &File) -> Result<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    File::open(&path).context("open", path)
}

pub fn set_mode(fd: impl AsFd, mode: u32) -> Result<()> {
    // SAFETY: no pointers.
    check("fchmod", "", unsafe { libc::fchmod(fd.as_fd().as_raw_fd(), mode) }.into()).map(drop)
}

pub fn set_nonblocking(fd: impl AsFd) -> Result<()> {
    let raw = fd.as_fd().as_raw_fd();
    // SAFETY: no pointers.
    let flags = check("fcntl F_GETFL", "", unsafe { libc::fcntl(raw, libc::F_GETFL) }.into())? as i32;
    // SAFETY: no pointers.
    check("fcntl F_SETFL", "", unsafe { libc::fcntl(raw, libc::F_SETFL, flags | libc::O_NONBLOCK) }.into()).map(drop)
}

/// Closes everything else but the standard streams.
pub fn close_all_but(kept: &[BorrowedFd<'_>]) {
    let mut kept: Vec<u32> = kept.iter().map(|fd| fd.as_raw_fd() as u32).collect();
    kept.extend([0, 1, 2]);
    kept.sort_unstable();
    let mut first = 0;
    for fd in kept.into_iter().chain([u32::MAX]) {
        if fd > first {
            // SAFETY: whoever owned these descriptors never runs again in this process.
            unsafe { libc::syscall(libc::SYS_close_range, first, fd - 1, 0) };
        }
        first = fd.saturating_add(1);
    }
}

/// Everything from `first` on closes at exec.
pub fn set_cloexec_above(first: u32) -> Result<()> {
    // SAFETY: no pointers.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    check("close_range", "", result).map(drop)
}

/// Whether a read would not block; for a pidfd, whether its process is dead.
pub fn is_readable(fd: impl AsFd) -> bool {
    let mut entry = libc::pollfd { fd: fd.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry that outlives the call.
    let count = unsafe { libc::poll(&mut entry, 1, 0) };
    count > 0 && entry.revents & libc::POLLIN != 0
}

/// One read; None when the pipe is empty for now, Some(0) at its end.
pub fn read_at_most(fd: impl AsFd, buffer: &mut [u8]) -> Result<Option<usize>> {
    loop {
        // SAFETY: the buffer is writable for its whole length.
        let count = unsafe { libc::read(fd.as_fd().as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        match check("read", "", count as i64) {
            Ok(count) => return Ok(Some(count as usize)),
            Err(fault) if fault.is(libc::EAGAIN) => return Ok(None),
            Err(fault) if fault.is(libc::EINTR) => {}
            Err(fault) => return Err(fault),
        }
    }
}

/// One write; None when the pipe is full for now.
pub fn write_at_most(fd: impl AsFd, bytes: &[u8]) -> Result<Option<usize>> {
    loop {
        // SAFETY: the bytes outlive the call.
        let count = unsafe { libc::write(fd.as_fd().as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
        match check("write", "", count as i64) {
            Ok(count) => return Ok(Some(count as usize)),
            Err(fault) if fault.is(libc::EAGAIN) => return Ok(None),
            Err(fault) if fault.is(libc::EINTR) => {}
            Err(fault) => return Err(fault),
        }
    }
}

/// Makes 0-2 /dev/null.
pub fn replace_standard_streams() -> Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null").context("open", "/dev/null")?;
    for target in 0..3 {
        // SAFETY: no pointers.
        check("dup2", "", unsafe { libc::dup2(null.as_raw_fd(), target) }.into())?;
    }
    Ok(())
}

/// Waits until one of these can be read, for ever or so long; then none can.
pub fn poll<const N: usize>(fds: [&OwnedFd; N], patience: Option<Duration>) -> Result<[bool; N]> {
    poll_some(fds.map(Some), patience)
}

/// The same where some may be left out.
pub fn poll_some<const N: usize>(fds: [Option<&OwnedFd>; N], patience: Option<Duration>) -> Result<[bool; N]> {
    let milliseconds = patience.map_or(-1, |patience| patience.as_millis() as libc::c_int);
    // A negative descriptor is ignored.
    let mut entries =
        fds.map(|fd| libc::pollfd { fd: fd.map_or(-1, AsRawFd::as_raw_fd), events: libc::POLLIN, revents: 0 });
    loop {
        // SAFETY: N entries that outlive the call.
        match check("poll", "", unsafe { libc::poll(entries.as_mut_ptr(), N as libc::nfds_t, milliseconds) }.into()) {
            Err(fault) if fault.is(libc::EINTR) => {}
            Err(fault) => return Err(fault),
            Ok(_) => return Ok(entries.map(|entry| entry.revents != 0)),
        }
    }
}
