//! What a run can change inside a slot, each thing behind `touched` and `renew`.
//!
//! Whatever a run can write is new for the next run. A resource that can prove that the run left it as it was may say so in
//! `touched` and spare its renewal; until such a proof exists, every one is renewed after every run.

use std::fs;
use std::os::unix::fs::FileExt;

use crate::fault::{Context, Fault, Result};
use crate::rootfs;
use crate::sys::{check, detach, unshare};

const FIRST_PROGRAM_PID: i32 = 2;

pub trait Resource {
    /// Whether the run may have left something behind.
    fn touched(&self) -> bool {
        true
    }

    /// Makes it as in a new slot; a failure costs the slot.
    fn renew(&mut self) -> Result<()>;
}

/// The program's root: /work, /tmp, /dev/shm and the other writable directories are one tmpfs.
pub struct Storage {
    pub trees: Vec<String>,
    pub disk_bytes: u64,
}

impl Storage {
    pub fn make(&self) -> Result<()> {
        rootfs::make_root(&self.trees, self.disk_bytes)
    }
}

impl Resource for Storage {
    fn renew(&mut self) -> Result<()> {
        detach(rootfs::ROOT)?;
        self.make()
    }
}

/// SysV objects and message queues; the filter keeps programs from making any, the namespace is the second wall.
pub struct Ipc;

impl Resource for Ipc {
    fn renew(&mut self) -> Result<()> {
        unshare(libc::CLONE_NEWIPC)
    }
}

/// Ports, abstract sockets, TIME_WAIT, counters of /proc/net.
pub struct Network;

impl Network {
    /// Brings up loopback in a namespace that has just been made.
    pub fn make(&self) -> Result<()> {
        // Has to happen while the namespace is new: afterwards it does not clear what waits already.
        let knob = "/proc/sys/net/ipv4/tcp_max_tw_buckets";
        fs::write(knob, "0").context("write", knob)?;
        loopback_up()
    }
}

impl Resource for Network {
    fn renew(&mut self) -> Result<()> {
        unshare(libc::CLONE_NEWNET)?;
        self.make()
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
        let last_pid = fs::OpenOptions::new().write(true).open(path).context("open", path)?;
        Ok(Self { last_pid })
    }
}

impl Resource for Processes {
    fn renew(&mut self) -> Result<()> {
        let text = (FIRST_PROGRAM_PID - 1).to_string();
        self.last_pid.write_at(text.as_bytes(), 0).context("write", "ns_last_pid").map(drop)
    }
}

fn loopback_up() -> Result<()> {
    // SAFETY: no pointers.
    let socket =
        check("socket", "", unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) }.into())?
            as i32;
    // SAFETY: ifreq is plain data for which all zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(*b"lo") {
        *slot = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request outlives the call; the descriptor is ours and closed once.
    unsafe {
        let result = libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &request);
        let fault = Fault::last("ioctl SIOCSIFFLAGS", "lo");
        libc::close(socket);
        if result < 0 { Err(fault) } else { Ok(()) }
    }
}
