//! Preloaded into crun: holds it when its libraries are bound and its `main` has not begun, and forks it for each order.
//!
//! Nearly half of a crun's CPU time is the start of its program: eleven libraries are mapped and bound. A fork of a crun that
//! is held has that behind it. An order is a message on `ORDERS` with the descriptors that this crun gets as 0, 1, 2 and so
//! on; the answer is its pid. It is the child of whoever started the held one, and the end of the orders is the held one's.

use std::ptr::read_unaligned;

use libc::{c_int, c_long, c_ulong};

/// Where orders come from; the first message there says that crun is held.
const ORDERS: c_int = 3;
const MAX_FDS: usize = 16;
/// Room for the sender's credentials too.
const CONTROL_BYTES: usize = 256;
const HELD: &[u8] = b"held";

#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = hold;

/// Comes back in each fork, where crun's `main` follows.
extern "C" fn hold() {
    // SAFETY: a NUL-terminated string, and nobody else reads the environment yet. What crun starts is not to be held.
    unsafe { libc::unsetenv(c"LD_PRELOAD".as_ptr()) };
    close_from(ORDERS + 1);
    name(c"assay-held");
    answer(HELD);
    while let Some(fds) = order() {
        match fork_as_sibling() {
            0 => {
                name(c"crun");
                return take(fds.open());
            }
            pid => {
                fds.open().iter().for_each(|fd| close(*fd));
                answer(&(pid as i32).to_ne_bytes());
            }
        }
    }
    exit();
}

/// The descriptors of an order.
struct Fds {
    numbers: [c_int; MAX_FDS],
    count: usize,
}

impl Fds {
    fn open(&self) -> &[c_int] {
        &self.numbers[..self.count]
    }
}

/// None at the end of orders.
fn order() -> Option<Fds> {
    #[repr(align(8))]
    struct Control([u8; CONTROL_BYTES]);
    let (mut control, mut text) = (Control([0; CONTROL_BYTES]), [0u8; 8]);
    let mut part = libc::iovec { iov_base: text.as_mut_ptr().cast(), iov_len: text.len() };
    // SAFETY: msghdr is plain data for which all zero is valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = (&mut part, 1);
    (header.msg_control, header.msg_controllen) = (control.0.as_mut_ptr().cast(), CONTROL_BYTES as _);
    // SAFETY: the header points to memory that outlives the call.
    if unsafe { libc::recvmsg(ORDERS, &mut header, libc::MSG_CMSG_CLOEXEC) } <= 0
        || header.msg_flags & libc::MSG_CTRUNC != 0
    {
        return None;
    }
    let mut fds = Fds { numbers: [-1; MAX_FDS], count: 0 };
    // SAFETY: the kernel filled the control buffer, and the CMSG macros stay inside its length.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&header);
        while let Some(found) = message.as_ref() {
            if (found.cmsg_level, found.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let sent = libc::CMSG_DATA(message).cast::<c_int>();
                fds.count = ((found.cmsg_len - libc::CMSG_LEN(0) as usize) / size_of::<c_int>()).min(MAX_FDS);
                (0..fds.count).for_each(|index| fds.numbers[index] = read_unaligned(sent.add(index)));
            }
            message = libc::CMSG_NXTHDR(&header, message);
        }
    }
    Some(fds)
}

/// 0 in the child, whose parent is ours.
fn fork_as_sibling() -> c_long {
    let flags = (libc::CLONE_PARENT | libc::SIGCHLD) as c_ulong;
    // SAFETY: without CLONE_VM this is a fork of a process with one thread.
    unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) }
}

/// Makes these the descriptors 0, 1, 2 and so on, and closes all others.
fn take(fds: &[c_int]) {
    // SAFETY: no pointers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_ulong, 0, 0, 0) };
    let mut away = [-1; MAX_FDS];
    for (index, fd) in fds.iter().enumerate() {
        // First out of the way of the targets, or one dup2 could close the next one's source.
        // SAFETY: no pointers.
        away[index] = unsafe { libc::fcntl(*fd, libc::F_DUPFD, MAX_FDS as c_int) };
    }
    for (target, fd) in away[..fds.len()].iter().enumerate() {
        // SAFETY: no pointers.
        if unsafe { libc::dup2(*fd, target as c_int) } < 0 {
            exit();
        }
    }
    close_from(fds.len() as c_int);
}

fn answer(bytes: &[u8]) {
    // SAFETY: the bytes outlive the call.
    unsafe { libc::send(ORDERS, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
}

fn name(name: &std::ffi::CStr) {
    // SAFETY: a NUL-terminated string of less than 16 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
}

fn close(fd: c_int) {
    // SAFETY: whoever sent it to us gave it away.
    unsafe { libc::close(fd) };
}

fn close_from(first: c_int) {
    // SAFETY: nothing else in this process owns descriptors yet.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}

fn exit() -> ! {
    // SAFETY: ends the process without running anything else.
    unsafe { libc::_exit(127) }
}
