//! Small hostile programs, one for each limit: the self-test sends this program into a slot and looks whether it is stopped.
//!
//! Each says in one line what it saw and exits 0 if the limit bit where that shows from inside. One that is to be stopped
//! from outside gets to say something only where nobody stopped it, and exits 1. All end by themselves, whatever happens.

mod access;
mod disk;
mod outside;

use std::io::Write;

use assay_shared::fault::{Context, Fault, Result, last_errno};
use assay_shared::sys::{self, check};

const MIB: u64 = 1 << 20;
const MILLISECOND: u64 = 1_000_000;
/// In which the kernel hands out a quota.
const PERIOD_NS: u64 = 100 * MILLISECOND;
/// No scheduler takes a core away for so long while others wait; only a used up quota does.
const HELD_BACK_NS: u64 = 50 * MILLISECOND;

/// What one probe saw, and whether the limit bit.
pub struct Seen {
    pub bit: bool,
    pub what: String,
}

impl Seen {
    fn unstopped(what: String) -> Result<Self> {
        Ok(Self { bit: false, what })
    }
}

/// Runs one probe by its name; prints what it saw; the process's exit code.
pub fn main(arguments: &[&str]) -> Result<u8> {
    let seen = match arguments {
        ["memory", bytes] => memory(number(bytes)?),
        ["cpu", milliseconds] => cpu(number(milliseconds)? * MILLISECOND),
        ["cpus", milliseconds, percent] => cpus(number(milliseconds)? * MILLISECOND, number(percent)?),
        ["wall", milliseconds] => wall(number(milliseconds)?),
        ["processes", limit] => processes(number(limit)?),
        ["open_files", limit] => open_files(number(limit)?),
        ["output", bytes] => output(number(bytes)?),
        ["disk", bytes, inodes, directories @ ..] => disk::fill(number(bytes)?, number(inodes)?, directories),
        ["network", port, name] => access::network(number(port)? as u16, name),
        ["rights"] => access::rights(false),
        ["rights", "any bounding set"] => access::rights(true),
        ["outside", directory, pid] => outside::reach(directory, number(pid)? as i32),
        _ => Err(Fault::new("no such probe", arguments.join(" "), libc::EINVAL)),
    }?;
    println!("{}", seen.what);
    Ok(u8::from(!seen.bit))
}

fn number(text: &str) -> Result<u64> {
    text.parse().map_err(|_| Fault::new("expected a number", text, libc::EINVAL))
}

/// Takes so much memory, a MiB at a time.
fn memory(bytes: u64) -> Result<Seen> {
    let mut taken = Vec::new();
    while (taken.len() as u64) < bytes / MIB {
        taken.push(std::hint::black_box(vec![1u8; MIB as usize]));
    }
    Seen::unstopped(format!("{} MiB were taken", taken.len()))
}

/// Computes for so much CPU time.
fn cpu(time_ns: u64) -> Result<Seen> {
    while used_ns() < time_ns {}
    Seen::unstopped(format!("{} ms of CPU time were used", used_ns() / MILLISECOND))
}

/// Computes until it is held back, but for no more than so much CPU time; `percent` of a core is allowed.
fn cpus(time_ns: u64, percent: u64) -> Result<Seen> {
    let (start, used_before) = (sys::monotonic_ns(), used_ns());
    let mut last = start;
    loop {
        let now = sys::monotonic_ns();
        let (gap, used) = (now - last, used_ns() - used_before);
        let used_ms = used / MILLISECOND;
        if gap > HELD_BACK_NS {
            let what = format!("used {used_ms} ms, held back for {} ms", gap / MILLISECOND);
            return Ok(Seen { bit: true, what });
        }
        // Besides its share it may begin and end with a period's.
        let allowed = (now - start + 2 * PERIOD_NS) * percent / 100;
        if used > allowed || used > time_ns {
            // On a busy machine others take the rest of its time, so that nothing is left to hold it back from.
            let what = format!("used {used_ms} ms in {} ms", (now - start) / MILLISECOND);
            return if used > allowed { Seen::unstopped(what) } else { Ok(Seen { bit: true, what }) };
        }
        last = now;
    }
}

fn wall(milliseconds: u64) -> Result<Seen> {
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
    Seen::unstopped(format!("slept for {milliseconds} ms"))
}

/// Makes processes that live on until this one ends.
fn processes(limit: u64) -> Result<Seen> {
    let me = sys::getpid();
    for alive in 1..4 * limit {
        match sys::fork() {
            Ok(Some(_)) => {}
            Ok(None) => {
                let end = sys::prctl("prctl PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong);
                // SAFETY: no pointers; pause returns only for a handled signal, and none is handled.
                unsafe {
                    if end.is_ok() && libc::getppid() == me {
                        libc::pause();
                    }
                }
                sys::exit_now(0)
            }
            Err(fault) if fault.is(libc::EAGAIN) => {
                let what = format!("{alive} at once, the next was refused");
                return Ok(Seen { bit: alive <= limit, what });
            }
            Err(fault) => return Err(fault),
        }
    }
    Seen::unstopped(format!("{} processes at once", 4 * limit))
}

fn open_files(limit: u64) -> Result<Seen> {
    for _ in 0..4 * limit {
        // SAFETY: no pointers. The copies are closed with the process.
        match check("dup", "", unsafe { libc::dup(0) }.into()) {
            Ok(highest) if highest as u64 >= limit => {
                return Seen::unstopped(format!("{} open files", highest + 1));
            }
            Ok(_) => {}
            Err(fault) if fault.is(libc::EMFILE) => {
                return Ok(Seen { bit: true, what: format!("{limit} opened, the next was refused") });
            }
            Err(fault) => return Err(fault),
        }
    }
    Seen::unstopped(format!("more than {limit} open files"))
}

fn output(bytes: u64) -> Result<Seen> {
    let block = [b'x'; 64 << 10];
    let mut stdout = std::io::stdout().lock();
    for _ in 0..bytes / block.len() as u64 {
        stdout.write_all(&block).context("write", "stdout")?;
    }
    Seen::unstopped(format!("\n{} MiB were written", bytes / MIB))
}

/// CPU time of this process.
fn used_ns() -> u64 {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut used) };
    used.tv_sec as u64 * 1_000_000_000 + used.tv_nsec as u64
}

/// Whether the call that has just returned failed with one of these errors.
fn refused(result: i64, errors: &[i32]) -> bool {
    result < 0 && errors.contains(&last_errno())
}
