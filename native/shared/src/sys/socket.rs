//! Unix seqpacket sockets: whole messages, with descriptors and the sender's pid.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::thread::sleep;
use std::time::Duration;

use super::{check, privileged};
use crate::fault::{Fault, Result};

/// The longest message; more travels in a sealed memfd.
pub const MESSAGE_BYTES: usize = 64 * 1024;
const MAX_FDS: usize = 128;
const CONTROL_BYTES: usize = 1024;
/// Between two tries of one who can wait.
const PAUSE: Duration = Duration::from_millis(1);

pub fn seqpacket_pair() -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the array has room for the two descriptors.
    check("socketpair", "", unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) }.into())?;
    // SAFETY: both were just opened and have no other owner.
    let pair = unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) };
    for fd in fds {
        let on: libc::c_int = 1;
        // SAFETY: the option value outlives the call.
        let result = unsafe {
            libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_PASSCRED, (&raw const on).cast(), size_of_val(&on) as u32)
        };
        check("setsockopt SO_PASSCRED", "", result.into())?;
    }
    Ok(pair)
}

/// The pid of the process that made the other end.
pub fn peer_pid(fd: impl AsFd) -> Result<i32> {
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: value and length outlive the call and fit each other.
    let result = unsafe {
        libc::getsockopt(
            fd.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &mut length,
        )
    };
    check("getsockopt SO_PEERCRED", "", result.into())?;
    Ok(credentials.pid)
}

/// Sends one whole message; false when the socket is full (never blocks if it is non-blocking).
pub fn send(socket: impl AsFd, bytes: &[u8], fds: &[RawFd]) -> Result<bool> {
    if fds.len() > MAX_FDS {
        return Err(Fault::new("sendmsg: too many descriptors", "", libc::EINVAL));
    }
    let mut control = Control([0; CONTROL_BYTES]);
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: msghdr is plain data for which all zero is valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    if !fds.is_empty() {
        let payload = size_of_val(fds) as u32;
        header.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: CONTROL_BYTES has room for MAX_FDS descriptors; the header lies in the aligned buffer.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(payload) as _;
            let first = libc::CMSG_FIRSTHDR(&header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(payload) as _;
            std::ptr::copy_nonoverlapping(fds.as_ptr(), libc::CMSG_DATA(first).cast::<RawFd>(), fds.len());
        }
    }
    let arguments =
        [socket.as_fd().as_raw_fd() as usize, (&raw const header).addr(), libc::MSG_NOSIGNAL as usize, 0, 0];
    loop {
        // SAFETY: the header points to memory that outlives the call. Not every program has this call.
        match check("sendmsg", "", unsafe { privileged(libc::SYS_sendmsg, arguments) }) {
            Ok(_) => return Ok(true),
            Err(fault) if fault.is(libc::EAGAIN) => return Ok(false),
            Err(fault) if fault.is(libc::EINTR) => {}
            Err(fault) => return Err(fault),
        }
    }
}

/// The same from one who has nothing else to do: where the kernel is short of something, again for so long.
pub fn send_patiently(socket: impl AsFd, bytes: &[u8], fds: &[RawFd], patience: Duration) -> Result<bool> {
    for _ in 0..patience.as_millis() / PAUSE.as_millis() {
        match send(&socket, bytes, fds) {
            Err(fault) if fault.is_shortage() => sleep(PAUSE),
            sent => return sent,
        }
    }
    send(socket, bytes, fds)
}

/// One message: its length in the caller's buffer (0: the other side is gone), its descriptors, the sender's pid.
pub struct Received {
    pub length: usize,
    pub fds: Vec<OwnedFd>,
    pub pid: i32,
}

/// Receives one message; None when there is none for now. One that does not fit is a fault, and so is one whose
/// descriptors were cut off because we have too many open.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> Result<Option<Received>> {
    match receive_cut(socket, buffer)? {
        Some((_, Some(cut))) => Err(cut),
        received => Ok(received.map(|(received, _)| received)),
    }
}

/// The same for one who can answer a message whose descriptors were cut off; it comes with that fault, and without any.
pub fn receive_cut(socket: impl AsFd, buffer: &mut [u8]) -> Result<Option<(Received, Option<Fault>)>> {
    let mut control = Control([0; CONTROL_BYTES]);
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: msghdr is plain data for which all zero is valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_BYTES as _;
    let length = loop {
        // SAFETY: the header points to memory that outlives the call.
        let count = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &mut header, libc::MSG_CMSG_CLOEXEC) };
        match check("recvmsg", "", count as i64) {
            Ok(count) => break count as usize,
            Err(fault) if fault.is(libc::EAGAIN) => return Ok(None),
            Err(fault) if fault.is(libc::EINTR) => {}
            // The other side died with our messages unread.
            Err(fault) if fault.is(libc::ECONNRESET) => break 0,
            Err(fault) => return Err(fault),
        }
    };
    let mut received = Received { length, fds: Vec::new(), pid: 0 };
    // SAFETY: the kernel filled the control buffer; the CMSG macros stay inside msg_controllen, and every descriptor
    // in it was just opened for us and has no other owner.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&header);
        while !message.is_null() {
            let payload = (*message).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
            if (*message).cmsg_level == libc::SOL_SOCKET && (*message).cmsg_type == libc::SCM_RIGHTS {
                let data = libc::CMSG_DATA(message).cast::<RawFd>();
                for index in 0..payload / size_of::<RawFd>() {
                    received.fds.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            } else if (*message).cmsg_level == libc::SOL_SOCKET && (*message).cmsg_type == libc::SCM_CREDENTIALS {
                received.pid = libc::CMSG_DATA(message).cast::<libc::ucred>().read_unaligned().pid;
            }
            message = libc::CMSG_NXTHDR(&header, message);
        }
    }
    if header.msg_flags & libc::MSG_TRUNC != 0 {
        return Err(Fault::new("recvmsg: message cut off", "", libc::EMSGSIZE));
    }
    let cut = header.msg_flags & libc::MSG_CTRUNC != 0;
    if cut {
        received.fds.clear();
    }
    Ok(Some((received, cut.then(|| Fault::new("recvmsg: descriptors cut off", "", libc::EMFILE)))))
}

/// Control messages must be aligned like their header.
#[repr(align(8))]
struct Control([u8; CONTROL_BYTES]);
