//! Making an image ready: the static program does it, in a process of its own.

use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use assay_sandbox::fault::{Context, Fault, Result};
use assay_sandbox::wire::{Unpacked, decode};

use super::program;

/// Blocks until the image is in the store; what is wrong with it is the fault's text.
pub fn unpack(store: &str, reference: &str, tools: &[String]) -> Result<Unpacked> {
    let program = program()?;
    let path = format!("/proc/self/fd/{}", program.as_raw_fd());
    let output = Command::new(&path)
        .arg0("assay-unpack")
        .args(["unpack", store, reference])
        .args(tools)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .context("start", "assay-unpack")?;
    if output.status.success() {
        return decode(&output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    match words.trim().strip_prefix("assay-sandbox: ") {
        Some(words) => Err(Fault::new(words, "", 0)),
        None => Err(Fault::new(&format!("unpacking {reference} ended with {}: {words}", output.status), "", 0)),
    }
}
