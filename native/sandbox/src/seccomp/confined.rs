//! The filter of programs that no namespace parts from others: what the native one leaves to namespaces is refused here.
//!
//! Landlock decides which files may be opened and which processes may be signalled or traced. What it leaves to the owner of
//! a file or a process has to be refused as a call: a program may have the same user as everything else of its engine's.

use super::calls::Action;
use super::{Secrets, instructions, table};

macro_rules! calls {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// No socket can be made, so nothing is left to be done with one but what a pair can.
///
/// Nor can descriptors be sent through one: those on their way count for the user, and no process has the files open.
const WITHOUT_SOCKETS: &[libc::c_long] = calls!(SYS_bind SYS_connect SYS_listen SYS_accept SYS_accept4 SYS_sendmmsg);

/// These tell of files and processes that are not the program's, or hold memory that nobody counts.
const NOT_THERE: &[libc::c_long] = calls!(SYS_inotify_init1 SYS_inotify_add_watch SYS_inotify_rm_watch SYS_pidfd_open
    SYS_memfd_create);
#[cfg(target_arch = "x86_64")]
const NOT_THERE_EITHER: &[libc::c_long] = calls!(SYS_inotify_init);
#[cfg(not(target_arch = "x86_64"))]
const NOT_THERE_EITHER: &[libc::c_long] = &[];

const CHECKED: &[(libc::c_long, Action)] = &[
    (libc::SYS_socket, Action::Fails(libc::EAFNOSUPPORT)),
    (libc::SYS_socketpair, Action::StreamPair),
    // Of the keeper's own calls none is made here.
    (libc::SYS_mount, Action::Refuse),
    (libc::SYS_umount2, Action::Refuse),
    (libc::SYS_chroot, Action::Refuse),
    (libc::SYS_unshare, Action::Refuse),
    (libc::SYS_setns, Action::Refuse),
    (libc::SYS_clone3, Action::NotThere),
    (libc::SYS_openat2, Action::NotThere),
    // With it the child that becomes the program tells the keeper where it will ask.
    (libc::SYS_sendmsg, Action::Keeper { otherwise: libc::EPERM }),
    (libc::SYS_mmap, Action::Map),
    // What a process has open is looked for by its user.
    (libc::SYS_prctl, Action::Unless { argument: 0, value: libc::PR_SET_DUMPABLE as u32, then: 1, needed: 1 }),
    // Asked for by user alone.
    (libc::SYS_prlimit64, Action::Own { pid: 0 }),
    (libc::SYS_sched_setaffinity, Action::Own { pid: 0 }),
    (libc::SYS_sched_setparam, Action::Own { pid: 0 }),
    (libc::SYS_sched_setscheduler, Action::Own { pid: 0 }),
    (libc::SYS_sched_setattr, Action::Own { pid: 0 }),
    (libc::SYS_ioprio_get, Action::Own { pid: 1 }),
    (libc::SYS_setpriority, Action::OwnPriority),
];

/// Landlock lets an owner change these of any file that has a path.
const BY_PATH: &[libc::c_long] = calls!(SYS_fchmodat SYS_fchmodat2 SYS_fchownat);
#[cfg(target_arch = "x86_64")]
const BY_PATH_TOO: &[libc::c_long] = calls!(SYS_chmod SYS_chown SYS_lchown SYS_utime SYS_utimes SYS_futimesat);
#[cfg(not(target_arch = "x86_64"))]
const BY_PATH_TOO: &[libc::c_long] = &[];

/// Reported, as clone is.
#[cfg(target_arch = "x86_64")]
const FORKS: &[libc::c_long] = calls!(SYS_fork SYS_vfork);
#[cfg(not(target_arch = "x86_64"))]
const FORKS: &[libc::c_long] = &[];

/// Whom they may reach is decided by user alone, where Landlock does not keep signals inside.
pub const SIGNALS: [libc::c_long; 5] =
    [libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo];
/// By these a descriptor sends signals to whomever it is told: F_SETOWN, F_SETOWN_EX; FIOSETOWN, SIOCSPGRP.
const OWNERS: [(libc::c_long, Action); 2] = [
    (libc::SYS_fcntl, Action::Except { argument: 1, values: &[8, 15] }),
    (libc::SYS_ioctl, Action::Except { argument: 1, values: &[0x8901, 0x8902] }),
];

/// And read or change these.
const ATTRIBUTES_BY_PATH: &[libc::c_long] = calls!(SYS_setxattr SYS_lsetxattr SYS_getxattr SYS_lgetxattr SYS_listxattr
    SYS_llistxattr SYS_removexattr SYS_lremovexattr);

/// The filter's instructions.
///
/// `shared_user`: files and processes of others belong to the program's user too; `scoped`: Landlock keeps signals inside.
pub fn filter(shared_user: bool, scoped: bool, keeper: u64) -> Vec<libc::sock_filter> {
    let mut points = table();
    let mut set = |number: libc::c_long, action: Action| {
        points.retain(|(known, _)| *known != number as u32);
        points.push((number as u32, action));
    };
    WITHOUT_SOCKETS.iter().for_each(|number| set(*number, Action::Refuse));
    NOT_THERE.iter().chain(NOT_THERE_EITHER).for_each(|number| set(*number, Action::NotThere));
    CHECKED.iter().for_each(|(number, action)| set(*number, *action));
    // No control group counts processes, and the kernel's own count is of the user.
    FORKS.iter().for_each(|number| set(*number, Action::Asks));
    set(libc::SYS_clone, Action::AsksToClone);
    if !scoped {
        SIGNALS.iter().for_each(|number| set(*number, Action::Asks));
        set(libc::SYS_pidfd_send_signal, Action::NotThere);
        OWNERS.iter().for_each(|(number, action)| set(*number, *action));
    }
    if shared_user {
        BY_PATH.iter().chain(BY_PATH_TOO).for_each(|number| set(*number, Action::Refuse));
        // As on a file system that has none, which whoever copies files expects.
        ATTRIBUTES_BY_PATH.iter().for_each(|number| set(*number, Action::Fails(libc::EOPNOTSUPP)));
        set(libc::SYS_utimensat, Action::OfDescriptor { path: 1 });
    }
    // No call is a zygote's here.
    instructions(points, Secrets { keeper, zygote: keeper })
}
