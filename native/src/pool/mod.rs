//! The pool's client side: one supervisor process, one I/O thread, the runs under way.
//!
//! ```text
//! submit (any thread) --job, pipes--> supervisor
//! I/O thread          <--outcomes---  supervisor
//!                     <--output-----  the programs' pipes
//! completed (any thread) <-- Completion, told by an eventfd
//! ```

pub mod bare;
mod dialogue;
pub mod images;
mod io;
mod output;
mod run;
mod supervisor;

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::outbox::{Left, Outbox};
use assay_shared::sys::{self, Epoll, READABLE};
use assay_shared::wire::{Ended, FromSupervisor, Start, ToSupervisor, decode, encode};

use output::CHUNK_BYTES;
pub use run::{Completion, Request};
use run::{PendingRun, Prepared};
use supervisor::SupervisorLink;
pub use supervisor::{PROGRAM, program};

/// The epoll token of the eventfd that wakes the I/O thread; runs and supervisors count on from 1.
const WAKE: u64 = 0;

pub struct Pool {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    owner: u32,
}

/// What the I/O thread and the callers share.
struct Shared {
    epoll: Epoll,
    /// Written by callers, wakes the I/O thread.
    wake: File,
    /// Written by the I/O thread, wakes the caller's event loop.
    ready: File,
    start: Start,
    state: Mutex<PoolState>,
}

struct PoolState {
    supervisor: SupervisorLink,
    runs: HashMap<u64, PendingRun>,
    completions: Vec<Completion>,
    outbox: Outbox<Arc<OwnedFd>>,
    /// In the outbox, by the last flush.
    left: Left,
    /// What a pipe brings goes through here.
    chunk: Vec<u8>,
    next_id: u64,
    keepers: Vec<i32>,
    zygotes: Vec<Zygotes>,
    /// Since a supervisor was last ready.
    restarts: u32,
    /// None could be started, and is tried again then.
    next_start: Option<Instant>,
    /// No more jobs; the I/O thread ends once the supervisor has.
    closing: bool,
}

/// What became of the zygotes of one flavour.
#[derive(Clone, Debug, Default)]
pub struct Zygotes {
    pub started: u64,
    pub lost: u64,
    /// Why the last one was not or is no more.
    pub problem: Option<String>,
}

/// A mutex whose holder panicked still holds consistent data here: every update is a single insert or removal.
fn lock(shared: &Shared) -> MutexGuard<'_, PoolState> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pids of the keepers, once every slot is ready.
fn started(supervisor: &mut SupervisorLink, slots: u32) -> std::result::Result<Vec<i32>, Refused> {
    let mut keepers = vec![0; slots as usize];
    loop {
        match supervisor.wait()? {
            (FromSupervisor::Started, _) => return Ok(keepers),
            (FromSupervisor::Refused { permission, message }, _) => return Err(Refused { permission, message }),
            (FromSupervisor::Keeper { slot, pid }, _) => keepers[slot as usize] = pid,
            (FromSupervisor::Instance { .. } | FromSupervisor::Ended(_) | FromSupervisor::Zygote { .. }, _) => {}
        }
    }
}

/// Why a pool did not start.
pub struct Refused {
    pub permission: bool,
    pub message: String,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        let permission = fault.is(libc::EPERM) || fault.is(libc::EACCES);
        Self { permission, message: fault.to_string() }
    }
}

impl Pool {
    /// Starts the supervisor and waits until every slot is ready.
    pub fn start(start: Start) -> std::result::Result<Self, Refused> {
        let mut supervisor = SupervisorLink::spawn(&start)?;
        let keepers = match started(&mut supervisor, start.pooled_slots()) {
            Ok(keepers) => keepers,
            Err(refused) => {
                supervisor.reap()?;
                return Err(refused);
            }
        };
        supervisor.go_on_without_blocking()?;
        let epoll = Epoll::new()?;
        let (wake, ready) = (eventfd()?, eventfd()?);
        epoll.add(&wake, WAKE, READABLE)?;
        let next_id = supervisor.watch(&epoll, 1)?;
        let state = PoolState {
            supervisor,
            runs: HashMap::new(),
            completions: Vec::new(),
            outbox: Outbox::default(),
            left: Left::Nothing,
            chunk: vec![0; CHUNK_BYTES],
            next_id,
            keepers,
            zygotes: vec![Zygotes::default(); start.flavours.len()],
            restarts: 0,
            next_start: None,
            closing: false,
        };
        let shared = Arc::new(Shared { epoll, wake, ready, start, state: Mutex::new(state) });
        let thread = std::thread::Builder::new()
            .name("assay-io".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || {
                    if catch_unwind(AssertUnwindSafe(|| io::serve(&shared))).is_err() {
                        // Or whoever waits for a run would wait for ever.
                        std::process::abort();
                    }
                }
            })
            .context("start a thread", "assay-io")?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)), owner: std::process::id() })
    }

    pub fn fileno(&self) -> i32 {
        self.shared.ready.as_raw_fd()
    }

    /// Hands one job over; its completion comes with this id.
    pub fn submit(&self, request: Request) -> Result<u64> {
        let prepared = run::prepare(request, &self.shared.start.flavours, false)?;
        self.hand_over([prepared]).map(|[run_id]| run_id)
    }

    /// Hands over two jobs that read what the other writes; they go to the supervisor together or not at all.
    pub fn submit_joined(&self, requests: [Request; 2]) -> Result<[u64; 2]> {
        let [first, second] = requests.map(|request| run::prepare(request, &self.shared.start.flavours, true));
        self.hand_over([first?, second?])
    }

    /// Where there are two, each is the other's partner.
    fn hand_over<const N: usize>(&self, prepared: [Prepared; N]) -> Result<[u64; N]> {
        let mut state = lock(&self.shared);
        if state.closing {
            return Err(Fault::new("the pool is closed", "", libc::ESHUTDOWN));
        }
        // The tokens of a run are its id and those after it.
        let first_id = state.next_id;
        state.next_id += run::TOKENS * N as u64;
        let ids: [u64; N] = std::array::from_fn(|at| first_id + run::TOKENS * at as u64);
        let mut ready = Vec::with_capacity(N);
        for (run_id, Prepared { mut job, fds, mut run }) in ids.into_iter().zip(prepared) {
            job.run_id = run_id;
            job.partner = ids.into_iter().find(|id| *id != run_id);
            run.partner = job.partner;
            run.watch(&self.shared.epoll, run_id)?;
            let message = encode(&ToSupervisor::Job(job))?;
            if message.len() > sys::MESSAGE_BYTES {
                // Sent, it would be cut off and cost the supervisor.
                return Err(Fault::new("a job's paths to collect are too long", "", libc::E2BIG));
            }
            ready.push((run_id, run, message, fds));
        }
        for (run_id, run, message, fds) in ready {
            state.runs.insert(run_id, run);
            state.outbox.push(message, fds);
        }
        self.shared.send(&mut state)?;
        Ok(ids)
    }

    pub fn cancel(&self, run_id: u64) -> Result<()> {
        let mut state = lock(&self.shared);
        if state.runs.contains_key(&run_id) {
            state.outbox.push(encode(&ToSupervisor::Cancel { run_id })?, Vec::new());
            self.shared.send(&mut state)?;
        }
        Ok(())
    }

    pub fn completed(&self) -> Vec<Completion> {
        std::mem::take(&mut lock(&self.shared).completions)
    }

    /// By flavour.
    pub fn zygotes(&self) -> Vec<Zygotes> {
        lock(&self.shared).zygotes.clone()
    }

    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let state = lock(&self.shared);
        let keepers: Vec<_> = state.keepers.iter().map(i32::to_string).collect();
        let mut facts = state.supervisor.facts();
        facts.push(("keeper_pids", keepers.join(" ")));
        facts.push(("runtime", self.shared.start.runtime.name().to_owned()));
        facts
    }

    /// Ends the supervisor with all that runs, and waits for it.
    pub fn close(&self) -> Result<()> {
        // A forked child has this object too, but neither the thread nor a say.
        if std::process::id() != self.owner {
            return Ok(());
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return Ok(()) };
        {
            let mut state = lock(&self.shared);
            state.closing = true;
            state.outbox.push(encode(&ToSupervisor::Shutdown)?, Vec::new());
        }
        self.shared.wake()?;
        thread.join().map_err(|_| Fault::new("the I/O thread panicked", "", 0))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure; the supervisor also sees our end by itself.
        let _ = self.close();
    }
}

impl Shared {
    fn wake(&self) -> Result<()> {
        (&self.wake).write_all(&1u64.to_ne_bytes()).context("write", "eventfd")
    }

    /// Sends what was put into the outbox, for a caller; what comes of the rest is for the I/O thread.
    fn send(&self, state: &mut PoolState) -> Result<()> {
        if state.left != Left::Nothing {
            // That thread has been told already.
            return Ok(());
        }
        let told = state.completions.len();
        state.flush(&self.epoll);
        if state.left != Left::Nothing || state.completions.len() > told { self.wake() } else { Ok(()) }
    }
}

impl PoolState {
    fn hear_of_zygote(&mut self, flavour: u32, problem: Option<String>) {
        let Some(zygotes) = self.zygotes.get_mut(flavour as usize) else { return };
        match problem {
            None => zygotes.started += 1,
            Some(_) => (zygotes.lost, zygotes.problem) = (zygotes.lost + 1, problem),
        }
    }

    /// Sends what the supervisor's socket takes; a job that cannot be handed over has failed.
    fn flush(&mut self, epoll: &Epoll) {
        let mut given_up = Vec::new();
        self.left = self.supervisor.flush(&mut self.outbox, |message, fault| {
            if let Ok(ToSupervisor::Job(job)) = decode(message) {
                given_up.push((job.run_id, fault));
            }
            None
        });
        if self.left == Left::Gone {
            // Its end fails every run under way.
            self.outbox.clear();
        }
        for (run_id, fault) in given_up {
            self.end(epoll, Ended { run_id, fault: Some(fault), ..Ended::default() }, Vec::new());
        }
    }

    /// A run is over.
    fn end(&mut self, epoll: &Epoll, mut ended: Ended, files: Vec<OwnedFd>) {
        let Some(mut run) = self.runs.remove(&ended.run_id) else { return };
        if let Err(fault) = self.part(epoll, &mut run) {
            ended.fault.get_or_insert(fault);
        }
        self.completions.push(run.complete(ended, files, &mut self.chunk));
    }
}

fn eventfd() -> Result<File> {
    use std::os::fd::FromRawFd;
    // SAFETY: no pointers.
    let fd = sys::check("eventfd", "", unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }.into())?;
    // SAFETY: just opened, no other owner.
    Ok(unsafe { File::from_raw_fd(fd as i32) })
}
