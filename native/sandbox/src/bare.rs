//! The benches' floor: what starting a program costs with nothing around it.

use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::fault::{Fault, Result};
use crate::sys::{self, Reaped, check};

/// Runs `path` for so many seconds, so many at once, by posix_spawn and waitpid with two pipes read to their end; prints
/// the number of runs and the seconds.
pub fn main(path: &str, in_flight: &str, seconds: &str) -> Result<()> {
    let number = |text: &str| text.parse::<f64>().map_err(|_| Fault::new("expected a number", text, libc::EINVAL));
    let (in_flight, seconds) = (number(in_flight)? as usize, number(seconds)?);
    let path = sys::c_string(path)?;
    let start = sys::monotonic_ns();
    let end = start + (seconds * 1e9) as u64;
    let mut running: HashMap<i32, [OwnedFd; 2]> = HashMap::new();
    let mut runs = 0u64;
    let mut buffer = [0; 4096];
    loop {
        while running.len() < in_flight && sys::monotonic_ns() < end {
            let (pid, outputs) = spawn(&path)?;
            running.insert(pid, outputs);
        }
        if running.is_empty() {
            break;
        }
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the siginfo outlives the call. WNOWAIT: reap() takes the status.
        let result = unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT) };
        check("waitid", "", result.into())?;
        while let Reaped::Child { pid, status } = sys::reap()? {
            let outputs = running.remove(&pid).ok_or_else(|| Fault::new("unknown child", pid.to_string(), 0))?;
            for output in &outputs {
                while sys::read_at_most(output, &mut buffer)?.is_some_and(|count| count > 0) {}
            }
            if status != 0 {
                return Err(Fault::new("the program failed", path.to_string_lossy().as_ref(), status));
            }
            runs += 1;
        }
    }
    println!("{runs} {}", (sys::monotonic_ns() - start) as f64 / 1e9);
    Ok(())
}

fn spawn(path: &CString) -> Result<(i32, [OwnedFd; 2])> {
    let (out_read, out_write) = sys::pipe()?;
    let (err_read, err_write) = sys::pipe()?;
    let argv = [path.as_ptr().cast_mut(), std::ptr::null_mut()];
    let env = [std::ptr::null_mut()];
    let mut pid = 0;
    // SAFETY: the actions are initialised before use and destroyed once; all pointers outlive the calls.
    let result = unsafe {
        let mut actions = std::mem::zeroed();
        libc::posix_spawn_file_actions_init(&mut actions);
        libc::posix_spawn_file_actions_adddup2(&mut actions, out_write.as_raw_fd(), 1);
        libc::posix_spawn_file_actions_adddup2(&mut actions, err_write.as_raw_fd(), 2);
        let result =
            libc::posix_spawn(&mut pid, path.as_ptr(), &actions, std::ptr::null(), argv.as_ptr(), env.as_ptr());
        libc::posix_spawn_file_actions_destroy(&mut actions);
        result
    };
    if result != 0 {
        return Err(Fault::new("posix_spawn", path.to_string_lossy().as_ref(), result));
    }
    Ok((pid, [out_read, err_read]))
}
