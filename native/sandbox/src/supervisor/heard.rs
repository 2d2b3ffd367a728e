//! What keepers and their parked children say, and what the supervisor makes of it.

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;
use assay_shared::wire::{FromKeeper, FromParked, decode};

use super::slot::SlotState;
use super::{Slot, Source, Supervisor};

impl Supervisor {
    pub(super) fn hear_slot(&mut self, index: usize, source: Source) -> Result<()> {
        match source {
            Source::KeeperDeath => {
                // It may have said why.
                self.hear_keeper(index)?;
                Err(Fault::new("the keeper died", "", 0))
            }
            Source::Job => match self.hear_parked(index) {
                Ok(_) => Ok(()),
                Err(fault) => Err(self.failure_told(index).unwrap_or(fault)),
            },
            _ => self.hear_keeper(index),
        }
    }

    /// Why the keeper ended, if it had the time to say so.
    fn failure_told(&mut self, index: usize) -> Option<Fault> {
        let mut buffer = [0; 4096];
        let keeper = self.slots[index].keeper.as_ref()?;
        let received = sys::receive(&keeper.control, &mut buffer).ok()??;
        match decode(&buffer[..received.length]) {
            Ok(FromKeeper::Failed(fault)) => Some(fault),
            _ => None,
        }
    }

    /// Whether there was anything to hear.
    fn hear_parked(&mut self, index: usize) -> Result<bool> {
        let slot = &mut self.slots[index];
        let Some(keeper) = &mut slot.keeper else { return Ok(false) };
        let Some(received) = sys::receive(&keeper.job, &mut self.buffer)? else { return Ok(false) };
        if received.length == 0 {
            // It may have said why.
            self.hear_keeper(index)?;
            return Err(Fault::new("the keeper closed its job socket", "", 0));
        }
        match decode(&self.buffer[..received.length])? {
            FromParked::Parked => {
                keeper.program_pid = received.pid;
                // Its keeper may have had to take another one for the job that it was given meanwhile.
                if !matches!(slot.state, SlotState::Running(_)) {
                    self.park(index)?;
                }
            }
            FromParked::Ready => self.zygote_is_ready(index, received.pid),
            FromParked::Failed(fault) => match &mut slot.state {
                // One that we have stopped before it began is no fault.
                SlotState::Running(run) if run.stopped_by.is_some() => {}
                SlotState::Running(run) => run.launch_fault = Some(fault),
                _ => return Err(fault),
            },
        }
        Ok(true)
    }

    pub(super) fn hear_keeper(&mut self, index: usize) -> Result<()> {
        let Some(keeper) = &self.slots[index].keeper else { return Ok(()) };
        let Some(received) = sys::receive(&keeper.control, &mut self.buffer)? else { return Ok(()) };
        if received.length == 0 {
            return Err(Fault::new("the keeper closed its socket", "", 0));
        }
        let message: FromKeeper = decode(&self.buffer[..received.length])?;
        match message {
            FromKeeper::Failed(fault) => return Err(fault),
            // A start that failed was told before; the message may still lie there, behind that of being parked.
            FromKeeper::Exited { status: 1.., .. } => while self.hear_parked(index)? {},
            FromKeeper::Cold { flavour, reason } => return self.zygote_is_gone(index, flavour, reason),
            _ => {}
        }
        if let FromKeeper::Exited { warm: true, .. } = message {
            self.zygote_serves(index);
        }
        let now = sys::monotonic_ns();
        let Slot { state: SlotState::Running(run), keeper: Some(keeper), .. } = &mut self.slots[index] else {
            return Err(Fault::new("the parked child ended without a job", "", 0));
        };
        match message {
            FromKeeper::Exited { status, empty, warm } => {
                (run.exited, run.warm) = (Some((status, now - run.started)), warm);
                if empty { self.conclude(index) } else { keeper.kill_all(run, now) }
            }
            FromKeeper::Empty => self.conclude(index),
            FromKeeper::Exceeded(exceeded) => {
                run.exceeded.get_or_insert(exceeded);
                // The keeper has killed already, and does so again until all are dead.
                keeper.kill_all(run, now)
            }
            FromKeeper::Counted { peak_bytes, refused_processes, cpu_ns } => {
                (run.seen_peak_bytes, run.seen_refused, run.seen_cpu_ns) = (peak_bytes, refused_processes, cpu_ns);
                Ok(())
            }
            FromKeeper::SocketMade => {
                run.socket_made = true;
                Ok(())
            }
            FromKeeper::Collected { paths } => {
                let mut ended = run.ended.take().unwrap_or_default();
                ended.collected = paths;
                self.answer(index, ended, received.fds)
            }
            FromKeeper::Failed(_) | FromKeeper::Cold { .. } => Ok(()),
        }
    }
}
