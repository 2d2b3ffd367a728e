//! Bindings around the crun program: one call, one process, its end awaited; what crun itself says is kept apart from what
//! the container says.

use std::ffi::CStr;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::ptr::null;

use assay_shared::fault::{Context, Result};
use assay_shared::sys;

/// Where crun finds its log, above the standard streams.
const LOG_FD: i32 = 3;
const UNIFIED: &CStr = c"/sys/fs/cgroup/unified";
const CGROUP2_SUPER_MAGIC: u64 = 0x6367_7270;

/// The crun program, and the directory of its containers' state; None is crun's own.
pub struct Crun {
    pub program: String,
    pub root: Option<String>,
}

/// Where a stream of the container leads.
pub enum Stream {
    Null,
    Fd(OwnedFd),
    /// Into memory, up to the stream's end.
    Capture,
}

pub struct Streams {
    pub stdin: Option<OwnedFd>,
    pub stdout: Stream,
    pub stderr: Stream,
}

#[derive(Debug)]
pub struct Ended {
    /// 128 and the signal's number where crun was killed.
    pub code: i32,
    /// What crun itself complained about.
    pub message: String,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Crun {
    /// Runs `crun OPERATION ARGUMENTS` to its end.
    pub fn call(&self, operation: &str, arguments: &[String], streams: Streams) -> Result<Ended> {
        let mut log = sys::memfd(c"crun-log")?;
        let mut command = Command::new(&self.program);
        command.arg(format!("--log=file:/proc/self/fd/{LOG_FD}"));
        if let Some(root) = &self.root {
            command.args(["--root", root]);
        }
        command.arg(operation).args(arguments);
        command.stdin(streams.stdin.map_or_else(Stdio::null, Stdio::from));
        command.stdout(stdio(streams.stdout)).stderr(stdio(streams.stderr));
        let (log_fd, hybrid) = (log.as_raw_fd(), is_hybrid());
        // SAFETY: nothing but system calls between fork and exec; no memory is allocated.
        unsafe { command.pre_exec(move || prepare(log_fd, hybrid)) };
        let output = command
            .spawn()
            .and_then(|child| child.wait_with_output())
            .context(&format!("start crun {operation}"), &self.program)?;
        let mut message = String::new();
        log.rewind().and_then(|()| log.read_to_string(&mut message)).context("read", "crun's log")?;
        let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        Ok(Ended { code, message: message.trim().to_owned(), stdout: output.stdout, stderr: output.stderr })
    }
}

fn stdio(stream: Stream) -> Stdio {
    match stream {
        Stream::Null => Stdio::null(),
        Stream::Fd(fd) => Stdio::from(fd),
        Stream::Capture => Stdio::piped(),
    }
}

/// Gives crun its log; crun 1.8 refuses a machine with cgroup v2 mounted beside v1, so it does not see that one.
fn prepare(log: i32, hybrid: bool) -> std::io::Result<()> {
    // SAFETY: no pointers; dup2 clears close-on-exec, and onto itself it would not.
    let moved = unsafe { if log == LOG_FD { libc::fcntl(log, libc::F_SETFD, 0) } else { libc::dup2(log, LOG_FD) } };
    if moved < 0 {
        return Err(std::io::Error::last_os_error());
    }
    if !hybrid {
        return Ok(());
    }
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: pointers are NULL or constant NUL-terminated strings.
    let done = unsafe {
        libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(null(), c"/".as_ptr(), null(), private, null()) == 0
            && libc::umount2(UNIFIED.as_ptr(), libc::MNT_DETACH) == 0
    };
    if done { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn is_hybrid() -> bool {
    let facts = UNIFIED.to_str().map(|path| sys::statfs(Path::new(path)));
    matches!(facts, Ok(Ok(facts)) if facts.f_type as u64 == CGROUP2_SUPER_MAGIC)
}

/// A copy of a descriptor that stays the caller's.
pub fn copy(fd: i32) -> Result<OwnedFd> {
    // SAFETY: the caller keeps it open during this call.
    let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
    borrowed.try_clone_to_owned().context("dup", fd.to_string())
}

/// The contents as something to read from its start.
pub fn contents(bytes: &[u8]) -> Result<OwnedFd> {
    let file: File = sys::sealed_memfd(c"crun-stdin", bytes)?;
    sys::reopen_read_only(&file).map(OwnedFd::from)
}
