//! vfork with a stack of its own: a child that borrows this process's memory until it becomes a program.
//!
//! A plain fork copies page tables and then, page by page, whatever either side writes: 0.2 ms for each run.

use std::ffi::c_void;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{check, secret};
use crate::fault::{Fault, Result};

const STACK_BYTES: usize = 256 << 10;
const GUARD_BYTES: usize = 64 << 10;
/// CLONE_INTO_CGROUP: the libc crate has it in a type that is too small.
const INTO_CGROUP: u64 = 1 << 33;

/// The stack that one child after the other runs on.
pub struct Borrowing {
    base: *mut c_void,
}

type Child<'a> = &'a mut dyn FnMut() -> std::convert::Infallible;

impl Borrowing {
    pub fn new() -> Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        // SAFETY: a new mapping, wherever the kernel likes; its lowest part is made a guard against overflow.
        unsafe {
            let base = libc::mmap(std::ptr::null_mut(), GUARD_BYTES + STACK_BYTES, access, kind, -1, 0);
            check("mmap", "stack", if base == libc::MAP_FAILED { -1 } else { 0 })?;
            check("mprotect", "stack", libc::mprotect(base, GUARD_BYTES, libc::PROT_NONE).into())?;
            Ok(Self { base })
        }
    }

    /// Runs `child` in a process of its own and sleeps until that has become another program or ended; its pid.
    ///
    /// The child shares all memory, so what it allocates stays allocated here, but it has descriptors of its own: one that
    /// it owns must not be left behind for this process to drop. `leaf`: the control group (v2) that it is born in.
    pub fn spawn(&mut self, leaf: Option<BorrowedFd<'_>>, mut child: Child<'_>) -> Result<i32> {
        // SAFETY: clone_args is plain data for which all zero is valid.
        let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
        arguments.flags = (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
        arguments.exit_signal = libc::SIGCHLD as u64;
        arguments.stack = self.base as u64 + GUARD_BYTES as u64;
        arguments.stack_size = STACK_BYTES as u64;
        if let Some(leaf) = leaf {
            arguments.flags |= INTO_CGROUP;
            arguments.cgroup = leaf.as_raw_fd() as u64;
        }
        // SAFETY: the stack is ours and nobody runs on it: the last child has left it before its spawn returned.
        let result = unsafe { clone3(&arguments, (&raw mut child).cast()) };
        // No libc is between us and the kernel, so errno is the result itself.
        match -result as i32 {
            // Filters of container engines have it so, because they cannot see what it is asked for.
            libc::ENOSYS if leaf.is_none() => self.spawn_by_clone((&raw mut child).cast()),
            errno if errno > 0 => Err(Fault::new("clone3", "", errno)),
            _ => Ok(result as i32),
        }
    }

    fn spawn_by_clone(&self, child: *mut c_void) -> Result<i32> {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        // SAFETY: both sizes are within the mapping, whose end is the stack's top.
        let top = unsafe { self.base.byte_add(GUARD_BYTES + STACK_BYTES) };
        // SAFETY: as for clone3; `child` outlives the sleep.
        check("clone", "", unsafe { libc::clone(enter_by_clone, top, flags, child) }.into()).map(|pid| pid as i32)
    }
}

impl Drop for Borrowing {
    fn drop(&mut self) {
        // SAFETY: our own mapping, used by nobody any more.
        unsafe { libc::munmap(self.base, GUARD_BYTES + STACK_BYTES) };
    }
}

/// The child's first function, on its own stack.
unsafe extern "C" fn enter(child: *mut c_void) -> ! {
    // SAFETY: `spawn` passed a pointer to its `Child`, and sleeps while we run.
    let child = unsafe { &mut *child.cast::<Child<'_>>() };
    match child() {}
}

extern "C" fn enter_by_clone(child: *mut c_void) -> libc::c_int {
    // SAFETY: as `enter`'s.
    unsafe { enter(child) }
}

/// The raw call, because libc's own has neither a stack for the child nor our secret.
///
/// # Safety
/// The arguments name a stack that nobody uses; `child` is a `Child` that outlives the sleep.
unsafe fn clone3(arguments: &libc::clone_args, child: *mut c_void) -> i64 {
    let result: i64;
    // SAFETY: the child comes back with the same registers and an empty stack, and never leaves `enter`; the caller sees
    // an ordinary system call. The stack pointer is aligned as a call needs it, since both sizes are.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") std::ptr::from_ref(arguments),
            in("rsi") size_of::<libc::clone_args>(),
            in("r9") secret(),
            in("r12") enter as unsafe extern "C" fn(*mut c_void) -> !,
            in("r13") child,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x21",
            "blr x20",
            "brk #1",
            "2:",
            inlateout("x0") std::ptr::from_ref(arguments) => result,
            in("x1") size_of::<libc::clone_args>(),
            in("x5") secret(),
            in("x8") libc::SYS_clone3,
            in("x20") enter as unsafe extern "C" fn(*mut c_void) -> !,
            in("x21") child,
        );
    }
    result
}
