//! The supervisor's side of the engine's socket: what it reads, and an outbox for when the engine is slow.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::outbox::{Left, Outbox};
use assay_shared::sys::{self, Epoll, READABLE, WRITABLE};
use assay_shared::wire::{Ended, FromSupervisor, Start, ToSupervisor, decode, encode};

use super::instance::Instance;
use super::{Source, token};
use crate::cgroup::Hierarchy;

/// A job of this size and its descriptors; longer launches come in a memfd.
const BUFFER_BYTES: usize = 2 * sys::MESSAGE_BYTES;

pub struct EngineLink {
    pub socket: OwnedFd,
    /// A forked child of the engine keeps the socket open; this tells the engine's own end.
    pub pidfd: OwnedFd,
    /// The socket said that nobody is there.
    pub gone: bool,
    outbox: Outbox<OwnedFd>,
    left: Left,
    buffer: Vec<u8>,
}

impl EngineLink {
    /// Takes the socket that is our standard input and puts /dev/null there.
    pub fn adopt() -> Result<Self> {
        // Whatever the engine's process had open without close-on-exec would live as long as we do.
        // SAFETY: nothing here owns a descriptor above 2 yet.
        sys::check("close_range", "", unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) })?;
        let socket = std::io::stdin().as_fd().try_clone_to_owned().context("dup", "stdin")?;
        let null = File::open("/dev/null").context("open", "/dev/null")?;
        // SAFETY: no pointers; standard input stays open, as /dev/null.
        sys::check("dup2", "stdin", unsafe { libc::dup2(null.as_raw_fd(), 0) }.into())?;
        let pidfd = sys::pidfd_open(sys::peer_pid(&socket)?)?;
        Ok(Self {
            socket,
            pidfd,
            gone: false,
            outbox: Outbox::default(),
            left: Left::Nothing,
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    /// The first message, which the engine sends at once, with the library that holds crun.
    pub fn wait_for_start(&mut self) -> Result<(Start, Option<File>)> {
        match self.receive()? {
            Some((ToSupervisor::Start(start), fds)) => {
                sys::set_nonblocking(&self.socket)?;
                Ok((start, fds.into_iter().next().map(File::from)))
            }
            _ => Err(Fault::new("expected a start as the first message", "", libc::EBADMSG)),
        }
    }

    pub fn receive(&mut self) -> Result<Option<(ToSupervisor, Vec<OwnedFd>)>> {
        while let Some((received, cut)) = sys::receive_cut(&self.socket, &mut self.buffer)? {
            if received.length == 0 {
                self.gone = true;
                break;
            }
            match (decode(&self.buffer[..received.length])?, cut) {
                (message, None) => return Ok(Some((message, received.fds))),
                (ToSupervisor::Job(job), fault) => {
                    self.ended(Ended { run_id: job.run_id, fault, ..Ended::default() }, Vec::new());
                }
                (_, Some(fault)) => return Err(fault),
            }
        }
        Ok(None)
    }

    /// Says what was found and taken.
    pub fn describe(&mut self, instance: &Instance, hierarchy: &dyn Hierarchy, uids: (u32, u32)) {
        let (name, cgroup) = (instance.name(), hierarchy.describe());
        self.say(&FromSupervisor::Instance { name, cgroup, uids }, Vec::new());
    }

    pub fn refused(&mut self, fault: &Fault) {
        // ENOSPC: no more namespaces.
        let permission = [libc::EPERM, libc::EACCES, libc::EROFS, libc::ENOSPC].contains(&fault.errno);
        let way_out = match fault.errno {
            libc::ENOTSUP => "; give this process a group with these controllers (systemd: Delegate=yes)",
            libc::EBUSY => "; stop an engine",
            _ => "",
        };
        self.say(&FromSupervisor::Refused { permission, message: format!("{fault}{way_out}") }, Vec::new());
    }

    /// Says why nothing could be made at all; that the engine hears it is the end of this process's work.
    pub fn refuse(mut self, fault: &Fault) -> Result<()> {
        self.refused(fault);
        self.send();
        Ok(())
    }

    pub fn ended(&mut self, ended: Ended, files: Vec<OwnedFd>) {
        self.say(&FromSupervisor::Ended(Box::new(ended)), files);
    }

    pub fn say(&mut self, message: &FromSupervisor, files: Vec<OwnedFd>) {
        match encode(message) {
            Ok(bytes) => self.outbox.push(bytes, files),
            // Our own types always encode; should they not, the engine must not wait for ever.
            Err(_) => self.gone = true,
        }
    }

    /// Sends what the socket takes and asks to be woken where there is room for more.
    pub fn flush(&mut self, epoll: &Epoll) -> Result<()> {
        let waited = self.left == Left::UntilRoom;
        self.send();
        let waits = self.left == Left::UntilRoom;
        if waits != waited {
            let interest = if waits { READABLE | WRITABLE } else { READABLE };
            epoll.change(&self.socket, token(Source::Engine, 0, 0), interest)?;
        }
        Ok(())
    }

    /// What is left has to be tried again.
    pub fn tries_again(&self) -> bool {
        self.left == Left::UntilLater
    }

    fn send(&mut self) {
        self.left = self.outbox.flush(&self.socket, without_files);
        if self.left == Left::Gone {
            self.gone = true;
            self.outbox.clear();
        }
    }
}

/// The answer of a run whose files cannot be handed over.
fn without_files(answer: &[u8], fault: Fault) -> Option<Vec<u8>> {
    match decode(answer) {
        Ok(FromSupervisor::Ended(ended)) => {
            let ended = Ended { fault: Some(fault), collected: Vec::new(), ..*ended };
            encode(&FromSupervisor::Ended(Box::new(ended))).ok()
        }
        _ => None,
    }
}
