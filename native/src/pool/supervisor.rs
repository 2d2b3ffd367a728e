//! Starting the static program from its sealed memfd, and talking to it.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::outbox::{Left, Outbox};
use assay_shared::sys::{self, Epoll, READABLE};
use assay_shared::wire::{FromSupervisor, RuntimeKind, Start, ToSupervisor, decode, encode};

/// The static program.
pub static PROGRAM: &[u8] = include_bytes!(env!("ASSAY_SANDBOX_PROGRAM"));
/// The library that holds crun.
static HOLD: &[u8] = include_bytes!(env!("ASSAY_HOLD_LIBRARY"));
/// The library that makes a zygote of a Python.
static ZYGOTE: &[u8] = include_bytes!(env!("ASSAY_ZYGOTE_LIBRARY"));
/// An outcome and its descriptors; the supervisor's messages are shorter.
const BUFFER_BYTES: usize = 2 * sys::MESSAGE_BYTES;

/// The static program as a sealed memfd: no program in the sandbox can reach its file.
pub fn program() -> Result<File> {
    let mut file = sys::memfd(c"assay-sandbox")?;
    file.write_all(PROGRAM).context("write", "memfd")?;
    // The entry point of a container is started by a user to whom it belongs as little as to anybody.
    sys::set_mode(&file, 0o555)?;
    sys::seal(&file)?;
    Ok(file)
}

pub struct SupervisorLink {
    socket: OwnedFd,
    child: Child,
    buffer: Vec<u8>,
    waits_for_room: bool,
    pub token: u64,
    spawned: Instant,
    facts: Vec<(&'static str, String)>,
}

impl SupervisorLink {
    pub fn spawn(start: &Start) -> Result<Self> {
        let spawned = Instant::now();
        let program = program()?;
        let (socket, theirs) = sys::seqpacket_pair()?;
        let path = format!("/proc/self/fd/{}", program.as_raw_fd());
        let mut child = Command::new(&path)
            .arg0("assay-supervisor")
            .arg("supervisor")
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .context("start the supervisor", path)?;
        let library = match start.runtime {
            RuntimeKind::Native if start.flavours.is_empty() => None,
            RuntimeKind::Native => Some(sys::sealed_memfd(c"assay-zygote", ZYGOTE)?),
            RuntimeKind::Landlock { .. } => None,
            RuntimeKind::Crun { .. } => Some(sys::sealed_memfd(c"assay-hold", HOLD)?),
        };
        let fds: Vec<_> = library.iter().map(AsRawFd::as_raw_fd).collect();
        if let Err(fault) = sys::send(&socket, &encode(&ToSupervisor::Start(start.clone()))?, &fds) {
            child.kill().context("kill", "supervisor")?;
            child.wait().context("waitpid", "supervisor")?;
            return Err(fault);
        }
        let facts = vec![("supervisor_pid", child.id().to_string())];
        Ok(Self { socket, child, buffer: vec![0; BUFFER_BYTES], waits_for_room: false, token: 0, spawned, facts })
    }

    /// The next message, waiting for it; the supervisor's end is a fault.
    pub fn wait(&mut self) -> Result<(FromSupervisor, Vec<OwnedFd>)> {
        match self.receive()? {
            Some(Some(message)) => Ok(message),
            _ => Err(Fault::new("the supervisor ended before it was ready", "", 0)),
        }
    }

    /// None: nothing for now. Some(None): the supervisor is gone.
    #[allow(clippy::type_complexity)]
    pub fn receive(&mut self) -> Result<Option<Option<(FromSupervisor, Vec<OwnedFd>)>>> {
        let Some((received, cut)) = sys::receive_cut(&self.socket, &mut self.buffer)? else { return Ok(None) };
        if received.length == 0 {
            return Ok(Some(None));
        }
        let mut message: FromSupervisor = decode(&self.buffer[..received.length])?;
        match &mut message {
            FromSupervisor::Ended(ended) => ended.fault = ended.fault.take().or(cut),
            FromSupervisor::Instance { name, cgroup, uids } => {
                self.facts.push(("instance", name.clone()));
                self.facts.push(("cgroup", cgroup.clone()));
                self.facts.push(("uids", format!("{}-{}", uids.0, uids.1)));
            }
            FromSupervisor::Started => {
                self.facts.push(("start_seconds", format!("{:.3}", self.spawned.elapsed().as_secs_f64())));
            }
            _ => {}
        }
        Ok(Some(Some((message, received.fds))))
    }

    pub fn go_on_without_blocking(&self) -> Result<()> {
        sys::set_nonblocking(&self.socket)
    }

    /// Reports readiness under this token; returns the next free one.
    pub fn watch(&mut self, epoll: &Epoll, token: u64) -> Result<u64> {
        self.token = token;
        epoll.add(&self.socket, token, READABLE)?;
        Ok(token + 1)
    }

    /// It has ended, and would be reported for ever.
    pub fn unwatch(&mut self, epoll: &Epoll) -> Result<()> {
        self.token = 0;
        epoll.remove(&self.socket)
    }

    /// Asks to be told when there is room to send again, too.
    pub fn wait_for_room(&mut self, epoll: &Epoll, waits: bool) -> Result<()> {
        if waits == self.waits_for_room {
            return Ok(());
        }
        self.waits_for_room = waits;
        epoll.change(&self.socket, self.token, if waits { READABLE | sys::WRITABLE } else { READABLE })
    }

    pub fn flush(
        &self,
        outbox: &mut Outbox<Arc<OwnedFd>>,
        instead: impl FnMut(&[u8], Fault) -> Option<Vec<u8>>,
    ) -> Left {
        outbox.flush(&self.socket, instead)
    }

    pub fn facts(&self) -> Vec<(&'static str, String)> {
        self.facts.clone()
    }

    /// Takes the dead supervisor's exit status, so that no zombie stays.
    pub fn reap(&mut self) -> Result<()> {
        // It has closed its socket; should it hang in its last steps, its end must not depend on it.
        for _ in 0..REAP_PATIENCE_MS {
            if self.child.try_wait().context("waitpid", "supervisor")?.is_some() {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.child.kill().context("kill", "supervisor")?;
        self.child.wait().context("waitpid", "supervisor").map(drop)
    }
}

const REAP_PATIENCE_MS: u32 = 5_000;
