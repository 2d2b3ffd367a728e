//! The supervisor's side of the engine's socket: what it reads, and an outbox for when the engine is slow.

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use assay_shared::fault::{Context, Fault, Result};
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
    outbox: VecDeque<(Vec<u8>, Vec<OwnedFd>)>,
    waits_for_room: bool,
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
            outbox: VecDeque::new(),
            waits_for_room: false,
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
        let Some(received) = sys::receive(&self.socket, &mut self.buffer)? else { return Ok(None) };
        if received.length == 0 {
            self.gone = true;
            return Ok(None);
        }
        Ok(Some((decode(&self.buffer[..received.length])?, received.fds)))
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
        while let Some((bytes, _)) = self.outbox.pop_front() {
            sys::send(&self.socket, &bytes, &[])?;
        }
        Ok(())
    }

    pub fn ended(&mut self, ended: Ended, files: Vec<OwnedFd>) {
        self.say(&FromSupervisor::Ended(Box::new(ended)), files);
    }

    pub fn say(&mut self, message: &FromSupervisor, files: Vec<OwnedFd>) {
        match encode(message) {
            Ok(bytes) => self.outbox.push_back((bytes, files)),
            // Our own types always encode; should they not, the engine must not wait for ever.
            Err(_) => self.gone = true,
        }
    }

    /// Sends what the socket takes and asks to be woken for the rest.
    pub fn flush(&mut self, epoll: &Epoll) -> Result<()> {
        while let Some((bytes, files)) = self.outbox.front() {
            let fds: Vec<_> = files.iter().map(AsRawFd::as_raw_fd).collect();
            match sys::send(&self.socket, bytes, &fds) {
                Ok(true) => drop(self.outbox.pop_front()),
                Ok(false) => break,
                Err(fault) if fault.is(libc::EPIPE) || fault.is(libc::ECONNRESET) => {
                    self.gone = true;
                    self.outbox.clear();
                }
                Err(fault) => return Err(fault),
            }
        }
        let waits = !self.outbox.is_empty();
        if waits != self.waits_for_room {
            self.waits_for_room = waits;
            let interest = if waits { READABLE | WRITABLE } else { READABLE };
            epoll.change(&self.socket, token(Source::Engine, 0, 0), interest)?;
        }
        Ok(())
    }
}
