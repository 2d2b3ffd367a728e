//! The filter, run as the kernel would.

use super::calls::{ALLOWED, CHECKED, REFUSED};
use super::*;

const SECRET: u64 = 0x1234_5678_9abc_def0;
const PASS: u64 = 0x0fed_cba9_8765_4321;
const SECRETS: Secrets = Secrets { keeper: SECRET, zygote: PASS };

/// Runs the filter as the kernel would.
fn judge(number: u32, arch: u32, arguments: [u64; 6]) -> u32 {
    judge_by(&filter(SECRETS), number, arch, arguments)
}

fn judge_by(code: &[libc::sock_filter], number: u32, arch: u32, arguments: [u64; 6]) -> u32 {
    let (mut accumulator, mut at) = (0u32, 0usize);
    loop {
        let step = code[at];
        at += 1;
        match u32::from(step.code) {
            c if c == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                accumulator = match step.k {
                    NUMBER => number,
                    ARCH => arch,
                    k => (arguments[((k - 16) / 8) as usize] >> ((k - 16) % 8 * 8)) as u32,
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

fn native(number: libc::c_long, first: [i32; 3]) -> u32 {
    let [a, b, c] = first.map(|argument| argument as u32 as u64);
    judge(number as u32, ARCHITECTURE, [a, b, c, 0, 0, 0])
}

const fn refused(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno as u32
}

#[test]
fn every_call_of_the_table_is_answered_as_the_table_says() {
    for number in ALLOWED.iter().flat_map(|group| group.iter()) {
        assert_eq!(native(*number, [0; 3]), libc::SECCOMP_RET_ALLOW, "{number}");
    }
    for number in REFUSED {
        assert_eq!(native(*number, [0; 3]), refused(libc::EPERM), "{number}");
    }
    let listed = |number: &libc::c_long| {
        ALLOWED.iter().any(|group| group.contains(number))
            || REFUSED.contains(number)
            || CHECKED.iter().any(|(checked, _)| checked == number)
    };
    for number in (0..1_000).filter(|number| !listed(number)) {
        assert_eq!(native(number, [0; 3]), refused(libc::ENOSYS), "{number}");
    }
    assert_eq!(native(libc::SYS_clone3, [0; 3]), refused(libc::ENOSYS));
    assert_eq!(native(-1, [0; 3]), refused(libc::ENOSYS));
}

#[test]
fn foreign_calls_end_the_process() {
    assert_eq!(judge(1, 0x4000_0003, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
    #[cfg(target_arch = "x86_64")]
    assert_eq!(judge(0x4000_0001, ARCHITECTURE, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
}

#[test]
fn sockets_are_namespaced_and_plain() {
    let socket = |family: i32, kind: i32, protocol: i32| {
        native(libc::SYS_socket, [family, kind | libc::SOCK_CLOEXEC, protocol]) == libc::SECCOMP_RET_USER_NOTIF
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
fn every_pair_of_sockets_is_reported() {
    assert_eq!(native(libc::SYS_socketpair, [libc::AF_UNIX, 0, 0]), libc::SECCOMP_RET_USER_NOTIF);
    assert_eq!(native(libc::SYS_socketpair, [libc::AF_INET, 0, 0]), refused(libc::EAFNOSUPPORT));
}

#[test]
fn the_secret_opens_what_no_program_has() {
    use libc::{SYS_chroot, SYS_mount, SYS_socket, SYS_socketpair, SYS_umount2, SYS_unshare};
    let with = |number: libc::c_long, secret| judge(number as u32, ARCHITECTURE, [0, 0, 0, 0, 0, secret]);
    for number in [SYS_mount, SYS_umount2, SYS_chroot, SYS_unshare, SYS_socket, SYS_socketpair] {
        assert_eq!(with(number, SECRET), libc::SECCOMP_RET_ALLOW);
        for wrong in [0, SECRET + 1, SECRET - 1, SECRET ^ 1 << 32, SECRET ^ 1 << 63] {
            assert_ne!(with(number, wrong), libc::SECCOMP_RET_ALLOW);
        }
    }
    for number in [libc::SYS_clone3, libc::SYS_openat2] {
        assert_eq!(with(number, SECRET), libc::SECCOMP_RET_ALLOW);
        assert_eq!(with(number, 0), refused(libc::ENOSYS));
    }
    assert_eq!(with(libc::SYS_ptrace, SECRET), refused(libc::EPERM));
}

#[test]
fn a_zygote_has_what_makes_its_children_programs_and_no_more() {
    let with = |number: libc::c_long, word| judge(number as u32, ARCHITECTURE, [0, 0, 0, 0, 0, word]);
    for number in [libc::SYS_chroot, libc::SYS_setns, libc::SYS_unshare, libc::SYS_clone3] {
        assert_eq!(with(number, PASS), libc::SECCOMP_RET_ALLOW);
        assert_eq!(with(number, SECRET), libc::SECCOMP_RET_ALLOW);
        assert_ne!(with(number, PASS + 1), libc::SECCOMP_RET_ALLOW);
    }
    for number in [libc::SYS_mount, libc::SYS_umount2, libc::SYS_socket, libc::SYS_socketpair, libc::SYS_openat2] {
        assert_ne!(with(number, PASS), libc::SECCOMP_RET_ALLOW);
    }
}

#[test]
fn files_without_a_name_cannot_be_made() {
    let unnamed = libc::O_TMPFILE | libc::O_RDWR;
    let ordinary = libc::O_CREAT | libc::O_DIRECTORY | libc::O_RDWR | libc::O_CLOEXEC;
    assert_eq!(native(libc::SYS_openat, [libc::AT_FDCWD, 0, unnamed]), refused(libc::EOPNOTSUPP));
    assert_eq!(native(libc::SYS_openat, [libc::AT_FDCWD, 0, ordinary]), libc::SECCOMP_RET_ALLOW);
    #[cfg(target_arch = "x86_64")]
    assert_eq!(native(libc::SYS_open, [0, unnamed, 0]), refused(libc::EOPNOTSUPP));
    assert_eq!(native(libc::SYS_openat2, [0; 3]), refused(libc::ENOSYS));
}

#[test]
fn the_tree_stays_small() {
    assert!(filter(SECRETS).len() < 600, "{} instructions", filter(SECRETS).len());
}

#[test]
fn nobody_changes_what_the_keeper_hands_down() {
    let allowed = |number, first| native(number, first) == libc::SECCOMP_RET_ALLOW;
    for number in [libc::SYS_prlimit64, libc::SYS_sched_setaffinity, libc::SYS_sched_setattr] {
        assert!(allowed(number, [0; 3]) && allowed(number, [2, 0, 0]));
        assert!(!allowed(number, [1, 0, 0]));
    }
    let priority = |which: u32, who| allowed(libc::SYS_setpriority, [which as i32, who, 10]);
    assert!(priority(libc::PRIO_PROCESS, 0) && priority(libc::PRIO_PROCESS, 7) && priority(libc::PRIO_PGRP, 0));
    assert!(!priority(libc::PRIO_PROCESS, 1) && !priority(libc::PRIO_USER, 0));
}

fn confined(shared_user: bool, number: libc::c_long, arguments: [u64; 6]) -> u32 {
    judge_by(&confined_filter(shared_user, true, SECRET), number as u32, ARCHITECTURE, arguments)
}

#[test]
fn without_namespaces_every_socket_but_a_connected_pair_is_refused() {
    let [unix, inet] = [libc::AF_UNIX, libc::AF_INET].map(|family| family as u64);
    let [stream, datagram] = [libc::SOCK_STREAM, libc::SOCK_DGRAM].map(|kind| kind as u64);
    for family in [unix, inet, libc::AF_NETLINK as u64, libc::AF_VSOCK as u64] {
        let answer = confined(false, libc::SYS_socket, [family, stream, 0, 0, 0, 0]);
        assert_eq!(answer, refused(libc::EAFNOSUPPORT));
    }
    let pair = |kind| confined(false, libc::SYS_socketpair, [unix, kind, 0, 0, 0, 0]);
    assert_eq!(pair(stream | libc::SOCK_CLOEXEC as u64), libc::SECCOMP_RET_ALLOW);
    // It could be sent to whoever has a name.
    assert_eq!(pair(datagram), refused(libc::EPERM));
    assert_eq!(confined(false, libc::SYS_connect, [3, 0, 0, 0, 0, 0]), refused(libc::EPERM));
}

#[test]
fn without_namespaces_each_new_process_is_asked_for_and_none_of_others_is_touched() {
    for shared in [false, true] {
        let ask = libc::SECCOMP_RET_USER_NOTIF;
        assert_eq!(confined(shared, libc::SYS_clone, [libc::CLONE_VM as u64, 0, 0, 0, 0, 0]), ask);
        let namespace = confined(shared, libc::SYS_clone, [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0]);
        assert_eq!(namespace, refused(libc::EPERM));
        assert_eq!(confined(shared, libc::SYS_clone3, [0; 6]), refused(libc::ENOSYS));
        for number in [libc::SYS_prlimit64, libc::SYS_sched_setaffinity, libc::SYS_sched_setattr] {
            assert_eq!(confined(shared, number, [0; 6]), libc::SECCOMP_RET_ALLOW);
            assert_eq!(confined(shared, number, [4711, 0, 0, 0, 0, 0]), refused(libc::EPERM));
        }
        // No word makes a call of the keeper's.
        for number in [libc::SYS_mount, libc::SYS_unshare, libc::SYS_setns, libc::SYS_chroot] {
            assert_eq!(confined(shared, number, [0; 6]), refused(libc::EPERM));
        }
    }
}

#[test]
fn what_an_owner_may_change_by_path_is_refused_only_where_owners_are_one() {
    for (number, path) in [(libc::SYS_fchmodat, 1), (libc::SYS_fchownat, 1), (libc::SYS_utimensat, 1)] {
        let mut arguments = [0; 6];
        arguments[path] = 0x7fff_0000_0000;
        assert_eq!(confined(true, number, arguments), refused(libc::EPERM));
        assert_eq!(confined(false, number, arguments), libc::SECCOMP_RET_ALLOW);
    }
    assert_eq!(confined(true, libc::SYS_utimensat, [3, 0, 0, 0, 0, 0]), libc::SECCOMP_RET_ALLOW);
    assert_eq!(confined(true, libc::SYS_fchmod, [3, 0, 0, 0, 0, 0]), libc::SECCOMP_RET_ALLOW);
}

#[test]
fn where_landlock_keeps_no_signals_inside_they_are_asked_for() {
    let judged = |scoped, number: libc::c_long, second: u64| {
        judge_by(&confined_filter(true, scoped, SECRET), number as u32, ARCHITECTURE, [9, second, 0, 0, 0, 0])
    };
    for number in SIGNALS {
        assert_eq!(judged(true, number, 0), libc::SECCOMP_RET_ALLOW);
        assert_eq!(judged(false, number, 0), libc::SECCOMP_RET_USER_NOTIF);
    }
    assert_eq!(judged(false, libc::SYS_pidfd_send_signal, 0), refused(libc::ENOSYS));
    for set_owner in [libc::F_SETOWN, 15] {
        assert_eq!(judged(true, libc::SYS_fcntl, set_owner as u64), libc::SECCOMP_RET_ALLOW);
        assert_eq!(judged(false, libc::SYS_fcntl, set_owner as u64), refused(libc::EPERM));
    }
    assert_eq!(judged(false, libc::SYS_fcntl, libc::F_SETFL as u64), libc::SECCOMP_RET_ALLOW);
    assert_eq!(judged(false, libc::SYS_ioctl, 0x8901), refused(libc::EPERM));
    assert_eq!(judged(false, libc::SYS_ioctl, libc::TCGETS), libc::SECCOMP_RET_ALLOW);
}

#[test]
fn nothing_is_held_that_nobody_counts() {
    let with = |number: libc::c_long, arguments: [u64; 4]| {
        let [a, b, c, d] = arguments;
        confined(true, number, [a, b, c, d, 0, 0])
    };
    let map = |flags: libc::c_int| with(libc::SYS_mmap, [0, 4096, 3, flags as u64]);
    assert_eq!(map(libc::MAP_SHARED | libc::MAP_ANONYMOUS), refused(libc::EPERM));
    assert_eq!(map(libc::MAP_SHARED_VALIDATE | libc::MAP_ANONYMOUS), refused(libc::EPERM));
    assert_eq!(map(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS), libc::SECCOMP_RET_ALLOW);
    assert_eq!(map(libc::MAP_SHARED), libc::SECCOMP_RET_ALLOW);
    assert_eq!(with(libc::SYS_sendmsg, [3, 0, 0, 0]), refused(libc::EPERM));
    assert_eq!(with(libc::SYS_prctl, [libc::PR_SET_DUMPABLE as u64, 0, 0, 0]), refused(libc::EPERM));
    assert_eq!(with(libc::SYS_prctl, [libc::PR_SET_DUMPABLE as u64, 1, 0, 0]), libc::SECCOMP_RET_ALLOW);
    assert_eq!(with(libc::SYS_prctl, [libc::PR_SET_NAME as u64, 0, 0, 0]), libc::SECCOMP_RET_ALLOW);
    let thread = (libc::CLONE_THREAD | libc::CLONE_SIGHAND | libc::CLONE_VM) as u64;
    assert_eq!(with(libc::SYS_clone, [thread, 0, 0, 0]), refused(libc::EPERM));
    let ordinary = thread | libc::CLONE_FILES as u64;
    assert_eq!(with(libc::SYS_clone, [ordinary, 0, 0, 0]), libc::SECCOMP_RET_USER_NOTIF);
}
