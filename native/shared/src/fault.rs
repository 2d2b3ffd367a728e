//! What failed: the operation, what it was done to, and errno.

use std::fmt;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub type Result<T> = std::result::Result<T, Fault>;

/// A system call or step of ours that failed; never says anything about the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub operation: String,
    pub path: String,
    pub errno: i32,
}

impl Fault {
    pub fn new(operation: &str, path: impl AsRef<Path>, errno: i32) -> Self {
        Self { operation: operation.to_owned(), path: path.as_ref().display().to_string(), errno }
    }

    /// The fault of the system call that has just failed.
    pub fn last(operation: &str, path: impl AsRef<Path>) -> Self {
        Self::new(operation, path, last_errno())
    }

    pub fn is(&self, errno: i32) -> bool {
        self.errno == errno
    }

    /// The kernel was short of something that comes back by itself: the same call may succeed a moment later.
    pub fn is_shortage(&self) -> bool {
        [libc::ETOOMANYREFS, libc::ENOBUFS, libc::ENOMEM].contains(&self.errno)
    }

    /// Descriptors did not get through a socket: their sender's user has too many in flight, or their receiver has too
    /// many open. No program does that to its own run.
    pub fn lost_descriptors(&self) -> bool {
        [libc::ETOOMANYREFS, libc::EMFILE].contains(&self.errno)
    }
}

pub fn last_errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        if self.errno != 0 {
            write!(f, ": {}", io::Error::from_raw_os_error(self.errno))?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// Adds the operation and the path to an `io::Error`.
pub trait Context<T> {
    fn context(self, operation: &str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, operation: &str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|error| Fault::new(operation, path, error.raw_os_error().unwrap_or(libc::EIO)))
    }
}
