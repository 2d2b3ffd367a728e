//! The keeper: PID 1 of a slot. It parks a child, reaps what ends, renews what a run may have changed, and parks again.

mod collect;
pub mod contained;
mod in_flight;
mod launch;
mod renew;
mod sockets;
mod zygote;

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, Borrowing, ChildSignals, Reaped, check};
use assay_shared::wire::{ByteBuf, Flavour, Fresh, FromKeeper, FromParked, ToKeeper, decode, encode};

use crate::rootfs;
use launch::Launcher;
pub use launch::{PROGRAM_ID, START_FAILED};
use renew::{Ipc, Network, Processes, Resource, Storage};
use zygote::{Surroundings, Zygote};

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
    pub known: Vec<ByteBuf>,
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
    let mut parking = Parking {
        control: keeper.control,
        job: keeper.job,
        leaf: keeper.leaf,
        processes: Processes::open()?,
        borrowing: Borrowing::new()?,
        launcher: Launcher::new(keeper.disk_bytes, keeper.shared_user, keeper.by_rlimits)?,
        buffer: vec![0; sys::MESSAGE_BYTES],
        zygotes: Vec::new(),
        parked: Parked::default(),
        empty_told: false,
    };
    parking.park(None)?;
    loop {
        let job = parking.parked.waits_for_us().then_some(&parking.job);
        let fds = [signals.fd(), &parking.control, &keeper.supervisor, network.watch.fd()].map(Some);
        let [fd_child, fd_message, fd_supervisor, fd_socket] = fds;
        let [child, message, orphaned, socket, job] =
            sys::poll_some([fd_child, fd_message, fd_supervisor, fd_socket, job], None)?;
        if orphaned {
            sys::exit_now(0);
        }
        if socket && network.hear_report()? && keeper.fresh == Fresh::Never {
            parking.tell(&FromKeeper::SocketMade, &[])?;
        }
        if child {
            signals.drain()?;
            parking.reap()?;
        }
        if job {
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
                    // Each run has a new leaf, where there are any.
                    parking.leaf = fds.pop().or(parking.leaf.take());
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

/// Where one child after the other is parked.
struct Parking {
    control: OwnedFd,
    job: OwnedFd,
    leaf: Option<OwnedFd>,
    processes: Processes,
    borrowing: Borrowing,
    launcher: Launcher,
    buffer: Vec<u8>,
    zygotes: Vec<Zygote>,
    parked: Parked,
    empty_told: bool,
}

/// The child that the next job turns into the program, and later that program.
#[derive(Default)]
struct Parked {
    pid: i32,
    exited: bool,
    /// Of the zygote that it is a fork of: then we take its job, and hand it over in words of the zygote's.
    flavour: Option<u32>,
    handed_over: bool,
    /// It runs in the Python that it was born with.
    warm: bool,
}

impl Parked {
    fn waits_for_us(&self) -> bool {
        self.flavour.is_some() && !self.handed_over && !self.exited
    }
}

impl Parking {
    /// Makes the child that the next job turns into the program; everything is renewed by now. One of our own borrows our
    /// memory, and we sleep until it has become that.
    fn park(&mut self, flavour: Option<u32>) -> Result<()> {
        self.drop_stale_jobs()?;
        self.processes.renew()?;
        self.empty_told = false;
        let zygote = self.zygotes.iter().position(|zygote| Some(zygote.flavour) == flavour);
        if let Some(at) = zygote {
            match self.zygotes[at].park(self.leaf.as_ref())? {
                Some(pid) => {
                    self.parked = Parked { pid, flavour, ..Parked::default() };
                    return Ok(());
                }
                None => self.lose(at, "it does not fork")?,
            }
            self.processes.renew()?;
        }
        self.parked = Parked::default();
        let (launcher, job, leaf) = (&mut self.launcher, self.job.as_fd(), self.leaf.as_ref().map(AsFd::as_fd));
        self.parked.pid = self.borrowing.spawn(leaf, &mut || launcher.run(job, leaf.is_some()))?;
        self.launcher.forget_program();
        // The child's change of user took this from the memory that it had borrowed.
        sys::prctl("prctl PR_SET_DUMPABLE", libc::PR_SET_DUMPABLE, 1)
    }

    /// Gives the job that came for a zygote's child to it.
    fn hand_over(&mut self) -> Result<()> {
        let prepared = self.launcher.prepare(self.job.as_fd());
        if let Ok((launch, _)) = &prepared
            && launch.flavour != self.parked.flavour
        {
            self.exchange(launch.flavour)?;
        }
        self.parked.handed_over = true;
        let Some(zygote) = self.zygotes.iter().find(|zygote| Some(zygote.flavour) == self.parked.flavour) else {
            // It died just now; its child is there all the same, and hears that no orders come.
            return Ok(());
        };
        match prepared {
            Ok((launch, fds)) => {
                self.parked.warm = launch.flavour == self.parked.flavour;
                zygote.order(&launch, fds, self.parked.warm)
            }
            Err(fault) => {
                sys::send(&self.job, &encode(&FromParked::Failed(fault))?, &[])?;
                zygote.give_up()
            }
        }
    }

    /// Parks the child of another zygote in the place of this one's, if there is that zygote.
    fn exchange(&mut self, flavour: Option<u32>) -> Result<()> {
        let Some(zygote) = self.zygotes.iter().find(|zygote| Some(zygote.flavour) == flavour) else { return Ok(()) };
        // SAFETY: no pointers; our child, not yet reaped.
        unsafe { libc::kill(self.parked.pid, libc::SIGKILL) };
        sys::wait_for(self.parked.pid)?;
        self.processes.renew()?;
        let pid = zygote.park(self.leaf.as_ref())?;
        let pid = pid.ok_or_else(|| Fault::new("a zygote does not fork", "", libc::EPROTO))?;
        self.parked = Parked { pid, flavour, ..Parked::default() };
        Ok(())
    }

    /// Starts a zygote, which takes as long as its modules do.
    fn warm(&mut self, flavour: u32, fds: Vec<OwnedFd>, surroundings: Surroundings<'_>) -> Result<()> {
        match Zygote::start(flavour, fds, self.job.as_fd(), &mut self.borrowing, &self.processes, surroundings)? {
            Ok(zygote) => {
                self.zygotes.push(zygote);
                Ok(())
            }
            Err(reason) => self.tell(&FromKeeper::Cold { flavour, reason }, &[]),
        }
    }

    /// Zygotes move to the namespace that we have moved to; one that does not is none any more.
    fn follow(&mut self, namespace: Option<&str>) -> Result<()> {
        let Some(path) = namespace else { return Ok(()) };
        for at in (0..self.zygotes.len()).rev() {
            if !self.zygotes[at].follow(path)? {
                self.lose(at, "it does not follow into a new namespace")?;
            }
        }
        Ok(())
    }

    fn lose(&mut self, at: usize, reason: &str) -> Result<()> {
        let zygote = self.zygotes.remove(at);
        let flavour = zygote.flavour;
        zygote.end()?;
        self.tell(&FromKeeper::Cold { flavour, reason: reason.to_owned() }, &[])
    }

    /// A child that was killed before it took its job leaves it in the socket: not for the next one.
    fn drop_stale_jobs(&mut self) -> Result<()> {
        while sys::is_readable(&self.job) {
            match sys::receive(&self.job, &mut self.buffer)? {
                Some(received) if received.length > 0 => {}
                _ => break,
            }
        }
        Ok(())
    }

    fn hear(&mut self) -> Result<(ToKeeper, Vec<OwnedFd>)> {
        match sys::receive(&self.control, &mut self.buffer)? {
            Some(received) if received.length > 0 => Ok((decode(&self.buffer[..received.length])?, received.fds)),
            // The supervisor is gone.
            _ => sys::exit_now(0),
        }
    }

    fn reap(&mut self) -> Result<()> {
        let mut first = None;
        let childless = loop {
            match sys::reap()? {
                Reaped::Child { pid, status } if pid == self.parked.pid && !self.parked.exited => first = Some(status),
                Reaped::Child { pid, .. } => {
                    if let Some(at) = self.zygotes.iter().position(|zygote| zygote.pid == pid) {
                        let Zygote { flavour, .. } = self.zygotes.remove(at);
                        self.tell(&FromKeeper::Cold { flavour, reason: "it died".to_owned() }, &[])?;
                    }
                }
                Reaped::StillRunning => break false,
                Reaped::NoChildren => break true,
            }
        };
        let empty = childless || zygote::are_all_children(&self.zygotes)?;
        if let Some(status) = first {
            (self.parked.exited, self.empty_told) = (true, empty);
            self.tell(&FromKeeper::Exited { status, empty, warm: self.parked.warm }, &[])?;
        } else if self.parked.exited && empty && !self.empty_told {
            self.empty_told = true;
            self.tell(&FromKeeper::Empty, &[])?;
        }
        Ok(())
    }

    fn collect(&self, paths: Vec<String>) -> Result<()> {
        let (paths, files): (Vec<_>, Vec<_>) = collect::open_all(paths).into_iter().unzip();
        let fds: Vec<_> = files.iter().map(AsRawFd::as_raw_fd).collect();
        self.tell(&FromKeeper::Collected { paths }, &fds)
    }

    fn tell(&self, message: &FromKeeper, fds: &[i32]) -> Result<()> {
        sys::send(&self.control, &encode(message)?, fds).map(drop)
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
