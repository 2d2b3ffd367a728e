//! The program's system call filter: an allow list, compiled to a range tree.
//!
//! A linear list of this length takes 312 us to load, the tree 63 us. Unknown numbers and clone3 answer ENOSYS, so that a
//! libc falls back; a call of a foreign ABI ends the process.

use std::os::fd::{FromRawFd, OwnedFd};

use crate::fault::Result;
use crate::sys::check;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Allow,
    NotThere,
    Refuse,
    Kill,
    /// socket(2): only families that are namespaced, only plain TCP and UDP (others load kernel modules).
    Socket,
    /// socketpair(2): unix only.
    SocketPair,
    /// clone(2): no namespaces.
    Clone,
    /// personality(2): asking, and the default.
    Personality,
}

macro_rules! calls {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// Calls that are let through, by why a program needs them.
const ALLOWED: &[&[libc::c_long]] = &[
    // Files, by descriptor and by path: what they may reach is the root file system's concern.
    calls!(SYS_read SYS_write SYS_close SYS_fstat SYS_newfstatat SYS_statx SYS_lseek SYS_pread64 SYS_pwrite64 SYS_readv
        SYS_writev SYS_preadv SYS_pwritev SYS_preadv2 SYS_pwritev2 SYS_openat SYS_openat2 SYS_faccessat SYS_faccessat2
        SYS_pipe2 SYS_dup SYS_dup3 SYS_fcntl SYS_flock SYS_fsync SYS_fdatasync SYS_truncate SYS_ftruncate
        SYS_getdents64 SYS_getcwd SYS_chdir SYS_fchdir SYS_renameat SYS_renameat2 SYS_mkdirat SYS_linkat SYS_unlinkat
        SYS_symlinkat SYS_readlinkat SYS_fchmod SYS_fchmodat SYS_fchmodat2 SYS_fchown SYS_fchownat SYS_umask
        SYS_utimensat SYS_mknodat SYS_statfs SYS_fstatfs SYS_sync_file_range SYS_readahead SYS_fadvise64 SYS_fallocate
        SYS_splice SYS_tee SYS_vmsplice SYS_sendfile SYS_copy_file_range SYS_close_range SYS_ioctl SYS_memfd_create),
    calls!(SYS_setxattr SYS_lsetxattr SYS_fsetxattr SYS_getxattr SYS_lgetxattr SYS_fgetxattr SYS_listxattr
        SYS_llistxattr SYS_flistxattr SYS_removexattr SYS_lremovexattr SYS_fremovexattr),
    // Waiting for files and events.
    calls!(SYS_ppoll SYS_pselect6 SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2
        SYS_signalfd4 SYS_timerfd_create SYS_timerfd_settime SYS_timerfd_gettime SYS_inotify_init1
        SYS_inotify_add_watch SYS_inotify_rm_watch),
    // Memory.
    calls!(SYS_mmap SYS_mprotect SYS_munmap SYS_brk SYS_mremap SYS_msync SYS_mincore SYS_madvise SYS_mlock SYS_mlock2
        SYS_munlock SYS_mlockall SYS_munlockall SYS_membarrier SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect
        SYS_get_mempolicy SYS_set_mempolicy SYS_mbind),
    // Processes and threads; the number is the cgroup's concern.
    calls!(SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_wait4 SYS_waitid SYS_kill SYS_tkill SYS_tgkill SYS_getpid
        SYS_gettid SYS_getppid SYS_setpgid SYS_getpgid SYS_setsid SYS_getsid SYS_prctl SYS_set_tid_address
        SYS_set_robust_list SYS_get_robust_list SYS_rseq SYS_futex SYS_futex_waitv SYS_pidfd_open
        SYS_pidfd_send_signal SYS_seccomp SYS_restart_syscall),
    calls!(SYS_sched_yield SYS_sched_getaffinity SYS_sched_setaffinity SYS_sched_getparam SYS_sched_setparam
        SYS_sched_getscheduler SYS_sched_setscheduler SYS_sched_getattr SYS_sched_setattr SYS_sched_get_priority_max
        SYS_sched_get_priority_min SYS_sched_rr_get_interval SYS_getpriority SYS_setpriority SYS_prlimit64
        SYS_getrlimit SYS_setrlimit SYS_getrusage SYS_times SYS_getcpu SYS_ioprio_get),
    // Who am I; without capabilities the set calls lead nowhere new.
    calls!(SYS_getuid SYS_geteuid SYS_getgid SYS_getegid SYS_getresuid SYS_getresgid SYS_getgroups SYS_setuid SYS_setgid
        SYS_setreuid SYS_setregid SYS_setresuid SYS_setresgid SYS_setgroups SYS_setfsuid SYS_setfsgid SYS_capget
        SYS_capset),
    // Signals, timers, clocks, facts.
    calls!(SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn SYS_rt_sigpending SYS_rt_sigtimedwait
        SYS_rt_sigqueueinfo SYS_rt_tgsigqueueinfo SYS_rt_sigsuspend SYS_sigaltstack SYS_setitimer SYS_getitimer
        SYS_nanosleep SYS_clock_nanosleep SYS_clock_gettime SYS_clock_getres SYS_gettimeofday SYS_timer_create
        SYS_timer_settime SYS_timer_gettime SYS_timer_getoverrun SYS_timer_delete SYS_getrandom SYS_sysinfo SYS_uname),
    // Sockets, once made.
    calls!(SYS_bind SYS_connect SYS_listen SYS_accept SYS_accept4 SYS_getsockname SYS_getpeername SYS_sendto SYS_recvfrom
        SYS_sendmsg SYS_recvmsg SYS_sendmmsg SYS_recvmmsg SYS_shutdown SYS_setsockopt SYS_getsockopt),
    // The older names of the above.
    #[cfg(target_arch = "x86_64")]
    calls!(SYS_open SYS_stat SYS_lstat SYS_access SYS_pipe SYS_dup2 SYS_getdents SYS_rename SYS_mkdir SYS_rmdir SYS_creat
        SYS_link SYS_unlink SYS_symlink SYS_readlink SYS_chmod SYS_chown SYS_lchown SYS_utime SYS_utimes SYS_futimesat
        SYS_mknod SYS_poll SYS_select SYS_epoll_create SYS_epoll_wait SYS_eventfd SYS_signalfd SYS_inotify_init
        SYS_fork SYS_vfork SYS_getpgrp SYS_arch_prctl SYS_alarm SYS_pause SYS_time),
];

/// Calls that exist and are refused: EPERM, as an unprivileged process would see.
const REFUSED: &[libc::c_long] = calls!(SYS_ptrace SYS_process_vm_readv SYS_process_vm_writev SYS_mount SYS_umount2
    SYS_pivot_root SYS_chroot SYS_unshare SYS_setns SYS_reboot SYS_sethostname SYS_setdomainname SYS_init_module
    SYS_finit_module SYS_delete_module SYS_kexec_load SYS_swapon SYS_swapoff SYS_settimeofday SYS_clock_settime
    SYS_clock_adjtime SYS_adjtimex SYS_acct SYS_quotactl SYS_syslog SYS_bpf SYS_perf_event_open SYS_keyctl
    SYS_add_key SYS_request_key SYS_userfaultfd SYS_open_by_handle_at SYS_name_to_handle_at SYS_fanotify_init);

const CHECKED: &[(libc::c_long, Action)] = &[
    (libc::SYS_socket, Action::Socket),
    (libc::SYS_socketpair, Action::SocketPair),
    (libc::SYS_clone, Action::Clone),
    (libc::SYS_personality, Action::Personality),
];

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

/// Allows if the loaded value equals one of these, else goes on.
fn allow_if_any(values: &[u32]) -> Vec<libc::sock_filter> {
    let equal = |value| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, value);
    values.iter().flat_map(|value| [equal(*value), allow()]).collect()
}

/// Goes on if the loaded value equals one of these, else answers with the refusal.
fn require_any(values: &[u32], refusal: libc::sock_filter) -> Vec<libc::sock_filter> {
    let mut code = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let over = (values.len() - index) as u8;
        code.push(instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, over, 0, *value));
    }
    code.push(refusal);
    code
}

fn leaf(action: Action) -> Vec<libc::sock_filter> {
    let no_family = errno(libc::EAFNOSUPPORT);
    match action {
        Action::Allow => vec![allow()],
        Action::NotThere => vec![errno(libc::ENOSYS)],
        Action::Refuse => vec![errno(libc::EPERM)],
        Action::Kill => vec![answer(libc::SECCOMP_RET_KILL_PROCESS)],
        Action::Socket => {
            let mut code = vec![load(argument(0))];
            // unix: whatever type; netlink: route only; inet: plain TCP and UDP.
            code.extend(allow_if_any(&[libc::AF_UNIX as u32]));
            let netlink = [load(argument(2))].into_iter().chain(allow_if_any(&[libc::NETLINK_ROUTE as u32]));
            let netlink: Vec<_> = netlink.chain([no_family]).collect();
            let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
            code.push(instruction(equal, 0, netlink.len() as u8, libc::AF_NETLINK as u32));
            code.extend(netlink);
            code.extend(require_any(&[libc::AF_INET as u32, libc::AF_INET6 as u32], no_family));
            code.extend([load(argument(1)), mask(0xf)]);
            code.extend(require_any(&[libc::SOCK_STREAM as u32, libc::SOCK_DGRAM as u32], errno(libc::EPERM)));
            code.push(load(argument(2)));
            code.extend(allow_if_any(&[0, libc::IPPROTO_TCP as u32, libc::IPPROTO_UDP as u32]));
            code.push(errno(libc::EPROTONOSUPPORT));
            code
        }
        Action::SocketPair => {
            let mut code = vec![load(argument(0))];
            code.extend(allow_if_any(&[libc::AF_UNIX as u32]));
            code.push(no_family);
            code
        }
        Action::Clone => {
            let mut code = vec![load(argument(0)), mask(NAMESPACES)];
            code.extend(allow_if_any(&[0]));
            code.push(errno(libc::EPERM));
            code
        }
        Action::Personality => {
            let mut code = vec![load(argument(0))];
            code.extend(allow_if_any(&[0, u32::MAX]));
            code.push(errno(libc::EPERM));
            code
        }
    }
}

/// (first number, action): each holds up to the next first number.
fn ranges() -> Vec<(u32, Action)> {
    let mut points: Vec<(u32, Action)> = Vec::new();
    points.extend(ALLOWED.iter().flat_map(|group| group.iter()).map(|number| (*number as u32, Action::Allow)));
    points.extend(REFUSED.iter().map(|number| (*number as u32, Action::Refuse)));
    points.extend(CHECKED.iter().map(|(number, action)| (*number as u32, *action)));
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

fn tree(ranges: &[(u32, Action)]) -> Vec<libc::sock_filter> {
    if let [(_, action)] = ranges {
        return leaf(*action);
    }
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let (below, above) = (tree(low), tree(high));
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
pub fn filter() -> Vec<libc::sock_filter> {
    let mut code = vec![
        load(ARCH),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, ARCHITECTURE),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER),
    ];
    code.extend(tree(&ranges()));
    code
}

/// Reports every socket(2) and socketpair(2) to a listener, but for those with this secret as sixth argument.
pub fn socket_reports(secret: u64) -> Vec<libc::sock_filter> {
    let equal = |value: u32, jt, jf| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, jt, jf, value);
    vec![
        load(NUMBER),
        equal(libc::SYS_socketpair as u32, 5, 0),
        equal(libc::SYS_socket as u32, 0, 5),
        load(argument(5)),
        equal(secret as u32, 0, 2),
        load(argument(5) + 4),
        equal((secret >> 32) as u32, 1, 0),
        answer(libc::SECCOMP_RET_USER_NOTIF),
        allow(),
    ]
}

/// Puts a filter on this process and returns the descriptor on which it reports; needs CAP_SYS_ADMIN.
pub fn listen(filter: &mut [libc::sock_filter]) -> Result<OwnedFd> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    let install = |flags: libc::c_ulong| {
        // SAFETY: the program points to instructions that outlive the call.
        let fd = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
        // SAFETY: just opened, no other owner.
        check("seccomp NEW_LISTENER", "", fd).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as i32) })
    };
    let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // With this flag (Linux 5.19) a program's timer does not turn a reported call into EINTR.
    match install(listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(fault) if fault.is(libc::EINVAL) => install(listener),
        result => result,
    }
}

/// Puts the filter on this process, for good; needs no_new_privs.
pub fn install(filter: &mut [libc::sock_filter]) -> Result<()> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program points to instructions that outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    check("seccomp", "", result).map(drop)
}

#[cfg(test)]
mod tests {
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
}
