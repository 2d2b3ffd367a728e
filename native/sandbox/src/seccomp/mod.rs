//! The program's system call filter: an allow list, compiled to a range tree.
//!
//! The keeper puts it on itself once and every program inherits it: loaded for each run it would be a tenth of the cost of
//! a short one. The keeper's own calls that no program has, and its sockets, carry a secret as their sixth argument, which
//! the kernel ignores and the filter knows; exec wipes it from the memory of what becomes a program. A zygote has another
//! one, for the few calls that make its children programs, who wipe it themselves.
//!
//! Unknown numbers and clone3 answer ENOSYS, so that a libc falls back; a call of a foreign ABI ends the process.

mod calls;
mod confined;
#[cfg(test)]
mod tests;

use std::os::fd::{FromRawFd, OwnedFd};

use assay_shared::fault::Result;
use assay_shared::sys::check;

use calls::{ALLOWED, Action, CHECKED, REFUSED};
pub use confined::{SIGNALS, filter as confined_filter};

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// Calls of the x32 ABI carry this bit.
#[cfg(target_arch = "x86_64")]
const FOREIGN: std::ops::Range<u32> = 0x4000_0000..0x4000_1000;
#[cfg(not(target_arch = "x86_64"))]
const FOREIGN: std::ops::Range<u32> = u32::MAX..u32::MAX;

const NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

const KEEPER_PID: u32 = 1;
/// The bit of O_TMPFILE that is not O_DIRECTORY: asm-generic/fcntl.h's __O_TMPFILE.
const TMPFILE: u32 = (libc::O_TMPFILE & !libc::O_DIRECTORY) as u32;

// Offsets in struct seccomp_data (little endian: the low half of an argument comes first).
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const fn argument(index: u32) -> u32 {
    16 + 8 * index
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

fn load(offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset)
}

fn mask(bits: u32) -> libc::sock_filter {
    instruction(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, bits)
}

fn answer(value: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, value)
}

fn errno(number: i32) -> libc::sock_filter {
    answer(libc::SECCOMP_RET_ERRNO | number as u32)
}

fn allow() -> libc::sock_filter {
    answer(libc::SECCOMP_RET_ALLOW)
}

fn jump_if_equal(value: u32, jt: u8, jf: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, jt, jf, value)
}

/// Allows if the loaded value equals one of these, else goes on.
fn allow_if_any(values: &[u32]) -> Vec<libc::sock_filter> {
    answer_if_any(values, allow())
}

fn answer_if_any(values: &[u32], verdict: libc::sock_filter) -> Vec<libc::sock_filter> {
    values.iter().flat_map(|value| [jump_if_equal(*value, 0, 1), verdict]).collect()
}

/// Allows if the sixth argument is the secret, else goes on.
fn allow_with(secret: u64) -> Vec<libc::sock_filter> {
    vec![
        load(argument(5)),
        jump_if_equal(secret as u32, 0, 3),
        load(argument(5) + 4),
        jump_if_equal((secret >> 32) as u32, 0, 1),
        allow(),
    ]
}

/// Goes on if the loaded value equals one of these, else answers with the refusal.
fn require_any(values: &[u32], refusal: libc::sock_filter) -> Vec<libc::sock_filter> {
    let mut code = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let over = (values.len() - index) as u8;
        code.push(jump_if_equal(*value, over, 0));
    }
    code.push(refusal);
    code
}

/// The words that go with calls that no program has; 0 is nobody's.
#[derive(Clone, Copy, Debug)]
pub struct Secrets {
    pub keeper: u64,
    pub zygote: u64,
}

fn leaf(action: Action, secrets: Secrets) -> Vec<libc::sock_filter> {
    let no_family = errno(libc::EAFNOSUPPORT);
    // The keeper has to know of it before it happens, and lets it go on.
    let report = answer(libc::SECCOMP_RET_USER_NOTIF);
    match action {
        Action::Allow => vec![allow()],
        Action::NotThere => vec![errno(libc::ENOSYS)],
        Action::Refuse => vec![errno(libc::EPERM)],
        Action::Kill => vec![answer(libc::SECCOMP_RET_KILL_PROCESS)],
        Action::Keeper { otherwise } => {
            let mut code = allow_with(secrets.keeper);
            code.push(errno(otherwise));
            code
        }
        Action::Zygote { otherwise } => {
            let mut code = allow_with(secrets.keeper);
            code.extend(allow_with(secrets.zygote));
            code.push(errno(otherwise));
            code
        }
        Action::Socket => {
            let mut code = allow_with(secrets.keeper);
            code.push(load(argument(0)));
            // unix: whatever type; netlink: route only; inet: plain TCP and UDP.
            code.extend(answer_if_any(&[libc::AF_UNIX as u32], report));
            let mut netlink = vec![load(argument(2))];
            netlink.extend(answer_if_any(&[libc::NETLINK_ROUTE as u32], report));
            netlink.push(no_family);
            code.push(jump_if_equal(libc::AF_NETLINK as u32, 0, netlink.len() as u8));
            code.extend(netlink);
            code.extend(require_any(&[libc::AF_INET as u32, libc::AF_INET6 as u32], no_family));
            code.extend([load(argument(1)), mask(0xf)]);
            code.extend(require_any(&[libc::SOCK_STREAM as u32, libc::SOCK_DGRAM as u32], errno(libc::EPERM)));
            code.push(load(argument(2)));
            code.extend(answer_if_any(&[0, libc::IPPROTO_TCP as u32, libc::IPPROTO_UDP as u32], report));
            code.push(errno(libc::EPROTONOSUPPORT));
            code
        }
        Action::SocketPair => {
            let mut code = allow_with(secrets.keeper);
            code.push(load(argument(0)));
            code.extend(answer_if_any(&[libc::AF_UNIX as u32], report));
            code.push(no_family);
            code
        }
        Action::Open { flags } => {
            let mut code = vec![load(argument(flags)), mask(TMPFILE)];
            code.extend(allow_if_any(&[0]));
            code.push(errno(libc::EOPNOTSUPP));
            code
        }
        Action::Clone => {
            let mut code = vec![load(argument(0)), mask(NAMESPACES)];
            code.extend(allow_if_any(&[0]));
            code.push(errno(libc::EPERM));
            code
        }
        Action::NotKeeper { pid } => {
            let mut code = vec![load(argument(pid))];
            code.extend(answer_if_any(&[KEEPER_PID], errno(libc::EPERM)));
            code.push(allow());
            code
        }
        Action::Priority => {
            let mut code = vec![load(argument(0))];
            code.extend(answer_if_any(&[libc::PRIO_USER], errno(libc::EPERM)));
            code.push(load(argument(1)));
            code.extend(answer_if_any(&[KEEPER_PID], errno(libc::EPERM)));
            code.push(allow());
            code
        }
        Action::Personality => {
            let mut code = vec![load(argument(0))];
            code.extend(allow_if_any(&[0, u32::MAX]));
            code.push(errno(libc::EPERM));
            code
        }
        Action::Fails(number) => vec![errno(number)],
        Action::Asks => vec![report],
        Action::AsksToClone => {
            // A thread with descriptors of its own would hold files that nobody finds.
            let thread = (libc::CLONE_THREAD | libc::CLONE_FILES) as u32;
            let mut code = vec![load(argument(0)), mask(thread)];
            code.extend(answer_if_any(&[libc::CLONE_THREAD as u32], errno(libc::EPERM)));
            code.extend([load(argument(0)), mask(NAMESPACES)]);
            code.extend(answer_if_any(&[0], report));
            code.push(errno(libc::EPERM));
            code
        }
        Action::Map => {
            let shared = (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as u32;
            let mut code = vec![load(argument(3)), mask(shared)];
            code.extend(answer_if_any(&[shared], errno(libc::EPERM)));
            code.push(allow());
            code
        }
        Action::Own { pid } => {
            let mut code = vec![load(argument(pid))];
            code.extend(allow_if_any(&[0]));
            code.push(errno(libc::EPERM));
            code
        }
        Action::Unless { argument: index, value, then, needed } => {
            let mut code = vec![load(argument(index)), jump_if_equal(value, 1, 0), allow(), load(argument(then))];
            code.extend(allow_if_any(&[needed]));
            code.push(errno(libc::EPERM));
            code
        }
        Action::Except { argument: index, values } => {
            let mut code = vec![load(argument(index))];
            code.extend(answer_if_any(values, errno(libc::EPERM)));
            code.push(allow());
            code
        }
        Action::OwnPriority => {
            let mut code = vec![load(argument(0))];
            code.extend(require_any(&[libc::PRIO_PROCESS], errno(libc::EPERM)));
            code.push(load(argument(1)));
            code.extend(allow_if_any(&[0]));
            code.push(errno(libc::EPERM));
            code
        }
        Action::StreamPair => {
            let mut code = vec![load(argument(0))];
            code.extend(require_any(&[libc::AF_UNIX as u32], no_family));
            code.extend([load(argument(1)), mask(0xf)]);
            code.extend(allow_if_any(&[libc::SOCK_STREAM as u32, libc::SOCK_SEQPACKET as u32]));
            code.push(errno(libc::EPERM));
            code
        }
        Action::OfDescriptor { path } => {
            let mut code = vec![load(argument(path))];
            code.extend(require_any(&[0], errno(libc::EPERM)));
            code.push(load(argument(path) + 4));
            code.extend(allow_if_any(&[0]));
            code.push(errno(libc::EPERM));
            code
        }
    }
}

/// Each call that is known, and what becomes of it.
fn table() -> Vec<(u32, Action)> {
    let mut points: Vec<(u32, Action)> = Vec::new();
    points.extend(ALLOWED.iter().flat_map(|group| group.iter()).map(|number| (*number as u32, Action::Allow)));
    points.extend(REFUSED.iter().map(|number| (*number as u32, Action::Refuse)));
    points.extend(CHECKED.iter().map(|(number, action)| (*number as u32, *action)));
    points
}

/// (first number, action): each holds up to the next first number.
fn ranges(mut points: Vec<(u32, Action)>) -> Vec<(u32, Action)> {
    points.sort_by_key(|(number, _)| *number);
    let mut ranges = vec![(0, Action::NotThere)];
    let mut push = |first: u32, action: Action| match ranges.last_mut() {
        Some(last) if last.0 == first => last.1 = action,
        Some(last) if last.1 == action => {}
        _ => ranges.push((first, action)),
    };
    for (number, action) in points {
        push(number, action);
        push(number + 1, Action::NotThere);
    }
    if !FOREIGN.is_empty() {
        push(FOREIGN.start, Action::Kill);
        push(FOREIGN.end, Action::NotThere);
    }
    // A later equal neighbour may have been merged away; do it once more for the whole.
    ranges.dedup_by_key(|(_, action)| *action);
    ranges
}

fn tree(ranges: &[(u32, Action)], secrets: Secrets) -> Vec<libc::sock_filter> {
    if let [(_, action)] = ranges {
        return leaf(*action, secrets);
    }
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let (below, above) = (tree(low, secrets), tree(high, secrets));
    // A conditional jump reaches 255 instructions, an unconditional one everything.
    let mut code = vec![
        instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, high[0].0),
        instruction(libc::BPF_JMP | libc::BPF_JA, 0, 0, below.len() as u32),
    ];
    code.extend(below);
    code.extend(above);
    code
}

/// The filter's instructions.
pub fn filter(secrets: Secrets) -> Vec<libc::sock_filter> {
    instructions(table(), secrets)
}

fn instructions(points: Vec<(u32, Action)>, secrets: Secrets) -> Vec<libc::sock_filter> {
    let mut code =
        vec![load(ARCH), jump_if_equal(ARCHITECTURE, 1, 0), answer(libc::SECCOMP_RET_KILL_PROCESS), load(NUMBER)];
    code.extend(tree(&ranges(points), secrets));
    code
}

/// Puts a filter on this process and all its children to come, for good; needs no_new_privs.
///
/// Returns the descriptor on which it reports.
pub fn install(filter: &mut [libc::sock_filter]) -> Result<OwnedFd> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    let install = |flags: libc::c_ulong| {
        // SAFETY: the program points to instructions that outlive the call.
        let fd = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
        // SAFETY: just opened, no other owner.
        check("seccomp", "", fd).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as i32) })
    };
    let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // With this flag (Linux 5.19) a program's timer does not turn a reported call into EINTR.
    match install(listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(fault) if fault.is(libc::EINVAL) => install(listener),
        result => result,
    }
}
