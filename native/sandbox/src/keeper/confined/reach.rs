//! Ending everything below a process of ours, and nothing else of its user's.

use std::collections::HashSet;

use assay_shared::fault::{Fault, Result};
use assay_shared::sys::{self, Landlock, Reaped};

use crate::census;
use crate::keeper::kill_all;

/// How often a kill is repeated, and what was killed waited for, before the slot is given up.
const KILL_ROUNDS: u32 = 2000;
const KILL_ROUND_US: libc::useconds_t = 1000;

/// How a process kills what it has started.
#[derive(Clone, Copy)]
pub struct Reach {
    /// Signals of this process, and of all below it, stay among these.
    pub scoped: bool,
}

impl Reach {
    /// For this process and whatever it starts from now on.
    pub fn take() -> Result<Self> {
        let rules = Landlock::keeping_signals_inside()?;
        rules.iter().try_for_each(Landlock::restrict_self)?;
        Ok(Self { scoped: rules.is_some() })
    }

    /// Kills everything below this process, which must be the one that orphans come to.
    pub fn kill(self) -> Result<()> {
        if self.scoped { kill_all() } else { kill_each() }
    }

    /// The same, again until it has no child.
    pub fn kill_and_reap(self) -> Result<()> {
        for _ in 0..KILL_ROUNDS {
            self.kill()?;
            loop {
                match sys::reap()? {
                    Reaped::NoChildren => return Ok(()),
                    Reaped::StillRunning => break,
                    Reaped::Child { .. } => {}
                }
            }
            // SAFETY: no pointers.
            unsafe { libc::usleep(KILL_ROUND_US) };
        }
        Err(Fault::new("end every process of a slot", "", libc::ETIMEDOUT))
    }
}

/// One after the other, until no other is seen; nobody forks meanwhile, as that has to be asked of us.
fn kill_each() -> Result<()> {
    let own = sys::getpid();
    let mut killed = HashSet::new();
    loop {
        let seen = census::descendants(own).into_iter().filter(|pid| !killed.contains(pid));
        let held: Vec<_> = seen.filter_map(|pid| Some((pid, sys::pidfd_open(pid).ok()?))).collect();
        if held.is_empty() {
            return Ok(());
        }
        // Whoever has taken the number of one that ended before it was held is not among these.
        let below: HashSet<_> = census::descendants(own).into_iter().collect();
        for (pid, pidfd) in held {
            if below.contains(&pid) {
                sys::pidfd_kill(&pidfd)?;
            }
            killed.insert(pid);
        }
    }
}
