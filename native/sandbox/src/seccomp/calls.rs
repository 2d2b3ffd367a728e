//! Which system calls a program has, and why.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Allow,
    NotThere,
    Refuse,
    Kill,
    /// Only the keeper, who knows the secret; for a program this errno.
    Keeper {
        otherwise: i32,
    },
    /// The keeper and, with a word of its own, a zygote.
    Zygote {
        otherwise: i32,
    },
    /// Not for the keeper, pid 1, in this argument: where there is one uid only it would be allowed.
    NotKeeper {
        pid: u32,
    },
    /// setpriority(2): neither for the keeper nor for everything of the user.
    Priority,
    /// No O_TMPFILE among the flags: such a file counts up the file system's inode numbers and leaves no other trace.
    Open {
        flags: u32,
    },
    /// socket(2): only families that are namespaced, only plain TCP and UDP (others load kernel modules).
    Socket,
    /// socketpair(2): unix only.
    SocketPair,
    /// clone(2): no namespaces.
    Clone,
    /// personality(2): asking, and the default.
    Personality,
    /// Fails with this errno.
    Fails(i32),
    /// Reported, before it happens.
    Asks,
    /// The same for clone(2), which makes no namespaces.
    AsksToClone,
    /// Only for the caller itself, in this argument.
    Own {
        pid: u32,
    },
    /// mmap(2): no memory that is shared without a file, which stays when no process has it any more.
    Map,
    /// With this value of one argument only with that value of another.
    Unless {
        argument: u32,
        value: u32,
        then: u32,
        needed: u32,
    },
    /// All but these values of this argument.
    Except {
        argument: u32,
        values: &'static [u32],
    },
    /// setpriority(2): only the caller's own.
    OwnPriority,
    /// socketpair(2): unix, and not datagrams, which could be sent to others.
    StreamPair,
    /// Only of what this argument's descriptor is, without a path in the next one.
    OfDescriptor {
        path: u32,
    },
}

macro_rules! calls {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// Calls that are let through, by why a program needs them.
pub const ALLOWED: &[&[libc::c_long]] = &[
    // Files, by descriptor and by path: what they may reach is the root file system's concern.
    calls!(SYS_read SYS_write SYS_close SYS_fstat SYS_newfstatat SYS_statx SYS_lseek SYS_pread64 SYS_pwrite64 SYS_readv
        SYS_writev SYS_preadv SYS_pwritev SYS_preadv2 SYS_pwritev2 SYS_faccessat SYS_faccessat2
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
    // Memory. Not from which of the machine's nodes: where that one is full the kernel kills far below the limit.
    calls!(SYS_mmap SYS_mprotect SYS_munmap SYS_brk SYS_mremap SYS_msync SYS_mincore SYS_madvise SYS_mlock SYS_mlock2
        SYS_munlock SYS_mlockall SYS_munlockall SYS_membarrier SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect),
    // Processes and threads; the number is the cgroup's concern.
    calls!(SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_wait4 SYS_waitid SYS_kill SYS_tkill SYS_tgkill SYS_getpid
        SYS_gettid SYS_getppid SYS_setpgid SYS_getpgid SYS_setsid SYS_getsid SYS_prctl SYS_set_tid_address
        SYS_set_robust_list SYS_get_robust_list SYS_rseq SYS_futex SYS_futex_waitv SYS_pidfd_open
        SYS_pidfd_send_signal SYS_seccomp SYS_restart_syscall),
    calls!(SYS_sched_yield SYS_sched_getaffinity SYS_sched_getparam SYS_sched_getscheduler SYS_sched_getattr
        SYS_sched_get_priority_max SYS_sched_get_priority_min SYS_sched_rr_get_interval SYS_getpriority SYS_getrlimit
        SYS_setrlimit SYS_getrusage SYS_times SYS_getcpu SYS_ioprio_get),
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
    calls!(SYS_stat SYS_lstat SYS_access SYS_pipe SYS_dup2 SYS_getdents SYS_rename SYS_mkdir SYS_rmdir SYS_creat
        SYS_link SYS_unlink SYS_symlink SYS_readlink SYS_chmod SYS_chown SYS_lchown SYS_utime SYS_utimes SYS_futimesat
        SYS_mknod SYS_poll SYS_select SYS_epoll_create SYS_epoll_wait SYS_eventfd SYS_signalfd SYS_inotify_init
        SYS_fork SYS_vfork SYS_getpgrp SYS_arch_prctl SYS_alarm SYS_pause SYS_time),
];

/// Calls that exist and are refused: EPERM, as an unprivileged process would see.
pub const REFUSED: &[libc::c_long] = calls!(SYS_ptrace SYS_process_vm_readv SYS_process_vm_writev SYS_pivot_root
    SYS_reboot SYS_sethostname SYS_setdomainname SYS_init_module SYS_finit_module SYS_delete_module SYS_kexec_load
    SYS_swapon SYS_swapoff SYS_settimeofday SYS_clock_settime SYS_clock_adjtime SYS_adjtimex SYS_acct SYS_quotactl
    SYS_syslog SYS_bpf SYS_perf_event_open SYS_keyctl SYS_add_key SYS_request_key SYS_userfaultfd
    SYS_open_by_handle_at SYS_name_to_handle_at SYS_fanotify_init);

/// Calls whose answer depends on their arguments.
pub const CHECKED: &[(libc::c_long, Action)] = &[
    (libc::SYS_mount, Action::Keeper { otherwise: libc::EPERM }),
    (libc::SYS_umount2, Action::Keeper { otherwise: libc::EPERM }),
    // Without the capabilities of the keeper or a zygote these lead nowhere, even for who should find the word.
    (libc::SYS_chroot, Action::Zygote { otherwise: libc::EPERM }),
    (libc::SYS_unshare, Action::Zygote { otherwise: libc::EPERM }),
    (libc::SYS_setns, Action::Zygote { otherwise: libc::EPERM }),
    // What these two are asked for lies in memory, out of a filter's sight.
    (libc::SYS_clone3, Action::Zygote { otherwise: libc::ENOSYS }),
    (libc::SYS_openat2, Action::Keeper { otherwise: libc::ENOSYS }),
    (libc::SYS_openat, Action::Open { flags: 2 }),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, Action::Open { flags: 1 }),
    (libc::SYS_socket, Action::Socket),
    (libc::SYS_socketpair, Action::SocketPair),
    (libc::SYS_clone, Action::Clone),
    (libc::SYS_prlimit64, Action::NotKeeper { pid: 0 }),
    (libc::SYS_sched_setaffinity, Action::NotKeeper { pid: 0 }),
    (libc::SYS_sched_setparam, Action::NotKeeper { pid: 0 }),
    (libc::SYS_sched_setscheduler, Action::NotKeeper { pid: 0 }),
    (libc::SYS_sched_setattr, Action::NotKeeper { pid: 0 }),
    (libc::SYS_setpriority, Action::Priority),
    (libc::SYS_personality, Action::Personality),
];
