//! A zygote's child: everything that is the same for all programs, then the order, then the program.

use std::convert::Infallible;
use std::ffi::{c_char, c_int};
use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, check};
use assay_shared::wire::{FromParked, PROGRAM_ID, START_FAILED, encode};
use assay_shared::zygote::{EXECUTE, GIVE_UP, INLINE_TEXT_BYTES, JOB, ORDERS, Order};

use crate::Zygote;

const WORK: &str = "/work";
/// Above all that a program is given.
const OUT_OF_THE_WAY: RawFd = 16;
/// CLONE_INTO_CGROUP: the libc crate has it in a type that is too small.
const INTO_CGROUP: u64 = 1 << 33;
/// Signals that Python ignores, and that what it starts would ignore too.
const IGNORED: [c_int; 2] = [libc::SIGPIPE, libc::SIGXFSZ];

pub enum Forked {
    Child,
    Parent(i32),
}

/// A child whose parent is ours, so that the keeper can wait for it; the place is where its thread's id belongs.
pub fn fork_as_sibling(leaf: Option<&OwnedFd>, thread_id: *mut c_int) -> Result<Forked> {
    let flags = (libc::CLONE_PARENT | libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID) as u64;
    let result = match leaf {
        None => {
            // SAFETY: without CLONE_VM this is a fork, of a process with one thread.
            unsafe { libc::syscall(libc::SYS_clone, flags | libc::SIGCHLD as u64, 0, 0, thread_id, 0) }
        }
        Some(leaf) => {
            // SAFETY: clone_args is plain data for which all zero is valid.
            let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
            // With CLONE_PARENT the exit signal is our own, and the call wants none.
            arguments.flags = flags | INTO_CGROUP;
            arguments.child_tid = thread_id as u64;
            arguments.cgroup = leaf.as_raw_fd() as u64;
            let place = (&raw const arguments).addr();
            // SAFETY: as above; the arguments outlive the call.
            unsafe { sys::privileged(libc::SYS_clone3, [place, size_of_val(&arguments), 0, 0, 0]) }
        }
    };
    match check("clone", "", result)? {
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid as i32)),
    }
}

/// Says this to the supervisor.
pub fn tell(message: &[u8]) {
    // SAFETY: the keeper put it there for us.
    let job = unsafe { BorrowedFd::borrow_raw(JOB) };
    // Nobody is left to tell if this fails.
    let _ = sys::send(job, message, &[]);
}

/// The child's whole life; never returns.
pub fn live(zygote: &Zygote<'_>, control: &OwnedFd, in_leaf: bool) -> ! {
    // SAFETY: the zygote's own; its copy here never ends its life, for `live` never returns.
    unsafe { libc::close(control.as_raw_fd()) };
    let Err(fault) = become_program(zygote, in_leaf);
    if let Ok(message) = encode(&FromParked::Failed(fault)) {
        tell(&message);
    }
    sys::exit_now(START_FAILED)
}

fn become_program(zygote: &Zygote<'_>, in_leaf: bool) -> Result<Infallible> {
    let oom_score = "/proc/self/oom_score_adj";
    std::fs::write(oom_score, "1000").context("write", oom_score)?;
    // SAFETY: no pointers. A session of its own: kill(0) and the terminal reach nobody else.
    check("setsid", "", unsafe { libc::setsid() }.into())?;
    // SAFETY: no pointers, cannot fail.
    unsafe { libc::umask(0o022) };
    if in_leaf {
        // A leaf has a number in its name, which is none of the program's business.
        sys::unshare(libc::CLONE_NEWCGROUP)?;
    }
    let loader = zygote.prelude.ready(zygote.python, &zygote.script)?;
    tell(&zygote.parked);
    let (order, text, fds) = receive()?;
    if order.kind == GIVE_UP {
        sys::exit_now(START_FAILED);
    }
    let streams = enter(&fds)?;
    limit(&order)?;
    sys::become_user(PROGRAM_ID)?;
    // The change of user took this, and with it /proc/self from ourselves.
    sys::prctl("prctl PR_SET_DUMPABLE", libc::PR_SET_DUMPABLE, 1)?;
    // No program is to find what the filter asks of a zygote.
    sys::use_secret(0);
    if order.kind == EXECUTE {
        return execute(&text, order.arguments as usize, streams);
    }
    close_from(streams);
    zygote.prelude.run(zygote.python, &zygote.script, loader)
}

type Received = (Order, Vec<u8>, Vec<OwnedFd>);

fn receive() -> Result<Received> {
    let mut buffer = vec![0; Order::BYTES + INLINE_TEXT_BYTES];
    // SAFETY: the keeper put it there for us.
    let orders = unsafe { BorrowedFd::borrow_raw(ORDERS) };
    let broken = || Fault::new("receive an order", "", libc::EBADMSG);
    let received = sys::receive(orders, &mut buffer)?.ok_or_else(broken)?;
    if received.length == 0 {
        // Its zygote died, and the keeper let go of both. A job may be on its way: no exit code may stand for that.
        return Err(Fault::new("receive an order", "", libc::EPIPE));
    }
    let mut fds = received.fds;
    let order = Order::from_bytes(&buffer[..received.length]).ok_or_else(broken)?;
    let mut text = buffer[Order::BYTES..received.length].to_vec();
    if order.text_bytes as usize > INLINE_TEXT_BYTES {
        let file = File::from(fds.pop().ok_or_else(broken)?);
        text = vec![0; order.text_bytes as usize];
        file.read_exact_at(&mut text, 0).context("read", "order")?;
    }
    Ok((order, text, fds))
}

/// Takes the root and the descriptors of the program; how many of these there are.
fn enter(fds: &[OwnedFd]) -> Result<RawFd> {
    let [root, streams @ ..] = fds else { return Err(Fault::new("receive an order", "", libc::EBADMSG)) };
    // SAFETY: no pointers.
    check("fchdir", "root", unsafe { libc::fchdir(root.as_raw_fd()) }.into())?;
    sys::chroot(".")?;
    std::env::set_current_dir(WORK).context("chdir", WORK)?;
    // First out of the way of the targets, or one dup2 could close the next one's source.
    let away = |fd: &OwnedFd| {
        // SAFETY: no pointers.
        check("fcntl F_DUPFD", "", unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD, OUT_OF_THE_WAY) }.into())
    };
    let sources = streams.iter().map(away).collect::<Result<Vec<_>>>()?;
    for (target, source) in sources.iter().enumerate() {
        // SAFETY: no pointers.
        check("dup2", "", unsafe { libc::dup2(*source as RawFd, target as RawFd) }.into())?;
    }
    Ok(sources.len() as RawFd)
}

fn limit(order: &Order) -> Result<()> {
    sys::rlimit(libc::RLIMIT_NOFILE, order.open_files)?;
    sys::rlimit(libc::RLIMIT_FSIZE, order.file_bytes)?;
    sys::rlimit(libc::RLIMIT_STACK, order.stack_bytes)?;
    // libc has taken the stack of later threads from the limit at its start, which was another one.
    // SAFETY: a NUL-terminated string.
    let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"pthread_setattr_default_np".as_ptr()) };
    if function.is_null() {
        return Ok(());
    }
    // SAFETY: the function of this name takes an initialised attribute, which outlives the calls.
    unsafe {
        let set: unsafe extern "C" fn(*const libc::pthread_attr_t) -> c_int = std::mem::transmute(function);
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        libc::pthread_attr_init(&mut attributes);
        libc::pthread_attr_setstacksize(&mut attributes, order.stack_bytes as usize);
        set(&attributes);
    }
    Ok(())
}

/// As if this had never been a Python. Comes back only if it fails.
fn execute(text: &[u8], arguments: usize, streams: RawFd) -> Result<Infallible> {
    for signal in IGNORED {
        // SAFETY: the default action takes no function of ours.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    sys::set_cloexec_above(streams as u32)?;
    let strings: Vec<&[u8]> = text.split_inclusive(|byte| *byte == 0).collect();
    let (argv, env) = strings.split_at_checked(arguments).unwrap_or((&[], &[]));
    let pointers = |strings: &[&[u8]]| -> Vec<*const c_char> {
        strings.iter().map(|string| string.as_ptr().cast()).chain([std::ptr::null()]).collect()
    };
    let Some(path) = argv.first() else { return Err(Fault::new("execve: empty argv", "", libc::EINVAL)) };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: NULL-terminated arrays of NUL-terminated strings that outlive the call.
    unsafe { libc::execve(path.as_ptr().cast(), argv.as_ptr(), env.as_ptr()) };
    Err(Fault::last("execve", String::from_utf8_lossy(&path[..path.len() - 1]).as_ref()))
}

fn close_from(first: RawFd) {
    // SAFETY: nothing of ours is used any more; the program's own are below.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}
