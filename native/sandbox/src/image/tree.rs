//! One layer's directory as it is written: every step is one name below a directory that is open, and follows no link.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use assay_shared::fault::{Context, Fault, Result};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::refuse;
use crate::rootfs::opaque_attribute;

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FILE_BITS: u32 = 0o777;
const DIRECTORY_BITS: u32 = 0o1777;
/// The share of the file system that stays free, one part in so many.
const RESERVE: u64 = 20;

/// Whose an entry is, and how it may be used.
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
    /// Seconds of the epoch.
    pub modified: u64,
}

pub struct Tree {
    root: OwnedFd,
    keeps_owners: bool,
    opaque: &'static str,
}

fn failed(operation: &str, name: &[u8]) -> impl Fn(Errno) -> Fault {
    let (operation, name) = (operation.to_owned(), String::from_utf8_lossy(name).into_owned());
    move |errno| Fault::new(&operation, &name, errno.raw_os_error())
}

impl Tree {
    /// `keeps_owners`: files are given away to whom their entries name, for which it takes root.
    pub fn open(root: &Path, keeps_owners: bool) -> Result<Self> {
        let root = rustix::fs::open(root, DIRECTORY, Mode::empty())
            .map_err(|errno| Fault::new("open", root, errno.raw_os_error()))?;
        Ok(Self { root, keeps_owners, opaque: opaque_attribute()? })
    }

    pub fn directory(&self, parents: &[&[u8]], name: &[u8], owner: &Owner) -> Result<()> {
        let parent = self.parent(parents)?;
        let directory = match open_directory(&parent, name) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => make_directory(&parent, name)?,
            // What had its place hid whatever lower layers have there, a whiteout as well as a file.
            Err(_) => self.replace_by_directory(&parent, name)?,
        };
        self.give(directory.as_fd(), name, owner, DIRECTORY_BITS)
    }

    pub fn file(
        &self,
        parents: &[&[u8]],
        name: &[u8],
        owner: &Owner,
        size: u64,
        contents: &mut dyn Read,
    ) -> Result<()> {
        let parent = self.parent(parents)?;
        self.check_room(size)?;
        remove(&parent, name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&parent, name, flags, Mode::RUSR).map_err(failed("create", name))?;
        let mut file = File::from(file);
        let written = io::copy(&mut contents.take(size), &mut file).context("write", "its contents")?;
        if written != size {
            return refuse(format!("the archive ends after {written} of {size} bytes"));
        }
        self.give(file.as_fd(), name, owner, FILE_BITS)?;
        let time = Timespec { tv_sec: i64::try_from(owner.modified).unwrap_or(0), tv_nsec: 0 };
        rustix::fs::futimens(&file, &Timestamps { last_access: time, last_modification: time })
            .map_err(failed("utimensat", name))
    }

    pub fn symlink(&self, parents: &[&[u8]], name: &[u8], owner: &Owner, target: &[u8]) -> Result<()> {
        let parent = self.parent(parents)?;
        remove(&parent, name)?;
        rustix::fs::symlinkat(target, &parent, name).map_err(failed("symlink", name))?;
        if !self.keeps_owners {
            return Ok(());
        }
        let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
        rustix::fs::chownat(&parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(failed("chown", name))
    }

    /// Another name for a file of this layer.
    pub fn hard_link(&self, parents: &[&[u8]], name: &[u8], target: &[&[u8]]) -> Result<()> {
        let Some((target_name, target_parents)) = target.split_last() else { return refuse("a hard link to the root") };
        let mut there = dup(self.root.as_fd())?;
        for part in target_parents {
            there = match open_directory(&there, part) {
                Ok(directory) => directory,
                Err(_) => return refuse("a hard link to what is not in its layer"),
            };
        }
        match kind(&there, target_name)? {
            Some(FileType::RegularFile | FileType::Symlink) => {}
            _ => return refuse("a hard link to what is no file of its layer"),
        }
        let parent = self.parent(parents)?;
        let same = same_file(&there, target_name, &parent, name)?;
        if same {
            return Ok(());
        }
        remove(&parent, name)?;
        rustix::fs::linkat(&there, *target_name, &parent, name, AtFlags::empty()).map_err(failed("link", name))
    }

    /// A whiteout: what lower layers have under this name is not there.
    pub fn hide(&self, parents: &[&[u8]], name: &[u8]) -> Result<()> {
        let parent = self.parent(parents)?;
        match kind(&parent, name)? {
            // This layer's own, which the whiteout does not speak of; but nothing below shows through it.
            Some(FileType::Directory) => self.set_opaque(&open_directory(&parent, name).map_err(failed("open", name))?),
            Some(_) => Ok(()),
            None => {
                rustix::fs::mknodat(&parent, name, FileType::CharacterDevice, Mode::empty(), 0)
                    .map_err(|errno| no_whiteouts(errno, "mknod", name))?;
                // Where no lower layer has this directory, whiteouts would be listed by name but for this mark.
                mark(&parent, &self.opaque.replace("opaque", "origin"), b"")
            }
        }
    }

    /// An opaque whiteout: of this directory lower layers show nothing.
    pub fn hide_all_below(&self, directory: &[&[u8]]) -> Result<()> {
        self.set_opaque(&self.parent(directory)?)
    }

    /// The directory of an entry; one that has no entry of its own yet is root's.
    fn parent(&self, parts: &[&[u8]]) -> Result<OwnedFd> {
        let mut directory = dup(self.root.as_fd())?;
        for part in parts {
            directory = match open_directory(&directory, part) {
                Ok(next) => next,
                Err(Errno::NOENT) => make_directory(&directory, part)?,
                Err(errno) => match kind(&directory, part)? {
                    Some(FileType::CharacterDevice) => self.replace_by_directory(&directory, part)?,
                    Some(FileType::Symlink) => return refuse("its directory is a symbolic link"),
                    Some(FileType::RegularFile) => return refuse("its directory is a file"),
                    _ => return Err(failed("open", part)(errno)),
                },
            };
        }
        Ok(directory)
    }

    fn replace_by_directory(&self, parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd> {
        remove(parent, name)?;
        let directory = make_directory(parent, name)?;
        self.set_opaque(&directory)?;
        Ok(directory)
    }

    fn set_opaque(&self, directory: &OwnedFd) -> Result<()> {
        mark(directory, self.opaque, b"y")
    }

    /// Set-user-id, set-group-id and what else is beyond `bits` is not taken over.
    fn give(&self, fd: BorrowedFd<'_>, name: &[u8], owner: &Owner, bits: u32) -> Result<()> {
        if self.keeps_owners {
            rustix::fs::fchown(fd, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))
                .map_err(failed("chown", name))?;
        }
        rustix::fs::fchmod(fd, Mode::from_raw_mode(owner.mode & bits)).map_err(failed("chmod", name))
    }

    /// A small archive can say that it is a large one.
    fn check_room(&self, bytes: u64) -> Result<()> {
        let facts = rustix::fs::fstatvfs(&self.root).map_err(failed("statvfs", b""))?;
        let free = facts.f_bavail.saturating_mul(facts.f_frsize);
        if free < bytes.saturating_add(facts.f_blocks.saturating_mul(facts.f_frsize) / RESERVE) {
            return refuse(format!("{bytes} bytes would leave less than 5 % of the store's file system free"));
        }
        Ok(())
    }
}

fn dup(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    fd.try_clone_to_owned().context("dup", "directory")
}

fn open_directory(parent: &OwnedFd, name: &[u8]) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(parent, name, DIRECTORY, Mode::empty())
}

fn make_directory(parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd> {
    rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755)).map_err(failed("mkdir", name))?;
    open_directory(parent, name).map_err(failed("open", name))
}

/// What is there, the name itself and not what it may point to.
fn kind(parent: &OwnedFd, name: &[u8]) -> Result<Option<FileType>> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(facts) => Ok(Some(FileType::from_raw_mode(facts.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(failed("stat", name)(errno)),
    }
}

fn same_file(one: &OwnedFd, name: &[u8], other: &OwnedFd, other_name: &[u8]) -> Result<bool> {
    let facts = |parent: &OwnedFd, name: &[u8]| rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
    let ours = facts(one, name).map_err(failed("stat", name))?;
    Ok(facts(other, other_name).is_ok_and(|theirs| (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)))
}

/// A later entry takes an earlier one's place, but not that of a directory.
fn remove(parent: &OwnedFd, name: &[u8]) -> Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => refuse("both a directory and something else"),
        Err(errno) => Err(failed("unlink", name)(errno)),
    }
}

fn mark(directory: &OwnedFd, name: &str, value: &[u8]) -> Result<()> {
    rustix::fs::fsetxattr(directory, name, value, XattrFlags::empty())
        .map_err(|errno| no_whiteouts(errno, "setxattr", name.as_bytes()))
}

fn no_whiteouts(errno: Errno, operation: &str, name: &[u8]) -> Fault {
    match errno {
        Errno::PERM | Errno::OPNOTSUPP | Errno::INVAL => super::refusal(
            "the store's file system keeps no whiteouts: set image_store to a directory on ext4, xfs or tmpfs \
             (in a container: a volume)",
        ),
        errno => failed(operation, name)(errno),
    }
}
