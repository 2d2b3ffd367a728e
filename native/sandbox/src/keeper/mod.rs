//! The keeper: PID 1 of a slot. It parks a child, reaps what ends, renews what a run may have changed, and parks again.

mod collect;
pub mod confined;
pub mod contained;
mod in_flight;
mod launch;
mod parking;
mod renew;
mod sockets;
mod zygote;

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, ChildSignals, check};
use assay_shared::wire::{Flavour, Fresh, FromKeeper, Known, ToKeeper, encode};

use crate::rootfs;
use launch::Launcher;
use parking::Parking;
use renew::{Ipc, Network, Resource, Storage};
use zygote::Surroundings;

/// What a keeper is born with.
pub struct Keeper {
    /// Talks to the supervisor.
    pub control: OwnedFd,
    /// The parked child's end of the job socket.
    pub job: OwnedFd,
    /// Readable when the supervisor is dead.
    pub supervisor: OwnedFd,
    /// The builder sends one byte once the user map is in place.
    pub go: OwnedFd,
    /// The control group that the first child is born in, if it is not ours (v2).
    pub leaf: Option<OwnedFd>,
    /// Where the builder mounted the slot's parts; "/" if they are our root already.
    pub parts: rootfs::Parts,
    pub disk_bytes: u64,
    pub fresh: Fresh,
    /// There is one id only: the keeper has the program's, and is above it by its capabilities alone.
    pub shared_user: bool,
    /// There are no control groups.
    pub by_rlimits: bool,
    /// Of the zygotes that it may be told to start.
    pub flavours: Vec<Flavour>,
    /// Scripts of ours that zygotes compile ahead.
    pub known: Vec<Known>,
}

/// The keeper's whole life; never returns.
pub fn keep(keeper: Keeper) -> ! {
    // The job socket stays open too: were its end heard first, the fault would be told to nobody.
    match (keeper.control.try_clone(), keeper.job.try_clone()) {
        (Ok(control), Ok(_job)) => match live(keeper) {
            Ok(()) => sys::exit_now(0),
            Err(fault) => fail(&control, fault),
        },
        _ => sys::exit_now(1),
    }
}

/// Tells the supervisor why the slot is lost; if it cannot be told, it sees the keeper's end.
pub fn fail(control: &OwnedFd, fault: Fault) -> ! {
    if let Ok(message) = encode(&FromKeeper::Failed(fault)) {
        let _ = sys::send(control, &message, &[]);
    }
    sys::exit_now(1)
}

fn live(keeper: Keeper) -> Result<()> {
    wait_for_go(&keeper.go)?;
    enter(&keeper)?;
    let signals = ChildSignals::take()?;
    let mut storage = Storage::make(keeper.parts.layout, keeper.disk_bytes, !keeper.shared_user)?;
    let mut network = Network::make()?;
    let launcher = Launcher::new(keeper.disk_bytes, keeper.shared_user, keeper.by_rlimits)?;
    let mut parking = Parking::new(keeper.control, keeper.job, keeper.leaf, launcher)?;
    parking.park(None)?;
    loop {
        let (supervisor, sockets) = (Some(&keeper.supervisor), Some(network.watch.fd()));
        let fds = [Some(signals.fd()), Some(&parking.control), supervisor, sockets, parking.awaited_job()];
        let [child, message, orphaned, socket, job] = sys::poll_some(fds, None)?;
        if orphaned {
            sys::exit_now(0);
        }
        if socket && network.hear_report()? && keeper.fresh == Fresh::Never {
            parking.tell(&FromKeeper::SocketMade)?;
        }
        if child {
            signals.drain()?;
            parking.reap()?;
        }
        // Not if its child is among those that have just been reaped.
        if job && parking.awaited_job().is_some() {
            parking.hand_over()?;
        }
        if message {
            let (message, mut fds) = parking.hear()?;
            match message {
                ToKeeper::Collect { paths } => parking.collect(paths)?,
                ToKeeper::Kill => kill_all()?,
                ToKeeper::Warm { flavour } => {
                    let surroundings = Surroundings {
                        network: &mut network,
                        supervisor: &keeper.supervisor,
                        flavours: &keeper.flavours,
                        known: &keeper.known,
                    };
                    parking.warm(flavour, fds, surroundings)?;
                }
                ToKeeper::Renew { flavour } => {
                    parking.next_leaf(fds.pop());
                    // The network first: what sockets held in flight may lie in the storage.
                    let resources: [&mut dyn Resource; 3] = [&mut network, &mut Ipc, &mut storage];
                    for resource in resources {
                        if keeper.fresh != Fresh::Proved || resource.touched()? {
                            resource.renew()?;
                            parking.follow(resource.namespace())?;
                        }
                    }
                    parking.park(flavour)?;
                }
            }
        }
    }
}

/// Kills every other process of our pid namespace at once: no forker outruns it.
fn kill_all() -> Result<()> {
    // SAFETY: no pointers.
    match check("kill", "-1", unsafe { libc::kill(-1, libc::SIGKILL) }.into()) {
        Err(fault) if !fault.is(libc::ESRCH) => Err(fault),
        _ => Ok(()),
    }
}

fn wait_for_go(go: &OwnedFd) -> Result<()> {
    let mut byte = [0];
    match sys::read_at_most(go, &mut byte)? {
        Some(1) => Ok(()),
        // The builder failed and has said so.
        _ => sys::exit_now(1),
    }
}

/// Takes the slot's own root and gives up what a keeper does not need.
fn enter(keeper: &Keeper) -> Result<()> {
    let (parts, shared_user) = (keeper.parts.directory.as_path(), keeper.shared_user);
    sys::set_process_name(c"assay-keeper");
    // SAFETY: no pointers. Before this the mapped files of a tmpfs would be EOVERFLOW.
    unsafe {
        if !shared_user {
            check("setresgid", "", libc::setresgid(0, 0, 0).into())?;
            check("setgroups", "", libc::setgroups(0, std::ptr::null()).into())?;
            check("setresuid", "", libc::setresuid(0, 0, 0).into())?;
        }
        // What we make has exactly the modes that we say.
        libc::umask(0);
    }
    // Changing users made /proc/self unreadable to ourselves; the program has another uid and gains nothing.
    sys::prctl("prctl PR_SET_DUMPABLE", libc::PR_SET_DUMPABLE, 1)?;
    sys::prctl("prctl PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
    sys::mount("", "/", "", libc::MS_REC | libc::MS_PRIVATE, "")?;
    if parts != Path::new("/") {
        take_root(parts)?;
    }
    let name = b"assay";
    // SAFETY: pointer and length belong together.
    check("sethostname", "", unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }.into())?;
    let knob = "/proc/sys/user/max_user_namespaces";
    fs::write(knob, "0").context("write", knob)?;
    if !keeper.flavours.is_empty() {
        zygote::keep_rights()?;
    }
    drop_bounding_set()
}

fn take_root(parts: &Path) -> Result<()> {
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    sys::mount("proc", parts.join("proc"), "proc", flags, "hidepid=invisible")?;
    // A mount that came from the machine is locked; a copy of it may become a root.
    sys::mount(&parts.display().to_string(), parts, "", libc::MS_BIND | libc::MS_REC, "")?;
    std::env::set_current_dir(parts).context("chdir", parts)?;
    sys::pivot_into_current_directory()?;
    std::env::set_current_dir("/").context("chdir", "/")
}

fn drop_bounding_set() -> Result<()> {
    for capability in 0.. {
        match sys::prctl("prctl PR_CAPBSET_DROP", libc::PR_CAPBSET_DROP, capability) {
            // One past the last capability of this kernel.
            Err(fault) if fault.is(libc::EINVAL) => break,
            result => result?,
        }
    }
    Ok(())
}
