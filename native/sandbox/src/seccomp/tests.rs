//! The filter, run as the kernel would.

use super::calls::{ALLOWED, CHECKED, REFUSED};
use super::*;

/// Runs the filter as the kernel would.
fn judge(number: u32, arch: u32, arguments: [u32; 3]) -> u32 {
    interpret(&filter(), number, arch, &arguments)
}

/// `arguments`: the low halves, and the high half of the last one behind them where it is asked for.
fn interpret(code: &[libc::sock_filter], number: u32, arch: u32, arguments: &[u32]) -> u32 {
    let (mut accumulator, mut at) = (0u32, 0usize);
    loop {
        let step = code[at];
        at += 1;
        match u32::from(step.code) {
            c if c == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                accumulator = match step.k {
                    NUMBER => number,
                    ARCH => arch,
                    k => arguments[((k - 16) / 8 + (k - 16) % 8 / 4) as usize],
                }
            }
            c if c == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K => accumulator &= step.k,
            c if c == libc::BPF_RET | libc::BPF_K => return step.k,
            c if c == libc::BPF_JMP | libc::BPF_JA => at += step.k as usize,
            c if c == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => {
                at += usize::from(if accumulator == step.k { step.jt } else { step.jf });
            }
            c if c == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K => {
                at += usize::from(if accumulator >= step.k { step.jt } else { step.jf });
            }
            other => panic!("unknown instruction {other}"),
        }
    }
}

fn native(number: libc::c_long, arguments: [u32; 3]) -> u32 {
    judge(number as u32, ARCHITECTURE, arguments)
}

const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

#[test]
fn every_call_of_the_table_is_answered_as_the_table_says() {
    for number in ALLOWED.iter().flat_map(|group| group.iter()) {
        assert_eq!(native(*number, [0; 3]), libc::SECCOMP_RET_ALLOW, "{number}");
    }
    for number in REFUSED {
        assert_eq!(native(*number, [0; 3]), libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, "{number}");
    }
    let listed = |number: &libc::c_long| {
        ALLOWED.iter().any(|group| group.contains(number))
            || REFUSED.contains(number)
            || CHECKED.iter().any(|(checked, _)| checked == number)
    };
    for number in (0..1_000).filter(|number| !listed(number)) {
        assert_eq!(native(number, [0; 3]), ENOSYS, "{number}");
    }
    assert_eq!(native(libc::SYS_clone3, [0; 3]), ENOSYS);
    assert_eq!(native(-1, [0; 3]), ENOSYS);
}

#[test]
fn foreign_calls_end_the_process() {
    assert_eq!(judge(1, 0x4000_0003, [0; 3]), libc::SECCOMP_RET_KILL_PROCESS);
    #[cfg(target_arch = "x86_64")]
    assert_eq!(judge(0x4000_0001, ARCHITECTURE, [0; 3]), libc::SECCOMP_RET_KILL_PROCESS);
}

#[test]
fn sockets_are_namespaced_and_plain() {
    let socket = |family: i32, kind: i32, protocol: i32| {
        native(libc::SYS_socket, [family as u32, (kind | libc::SOCK_CLOEXEC) as u32, protocol as u32])
            == libc::SECCOMP_RET_ALLOW
    };
    assert!(socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0));
    assert!(socket(libc::AF_INET, libc::SOCK_STREAM, 0));
    assert!(socket(libc::AF_INET6, libc::SOCK_DGRAM, libc::IPPROTO_UDP));
    assert!(socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE));
    assert!(!socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_AUDIT));
    assert!(!socket(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP));
    assert!(!socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_TCP));
    assert!(!socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0));
    assert!(!socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0));
}

#[test]
fn sockets_are_reported_but_for_the_keepers_own() {
    let secret = 0x1234_5678_9abc_def0u64;
    let code = socket_reports(secret);
    let judge = |number: libc::c_long, low: u32, high: u32| {
        interpret(&code, number as u32, ARCHITECTURE, &[0, 0, 0, 0, 0, low, high])
    };
    let (low, high) = (secret as u32, (secret >> 32) as u32);
    assert_eq!(judge(libc::SYS_socket, low, high), libc::SECCOMP_RET_ALLOW);
    assert_eq!(judge(libc::SYS_socket, low, high + 1), libc::SECCOMP_RET_USER_NOTIF);
    assert_eq!(judge(libc::SYS_socket, low + 1, high), libc::SECCOMP_RET_USER_NOTIF);
    assert_eq!(judge(libc::SYS_socketpair, low, high), libc::SECCOMP_RET_USER_NOTIF);
    assert_eq!(judge(libc::SYS_read, 0, 0), libc::SECCOMP_RET_ALLOW);
}

#[test]
fn the_tree_stays_small() {
    assert!(filter().len() < 600, "{} instructions", filter().len());
}
