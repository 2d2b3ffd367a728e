//! Slots without any namespace: a directory, a keeper, and a warden that sees to it that nothing outlives them.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys;
use assay_shared::wire::Rootfs;

use super::{Born, Runtime, Workshop};
use crate::keeper::confined::{Confined, Reach, clear, keep};
use crate::keeper::{Keeper, fail};
use crate::rootfs::{Layout, Parts};
use crate::supervisor::ids::Ids;
use crate::supervisor::instance::try_lock;

/// Nobody but us; or others too, who may go through and not look around.
const CLOSED: u32 = 0o700;
const TO_PASS: u32 = 0o711;

/// How long a warden may take to end what it watches; longer than it tries.
const PATIENCE: Duration = Duration::from_secs(10);
const ROUND: Duration = Duration::from_millis(1);

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
        let runtime = Self { place, trees };
        runtime.take_place(uid, if ids.shared() { CLOSED } else { TO_PASS }, Instant::now() + PATIENCE)?;
        Ok(runtime)
    }

    /// The instance's lock is ours, so what is there is left by one that was killed, or was put there by somebody else.
    fn take_place(&self, uid: u32, mode: u32, deadline: Instant) -> Result<()> {
        let _ours = loop {
            match make_place(&self.place, uid, mode).and_then(|()| wait_for_lock(&self.lock(0), deadline)) {
                // The last warden takes the place away, until there is a lock of ours in it.
                Err(fault) if fault.is(libc::ENOENT) && Instant::now() < deadline => {}
                locked => break locked?,
            }
        };
        let mut others = self.locks()?;
        others.retain(|lock| *lock != self.lock(0));
        wait_for_wardens(&others, deadline)?;
        clear(&open_directory(&self.place)?)
    }

    /// Of all slots that have or had one.
    fn locks(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.place).context("read", &self.place)?;
        let paths = entries.map(|entry| entry.context("read", &self.place).map(|entry| entry.path()));
        let is_lock = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "lock");
        paths.filter(|path| path.as_ref().map_or(true, is_lock)).collect()
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

fn make_place(place: &Path, uid: u32, mode: u32) -> Result<()> {
    match DirBuilder::new().mode(mode).create(place) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let facts = fs::symlink_metadata(place).context("stat", place)?;
            if !facts.is_dir() || facts.uid() != uid {
                return Err(Fault::new("scratch_dir: somebody else has taken", place, libc::EEXIST));
            }
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
        std::mem::forget(wait_for_lock(&self.lock(slot), Instant::now() + PATIENCE)?);
        let path = self.slot(slot);
        DirBuilder::new().mode(CLOSED).recursive(true).create(&path).context("mkdir", &path)?;
        if let Some(user) = ids.root_of(slot) {
            chown(&path, Some(user), Some(user)).context("chown", &path)?;
        }
        Ok(Parts { directory: path, layout: Layout::default() })
    }

    fn clear(&self) -> Result<()> {
        match wait_for_wardens(&self.locks()?, Instant::now()) {
            // What is left is the warden's to remove, and that of whoever has this number next.
            Err(fault) if fault.is(libc::ETIMEDOUT) => Ok(()),
            waited => waited.and_then(|()| remove(&self.place)),
        }
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

/// A slot's, which its warden holds as long as it lives.
fn wait_for_lock(path: &Path, deadline: Instant) -> Result<File> {
    loop {
        if let Some(lock) = try_lock(path)? {
            return Ok(lock);
        }
        if Instant::now() >= deadline {
            return Err(Fault::new("wait for the end of what ran before behind", path, libc::ETIMEDOUT));
        }
        sleep(ROUND);
    }
}

/// Until all of these are dead, which would remove what is made in their slots' places.
fn wait_for_wardens(locks: &[PathBuf], deadline: Instant) -> Result<()> {
    locks.iter().try_for_each(|lock| wait_for_lock(lock, deadline).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_removed_before_the_wardens_of_a_dead_instance_have_ended() {
        let place = std::env::temp_dir().join(format!("assay-place-{}", std::process::id()));
        let runtime = LandlockRuntime { place, trees: Vec::new() };
        // SAFETY: no arguments, cannot fail.
        let uid = unsafe { libc::geteuid() };
        let take = |patience| runtime.take_place(uid, CLOSED, Instant::now() + patience);
        take(Duration::ZERO).expect("there was none");
        for slot in [0, 3] {
            let warden = try_lock(&runtime.lock(slot)).expect("a new file").expect("held by nobody");
            fs::create_dir_all(runtime.slot(slot).join("run/work")).expect("directories");
            let fault = take(Duration::from_millis(20)).expect_err("held by the warden");
            assert_eq!((fault.errno, Path::new(&fault.path)), (libc::ETIMEDOUT, &*runtime.lock(slot)));
            runtime.clear().expect("left to the warden");
            assert!(runtime.slot(slot).join("run/work").exists());
            let ended = std::thread::spawn(move || {
                sleep(Duration::from_millis(20));
                drop(warden);
            });
            take(PATIENCE).expect("the warden ends");
            ended.join().expect("it cannot panic");
            assert_eq!(fs::read_dir(&runtime.place).expect("kept").count(), 0);
        }
        runtime.clear().expect("held by nobody");
        assert!(!runtime.place.exists());
    }
}
