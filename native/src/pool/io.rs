//! The I/O thread: outcomes from the supervisor, output from the programs, and a new supervisor when the old one is lost.

use std::io::Write;
use std::time::{Duration, Instant};

use assay_shared::fault::Result;
use assay_shared::outbox::{Left, PAUSE};
use assay_shared::sys;
use assay_shared::wire::{FromSupervisor, ToSupervisor, encode};

use super::run::{Heard, INPUT, TOKENS};
use super::supervisor::SupervisorLink;
use super::{PoolState, Shared, WAKE, lock};

/// Supervisors that may be lost one after the other before they are ready; a machine that lets none live ends the pool.
const MAX_RESTARTS: u32 = 10;
/// Before the next try where none could be started.
const START_PAUSE: Duration = Duration::from_secs(1);

/// The thread's whole life.
pub fn serve(shared: &Shared) {
    let mut ready = Vec::new();
    let mut patience = None;
    loop {
        ready.clear();
        let waited = shared.epoll.wait(&mut ready, patience);
        let mut state = lock(shared);
        if let Err(fault) = waited.and_then(|()| turn(shared, &mut state, &ready)) {
            // A system call of ours that cannot fail has failed: the runs under way must not wait for ever.
            fail_all(&mut state, &fault.to_string());
            state.closing = true;
        }
        let told = !state.completions.is_empty();
        let done = state.closing && state.supervisor.token == 0;
        patience = patience_of(&state);
        drop(state);
        if told {
            // Full only after 2^64 completions that nobody took.
            let _ = (&shared.ready).write_all(&1u64.to_ne_bytes());
        }
        if done {
            return;
        }
    }
}

fn turn(shared: &Shared, state: &mut PoolState, ready: &[(u64, u32)]) -> Result<()> {
    let epoll = &shared.epoll;
    for (token, _) in ready {
        match *token {
            WAKE => drop(sys::read_at_most(&shared.wake, &mut [0; 8])?),
            token if token == state.supervisor.token => hear_supervisor(shared, state)?,
            token => hear_run(shared, state, token)?,
        }
    }
    if state.next_start.is_some_and(|when| when <= Instant::now()) {
        start_supervisor(shared, state);
    }
    if state.supervisor.token != 0 {
        state.flush(epoll);
        state.supervisor.wait_for_room(epoll, state.left == Left::UntilRoom)?;
    }
    Ok(())
}

/// Until something has to be tried again.
fn patience_of(state: &PoolState) -> Option<Duration> {
    let start = state.next_start.map(|when| when.saturating_duration_since(Instant::now()));
    start.or((state.left == Left::UntilLater).then_some(PAUSE))
}

fn hear_run(shared: &Shared, state: &mut PoolState, token: u64) -> Result<()> {
    // Ids step by TOKENS from wherever the last supervisor's token left them, so look for the run at or just below.
    for index in 0..TOKENS {
        let Some(run_id) = token.checked_sub(index) else { break };
        let Some(run) = state.runs.get_mut(&run_id) else { continue };
        let heard = match (index as usize, run.partner) {
            (INPUT, _) => state.go_on(&shared.epoll, run_id).map(|()| Heard::Nothing)?,
            (0, Some(partner)) => state.carry(&shared.epoll, run_id, partner)?,
            (index, _) => run.hear(index, &mut state.chunk)?,
        };
        if let Heard::Exceeded = heard {
            state.outbox.push(encode(&ToSupervisor::OutputExceeded { run_id })?, Vec::new());
        }
        break;
    }
    Ok(())
}

fn hear_supervisor(shared: &Shared, state: &mut PoolState) -> Result<()> {
    loop {
        match state.supervisor.receive() {
            Ok(None) => return Ok(()),
            Ok(Some(Some((FromSupervisor::Ended(ended), files)))) => {
                state.end(&shared.epoll, *ended, files);
            }
            Ok(Some(Some((FromSupervisor::Keeper { slot, pid }, _)))) => state.keepers[slot as usize] = pid,
            Ok(Some(Some((FromSupervisor::Zygote { flavour, problem }, _)))) => state.hear_of_zygote(flavour, problem),
            Ok(Some(Some((FromSupervisor::Instance { .. }, _)))) => {}
            Ok(Some(Some((FromSupervisor::Started, _)))) => state.restarts = 0,
            // Its end follows.
            Ok(Some(Some((FromSupervisor::Refused { message, .. }, _)))) => fail_all(state, &message),
            Ok(Some(None)) => return replace_supervisor(shared, state),
            Err(fault) => {
                fail_all(state, &fault.to_string());
                return replace_supervisor(shared, state);
            }
        }
    }
}

/// The supervisor is gone: every run under way has a fault, and unless we are closing, a new one takes over.
fn replace_supervisor(shared: &Shared, state: &mut PoolState) -> Result<()> {
    fail_all(state, "the supervisor was lost");
    // Jobs that were still to be sent belong to runs that have just failed.
    state.outbox.clear();
    state.supervisor.unwatch(&shared.epoll)?;
    state.supervisor.reap()?;
    start_supervisor(shared, state);
    Ok(())
}

/// Where none can be started now, for want of descriptors or processes, jobs wait until one can.
fn start_supervisor(shared: &Shared, state: &mut PoolState) {
    state.next_start = None;
    state.restarts += 1;
    state.closing |= state.restarts > MAX_RESTARTS;
    if state.closing {
        return fail_all(state, "no supervisor can be started");
    }
    let started = SupervisorLink::spawn(&shared.start).and_then(|mut supervisor| {
        supervisor.go_on_without_blocking()?;
        state.next_id = supervisor.watch(&shared.epoll, state.next_id)?;
        Ok(supervisor)
    });
    match started {
        Ok(supervisor) => state.supervisor = supervisor,
        Err(_) => (state.left, state.next_start) = (Left::Gone, Some(Instant::now() + START_PAUSE)),
    }
}

fn fail_all(state: &mut PoolState, why: &str) {
    let runs = std::mem::take(&mut state.runs);
    let chunk = &mut state.chunk;
    state.completions.extend(runs.into_iter().map(|(run_id, run)| run.fail(run_id, why, chunk)));
}
