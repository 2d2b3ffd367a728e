//! Every system call that std lacks, as a safe function whose error names the call and its object.

mod borrow;
mod capabilities;
mod epoll;
mod execute;
mod fd;
mod landlock;
mod mounts;
mod namespaces;
mod privileged;
mod process;
mod signals;
mod socket;

pub use borrow::Borrowing;
pub use capabilities::{
    CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_CHROOT, act_as, become_user,
    drop_capabilities, hand_down, has_capability,
};
pub use epoll::{Epoll, READABLE, WRITABLE};
pub use execute::execute;
pub use fd::{
    close_all_but, input_pipe, is_readable, memfd, output_pipe, pipe, poll, poll_some, read_at_most, reopen_read_only,
    replace_standard_streams, seal, sealed_memfd, set_cloexec_above, set_mode, set_nonblocking, write_at_most,
};
pub use landlock::{Access, Landlock, landlock_abi, require_landlock};
pub use mounts::{attach_mount, clone_mount, map_owners, user_namespace};
pub use namespaces::{enter_user_namespace_alone, in_first_user_namespace};
pub use privileged::{draw_secret, privileged, use_secret};
pub use process::{
    Reaped, exit_now, fork, getpid, hard_limit, monotonic_ns, pidfd_kill, pidfd_open, prctl, process_cpu_ns, reap,
    reaped_cpu_ns, rlimit, rlimit_up_to, set_process_name, wait_for,
};
pub use signals::{ChildSignals, unblock_signals};
pub use socket::{MESSAGE_BYTES, Received, peer_pid, receive, receive_cut, send, send_patiently, seqpacket_pair};

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use crate::fault::{Fault, Result};
use privileged::secret;

/// Turns the -1 of a system call into a fault.
pub fn check(operation: &str, path: impl AsRef<Path>, result: i64) -> Result<i64> {
    if result < 0 { Err(Fault::last(operation, path)) } else { Ok(result) }
}

/// A path or argument for the kernel; a NUL inside is a fault, not a shorter name.
pub fn c_string(text: impl AsRef<Path>) -> Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(text.as_ref().as_os_str().as_bytes()).map_err(|_| Fault::new("NUL in", &text, libc::EINVAL))
}

/// mount(2); empty strings stand for NULL.
pub fn mount(source: &str, target: impl AsRef<Path>, kind: &str, flags: libc::c_ulong, data: &str) -> Result<()> {
    let (source_c, target_c, kind_c, data_c) =
        (c_string(source)?, c_string(&target)?, c_string(kind)?, c_string(data)?);
    let pointer = |text: &CString| if text.is_empty() { 0 } else { text.as_ptr() as usize };
    let arguments =
        [pointer(&source_c), target_c.as_ptr() as usize, pointer(&kind_c), flags as usize, pointer(&data_c)];
    // SAFETY: all pointers are NULL or NUL-terminated strings that outlive the call.
    check("mount", target, unsafe { privileged(libc::SYS_mount, arguments) }).map(drop)
}

/// Takes a mount out of the tree at once; it dies with its last user.
pub fn detach(target: impl AsRef<Path>) -> Result<()> {
    let target_c = c_string(&target)?;
    // SAFETY: a NUL-terminated string that outlives the call.
    let result =
        unsafe { privileged(libc::SYS_umount2, [target_c.as_ptr() as usize, libc::MNT_DETACH as usize, 0, 0, 0]) };
    check("umount2", target, result).map(drop)
}

pub fn chroot(target: &str) -> Result<()> {
    let target_c = c_string(target)?;
    // SAFETY: a NUL-terminated string that outlives the call.
    check("chroot", target, unsafe { privileged(libc::SYS_chroot, [target_c.as_ptr() as usize, 0, 0, 0, 0]) }).map(drop)
}

/// Makes the current directory the root of this mount namespace and lets go of the old one.
pub fn pivot_into_current_directory() -> Result<()> {
    // SAFETY: constant NUL-terminated strings.
    check("pivot_root", ".", unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) })?;
    detach(".")
}

pub fn unshare(flags: libc::c_int) -> Result<()> {
    // SAFETY: no pointers; this program has one thread.
    check("unshare", "", unsafe { privileged(libc::SYS_unshare, [flags as usize, 0, 0, 0, 0]) }).map(drop)
}

/// Moves to the namespace that this descriptor is of, whatever kind that is.
pub fn setns(namespace: impl AsFd) -> Result<()> {
    let fd = namespace.as_fd().as_raw_fd() as usize;
    // SAFETY: no pointers; this program has one thread.
    check("setns", "", unsafe { privileged(libc::SYS_setns, [fd, 0, 0, 0, 0]) }).map(drop)
}

/// A device node, with exactly this mode.
pub fn mknod(path: &Path, mode: u32, major: u32, minor: u32) -> Result<()> {
    let path_c = c_string(path)?;
    // SAFETY: a NUL-terminated string that outlives the calls.
    check("mknod", path, unsafe { libc::mknod(path_c.as_ptr(), mode, libc::makedev(major, minor)) }.into())?;
    // SAFETY: as above; mknod obeys umask, chmod does not.
    check("chmod", path, unsafe { libc::chmod(path_c.as_ptr(), mode & 0o7777) }.into()).map(drop)
}

/// Sets the times of last access and change.
pub fn set_times(path: &Path, time: libc::timespec) -> Result<()> {
    let path_c = c_string(path)?;
    // SAFETY: a NUL-terminated string and two times that outlive the call.
    let result = unsafe { libc::utimensat(libc::AT_FDCWD, path_c.as_ptr(), [time, time].as_ptr(), 0) };
    check("utimensat", path, result.into()).map(drop)
}

pub fn statfs(path: &Path) -> Result<libc::statfs> {
    let path_c = c_string(path)?;
    // SAFETY: statfs is plain data for which all zero is valid; string and struct outlive the call.
    unsafe {
        let mut facts: libc::statfs = std::mem::zeroed();
        check("statfs", path, libc::statfs(path_c.as_ptr(), &mut facts).into()).map(|_| facts)
    }
}
