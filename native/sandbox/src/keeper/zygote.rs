//! Zygotes: an image's own Python that has started already, and whose forks become programs.
//!
//! One is started like a parked child, as the slot's root in the keeper's own root, and keeps the few rights that its
//! children need to become programs. It is never sent a job: files are the keeper's, a child gets numbers and descriptors.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, Borrowing, check};
use assay_shared::wire::{Flavour, Known, Launch, START_FAILED, Setup, encode};
use assay_shared::zygote::{
    CONTROL, ENTER, EXECUTE, GIVE_UP, INLINE_TEXT_BYTES, JOB, LIBRARY, ORDERS, Order, PARK, READY, REFUSED, SCRIPT,
};

use super::launch::Exec;
use super::renew::{Network, Processes, Resource};
use crate::rootfs;

/// Far from what programs get.
const FIRST_PID: i32 = 300;
const MODULES_PATIENCE: Duration = Duration::from_secs(10);
const FORK_PATIENCE: Duration = Duration::from_secs(2);
const MAX_FORKS: u32 = 20_000;
/// Room for the stack of any program is laid out when the process is started.
const STACK_BYTES: u64 = 1 << 30;
const OUT_OF_THE_WAY: RawFd = 64;
/// Where a program's files cannot be.
const OUR_SCRIPTS: &str = "/program/";
/// Of what it said before it gave up.
const REASON_BYTES: usize = 4096;

pub struct Zygote {
    pub flavour: u32,
    pub pid: i32,
    control: OwnedFd,
    orders: OwnedFd,
    /// Its children's end of the orders: an order that a killed one left is taken out there.
    theirs: OwnedFd,
    forks: u32,
}

/// What a zygote said to a request.
enum Answer {
    Number(i32),
    /// It did nothing.
    Refused,
    None,
}

/// What starting one needs of the keeper.
pub struct Surroundings<'a> {
    pub network: &'a mut Network,
    pub supervisor: &'a OwnedFd,
    pub flavours: &'a [Flavour],
    pub known: &'a [Known],
}

/// Lets what the keeper starts as root have a few of its rights; before the bounding set is emptied.
pub fn keep_rights() -> Result<()> {
    sys::hand_down(&[sys::CAP_SETUID, sys::CAP_SETGID, sys::CAP_SYS_CHROOT, sys::CAP_SYS_ADMIN])
}

/// Whether nobody else is left. The list is exact for this question: an orphan comes to us while its parent is in it.
pub fn are_all_children(zygotes: &[Zygote]) -> Result<bool> {
    if zygotes.is_empty() {
        return Ok(false);
    }
    let path = "/proc/1/task/1/children";
    let text = fs::read_to_string(path).context("read", path)?;
    Ok(text.split_ascii_whitespace().all(|pid| zygotes.iter().any(|zygote| zygote.pid.to_string() == pid)))
}

impl Zygote {
    /// Starts one and waits until it has its modules; the reason if it will not.
    pub fn start(
        number: u32,
        fds: Vec<OwnedFd>,
        job: BorrowedFd<'_>,
        borrowing: &mut Borrowing,
        processes: &Processes,
        surroundings: Surroundings<'_>,
    ) -> Result<std::result::Result<Self, String>> {
        let Ok([control, control_theirs, orders, theirs, library]) = <[OwnedFd; 5]>::try_from(fds) else {
            return Err(Fault::new("start a zygote: wrong number of descriptors", "", libc::EBADMSG));
        };
        let Some(flavour) = surroundings.flavours.get(number as usize) else {
            return Err(Fault::new("start a zygote of an unknown flavour", number.to_string(), libc::EBADMSG));
        };
        let (mut said, out) = sys::output_pipe()?;
        let null = File::open("/dev/null").context("open", "/dev/null")?;
        let mut sources = [-1; LIBRARY as usize + 1];
        sources[..3].copy_from_slice(&[null.as_raw_fd(), out.as_raw_fd(), out.as_raw_fd()]);
        sources[CONTROL as usize] = control_theirs.as_raw_fd();
        sources[ORDERS as usize] = theirs.as_raw_fd();
        sources[JOB as usize] = job.as_raw_fd();
        sources[LIBRARY as usize] = library.as_raw_fd();
        let mut env = flavour.env.clone();
        env.push(format!("LD_PRELOAD=/proc/self/fd/{LIBRARY}"));
        let program = Exec::new(&flavour.argv, &env)?;
        processes.next(FIRST_PID)?;
        let mut failed = None;
        let pid = borrowing.spawn(None, &mut || {
            let Err(fault) = become_python(&program, sources);
            failed = Some(fault);
            sys::exit_now(START_FAILED)
        })?;
        drop((control_theirs, out));
        if let Some(fault) = failed {
            sys::wait_for(pid)?;
            return Ok(Err(fault.to_string()));
        }
        let zygote = Self { flavour: number, pid, control, orders, theirs, forks: 0 };
        let ours = flavour.script.starts_with(OUR_SCRIPTS);
        let setup = Setup {
            pass: surroundings.network.watch.zygote_pass,
            script: flavour.script.clone(),
            usual: flavour.usual.clone(),
            named: flavour.named.clone(),
            known: if ours { surroundings.known.to_vec() } else { Vec::new() },
        };
        match sys::send(&zygote.control, &encode(&setup)?, &[]) {
            // It has ended already, and is heard out.
            Err(fault) if fault.is(libc::EPIPE) || fault.is(libc::ECONNRESET) => {}
            sent => drop(sent?),
        }
        let refusal = match zygote.wait_until_ready(surroundings)? {
            None => text_of(&mut said)?.map(|text| format!("it prints when it is imported: {text}")),
            Some(refusal) => Some(match text_of(&mut said)? {
                Some(text) => format!("{refusal}: {text}"),
                None => refusal,
            }),
        };
        match refusal {
            None => Ok(Ok(zygote)),
            Some(refusal) => zygote.end().map(|()| Err(refusal)),
        }
    }

    /// None if it is; else why not.
    fn wait_until_ready(&self, surroundings: Surroundings<'_>) -> Result<Option<String>> {
        let Surroundings { network, supervisor, .. } = surroundings;
        let mut buffer = vec![0; REASON_BYTES];
        loop {
            let ready = sys::poll([&self.control, supervisor, network.watch.fd()], Some(MODULES_PATIENCE))?;
            match ready {
                [_, true, _] => sys::exit_now(0),
                [_, _, true] => drop(network.hear_report()?),
                [false, ..] => return Ok(Some(format!("not ready in {} s", MODULES_PATIENCE.as_secs()))),
                [true, ..] => break,
            }
        }
        let said = match sys::receive(&self.control, &mut buffer)? {
            Some(received) => &buffer[..received.length],
            None => &[],
        };
        if said == READY {
            return Ok(network.touched()?.then(|| "a preloaded module makes sockets".to_owned()));
        }
        let reason = said.strip_prefix(REFUSED).map(|reason| String::from_utf8_lossy(reason).into_owned());
        Ok(Some(reason.unwrap_or_else(|| "no CPython that takes a preloaded library".to_owned())))
    }

    /// Its children have one layout of memory in common, which is not to be so for ever.
    pub fn is_old(&self) -> bool {
        self.forks >= MAX_FORKS
    }

    /// A new child's pid; None if there is none. A fault costs the slot.
    pub fn park(&mut self, leaf: Option<&OwnedFd>) -> Result<Option<i32>> {
        self.forks += 1;
        while sys::is_readable(&self.theirs) {
            sys::receive(&self.theirs, &mut vec![0; Order::BYTES + INLINE_TEXT_BYTES])?;
        }
        let leaf: Vec<_> = leaf.iter().map(|leaf| leaf.as_raw_fd()).collect();
        match self.ask(PARK, &leaf)? {
            Answer::Number(pid) => Ok(Some(pid)),
            Answer::Refused => Ok(None),
            // There may be a child that nobody knows, which a job could come to.
            Answer::None => Err(Fault::new("park: the zygote does not say whether it forked", "", libc::ETIMEDOUT)),
        }
    }

    /// Moves it to the namespace of this file, which is ours; false if it does not come.
    pub fn follow(&self, path: &str) -> Result<bool> {
        let namespace = File::open(path).context("open", path)?;
        Ok(matches!(self.ask(ENTER, &[namespace.as_raw_fd()])?, Answer::Number(0)))
    }

    fn ask(&self, what: &[u8], fds: &[RawFd]) -> Result<Answer> {
        match sys::send(&self.control, what, fds) {
            // It is dead, and we have not heard of it yet.
            Err(fault) if fault.is(libc::EPIPE) || fault.is(libc::ECONNRESET) => return Ok(Answer::Refused),
            sent => sent?,
        };
        let mut answer = [0; size_of::<i32>()];
        if sys::poll([&self.control], Some(FORK_PATIENCE))? != [true] {
            return Ok(Answer::None);
        }
        match sys::receive(&self.control, &mut answer) {
            Ok(Some(received)) if received.length == answer.len() => Ok(Answer::Number(i32::from_ne_bytes(answer))),
            // A reason, which is longer.
            Err(fault) if fault.is(libc::EMSGSIZE) => Ok(Answer::Refused),
            _ => Ok(Answer::None),
        }
    }

    /// Tells the parked child what to become: its script, if `warm`, else whatever the launch names.
    pub fn order(&self, launch: &Launch, mut fds: Vec<OwnedFd>, warm: bool) -> Result<()> {
        let path = rootfs::ROOT;
        let root = fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(path);
        fds.insert(0, root.context("open", path)?.into());
        let strings = launch.argv.iter().chain(&launch.env).map(String::as_str);
        let text = if warm { String::new() } else { strings.flat_map(|string| [string, "\0"]).collect() };
        let order = Order {
            kind: if warm { SCRIPT } else { EXECUTE },
            stack_bytes: launch.stack_bytes,
            open_files: launch.open_files,
            file_bytes: launch.disk_bytes,
            arguments: launch.argv.len() as u64,
            text_bytes: text.len() as u64,
        };
        let mut message = order.to_bytes();
        if text.len() > INLINE_TEXT_BYTES {
            fds.push(sys::reopen_read_only(&sys::sealed_memfd(c"assay-order", text.as_bytes())?)?.into());
        } else {
            message.extend(text.bytes());
        }
        let raw: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        sys::send(&self.orders, &message, &raw).map(drop)
    }

    /// Ends the parked child as one that could not become its program.
    pub fn give_up(&self) -> Result<()> {
        sys::send(&self.orders, &Order { kind: GIVE_UP, ..Order::default() }.to_bytes(), &[]).map(drop)
    }

    /// Kills it and waits for its end.
    pub fn end(self) -> Result<()> {
        // SAFETY: no pointers; our child, not yet reaped.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        sys::wait_for(self.pid).map(drop)
    }
}

/// In a child that borrows our memory: it has descriptors of its own, and nothing else.
fn become_python(program: &Exec, sources: [RawFd; LIBRARY as usize + 1]) -> Result<std::convert::Infallible> {
    sys::unblock_signals()?;
    sys::rlimit_up_to(libc::RLIMIT_STACK, STACK_BYTES)?;
    std::env::set_current_dir("/work").context("chdir", "/work")?;
    sys::set_cloexec_above(0)?;
    let mut away = sources;
    for fd in &mut away {
        // SAFETY: no pointers.
        let copy = unsafe { libc::fcntl(*fd, libc::F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) };
        *fd = check("fcntl F_DUPFD_CLOEXEC", "", copy.into())? as RawFd;
    }
    for (target, source) in away.into_iter().enumerate() {
        // SAFETY: no pointers; dup2 clears close-on-exec on the target.
        check("dup2", "", unsafe { libc::dup2(source, target as RawFd) }.into())?;
    }
    program.exec()
}

/// The end of what was written into this pipe, if anything was.
fn text_of(pipe: &mut OwnedFd) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; REASON_BYTES];
    while let Some(count @ 1..) = sys::read_at_most(&*pipe, &mut chunk)? {
        bytes.extend(&chunk[..count]);
        let excess = bytes.len().saturating_sub(REASON_BYTES);
        bytes.drain(..excess);
    }
    let text = String::from_utf8_lossy(&bytes);
    // A traceback's frames are indented, and so may be the rest of a long message.
    let mut told = text.lines().filter(|line| !line.is_empty() && !line.starts_with(char::is_whitespace));
    Ok(told.next_back().or_else(|| text.lines().next_back()).map(str::to_owned))
}
