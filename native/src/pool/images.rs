//! Images and their store: the static program does everything, in processes of its own.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys;
use assay_shared::wire::{Inventory, Pruned, Unpacked, decode};

use super::program;

/// Blocks until the image is in the store; what is wrong with it is the fault's text. Its layers stay there as long as
/// the descriptors are open.
pub fn unpack(store: &str, reference: &str, tools: &[String]) -> Result<(Unpacked, Vec<OwnedFd>)> {
    let (socket, theirs) = sys::seqpacket_pair()?;
    let arguments = ["unpack", store, reference].into_iter().chain(tools.iter().map(String::as_str));
    let unpacked = decode(&ask(arguments, Stdio::from(theirs))?)?;
    let locks = sys::receive(&socket, &mut [0])?.map_or_else(Vec::new, |received| received.fds);
    Ok((unpacked, locks))
}

/// What is in the store, and of which layers each of these images is made.
pub fn list(store: &str, references: &[String]) -> Result<Inventory> {
    decode(&ask(["images", store].into_iter().chain(references.iter().map(String::as_str)), Stdio::null())?)
}

/// Removes what no engine uses.
pub fn prune(store: &str) -> Result<Pruned> {
    decode(&ask(["prune", store].into_iter(), Stdio::null())?)
}

fn ask<'a>(arguments: impl Iterator<Item = &'a str> + Clone, stdin: Stdio) -> Result<Vec<u8>> {
    let program = program()?;
    let path = format!("/proc/self/fd/{}", program.as_raw_fd());
    let output = Command::new(&path)
        .arg0("assay-images")
        .args(arguments.clone())
        .env_clear()
        .stdin(stdin)
        .output()
        .context("start", "assay-images")?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    match words.trim().strip_prefix("assay-sandbox: ") {
        Some(words) => Err(Fault::new(words, "", 0)),
        None => {
            let asked: Vec<_> = arguments.take(3).collect();
            Err(Fault::new(&format!("{} ended with {}: {words}", asked.join(" "), output.status), "", 0))
        }
    }
}
