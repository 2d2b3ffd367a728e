//! What a program has to ask the keeper for: one more process, where no control group counts and the kernel counts by user
//! alone, and a signal, where only the user decides whom it reaches.
//!
//! The filter reports each call before it happens. None outruns the one who has to allow it, and what is asked for stands in
//! registers, which nobody changes meanwhile.

use std::os::fd::OwnedFd;

use assay_shared::fault::Result;
use assay_shared::sys;

use crate::census;
use crate::keeper::sockets::{Reports, Verdict};
use crate::seccomp::SIGNALS;

/// Of one run.
pub struct Asked {
    reports: Reports,
    most: u64,
    /// No less than there are, but for those that were allowed just now.
    living: u64,
    refused: u64,
}

impl Asked {
    /// The program's first process is there.
    pub fn new(listener: OwnedFd, most: u32) -> Self {
        Self { reports: Reports::new(listener), most: most.into(), living: 1, refused: 0 }
    }

    /// Readable when somebody waits for an answer.
    pub fn fd(&self) -> &OwnedFd {
        self.reports.fd()
    }

    /// False where it is readable because no process of the run is left.
    pub fn has_asked(&self) -> bool {
        sys::is_readable(self.reports.fd())
    }

    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Answers one of those that wait.
    pub fn answer(&mut self) -> Result<()> {
        let Self { reports, most, living, refused } = self;
        reports
            .answer(|call| {
                let number = libc::c_long::from(call.nr);
                if SIGNALS.contains(&number) {
                    return if is_inside(number, call.args[0] as i32) {
                        Verdict::GoesOn
                    } else {
                        Verdict::Fails(libc::EPERM)
                    };
                }
                if *living >= *most {
                    let threads = |pid| census::facts(pid).map_or(0, |facts| facts.threads);
                    *living = census::descendants(sys::getpid()).into_iter().map(threads).sum();
                }
                if *living < *most {
                    *living += 1;
                    return Verdict::GoesOn;
                }
                *refused += 1;
                Verdict::Fails(libc::EAGAIN)
            })
            .map(drop)
    }
}

/// Whether a signal by this call would reach only processes below us.
fn is_inside(number: libc::c_long, target: i32) -> bool {
    let below = || census::descendants(sys::getpid()).into_iter();
    match (number, target) {
        // Its own group, which no process outside its session is in.
        (libc::SYS_kill, 0) => true,
        (libc::SYS_kill, -1) => false,
        (libc::SYS_kill, group) if group < 0 => {
            below().filter_map(census::facts).any(|facts| Some(facts.group) == group.checked_neg())
        }
        (libc::SYS_tkill, thread) => {
            census::process_of(thread).is_some_and(|process| below().any(|pid| pid == process))
        }
        (_, process) => below().any(|pid| pid == process),
    }
}
