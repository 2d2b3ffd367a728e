//! Where one child after the other is parked, until its job comes; and what is heard of their ends.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use assay_shared::fault::{Fault, Result};
use assay_shared::sys::{self, Borrowing, Reaped};
use assay_shared::wire::{FromKeeper, FromParked, START_FAILED, ToKeeper, decode, encode};

use super::collect;
use super::launch::Launcher;
use super::renew::Processes;
use super::zygote::{self, Surroundings, Zygote};
use crate::rootfs;

/// Where one child after the other is parked.
pub struct Parking {
    pub control: OwnedFd,
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
    /// It had its job, so that its end is that of a program.
    has_begun: bool,
    /// It runs in the Python that it was born with.
    warm: bool,
}

impl Parked {
    fn waits_for_us(&self) -> bool {
        self.flavour.is_some() && !self.handed_over && !self.exited
    }
}

impl Parking {
    pub fn new(control: OwnedFd, job: OwnedFd, leaf: Option<OwnedFd>, launcher: Launcher) -> Result<Self> {
        Ok(Self {
            control,
            job,
            leaf,
            processes: Processes::open()?,
            borrowing: Borrowing::new()?,
            launcher,
            buffer: vec![0; sys::MESSAGE_BYTES],
            zygotes: Vec::new(),
            parked: Parked::default(),
            empty_told: false,
        })
    }

    /// Where a job comes from, if that is for us to take.
    pub fn awaited_job(&self) -> Option<&OwnedFd> {
        self.parked.waits_for_us().then_some(&self.job)
    }

    /// The control group of the next child, where each has a new one.
    pub fn next_leaf(&mut self, leaf: Option<OwnedFd>) {
        self.leaf = leaf.or(self.leaf.take());
    }

    /// Makes the child that the next job turns into the program; everything is renewed by now. One of our own borrows our
    /// memory, and we sleep until it has become that.
    pub fn park(&mut self, flavour: Option<u32>) -> Result<()> {
        self.drop_stale_jobs()?;
        self.processes.renew()?;
        self.empty_told = false;
        let zygote = self.zygotes.iter().position(|zygote| Some(zygote.flavour) == flavour);
        if let Some(at) = zygote.filter(|at| self.zygotes[*at].is_old()) {
            self.lose(at, "it has forked often enough")?;
        } else if let Some(at) = zygote {
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
        self.parked.has_begun = self.launcher.forget_program();
        // The child's change of user took this from the memory that it had borrowed.
        sys::prctl("prctl PR_SET_DUMPABLE", libc::PR_SET_DUMPABLE, 1)
    }

    /// Gives the job that came for a zygote's child to it.
    pub fn hand_over(&mut self) -> Result<()> {
        let prepared = self.launcher.prepare(self.job.as_fd());
        if let Ok((launch, _)) = &prepared
            && launch.flavour != self.parked.flavour
        {
            self.exchange(launch.flavour)?;
        }
        (self.parked.handed_over, self.parked.has_begun) = (true, prepared.is_ok());
        let Some(zygote) = self.zygotes.iter().find(|zygote| Some(zygote.flavour) == self.parked.flavour) else {
            // It died just now; its child hears that no orders come, and says that it could not become the program.
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
        let Some(zygote) = self.zygotes.iter_mut().find(|zygote| Some(zygote.flavour) == flavour) else {
            return Ok(());
        };
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
    pub fn warm(&mut self, flavour: u32, fds: Vec<OwnedFd>, surroundings: Surroundings<'_>) -> Result<()> {
        match Zygote::start(flavour, fds, self.job.as_fd(), &mut self.borrowing, &self.processes, surroundings)? {
            Ok(zygote) => {
                self.zygotes.push(zygote);
                Ok(())
            }
            Err(reason) => self.tell(&FromKeeper::Cold { flavour, reason }),
        }
    }

    /// Zygotes move to the namespace that we have moved to; one that does not is none any more.
    pub fn follow(&mut self, namespace: Option<&str>) -> Result<()> {
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
        self.tell(&FromKeeper::Cold { flavour, reason: reason.to_owned() })
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

    pub fn hear(&mut self) -> Result<(ToKeeper, Vec<OwnedFd>)> {
        match sys::receive(&self.control, &mut self.buffer)? {
            Some(received) if received.length > 0 => Ok((decode(&self.buffer[..received.length])?, received.fds)),
            // The supervisor is gone.
            _ => sys::exit_now(0),
        }
    }

    pub fn reap(&mut self) -> Result<()> {
        let mut first = None;
        let childless = loop {
            match sys::reap()? {
                Reaped::Child { pid, status } if pid == self.parked.pid && !self.parked.exited => first = Some(status),
                Reaped::Child { pid, .. } => {
                    if let Some(at) = self.zygotes.iter().position(|zygote| zygote.pid == pid) {
                        let Zygote { flavour, .. } = self.zygotes.remove(at);
                        self.tell(&FromKeeper::Cold { flavour, reason: "it died".to_owned() })?;
                    }
                }
                Reaped::StillRunning => break false,
                Reaped::NoChildren => break true,
            }
        };
        let empty = childless || zygote::are_all_children(&self.zygotes)?;
        if let Some(status) = first {
            (self.parked.exited, self.empty_told) = (true, empty);
            if !self.parked.has_begun && status != START_FAILED << 8 {
                // Nothing follows about a program whose job lies there, or is on its way.
                let fault = Fault::new("the parked child was killed", "", 0);
                sys::send(&self.job, &encode(&FromParked::Failed(fault))?, &[])?;
            }
            self.tell(&FromKeeper::Exited { status, empty, warm: self.parked.warm })?;
        } else if self.parked.exited && empty && !self.empty_told {
            self.empty_told = true;
            self.tell(&FromKeeper::Empty)?;
        }
        Ok(())
    }

    pub fn collect(&self, paths: Vec<String>) -> Result<()> {
        collect::answer(&self.control, Path::new(rootfs::ROOT), paths)
    }

    pub fn tell(&self, message: &FromKeeper) -> Result<()> {
        sys::send(&self.control, &encode(message)?, &[]).map(drop)
    }
}
