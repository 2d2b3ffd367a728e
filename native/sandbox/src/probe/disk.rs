//! Fills every directory that a program may write to, with bytes and then with files.

use std::fs::File;
use std::io::{Error, Write};
use std::path::Path;

use assay_shared::fault::{Context, Result};

use super::{MIB, Seen};

const BLOCK_BYTES: usize = 64 << 10;

/// Writes until nothing more fits; bites if all directories together took no more than this.
pub fn fill(bytes: u64, inodes: u64, directories: &[&str]) -> Result<Seen> {
    // SAFETY: no handler, only the disposition: a file at its size limit answers EFBIG, and the next file goes on.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let (mut written, mut made) = (0, 0);
    for directory in directories {
        written += fill_bytes(Path::new(directory), (4 * bytes).saturating_sub(written))?;
    }
    for directory in directories {
        made += fill_inodes(Path::new(directory), (4 * inodes).saturating_sub(made))?;
    }
    let bit = written <= bytes && made <= inodes;
    let end = if bit { ", then full" } else { "" };
    Ok(Seen { bit, what: format!("{:.1} MiB and {made} files{end}", written as f64 / MIB as f64) })
}

fn fill_bytes(directory: &Path, most: u64) -> Result<u64> {
    let block = [b'x'; BLOCK_BYTES];
    let (mut written, mut files) = (0, 0);
    while written < most {
        let path = directory.join(format!("fill-{files}"));
        let mut file = match File::create(&path) {
            Err(error) if is_full(&error) => break,
            result => result.context("create", &path)?,
        };
        files += 1;
        loop {
            match file.write(&block) {
                Ok(count) if written < most => written += count as u64,
                Ok(_) => return Ok(written),
                Err(error) if is_full(&error) => return Ok(written),
                // This file is as large as one may be.
                Err(error) if error.raw_os_error() == Some(libc::EFBIG) => break,
                Err(error) => return Err(error).context("write", &path),
            }
        }
    }
    Ok(written)
}

fn fill_inodes(directory: &Path, most: u64) -> Result<u64> {
    for made in 0..most {
        let path = directory.join(format!("empty-{made}"));
        match File::create(&path) {
            Err(error) if is_full(&error) => return Ok(made),
            result => result.map(drop).context("create", &path)?,
        }
    }
    Ok(most)
}

fn is_full(error: &Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT))
}
