//! Undoing what an engine inside a trainer hands down: signals, limits, scheduling, umask, personality, keyring, mounts.

use std::fs;

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;

/// Room for the control files and sockets of many slots.
const OPEN_FILES: u64 = 65_536;
const LAST_SIGNAL: i32 = 64;
const SUPERVISOR_NICE: i32 = -10;
const DEFAULT_TIMER_SLACK_NS: libc::c_ulong = 50_000;
const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;

pub fn reset_inherited() -> Result<()> {
    sys::set_process_name(c"assay-superv");
    for signal in 1..=LAST_SIGNAL {
        let default = [0u64; 4];
        // SAFETY: the kernel's struct sigaction, all zero: the default action; it outlives the call. The raw call, because
        // the libc refuses its own two signals. SIGKILL and SIGSTOP cannot be set, which is fine.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, signal, &raw const default, std::ptr::null::<u64>(), size_of::<u64>())
        };
    }
    sys::unblock_signals()?;
    // SAFETY: no pointers but to plain data that outlives each call. Session and keyring fail only where we lead one
    // already or keyrings are not built in; niceness and affinity only where nothing was lowered.
    unsafe {
        libc::setsid();
        libc::umask(0o022);
        // Ahead of what it watches; builders and keepers go back to 0.
        libc::setpriority(libc::PRIO_PROCESS, 0, SUPERVISOR_NICE);
        let ordinary: libc::sched_param = std::mem::zeroed();
        libc::sched_setscheduler(0, libc::SCHED_OTHER, &ordinary);
        libc::personality(0);
        libc::prctl(libc::PR_SET_TIMERSLACK, DEFAULT_TIMER_SLACK_NS, 0, 0, 0);
        let mut all: libc::cpu_set_t = std::mem::zeroed();
        (0..libc::CPU_SETSIZE as usize).for_each(|cpu| libc::CPU_SET(cpu, &mut all));
        libc::sched_setaffinity(0, size_of_val(&all), &all);
        libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>());
    }
    // Our session is a group of its own to the scheduler, where that groups sessions: then this is what counts.
    let _ = fs::write("/proc/self/autogroup", SUPERVISOR_NICE.to_string());
    // A container comes to us when its crun and its builder are gone.
    sys::prctl("prctl PR_SET_CHILD_SUBREAPER", libc::PR_SET_CHILD_SUBREAPER, 1)?;
    reset_limits();
    // Lower needs CAP_SYS_RESOURCE, which not every root has; at worst an out-of-memory machine picks us.
    let _ = fs::write("/proc/self/oom_score_adj", "-500");
    // Core dumps are off; the filter is only for programs that look at it.
    let _ = fs::write("/proc/self/coredump_filter", "0x33");
    std::env::set_current_dir("/").map_err(|_| Fault::last("chdir", "/"))
}

fn reset_limits() {
    // What fails here leaves a limit as it was.
    let _ = sys::rlimit_up_to(libc::RLIMIT_NOFILE, OPEN_FILES);
    for resource in [
        libc::RLIMIT_CPU,
        libc::RLIMIT_FSIZE,
        libc::RLIMIT_DATA,
        libc::RLIMIT_AS,
        libc::RLIMIT_NPROC,
        libc::RLIMIT_SIGPENDING,
        libc::RLIMIT_STACK,
    ] {
        let _ = sys::rlimit_up_to(resource, libc::RLIM_INFINITY);
    }
}

/// Says so where a slot could not be made for want of open files.
pub fn explained(fault: Fault, slots: u32) -> Fault {
    match sys::hard_limit(libc::RLIMIT_NOFILE) {
        Ok(most) if fault.is(libc::EMFILE) => {
            let operation = format!(
                "the hard limit of {most} open files is too low for {slots} slots (raise it, see `ulimit -n`, or ask for \
                 fewer): {}",
                fault.operation
            );
            Fault { operation, ..fault }
        }
        _ => fault,
    }
}

/// Takes back the supervisor's place ahead of others; children that run programs must not have it.
pub fn ordinary_priority() {
    // SAFETY: no pointers. Fails where the engine itself has a lower one, which we may not raise: so have its programs.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 0) };
}

/// What we mount from here on is ours alone and gone with the last of us.
pub fn leave_mount_namespace() -> Result<()> {
    sys::unshare(libc::CLONE_NEWNS)?;
    sys::mount("", "/", "", libc::MS_REC | libc::MS_PRIVATE, "")
}
