//! The keeper where no namespace may be made: the same life, in the machine's own file system and among its processes.
//!
//! ```text
//! warden              watches the supervisor and the keeper; when either is gone it kills all below, and removes the slot
//!   keeper            parks a child, reaps what ends, watches what no control group counts
//!     program         behind Landlock and the filter
//! ```
//!
//! Two rules of Landlock stand in for a pid namespace. A process behind rules that keep signals inside reaches only those
//! behind them too, so the keeper's kill(-1) is its slot, all of it at once, and nothing else. And a program, behind
//! further rules of its own, does not reach the keeper. Before Linux 6.12 Landlock has no such rules: then the keeper kills
//! each process by itself, and a program asks it for each signal, as it does for each fork.

mod asked;
mod domain;
mod launch;
mod places;
mod reach;
mod storage;
mod watch;

use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};

use assay_shared::fault::{Fault, Result};
use assay_shared::sys::{self, Borrowing, ChildSignals, Reaped, check};
use assay_shared::wire::{FromKeeper, FromParked, START_FAILED, ToKeeper, decode, encode};

use super::{Keeper, collect, fail};
use asked::Asked;
use launch::Launcher;
pub use reach::Reach;
pub use storage::{Grounds, clear};
use watch::Watch;

/// What such a keeper has beside what every keeper has.
pub struct Confined {
    pub keeper: Keeper,
    /// Whose files and processes the slot's are, if it has a user of its own.
    pub user: Option<u32>,
    pub trees: Vec<String>,
}

/// The keeper's whole life; never returns.
pub fn keep(confined: Confined) -> ! {
    // The job socket stays open too: were its end heard first, the fault would be told to nobody.
    match (confined.keeper.control.try_clone(), confined.keeper.job.try_clone()) {
        (Ok(control), Ok(_job)) => {
            let entered = enter(confined.user);
            match entered.clone().and_then(|reach| live(confined, reach)) {
                Ok(never) => match never {},
                Err(fault) => {
                    let _ = entered.and_then(Reach::kill);
                    fail(&control, fault)
                }
            }
        }
        _ => sys::exit_now(1),
    }
}

/// Takes the slot's processes along.
fn end(reach: Reach) -> ! {
    let _ = reach.kill_and_reap();
    sys::exit_now(0)
}

fn live(confined: Confined, reach: Reach) -> Result<Infallible> {
    let Confined { keeper, user, trees } = confined;
    let signals = ChildSignals::take()?;
    let grounds = Grounds::open(&keeper.parts.directory, trees)?;
    let mut post = Post {
        reach,
        launcher: Launcher::new(grounds.places(), user, reach)?,
        borrowing: Borrowing::new()?,
        buffer: vec![0; sys::MESSAGE_BYTES],
        control: keeper.control,
        job: keeper.job,
        grounds,
        pid: 0,
        has_begun: false,
        exited: false,
        empty_told: false,
        watch: Watch::default(),
        asked: None,
        refused_processes: 0,
        reaped_before_ns: 0,
    };
    post.park()?;
    loop {
        let asked = post.asked.as_ref().map(Asked::fd);
        let fds = [Some(signals.fd()), Some(&post.control), Some(&keeper.supervisor), asked];
        let [child, message, orphaned, asks] = sys::poll_some(fds, post.watch.patience())?;
        if orphaned {
            end(reach);
        }
        // The end of the last process is heard here too.
        if asks && let Some(asked) = &mut post.asked {
            if asked.has_asked() { asked.answer()? } else { post.forget_asked() }
        }
        if child {
            signals.drain()?;
            post.reap()?;
        }
        if message {
            match post.hear()? {
                ToKeeper::Collect { paths } => collect::answer(&post.control, post.grounds.places().root(), paths)?,
                ToKeeper::Kill => reach.kill()?,
                ToKeeper::Renew { .. } => post.park()?,
                ToKeeper::Warm { .. } => return Err(Fault::new("there are no zygotes here", "", libc::EBADMSG)),
            }
        }
        post.look()?;
    }
}

/// Takes the slot's user, and what keeps a keeper's kills in its slot.
fn enter(user: Option<u32>) -> Result<Reach> {
    sys::set_process_name(c"assay-keeper");
    // SAFETY: no pointers in any of these calls.
    unsafe {
        // Refused where we lead a session already.
        libc::setsid();
        libc::umask(0o022);
        if let Some(id) = user {
            check("setgroups", "", libc::setgroups(0, std::ptr::null()).into())?;
            check("setresgid", "", libc::setresgid(id, id, id).into())?;
            // The real user stays ours, so that no program may signal or trace us; the effective one owns what we make.
            check("setresuid", "", libc::setresuid(u32::MAX, id, u32::MAX).into())?;
        }
    }
    // Changing users made /proc/self unreadable to ourselves.
    sys::prctl("prctl PR_SET_DUMPABLE", libc::PR_SET_DUMPABLE, 1)?;
    sys::prctl("prctl PR_SET_CHILD_SUBREAPER", libc::PR_SET_CHILD_SUBREAPER, 1)?;
    Reach::take()
}

/// Where one child after the other is parked, becomes the program, and ends.
struct Post {
    reach: Reach,
    control: OwnedFd,
    job: OwnedFd,
    grounds: Grounds,
    launcher: Launcher,
    borrowing: Borrowing,
    buffer: Vec<u8>,
    /// The parked child, and later the first process of the program.
    pid: i32,
    /// It had its job, so that its end is that of a program.
    has_begun: bool,
    exited: bool,
    empty_told: bool,
    watch: Watch,
    asked: Option<Asked>,
    refused_processes: u64,
    /// CPU time of all that was reaped before this run.
    reaped_before_ns: u64,
}

impl Post {
    /// Makes the slot's directories anew, and the child that the next job turns into the program. It borrows our memory,
    /// and we sleep until it has become that.
    fn park(&mut self) -> Result<()> {
        while sys::is_readable(&self.job) {
            match sys::receive(&self.job, &mut self.buffer)? {
                Some(received) if received.length > 0 => {}
                _ => break,
            }
        }
        self.grounds.renew()?;
        (self.exited, self.empty_told, self.refused_processes) = (false, false, 0);
        (self.asked, self.watch) = (None, Watch::default());
        self.reaped_before_ns = sys::reaped_cpu_ns()?;
        self.launcher.prepare(domain::rules(self.grounds.places())?);
        let (launcher, job) = (&mut self.launcher, self.job.as_fd());
        self.pid = self.borrowing.spawn(None, &mut || launcher.run(job))?;
        let (allowed, listener) = (self.launcher.forget_program(), self.launcher.take_listener()?);
        self.has_begun = allowed.is_some();
        if let (Some(allowed), Some(listener)) = (allowed, listener) {
            self.asked = Some(Asked::new(listener, allowed.processes));
            self.watch = Watch::start(allowed, &self.grounds);
        }
        // The child's change of user took this from the memory that it had borrowed.
        sys::prctl("prctl PR_SET_DUMPABLE", libc::PR_SET_DUMPABLE, 1)
    }

    fn forget_asked(&mut self) {
        self.refused_processes += self.asked.take().map_or(0, |asked| asked.refused());
    }

    fn hear(&mut self) -> Result<ToKeeper> {
        match sys::receive(&self.control, &mut self.buffer)? {
            Some(received) if received.length > 0 => decode(&self.buffer[..received.length]),
            // The supervisor is gone, or wants no more of this slot.
            _ => end(self.reach),
        }
    }

    /// Whether the run is within what no control group counts; where it is not, it is ended.
    fn look(&mut self) -> Result<()> {
        match self.watch.look(sys::getpid()) {
            Some(exceeded) => {
                self.tell(&FromKeeper::Exceeded(exceeded))?;
                self.reach.kill()
            }
            None => Ok(()),
        }
    }

    fn reap(&mut self) -> Result<()> {
        let mut first = None;
        let empty = loop {
            match sys::reap()? {
                Reaped::Child { pid, status } if pid == self.pid && !self.exited => first = Some(status),
                Reaped::Child { .. } => {}
                Reaped::StillRunning => break false,
                Reaped::NoChildren => break true,
            }
        };
        if let Some(status) = first {
            (self.exited, self.empty_told) = (true, empty);
            if !self.has_begun && status != START_FAILED << 8 {
                // Nothing follows about a program whose job lies there, or is on its way.
                let fault = Fault::new("the parked child was killed", "", 0);
                sys::send(&self.job, &encode(&FromParked::Failed(fault))?, &[])?;
            }
            self.tell_counted()?;
            self.tell(&FromKeeper::Exited { status, empty, warm: false })?;
        } else if self.exited && empty && !self.empty_told {
            self.empty_told = true;
            self.tell_counted()?;
            self.tell(&FromKeeper::Empty)?;
        }
        if empty {
            self.watch = Watch::default();
        }
        Ok(())
    }

    fn tell_counted(&self) -> Result<()> {
        let counted = FromKeeper::Counted {
            peak_bytes: self.watch.peak_bytes(),
            refused_processes: self.refused_processes + self.asked.as_ref().map_or(0, Asked::refused),
            cpu_ns: sys::reaped_cpu_ns()?.saturating_sub(self.reaped_before_ns),
        };
        self.tell(&counted)
    }

    fn tell(&self, message: &FromKeeper) -> Result<()> {
        sys::send(&self.control, &encode(message)?, &[]).map(drop)
    }
}
