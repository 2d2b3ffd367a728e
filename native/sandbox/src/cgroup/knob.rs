//! Control files: one number or a few `key number` lines each.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Fault, Result};

const LONGEST: usize = 1024;

/// One control file, held open.
pub struct Knob {
    file: File,
    path: PathBuf,
}

impl Knob {
    pub fn open(path: PathBuf, write: bool) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(write).open(&path).context("open", &path)?;
        Ok(Self { file, path })
    }

    pub fn write(&self, value: impl Display) -> Result<()> {
        self.file.write_at(value.to_string().as_bytes(), 0).context("write", &self.path).map(drop)
    }

    /// Writes a limit and reads it back: one that the kernel took differently is a fault, not a limit.
    pub fn set(&self, limit: impl Display) -> Result<()> {
        let limit = limit.to_string();
        self.write(&limit)?;
        self.read(|text| {
            let found = text.trim_end();
            if found == limit {
                return Ok(());
            }
            let operation = format!("a limit is not in force: wrote {limit}, read {found} from");
            Err(Fault::new(&operation, &self.path, 0))
        })
    }

    pub fn number(&self) -> Result<u64> {
        self.parse(|text| text.trim_end().parse().ok())
    }

    /// The number behind a key, as in `oom_kill 3`.
    pub fn field(&self, key: &str) -> Result<u64> {
        self.parse(|text| text.lines().find_map(|line| line.strip_prefix(key)?.parse().ok()))
    }

    fn parse(&self, find: impl Fn(&str) -> Option<u64>) -> Result<u64> {
        self.read(|text| find(text).ok_or_else(|| self.unreadable()))
    }

    fn read<T>(&self, judge: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        let mut bytes = [0; LONGEST];
        let count = self.file.read_at(&mut bytes, 0).context("read", &self.path)?;
        judge(std::str::from_utf8(&bytes[..count]).map_err(|_| self.unreadable())?)
    }

    fn unreadable(&self) -> Fault {
        Fault::new("parse", &self.path, libc::EBADMSG)
    }
}

/// A new group, or one that is there already.
pub fn make(directory: &Path) -> Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error).context("mkdir", directory),
        _ => Ok(()),
    }
}

pub fn write(path: &Path, value: impl Display) -> Result<()> {
    fs::write(path, value.to_string()).context("write", path)
}
