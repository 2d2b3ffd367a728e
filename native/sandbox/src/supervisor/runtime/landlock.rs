//! Slots without any namespace: a directory, a keeper, and a warden that sees to it that nothing outlives them.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, check};
use assay_shared::wire::Rootfs;

use super::{Born, Runtime, Workshop};
use crate::keeper::confined::{Confined, Reach, clear, keep};
use crate::keeper::{Keeper, fail};
use crate::rootfs::{Layout, Parts};
use crate::supervisor::ids::Ids;

/// Nobody but us; or others too, who may go through and not look around.
const CLOSED: u32 = 0o700;
const TO_PASS: u32 = 0o711;

pub struct LandlockRuntime {
    /// The instance's own, with a directory for each slot.
    place: PathBuf,
    trees: Vec<String>,
}

impl LandlockRuntime {
    /// `base`: the state directory, in which the instance's number is locked.
    pub fn prepare(scratch: &Path, base: &Path, number: u32, ids: &Ids, images: &[Rootfs]) -> Result<Self> {
        let trees = images.iter().map(trees_of).collect::<Result<Vec<_>>>()?.concat();
        // SAFETY: no arguments, cannot fail.
        let uid = unsafe { libc::geteuid() };
        if ids.shared() {
            refuse_own_trees(&trees, uid)?;
        }
        let base = base.canonicalize().context("find", base)?;
        // Without links in it: none is followed below.
        let scratch = scratch.canonicalize().context("find", scratch)?;
        let place = scratch.join(format!("assay-{uid}-{:016x}-{number}", name_of(&base)));
        make_place(&place, uid, if ids.shared() { CLOSED } else { TO_PASS })?;
        Ok(Self { place, trees })
    }

    fn slot(&self, slot: u32) -> PathBuf {
        self.place.join(format!("slot-{slot}"))
    }

    fn lock(&self, slot: u32) -> PathBuf {
        self.place.join(format!("slot-{slot}.lock"))
    }
}

fn trees_of(rootfs: &Rootfs) -> Result<Vec<String>> {
    match rootfs {
        Rootfs::Host { trees } => Ok(trees.clone()),
        Rootfs::Image { .. } => Err(Fault::new("runtime \"landlock\" shows no images", "", 0)),
    }
}

/// A program can change the modes of what its user owns, once it may open it.
fn refuse_own_trees(trees: &[String], uid: u32) -> Result<()> {
    match trees.iter().find(|tree| fs::metadata(tree).is_ok_and(|facts| facts.uid() == uid)) {
        Some(tree) => {
            let what = "trees: this one belongs to the engine's user, who programs are too with runtime \"landlock\"";
            Err(Fault::new(what, tree, libc::EINVAL))
        }
        None => Ok(()),
    }
}

/// FNV-1a; two engines with state directories of their own have numbers of their own.
fn name_of(path: &Path) -> u64 {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The instance's lock is ours, so what is there is left by one that was killed, or was put there by somebody else.
fn make_place(place: &Path, uid: u32, mode: u32) -> Result<()> {
    match DirBuilder::new().mode(mode).create(place) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let facts = fs::symlink_metadata(place).context("stat", place)?;
            if !facts.is_dir() || facts.uid() != uid {
                return Err(Fault::new("scratch_dir: somebody else has taken", place, libc::EEXIST));
            }
            clear(&open_directory(place)?)?;
        }
        made => made.context("mkdir", place)?,
    }
    fs::set_permissions(place, Permissions::from_mode(mode)).context("chmod", place)
}

fn open_directory(path: &Path) -> Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags).open(path).context("open", path)
}

fn remove(path: &Path) -> Result<()> {
    let directory = open_directory(path)?;
    directory.set_permissions(Permissions::from_mode(CLOSED)).context("chmod", path)?;
    clear(&directory)?;
    fs::remove_dir(path).context("rmdir", path)
}

impl Runtime for LandlockRuntime {
    fn fds(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    fn parts(&self, _base: &Path, _rootfs: &Rootfs, ids: &Ids, slot: u32, _zygotes: bool) -> Result<Parts> {
        // Whoever had the slot before has ended all of its processes once this is ours; it stays so until we end.
        std::mem::forget(take_lock(&self.lock(slot))?);
        let path = self.slot(slot);
        DirBuilder::new().mode(CLOSED).recursive(true).create(&path).context("mkdir", &path)?;
        if let Some(user) = ids.root_of(slot) {
            chown(&path, Some(user), Some(user)).context("chown", &path)?;
        }
        Ok(Parts { directory: path, layout: Layout::default() })
    }

    fn clear(&self) -> Result<()> {
        remove(&self.place)
    }

    fn workshop<'a>(&'a self, _root: &Path, ids: &'a Ids, slot: u32) -> Result<Box<dyn Workshop + 'a>> {
        sys::set_process_name(c"assay-warden");
        // It is to hear of the supervisor's end, not to share it.
        sys::prctl("prctl PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG, 0)?;
        sys::prctl("prctl PR_SET_CHILD_SUBREAPER", libc::PR_SET_CHILD_SUBREAPER, 1)?;
        let reach = Reach::take()?;
        Ok(Box::new(Warden { runtime: self, user: ids.root_of(slot), slot, reach, watched: None }))
    }
}

struct Warden<'a> {
    runtime: &'a LandlockRuntime,
    user: Option<u32>,
    slot: u32,
    reach: Reach,
    /// The supervisor and the keeper.
    watched: Option<[OwnedFd; 2]>,
}

impl Workshop for Warden<'_> {
    fn make_keeper(&mut self, keeper: Keeper, started: &OwnedFd) -> Result<Born> {
        let supervisor = keeper.supervisor.try_clone().context("dup", "pidfd")?;
        let keeper = Keeper { supervisor: sys::pidfd_open(sys::getpid())?, ..keeper };
        let (user, trees) = (self.user, self.runtime.trees.clone());
        let Some(keeper_pid) = sys::fork()? else {
            let kept = [&keeper.control, &keeper.job, &keeper.supervisor, &keeper.go].map(AsFd::as_fd);
            sys::close_all_but(&kept);
            if let Err(fault) = sys::replace_standard_streams() {
                fail(&keeper.control, fault);
            }
            keep(Confined { keeper, user, trees });
        };
        drop(keeper);
        self.watched = Some([supervisor, sys::pidfd_open(keeper_pid)?]);
        sys::send(started, b"g", &[])?;
        Ok(Born { keeper_pid, held_pid: None })
    }

    /// Until the supervisor or the keeper is gone; then nothing of the slot is left.
    fn stay(&mut self) {
        let Some([supervisor, keeper]) = &self.watched else { return };
        // Should anything of this fail, the next supervisor with this number removes what is left.
        let _ = sys::poll([supervisor, keeper], None);
        let _ = self.reach.kill_and_reap();
        let _ = remove(&self.runtime.slot(self.slot));
        if sys::is_readable(supervisor) {
            let _ = fs::remove_file(self.runtime.lock(self.slot));
            // Succeeds for the last.
            let _ = fs::remove_dir(&self.runtime.place);
        }
    }
}

/// Held by the slot's warden as long as it lives.
fn take_lock(path: &Path) -> Result<File> {
    let lock =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).context("open", path)?;
    // SAFETY: no pointers.
    check("flock", path, unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX) }.into()).map(|_| lock)
}
