//! What a run can change inside a slot, each thing behind `touched` and `renew`.
//!
//! Whatever a run can write is new for the next run. A resource that can prove that the run left it as it was says so in
//! `touched` and spares its renewal; the others are renewed after every run.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

use assay_shared::fault::{Context, Result};
use assay_shared::sys::{check, detach, unshare};

use super::in_flight;
use super::sockets::{SocketWatch, own_socket};
use crate::rootfs::{self, Blank, Layout};

const FIRST_PROGRAM_PID: i32 = 2;

pub trait Resource {
    /// Whether the run may have left something behind.
    fn touched(&self) -> Result<bool>;

    /// Makes it as in a new slot; a failure costs the slot.
    fn renew(&mut self) -> Result<()>;

    /// The file of the namespace that renewal makes, if it makes one.
    fn namespace(&self) -> Option<&'static str> {
        None
    }
}

/// The program's root: /work, /tmp, /dev/shm and the other writable directories are one tmpfs.
pub struct Storage {
    layout: Layout,
    disk_bytes: u64,
    blank: Blank,
    provable: bool,
}

impl Storage {
    /// `provable`: a program does not own the root's directories, so that it cannot set their times.
    pub fn make(layout: Layout, disk_bytes: u64, provable: bool) -> Result<Self> {
        let blank = rootfs::make_root(&layout, disk_bytes)?;
        Ok(Self { layout, disk_bytes, blank, provable })
    }
}

impl Resource for Storage {
    fn touched(&self) -> Result<bool> {
        Ok(!self.provable || !self.blank.holds()?)
    }

    fn renew(&mut self) -> Result<()> {
        detach(rootfs::ROOT)?;
        self.blank = rootfs::make_root(&self.layout, self.disk_bytes)?;
        Ok(())
    }
}

/// The filter has no call that makes a SysV object, a message queue or a key.
pub struct Ipc;

impl Resource for Ipc {
    fn touched(&self) -> Result<bool> {
        Ok(false)
    }

    fn renew(&mut self) -> Result<()> {
        unshare(libc::CLONE_NEWIPC)
    }

    fn namespace(&self) -> Option<&'static str> {
        Some("/proc/self/ns/ipc")
    }
}

/// Ports, abstract sockets, TIME_WAIT, counters of /proc/net: all of it changes only through sockets.
pub struct Network {
    pub watch: SocketWatch,
    socket_made: bool,
}

impl Network {
    /// Brings up the slot's first namespace.
    pub fn make() -> Result<Self> {
        let network = Self { watch: SocketWatch::install()?, socket_made: false };
        network.bring_up()?;
        Ok(network)
    }

    /// A program waits for permission to make a socket; whether that is the first since the last renewal.
    pub fn hear_report(&mut self) -> Result<bool> {
        let first = self.watch.let_go_on()? && !self.socket_made;
        self.socket_made |= first;
        Ok(first)
    }

    fn bring_up(&self) -> Result<()> {
        // Has to happen while the namespace is new: afterwards it does not clear what waits already.
        let knob = "/proc/sys/net/ipv4/tcp_max_tw_buckets";
        fs::write(knob, "0").context("write", knob)?;
        loopback_up(&own_socket()?)
    }
}

impl Resource for Network {
    fn touched(&self) -> Result<bool> {
        Ok(self.socket_made)
    }

    fn renew(&mut self) -> Result<()> {
        in_flight::collect_garbage()?;
        unshare(libc::CLONE_NEWNET)?;
        self.bring_up()?;
        self.socket_made = false;
        Ok(())
    }

    fn namespace(&self) -> Option<&'static str> {
        Some("/proc/self/ns/net")
    }
}

/// The pid that the next program gets; that all processes are gone is the supervisor's and the keeper's proof.
pub struct Processes {
    last_pid: fs::File,
}

impl Processes {
    /// Holds the knob open: it speaks of the namespace of whoever writes.
    pub fn open() -> Result<Self> {
        let path = "/proc/sys/kernel/ns_last_pid";
        let open = "open (the kernel needs CHECKPOINT_RESTORE)";
        let last_pid = fs::OpenOptions::new().write(true).open(path).context(open, path)?;
        Ok(Self { last_pid })
    }

    /// Starts the count anew, which costs less than any look at it.
    pub fn renew(&self) -> Result<()> {
        self.next(FIRST_PROGRAM_PID)
    }

    /// The next process gets this pid, or the first free one after it.
    pub fn next(&self, pid: i32) -> Result<()> {
        let text = (pid - 1).to_string();
        self.last_pid.write_at(text.as_bytes(), 0).context("write", "ns_last_pid").map(drop)
    }
}

fn loopback_up(socket: &OwnedFd) -> Result<()> {
    // SAFETY: ifreq is plain data for which all zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(*b"lo") {
        *slot = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) };
    check("ioctl SIOCSIFFLAGS", "lo", result.into()).map(drop)
}
