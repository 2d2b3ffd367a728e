//! Builders: short-lived children of the supervisor that make a slot, so that its clocks never wait for a mount.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cgroup::{Hierarchy, leftovers};
use crate::fault::{Context, Fault, Result};
use crate::rootfs;
use crate::slot::{Keeper, fail, keep};
use crate::sys::{self, check};
use crate::wire::{Fresh, Rootfs, decode, encode};

use super::container::Crun;
use super::ids::Ids;
use super::prepare;

/// What every slot of an instance is made from.
pub struct Plan {
    pub ids: Ids,
    pub base: String,
    pub images: Vec<Rootfs>,
    pub disk_bytes: u64,
    pub fresh: Fresh,
    /// None: native slots.
    pub crun: Option<Crun>,
}

/// A slot under construction, as the supervisor sees it.
pub struct Build {
    pub builder_pid: i32,
    /// Readable when the builder has reported.
    pub report: OwnedFd,
    pub control: OwnedFd,
    pub job: OwnedFd,
}

#[derive(Serialize, Deserialize)]
enum Report {
    Made { keeper_pid: i32 },
    Failed(Fault),
}

/// A slot that is to be made.
pub struct Site {
    pub slot: u32,
    /// Which of the plan's images it shows.
    pub image: usize,
    /// Its control groups are emptied and used again, not made anew.
    pub keeps_groups: bool,
}

/// Starts a builder; what was left of the slot's last life is cleared first.
pub fn start(plan: &Plan, hierarchy: &dyn Hierarchy, site: &Site, supervisor: &OwnedFd) -> Result<Build> {
    let (control, keeper_control) = sys::seqpacket_pair()?;
    let (job, keeper_job) = sys::seqpacket_pair()?;
    let (report, report_write) = sys::pipe()?;
    let supervisor = supervisor.try_clone().context("dup", "pidfd")?;
    match sys::fork()? {
        Some(builder_pid) => {
            sys::set_nonblocking(&control)?;
            sys::set_nonblocking(&job)?;
            Ok(Build { builder_pid, report, control, job })
        }
        None => {
            // Not the engine's socket, and above all not the instance's lock, which must be free when the supervisor dies.
            let mut kept = vec![keeper_control.as_fd(), keeper_job.as_fd(), supervisor.as_fd(), report_write.as_fd()];
            kept.extend(plan.crun.as_ref().map(|crun| crun.program.as_fd()));
            close_all_but(&kept);
            let made = build(plan, hierarchy, site, [keeper_control, keeper_job, supervisor]);
            let report = match made {
                Ok(keeper_pid) => Report::Made { keeper_pid },
                Err(fault) => Report::Failed(fault),
            };
            if let Ok(bytes) = encode(&report) {
                // A supervisor that is gone needs no report.
                let _ = fs::File::from(report_write).write_all(&bytes);
            }
            sys::exit_now(0)
        }
    }
}

/// The keeper's pid, once the report is readable.
pub fn finish(build: &Build) -> Result<i32> {
    let mut bytes = Vec::new();
    let report = build.report.try_clone().context("dup", "builder")?;
    fs::File::from(report).read_to_end(&mut bytes).context("read", "builder")?;
    match decode(&bytes)? {
        Report::Made { keeper_pid } => Ok(keeper_pid),
        Report::Failed(fault) => Err(fault),
    }
}

fn build(plan: &Plan, hierarchy: &dyn Hierarchy, site: &Site, fds: [OwnedFd; 3]) -> Result<i32> {
    sys::set_process_name(c"assay-builder");
    prepare::ordinary_priority();
    sys::prctl("prctl PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
    let Site { slot, image, keeps_groups } = *site;
    let clear = if keeps_groups { leftovers::empty } else { leftovers::remove_tree };
    hierarchy.slot_directories(slot).iter().try_for_each(|directory| clear(directory))?;
    hierarchy.make_slot(slot, plan.ids.keeper(slot))?;
    sys::unshare(libc::CLONE_NEWNS)?;
    let parts = rootfs::make_parts(Path::new(&plan.base), &plan.images[image], plan.ids.whole_map(slot))?;

    let [control, job, supervisor] = fds;
    let (go, go_write) = sys::pipe()?;
    let leaf = hierarchy.enter_slot(slot)?;
    let (disk_bytes, fresh, shared_user) = (plan.disk_bytes, plan.fresh, plan.ids.shared());
    let by_rlimits = !hierarchy.is_there();
    let keeper = Keeper { control, job, supervisor, go, leaf, parts, disk_bytes, fresh, shared_user, by_rlimits };
    let pid = match &plan.crun {
        Some(crun) => crun.create(keeper, &plan.ids, slot)?,
        None => clone_keeper(keeper, &plan.ids, slot)?,
    };
    fs::File::from(go_write).write_all(&[1]).context("write", "keeper")?;
    Ok(pid)
}

fn clone_keeper(keeper: Keeper, ids: &Ids, slot: u32) -> Result<i32> {
    let namespaces =
        libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    // CLONE_PARENT: the keeper is the supervisor's child, who has to learn of its end.
    let Some(pid) = clone_in_user_namespace(namespaces | libc::CLONE_PARENT, ids, slot)? else {
        let Keeper { control, job, supervisor, go, leaf, .. } = &keeper;
        let kept: Vec<_> = [control, job, supervisor, go].into_iter().chain(leaf).map(AsFd::as_fd).collect();
        close_all_but(&kept);
        if let Err(fault) = sys::replace_standard_streams() {
            fail(control, fault);
        }
        keep(keeper);
    };
    Ok(pid)
}

/// Forks a child into a user namespace with the slot's users, and into what else the flags say; None in the child, which
/// may run before its users are there.
pub fn clone_in_user_namespace(flags: libc::c_int, ids: &Ids, slot: u32) -> Result<Option<i32>> {
    // The kernel charges a user namespace's inotify instances, pending signals and the like to whoever made it: to the
    // slot's own user, or one program could use up root's for the whole machine.
    let own_user = ids.root_of(slot);
    if let Some(uid) = own_user {
        sys::act_as(uid)?;
        // Changing users closed /proc/PID, where the maps are written, to whoever is root of a user namespace only.
        sys::prctl("prctl PR_SET_DUMPABLE", libc::PR_SET_DUMPABLE, 1)?;
    }
    let flags = (libc::CLONE_NEWUSER | flags) as libc::c_ulong;
    // SAFETY: without CLONE_VM this is a fork, and this program has one thread.
    let pid = check("clone", "", unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })? as i32;
    if pid == 0 {
        return Ok(None);
    }
    if own_user.is_some() {
        sys::act_as(0)?;
    }
    for map in ["uid_map", "gid_map"] {
        let path = format!("/proc/{pid}/{map}");
        fs::write(&path, ids.map(slot)).context("write", path)?;
    }
    Ok(Some(pid))
}

/// Closes everything else but the standard streams.
fn close_all_but(kept: &[BorrowedFd<'_>]) {
    let mut kept: Vec<u32> = kept.iter().map(|fd| fd.as_raw_fd() as u32).collect();
    kept.extend([0, 1, 2]);
    kept.sort_unstable();
    let mut first = 0;
    for fd in kept.into_iter().chain([u32::MAX]) {
        if fd > first {
            // SAFETY: whoever owned these descriptors never runs again in this process.
            unsafe { libc::syscall(libc::SYS_close_range, first, fd - 1, 0) };
        }
        first = fd.saturating_add(1);
    }
}
