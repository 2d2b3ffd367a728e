//! Landlock: what a process takes from itself and from all that it starts, for good and without any right.

use std::fs::{self, File};
use std::mem::offset_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{check, prctl};
use crate::fault::{Context, Fault, Result};

// linux/landlock.h; the libc crate has only the numbers of the calls.
const VERSION: u32 = 1;
const PATH_BENEATH: libc::c_int = 1;
const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
/// To remove, make and link what there may be in a directory; devices are left out.
const CHANGE: u64 = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13;
const TRUNCATE: u64 = 1 << 14;
/// Every access to files that ABI 4 knows; ABI 5 adds the requests of devices.
const EVERY_ACCESS: u64 = (1 << 15) - 1;
const IOCTL_DEV: u64 = 1 << 15;
const EVERY_PORT: u64 = 0b11;
const SCOPE_ABSTRACT_UNIX: u64 = 1 << 0;
const SCOPE_SIGNAL: u64 = 1 << 1;

/// The first that knows ports: Linux 6.7.
pub const NEEDED_ABI: i32 = 4;
const ABI_WITH_IOCTL_DEV: i32 = 5;

#[repr(C)]
struct Attributes {
    files: u64,
    ports: u64,
    scopes: u64,
}

#[repr(C, packed)]
struct Beneath {
    access: u64,
    parent: i32,
}

/// What may be done with a file, or below a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read, list and execute.
    Read,
    /// All of that, and change whatever is there.
    Change,
    /// Read and write what is there already.
    Device,
}

impl Access {
    fn of_directory(self) -> u64 {
        match self {
            Self::Read => EXECUTE | READ_FILE | READ_DIR,
            Self::Change => EXECUTE | READ_FILE | READ_DIR | WRITE_FILE | CHANGE | TRUNCATE,
            Self::Device => READ_FILE | WRITE_FILE,
        }
    }

    fn of_file(self) -> u64 {
        self.of_directory() & (EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE)
    }
}

/// Of this kernel; 0 where it has no Landlock, or was started without it.
pub fn landlock_abi() -> i32 {
    // SAFETY: with this flag the call takes no attributes.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<Attributes>(), 0, VERSION) };
    abi.max(0) as i32
}

/// Rules that are not in force yet.
pub struct Landlock {
    rules: OwnedFd,
}

impl Landlock {
    /// Forbids every access to files, every port and, where this kernel can, signals and abstract sockets of processes
    /// outside.
    pub fn forbidding_all() -> Result<Self> {
        let devices = if landlock_abi() < ABI_WITH_IOCTL_DEV { 0 } else { IOCTL_DEV };
        let every = Attributes { files: EVERY_ACCESS | devices, ports: EVERY_PORT, scopes: 0 };
        match Self::new(&Attributes { scopes: SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL, ..every }) {
            Err(fault) if fault.is(libc::E2BIG) => Self::new(&every),
            made => made,
        }
    }

    /// Forbids nothing but signals to processes outside; None before Linux 6.12, which cannot.
    pub fn keeping_signals_inside() -> Result<Option<Self>> {
        match Self::new(&Attributes { files: 0, ports: 0, scopes: SCOPE_SIGNAL }) {
            Err(fault) if fault.is(libc::E2BIG) => Ok(None),
            made => made.map(Some),
        }
    }

    fn new(attributes: &Attributes) -> Result<Self> {
        // A kernel that does not know a field wants it left out.
        let size = if attributes.scopes == 0 { offset_of!(Attributes, scopes) } else { size_of::<Attributes>() };
        // SAFETY: the attributes have the kernel's layout and outlive the call.
        let fd = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const *attributes, size, 0) };
        let fd = check("landlock_create_ruleset", "", fd)?;
        // SAFETY: just opened, no other owner.
        Ok(Self { rules: unsafe { OwnedFd::from_raw_fd(fd as i32) } })
    }

    /// Allows this with what is at a path, and below it; a path where nothing is needs no rule.
    pub fn allow(&self, path: &Path, access: Access) -> Result<()> {
        let opened = match fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_CLOEXEC).open(path) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::EACCES)) => {
                return Ok(());
            }
            opened => opened.context("open", path)?,
        };
        let is_directory = opened.metadata().context("stat", path)?.is_dir();
        self.allow_opened(&opened, if is_directory { access.of_directory() } else { access.of_file() })
    }

    fn allow_opened(&self, opened: &File, access: u64) -> Result<()> {
        let rule = Beneath { access, parent: opened.as_raw_fd() };
        let rules = self.rules.as_raw_fd();
        // SAFETY: the rule has the kernel's layout and outlives the call.
        let result = unsafe { libc::syscall(libc::SYS_landlock_add_rule, rules, PATH_BENEATH, &raw const rule, 0) };
        check("landlock_add_rule", "", result).map(drop)
    }

    /// Puts them in force for this process and whatever it starts; needs no right, and takes the gain of any.
    pub fn restrict_self(&self) -> Result<()> {
        prctl("prctl PR_SET_NO_NEW_PRIVS", libc::PR_SET_NO_NEW_PRIVS, 1)?;
        // SAFETY: no pointers.
        let result = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.rules.as_raw_fd(), 0) };
        check("landlock_restrict_self", "", result).map(drop)
    }
}

/// Faults with a sentence that says what is missing.
pub fn require_landlock() -> Result<()> {
    let needed = format!("runtime \"landlock\" needs Landlock with ABI {NEEDED_ABI} (Linux 6.7)");
    match landlock_abi() {
        0 => Err(Fault::new(&format!("{needed}, and this kernel has none, or leaves it out of its lsm= list"), "", 0)),
        abi if abi < NEEDED_ABI => Err(Fault::new(&format!("{needed}, and this kernel has ABI {abi}"), "", 0)),
        _ => Ok(()),
    }
}
