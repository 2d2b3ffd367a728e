//! Running another program.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr::null;

use super::{c_string, check, exit_now, fork, prctl, set_cloexec_above, unblock_signals};
use crate::fault::{Fault, Result};

/// Starts a program with this environment, and these descriptors as 0, 1, 2 and so on; its pid. It dies with the calling
/// process, and its exit code is 127 if it could not be started.
pub fn execute(program: &File, argv: &[&str], environment: &[&str], fds: &[BorrowedFd<'_>]) -> Result<i32> {
    match fork()? {
        Some(pid) => Ok(pid),
        None => {
            let Err(_) = become_program(program, argv, environment, fds);
            exit_now(127)
        }
    }
}

fn become_program(program: &File, argv: &[&str], environment: &[&str], fds: &[BorrowedFd<'_>]) -> Result<Infallible> {
    prctl("prctl PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
    unblock_signals()?;
    // First out of the way of the targets, or one dup2 could close the next one's source.
    let out_of_the_way = |fd: RawFd| {
        // SAFETY: no pointers.
        let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, fds.len()) };
        check("fcntl F_DUPFD_CLOEXEC", "", copy.into()).map(|copy| copy as RawFd)
    };
    let program = out_of_the_way(program.as_raw_fd())?;
    let sources: Vec<_> = fds.iter().map(|fd| out_of_the_way(fd.as_raw_fd())).collect::<Result<_>>()?;
    set_cloexec_above(0)?;
    for (target, source) in sources.into_iter().enumerate() {
        // SAFETY: no pointers; dup2 clears close-on-exec on the target.
        check("dup2", "", unsafe { libc::dup2(source, target as RawFd) }.into())?;
    }
    let argv: Vec<_> = argv.iter().map(c_string).collect::<Result<_>>()?;
    let environment: Vec<_> = environment.iter().map(c_string).collect::<Result<_>>()?;
    let ended_by_null = |texts: &[CString]| texts.iter().map(|text| text.as_ptr()).chain([null()]).collect::<Vec<_>>();
    let (argv_pointers, environment_pointers) = (ended_by_null(&argv), ended_by_null(&environment));
    // SAFETY: NULL-terminated arrays of NUL-terminated strings that outlive the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program,
            c"".as_ptr(),
            argv_pointers.as_ptr(),
            environment_pointers.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    Err(Fault::last("execveat", ""))
}
