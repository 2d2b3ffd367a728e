//! Calls that the program's filter, which sits on the keeper already, lets through only with the keeper's secret.

use std::sync::atomic::{AtomicU64, Ordering};

use super::check;
use crate::fault::Result;

static SECRET: AtomicU64 = AtomicU64::new(0);

/// A word that nobody can guess.
pub fn draw_secret() -> Result<u64> {
    let mut bytes = [0u8; 8];
    // SAFETY: the buffer has the length that is given.
    check("getrandom", "", unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) } as i64)?;
    Ok(u64::from_ne_bytes(bytes))
}

/// The secret that goes with every privileged call of this process from now on; 0 forgets it.
pub fn use_secret(secret: u64) {
    SECRET.store(secret, Ordering::Relaxed);
}

/// A system call of at most five arguments, with the secret as the sixth, which the kernel ignores.
///
/// # Safety
/// As the call itself: pointers among the arguments must be what it expects.
pub unsafe fn privileged(number: libc::c_long, arguments: [usize; 5]) -> i64 {
    let [a, b, c, d, e] = arguments;
    // SAFETY: the caller's.
    unsafe { libc::syscall(number, a, b, c, d, e, secret()) }
}

pub(super) fn secret() -> u64 {
    SECRET.load(Ordering::Relaxed)
}
