//! From parked child to program: receive the launch, write the files, give up everything that Landlock and the filter can
//! take, exec.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::time::Duration;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, Landlock, check};
use assay_shared::wire::{FromParked, Launch, LaunchFile, START_FAILED, encode};

use super::domain;
use super::places::Places;
use super::reach::Reach;
use super::watch::Allowed;
use crate::keeper::launch::{Descriptors, Exec, arrange_descriptors, files_bytes, limit, limit_all, receive};
use crate::seccomp;

/// What one process may reserve, in memory limits: reserved and never touched costs nothing.
const DATA_OF_MEMORY: u64 = 4;
const SECOND_NS: u64 = 1_000_000_000;
const PROCESSES_OF_OTHERS: u64 = 4096;
const LAST_CAPABILITY: libc::c_ulong = 63;
/// The clocks of the run have begun.
const PATIENCE: Duration = Duration::from_millis(20);

/// What parked children use one after the other, in the keeper's memory, as in `keeper::launch`.
pub struct Launcher {
    places: Places,
    user: Option<u32>,
    buffer: Vec<u8>,
    filter: Vec<libc::sock_filter>,
    rules: Option<Landlock>,
    allowed: Option<Allowed>,
    program: Option<Exec>,
    /// What the filter reports on comes through these from the child, whose descriptors are its own.
    listener: (OwnedFd, OwnedFd),
}

impl Launcher {
    pub fn new(places: &Places, user: Option<u32>, reach: Reach) -> Result<Self> {
        limit_all()?;
        let secret = sys::draw_secret()?;
        sys::use_secret(secret);
        Ok(Self {
            places: places.clone(),
            user,
            buffer: vec![0; sys::MESSAGE_BYTES],
            filter: seccomp::confined_filter(user.is_none(), reach.scoped || user.is_some(), secret),
            rules: None,
            allowed: None,
            program: None,
            listener: sys::seqpacket_pair()?,
        })
    }

    /// The rules of the next program.
    pub fn prepare(&mut self, rules: Landlock) {
        self.rules = Some(rules);
    }

    /// The child that borrowed our memory has left it; what it may use, if it has become a program.
    pub fn forget_program(&mut self) -> Option<Allowed> {
        (self.program, self.rules) = (None, None);
        self.allowed.take()
    }

    /// Where the forks of the program that has just started are reported; nothing of one that did not start is left here.
    pub fn take_listener(&self) -> Result<Option<OwnedFd>> {
        let mut listener = None;
        while sys::is_readable(&self.listener.0) {
            listener =
                sys::receive(&self.listener.0, &mut [0; 8])?.and_then(|received| received.fds.into_iter().next());
        }
        Ok(listener)
    }

    /// The parked child's whole life; never returns.
    pub fn run(&mut self, job: BorrowedFd<'_>) -> ! {
        let Err(fault) = self.become_program(job);
        // Nobody is left to tell if this fails too: the exit code says it then.
        if let Ok(message) = encode(&FromParked::Failed(fault)) {
            let _ = sys::send(job, &message, &[]);
        }
        sys::exit_now(START_FAILED)
    }

    fn become_program(&mut self, job: BorrowedFd<'_>) -> Result<std::convert::Infallible> {
        sys::set_process_name(c"assay-parked");
        sys::unblock_signals()?;
        // Opened now: after the change of user the file belongs to nobody we are.
        let path = "/proc/self/oom_score_adj";
        let oom_score = OpenOptions::new().write(true).open(path).context("open", path)?;

        sys::send(job, &encode(&FromParked::Parked)?, &[])?;
        let (launch, fds) = receive(job, &mut self.buffer)?;
        let fds = Descriptors::new(fds)?;
        launch.files.iter().try_for_each(|file| self.write_file(file))?;
        std::env::set_current_dir(self.places.work()).context("chdir", self.places.work())?;
        (&oom_score).write_all(b"1000").context("write", path)?;
        arrange_descriptors(fds.with_stdin(launch.stdin)?, launch.channel)?;
        domain::allow_own_facts(self.rules()?)?;
        let told = |words: &[String]| words.iter().map(|word| self.places.word(word)).collect::<Vec<_>>();
        let (argv, mut env) = (told(&launch.argv), told(&launch.env));
        if !env.iter().any(|entry| entry.starts_with("TMPDIR=")) {
            env.push(format!("TMPDIR={}", self.places.tmp().display()));
        }
        self.program = Some(Exec::new(&argv, &env)?);
        self.allowed = Some(Allowed {
            memory_bytes: launch.memory_bytes,
            processes: launch.processes,
            disk_bytes: launch.disk_bytes + files_bytes(&launch),
        });
        drop((argv, env));
        let result = self.give_up_rights().and_then(|()| {
            // After the last descriptor of ours: a low limit is the program's, not ours.
            self.set_limits(&launch)?;
            drop(launch);
            match &self.program {
                Some(program) => program.exec(),
                None => Err(Fault::new("execve: nothing to execute", "", libc::ENOEXEC)),
            }
        });
        self.allowed = None;
        result
    }

    fn rules(&self) -> Result<&Landlock> {
        self.rules.as_ref().ok_or_else(|| Fault::new("no rules for a program", "", libc::EINVAL))
    }

    fn write_file(&self, file: &LaunchFile) -> Result<()> {
        let path = self.places.path(&file.path);
        let path =
            path.ok_or_else(|| Fault::new("a file outside /work, /program and /tmp", &file.path, libc::EINVAL))?;
        if let Some(parent) = path.parent() {
            DirBuilder::new().mode(0o755).recursive(true).create(parent).context("mkdir", parent)?;
        }
        let opened = OpenOptions::new().write(true).create_new(true).mode(file.mode).open(&path);
        let mut opened = opened.context("create", &path)?;
        opened.write_all(&file.content).context("write", &path)?;
        opened.set_permissions(Permissions::from_mode(file.mode)).context("chmod", &path)
    }

    fn set_limits(&self, launch: &Launch) -> Result<()> {
        limit(launch)?;
        // The stack of a thread is as large as all memory, and counts here whole.
        let parts = DATA_OF_MEMORY + u64::from(launch.processes);
        sys::rlimit(libc::RLIMIT_DATA, launch.memory_bytes.saturating_mul(parts))?;
        // The supervisor's clock comes first.
        sys::rlimit(libc::RLIMIT_CPU, launch.cpu_ns / SECOND_NS + 2)?;
        if self.user.is_some() {
            // A second wall: the kernel counts by user, and another engine may have the same users.
            sys::rlimit(libc::RLIMIT_NPROC, u64::from(launch.processes) + PROCESSES_OF_OTHERS)?;
        }
        Ok(())
    }

    fn give_up_rights(&mut self) -> Result<()> {
        // SAFETY: no pointers.
        check("setsid", "", unsafe { libc::setsid() }.into())?;
        drop_bounding_set()?;
        if let Some(id) = self.user {
            // SAFETY: no pointers.
            check("setresuid", "", unsafe { libc::setresuid(id, id, id) }.into())?;
        }
        sys::drop_capabilities()?;
        // After the last change of user, which would take it back.
        sys::prctl("prctl PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
        self.rules()?.restrict_self()?;
        let listener = seccomp::install(&mut self.filter)?;
        let sent = sys::send_patiently(&self.listener.1, b"l", &[listener.as_raw_fd()], PATIENCE).map(drop);
        // It is this process's, in memory that is not: whoever drops it there must not close another.
        let _ = listener.into_raw_fd();
        sent
    }
}

/// Where we may; without new privileges it means nothing.
fn drop_bounding_set() -> Result<()> {
    for capability in 0..=LAST_CAPABILITY {
        match sys::prctl("prctl PR_CAPBSET_DROP", libc::PR_CAPBSET_DROP, capability) {
            Err(fault) if fault.is(libc::EINVAL) || fault.is(libc::EPERM) => break,
            result => result?,
        }
    }
    Ok(())
}
