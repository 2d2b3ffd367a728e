//! The directories of a slot: made anew for each run, and removed whatever the last one made of them.

use std::ffi::{CStr, CString};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::check;

use super::places::Places;

/// Always the same, so that a program's paths do not tell one run from the next.
const RUN: &str = "run";
const OURS: u32 = 0o700;

/// A slot's own directory.
pub struct Grounds {
    directory: File,
    places: Places,
}

impl Grounds {
    pub fn open(path: &Path, trees: Vec<String>) -> Result<Self> {
        Ok(Self { directory: open_directory(path)?, places: Places::new(path.join(RUN), trees) })
    }

    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Nothing of the last run is left; its processes must be dead.
    pub fn renew(&self) -> Result<()> {
        // A program that has a user of its own may have closed this to us.
        self.directory.set_permissions(Permissions::from_mode(OURS)).context("chmod", self.places.root())?;
        clear(&self.directory)?;
        let make = |path: &Path| DirBuilder::new().mode(OURS).create(path).context("mkdir", path);
        make(self.places.root())?;
        self.places.all().iter().try_for_each(|path| make(path))
    }
}

fn open_directory(path: &Path) -> Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags).open(path).context("open", path)
}

/// Removes everything below a directory. However deep it is, nothing here is: what lies two levels down is moved up.
pub fn clear(top: &File) -> Result<()> {
    let mut number = 0;
    loop {
        let names = names_in(top)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            if unlink(top, &name, 0)? {
                continue;
            }
            let directory = open_whatever_its_mode(top, &name)?;
            for inner in names_in(&directory)? {
                if !unlink(&directory, &inner, 0)? {
                    // To move a directory is to change its `..`.
                    open_whatever_its_mode(&directory, &inner)?;
                    move_up(&directory, &inner, top, &mut number)?;
                }
            }
            unlink(top, &name, libc::AT_REMOVEDIR)?;
        }
    }
}

/// False if it is a directory; one that is gone is fine.
fn unlink(directory: &File, name: &CStr, flags: libc::c_int) -> Result<bool> {
    // SAFETY: a NUL-terminated string that outlives the call.
    let result = unsafe { libc::unlinkat(directory.as_raw_fd(), name.as_ptr(), flags) };
    match check("unlink", shown(name), result.into()) {
        Err(fault) if fault.is(libc::EISDIR) => Ok(false),
        Err(fault) if !fault.is(libc::ENOENT) => Err(fault),
        _ => Ok(true),
    }
}

fn open_whatever_its_mode(parent: &File, name: &CStr) -> Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let seen = open_at(parent, name, flags | libc::O_PATH)?;
    // A descriptor like this one has no mode of its own to change, its path has.
    let path = PathBuf::from(format!("/proc/self/fd/{}", seen.as_raw_fd()));
    fs::set_permissions(&path, Permissions::from_mode(OURS)).context("chmod", shown(name))?;
    open_at(parent, name, flags)
}

/// Gives the owner of a directory, who we are, what it needs to look into it. No link is followed on the way: a program
/// may have put one there meanwhile, to something else that we own.
pub fn open_to_ourselves(directory: &Path) -> Result<()> {
    let path = assay_shared::sys::c_string(directory)?;
    // SAFETY: plain data for which all zero is valid.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = (libc::O_DIRECTORY | libc::O_CLOEXEC | libc::O_PATH) as u64;
    how.resolve = libc::RESOLVE_NO_SYMLINKS;
    // SAFETY: both outlive the call, and the size is the struct's.
    let fd = unsafe {
        libc::syscall(libc::SYS_openat2, libc::AT_FDCWD, path.as_ptr(), &raw const how, size_of::<libc::open_how>())
    };
    // SAFETY: just opened, no other owner.
    let seen: File = check("openat2", directory, fd).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as i32) })?.into();
    let mode = seen.metadata().context("stat", directory)?.permissions().mode();
    let path = format!("/proc/self/fd/{}", seen.as_raw_fd());
    fs::set_permissions(&path, Permissions::from_mode(mode | OURS)).context("chmod", directory)
}

fn open_at(parent: &File, name: &CStr, flags: libc::c_int) -> Result<File> {
    // SAFETY: a NUL-terminated string that outlives the call.
    let fd = unsafe { libc::openat(parent.as_raw_fd(), name.as_ptr(), flags) };
    // SAFETY: just opened, no other owner.
    check("openat", shown(name), fd.into()).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as i32) }.into())
}

fn move_up(from: &File, name: &CStr, top: &File, number: &mut u64) -> Result<()> {
    loop {
        *number += 1;
        let free = assay_shared::sys::c_string(format!("moved-{number}"))?;
        // SAFETY: NUL-terminated strings that outlive the call.
        let result = unsafe { libc::renameat(from.as_raw_fd(), name.as_ptr(), top.as_raw_fd(), free.as_ptr()) };
        match check("rename", shown(name), result.into()) {
            // A program may have taken the name.
            Err(Fault { errno: libc::EEXIST | libc::ENOTEMPTY | libc::ENOTDIR, .. }) => {}
            result => return result.map(drop),
        }
    }
}

fn names_in(directory: &File) -> Result<Vec<CString>> {
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    let entries = fs::read_dir(&path).context("read", &path)?;
    let names = entries.map(|entry| assay_shared::sys::c_string(entry.context("read", &path)?.file_name()));
    names.collect()
}

fn shown(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    fn grounds(name: &str) -> (PathBuf, Grounds) {
        let path = std::env::temp_dir().join(format!("assay-storage-{name}-{}", std::process::id()));
        fs::create_dir(&path).expect("a new directory");
        let grounds = Grounds::open(&path, Vec::new()).expect("it is there");
        grounds.renew().expect("it is empty");
        (path, grounds)
    }

    #[test]
    fn whatever_a_run_leaves_is_removed_and_nothing_outside() {
        let (path, grounds) = grounds("whatever");
        let outside = path.with_extension("outside");
        fs::write(&outside, "kept").expect("a file");
        let work = grounds.places().work();
        symlink(&outside, work.join("link")).expect("a link");
        symlink(std::env::temp_dir(), work.join("directory")).expect("a link");
        fs::hard_link(&outside, work.join("hard")).expect("a link");
        fs::create_dir_all(work.join("closed/inner/innermost")).expect("directories");
        fs::write(work.join("closed/inner/innermost/x"), "x").expect("a file");
        fs::create_dir(grounds.places().root().join("moved-1")).expect("a directory");
        fs::write(grounds.places().root().join("moved-1/x"), "x").expect("a file");
        fs::write(work.join(std::ffi::OsStr::from_bytes(b"\xff\n -rf *")), "x").expect("a file");
        for closed in ["closed/inner", "closed", ""] {
            fs::set_permissions(work.join(closed), Permissions::from_mode(0o000)).expect("ours");
        }
        grounds.renew().expect("all of it is ours");
        assert_eq!(fs::read_dir(grounds.places().root()).expect("made anew").count(), 3);
        assert_eq!(fs::read_dir(grounds.places().work()).expect("made anew").count(), 0);
        assert_eq!(fs::read_to_string(&outside).expect("untouched"), "kept");
        fs::remove_file(outside).expect("ours");
        fs::remove_dir_all(path).expect("ours");
    }

    #[test]
    fn depth_is_no_obstacle() {
        let (path, grounds) = grounds("deep");
        // Deeper than a path may be long.
        let mut at = open_directory(&grounds.places().work()).expect("made anew");
        for _ in 0..3000 {
            // SAFETY: a constant name.
            assert_eq!(unsafe { libc::mkdirat(at.as_raw_fd(), c"dddd".as_ptr(), 0o700) }, 0);
            at = open_at(&at, c"dddd", libc::O_DIRECTORY | libc::O_CLOEXEC).expect("just made");
        }
        grounds.renew().expect("all of it is ours");
        assert_eq!(fs::read_dir(grounds.places().work()).expect("made anew").count(), 0);
        fs::remove_dir_all(path).expect("ours");
    }
}
