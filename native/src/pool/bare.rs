//! Runs with nothing of ours around them, as the benches' floor.

use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use assay_shared::fault::{Context, Fault, Result};

use super::program;

/// What was measured: seconds, errors, what the first of them said, nanoseconds of each other run.
pub type BareRuns = (f64, u64, String, Vec<u64>);

/// Runs a command for so long, so many at once.
pub fn run(argv: &[String], in_flight: u32, seconds: f64) -> Result<BareRuns> {
    let program = program()?;
    let output = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()))
        .arg0("assay-bare")
        .args(["bare", &in_flight.to_string(), &seconds.to_string()])
        .args(argv)
        .stdin(Stdio::null())
        .output()
        .context("start the bare loop", argv.join(" "))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (totals, first_error, runs) = (next(), next().to_owned(), next());
    match totals.split_once(' ').map(|(seconds, errors)| (seconds.parse(), errors.parse())) {
        Some((Ok(seconds), Ok(errors))) => {
            let nanoseconds = runs.split_ascii_whitespace().filter_map(|run| run.parse().ok()).collect();
            Ok((seconds, errors, first_error, nanoseconds))
        }
        _ => Err(Fault::new("the bare loop failed", String::from_utf8_lossy(&output.stderr).trim(), libc::EIO)),
    }
}
