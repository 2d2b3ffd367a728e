//! The benches' floor: what starting a command costs with nothing of ours around it.

use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};

use assay_shared::fault::{Fault, Result};
use assay_shared::sys::{self, Reaped, check};

const ENVIRONMENT: &std::ffi::CStr = c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Stands for a name that no other run has, where it is an argument.
const NAME: &str = "{}";
const MESSAGE_BYTES: usize = 300;

struct Running {
    since: u64,
    outputs: [OwnedFd; 2],
}

/// Runs a command for so many seconds, so many at once, by posix_spawn and waitpid with two pipes read to their end.
///
/// Prints a line `SECONDS ERRORS`, a line with what the first failed run said, and the nanoseconds of each other run.
pub fn main(in_flight: &str, seconds: &str, argv: &[&str]) -> Result<()> {
    let number = |text: &str| text.parse::<f64>().map_err(|_| Fault::new("expected a number", text, libc::EINVAL));
    let (in_flight, seconds) = (number(in_flight)? as usize, number(seconds)?);
    let start = sys::monotonic_ns();
    let end = start + (seconds * 1e9) as u64;
    let mut running: HashMap<i32, Running> = HashMap::new();
    let mut nanoseconds = Vec::new();
    let (mut started, mut errors, mut first_error) = (0u64, 0u64, None);
    loop {
        while running.len() < in_flight && sys::monotonic_ns() < end {
            let since = sys::monotonic_ns();
            let (pid, outputs) = spawn(argv, started)?;
            running.insert(pid, Running { since, outputs });
            started += 1;
        }
        if running.is_empty() {
            break;
        }
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the siginfo outlives the call. WNOWAIT: reap() takes the status.
        let result = unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT) };
        check("waitid", "", result.into())?;
        while let Reaped::Child { pid, status } = sys::reap()? {
            let run = running.remove(&pid).ok_or_else(|| Fault::new("unknown child", pid.to_string(), 0))?;
            let said = read_to_end(&run.outputs)?;
            if status == 0 {
                nanoseconds.push(sys::monotonic_ns() - run.since);
            } else {
                errors += 1;
                first_error.get_or_insert_with(|| format!("wait status {status}: {said}"));
            }
        }
    }
    let nanoseconds: Vec<_> = nanoseconds.iter().map(u64::to_string).collect();
    println!("{} {errors}", (sys::monotonic_ns() - start) as f64 / 1e9);
    println!("{}", first_error.unwrap_or_default());
    println!("{}", nanoseconds.join(" "));
    Ok(())
}

/// Everything that was said, of which the beginning comes back as one line.
fn read_to_end(outputs: &[OwnedFd; 2]) -> Result<String> {
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    for output in outputs {
        while let Some(count) = sys::read_at_most(output, &mut buffer)?.filter(|count| *count > 0) {
            let room = MESSAGE_BYTES.saturating_sub(said.len());
            said.extend_from_slice(&buffer[..count.min(room)]);
        }
    }
    Ok(String::from_utf8_lossy(&said).split_whitespace().collect::<Vec<_>>().join(" "))
}

fn spawn(argv: &[&str], number: u64) -> Result<(i32, [OwnedFd; 2])> {
    let name = format!("assay-bench-{}-{number}", sys::getpid());
    let argv: Vec<CString> = argv
        .iter()
        .map(|word| sys::c_string(if *word == NAME { name.as_str() } else { word }))
        .collect::<Result<_>>()?;
    let Some(path) = argv.first() else { return Err(Fault::new("expected a command", "", libc::EINVAL)) };
    let pointers: Vec<_> = argv.iter().map(|word| word.as_ptr().cast_mut()).chain([std::ptr::null_mut()]).collect();
    let env = [ENVIRONMENT.as_ptr().cast_mut(), std::ptr::null_mut()];
    let (out_read, out_write) = sys::pipe()?;
    let (err_read, err_write) = sys::pipe()?;
    let mut pid = 0;
    // SAFETY: the actions are initialised before use and destroyed once; all pointers outlive the calls.
    let result = unsafe {
        let mut actions = std::mem::zeroed();
        libc::posix_spawn_file_actions_init(&mut actions);
        libc::posix_spawn_file_actions_adddup2(&mut actions, out_write.as_raw_fd(), 1);
        libc::posix_spawn_file_actions_adddup2(&mut actions, err_write.as_raw_fd(), 2);
        let result =
            libc::posix_spawn(&mut pid, path.as_ptr(), &actions, std::ptr::null(), pointers.as_ptr(), env.as_ptr());
        libc::posix_spawn_file_actions_destroy(&mut actions);
        result
    };
    if result != 0 {
        return Err(Fault::new("posix_spawn", path.to_string_lossy().as_ref(), result));
    }
    Ok((pid, [out_read, err_read]))
}
