//! Who may have one more process: asked of the keeper, where no control group counts and the kernel counts by user alone.
//!
//! The filter reports each fork and each new thread before it happens. None outruns the one who has to allow it.

use std::os::fd::OwnedFd;

use assay_shared::fault::Result;
use assay_shared::sys;

use crate::census;
use crate::keeper::sockets::{Reports, Verdict};

/// Of one run.
pub struct Forks {
    reports: Reports,
    most: u64,
    /// No less than there are, but for those that were allowed just now.
    living: u64,
    refused: u64,
}

impl Forks {
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
        if self.living >= self.most {
            let threads = |pid| census::facts(pid).map_or(0, |facts| facts.threads);
            self.living = census::descendants(sys::getpid()).into_iter().map(threads).sum();
        }
        let may = self.living < self.most;
        let verdict = if may { Verdict::GoesOn } else { Verdict::Fails(libc::EAGAIN) };
        if self.reports.answer(verdict)? {
            if may { self.living += 1 } else { self.refused += 1 }
        }
        Ok(())
    }
}
