//! From parked child to program: receive the launch, write the files, give up every right, exec.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, check};
use assay_shared::wire::{FromParked, Launch, LaunchFile, PROGRAM_ID, START_FAILED, decode, encode};

use crate::rootfs;

const WORK: &str = "/work";
const OURS: &str = "/program";
const LOCKED_MEMORY_BYTES: u64 = 64 * 1024;
const PENDING_SIGNALS: u64 = 1024;
const FIRST_CHANNEL_FD: usize = 3;
/// Three standard streams and the channel's two.
const MAX_DESCRIPTORS: usize = FIRST_CHANNEL_FD + 2;
/// A file given to a program costs its directory and inode besides its content, and these are not the program's.
const FILE_OVERHEAD_BYTES: u64 = 8192;

/// What parked children use one after the other. It lies in the keeper's memory, which they borrow until they exec, so
/// that whatever is still allocated then is found again.
pub struct Launcher {
    buffer: Vec<u8>,
    disk_bytes: u64,
    program: Option<Exec>,
    shared_user: bool,
    by_rlimits: bool,
}

impl Launcher {
    /// `disk_bytes`: what the program's root holds unless the job wants otherwise.
    pub fn new(disk_bytes: u64, shared_user: bool, by_rlimits: bool) -> Result<Self> {
        limit_all()?;
        Ok(Self { buffer: vec![0; sys::MESSAGE_BYTES], disk_bytes, shared_user, by_rlimits, program: None })
    }

    /// The parked child's whole life; never returns. `in_leaf`: it is in a control group of its own.
    pub fn run(&mut self, job: BorrowedFd<'_>, in_leaf: bool) -> ! {
        let Err(fault) = self.become_program(job, in_leaf);
        // Nobody is left to tell if this fails too: the exit code says it then.
        if let Ok(message) = encode(&FromParked::Failed(fault)) {
            let _ = sys::send(job, &message, &[]);
        }
        sys::exit_now(START_FAILED)
    }

    /// The child that borrowed our memory has left it; whether it had come as far as its program.
    pub fn forget_program(&mut self) -> bool {
        self.program.take().is_some()
    }

    fn become_program(&mut self, job: BorrowedFd<'_>, in_leaf: bool) -> Result<std::convert::Infallible> {
        sys::set_process_name(c"assay-parked");
        // The keeper takes SIGCHLD from a descriptor; a program starts with nothing blocked.
        sys::unblock_signals()?;
        if in_leaf {
            // A leaf has a number in its name, which is none of the program's business.
            sys::unshare(libc::CLONE_NEWCGROUP)?;
        }
        // Opened now: after the change of user the file belongs to nobody we are.
        let oom_score = fs::OpenOptions::new()
            .write(true)
            .open("/proc/self/oom_score_adj")
            .context("open", "/proc/self/oom_score_adj")?;

        sys::send(job, &encode(&FromParked::Parked)?, &[])?;
        let (launch, fds) = receive(job, &mut self.buffer)?;
        let fds = Descriptors::new(fds)?;
        self.make_room(&launch)?;
        sys::chroot(rootfs::ROOT)?;
        std::env::set_current_dir(WORK).context("chdir", WORK)?;
        launch.files.iter().try_for_each(write_file)?;
        (&oom_score).write_all(b"1000").context("write", "/proc/self/oom_score_adj")?;
        arrange_descriptors(fds.with_stdin(launch.stdin)?, launch.channel)?;
        // After the last descriptor of ours: a low limit is the program's, not ours.
        limit(&launch)?;
        if self.by_rlimits {
            // The keeper counts among the user's processes only where it is the same user.
            sys::rlimit(libc::RLIMIT_NPROC, u64::from(launch.processes) + u64::from(self.shared_user))?;
            sys::rlimit(libc::RLIMIT_DATA, launch.memory_bytes)?;
        }
        self.program = Some(Exec::new(&launch.argv, &launch.env)?);
        drop(launch);
        give_up_rights(self.shared_user)?;
        match &self.program {
            Some(program) => program.exec(),
            None => Err(Fault::new("execve: nothing to execute", "", libc::ENOEXEC)),
        }
    }

    /// Gives the root the size that this program may fill.
    fn make_room(&self, launch: &Launch) -> Result<()> {
        let disk_bytes = launch.disk_bytes + files_bytes(launch);
        if disk_bytes == self.disk_bytes {
            return Ok(());
        }
        let flags = libc::MS_REMOUNT | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOATIME;
        sys::mount("tmpfs", rootfs::ROOT, "tmpfs", flags, &rootfs::root_options(disk_bytes))
    }

    /// For a zygote's child: takes the launch in its place, and writes the files as if from inside its root.
    pub fn prepare(&mut self, job: BorrowedFd<'_>) -> Result<(Launch, Vec<OwnedFd>)> {
        let (launch, mut fds) = receive(job, &mut self.buffer)?;
        self.make_room(&launch)?;
        sys::chroot(rootfs::ROOT)?;
        let written = launch.files.iter().try_for_each(write_file);
        // The current directory is still our own root.
        sys::chroot(".")?;
        written?;
        if !launch.stdin {
            let null = Path::new(rootfs::ROOT).join("dev/null");
            fds.insert(0, File::open(&null).context("open", null)?.into());
        }
        Ok((launch, fds))
    }
}

/// The launch that a parked child was sent, with its descriptors, through this buffer.
pub fn receive(job: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<(Launch, Vec<OwnedFd>)> {
    let Some(received) = sys::receive(job, buffer)? else {
        return Err(Fault::new("receive a job", "", libc::EAGAIN));
    };
    if received.length == 0 {
        sys::exit_now(0); // the supervisor is gone
    }
    let mut fds = received.fds;
    let launch = match &buffer[..received.length] {
        // A launch that did not fit lies in the last descriptor.
        [0] => {
            let file = fds.pop().ok_or_else(|| Fault::new("receive a job: no descriptor", "", libc::EBADMSG))?;
            decode(&read_all(file)?)?
        }
        [_, inline @ ..] => decode(inline)?,
        [] => return Err(Fault::new("receive a job: empty", "", libc::EBADMSG)),
    };
    Ok((launch, fds))
}

/// What files given to a program take beside what it may write.
pub fn files_bytes(launch: &Launch) -> u64 {
    launch.files.iter().map(|file| file.content.len() as u64 + FILE_OVERHEAD_BYTES).sum()
}

/// Limits that every program inherits.
pub fn limit_all() -> Result<()> {
    sys::rlimit(libc::RLIMIT_MEMLOCK, LOCKED_MEMORY_BYTES)?;
    sys::rlimit(libc::RLIMIT_SIGPENDING, PENDING_SIGNALS)?;
    // With 0, mq_open answers EMFILE: no message queue can be left behind.
    sys::rlimit(libc::RLIMIT_MSGQUEUE, 0)?;
    sys::rlimit(libc::RLIMIT_CORE, 0)
}

/// The program's standard streams and channel, as bare numbers: the descriptors are the child's, the memory is the keeper's.
pub struct Descriptors {
    raw: [RawFd; MAX_DESCRIPTORS],
    count: usize,
}

impl Descriptors {
    pub fn new(fds: Vec<OwnedFd>) -> Result<Self> {
        let mut all = Self { raw: [-1; MAX_DESCRIPTORS], count: fds.len() };
        if all.count > MAX_DESCRIPTORS {
            return Err(Fault::new("receive a job: too many descriptors", "", libc::EBADMSG));
        }
        for (raw, fd) in all.raw.iter_mut().zip(fds) {
            *raw = fd.into_raw_fd();
        }
        Ok(all)
    }

    /// With /dev/null in front, if none of these is standard input.
    pub fn with_stdin(mut self, is_there: bool) -> Result<Self> {
        if !is_there && self.count < MAX_DESCRIPTORS {
            self.raw.rotate_right(1);
            self.raw[0] = File::open("/dev/null").context("open", "/dev/null")?.into_raw_fd();
            self.count += 1;
        }
        Ok(self)
    }
}

fn read_all(fd: OwnedFd) -> Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let file = File::from(fd);
    let mut bytes = vec![0; file.metadata().context("fstat", "launch")?.len() as usize];
    file.read_exact_at(&mut bytes, 0).context("read", "launch")?;
    Ok(bytes)
}

/// Files belong to the program, with their directories, but for those below /program, which are ours.
fn write_file(file: &LaunchFile) -> Result<()> {
    let path = Path::new(&file.path);
    let theirs = !path.starts_with(OURS);
    if let Some(parent) = path.parent() {
        make_parents(parent, theirs)?;
    }
    let mut opened =
        fs::OpenOptions::new().write(true).create_new(true).mode(file.mode).open(path).context("create", path)?;
    opened.write_all(&file.content).context("write", path)?;
    opened.set_permissions(fs::Permissions::from_mode(file.mode)).context("chmod", path)?;
    if theirs { chown(path, Some(PROGRAM_ID), Some(PROGRAM_ID)).context("chown", path) } else { Ok(()) }
}

fn make_parents(directory: &Path, theirs: bool) -> Result<()> {
    if directory.exists() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_parents(parent, theirs)?;
    }
    fs::DirBuilder::new().mode(0o755).create(directory).context("mkdir", directory)?;
    if theirs { chown(directory, Some(PROGRAM_ID), Some(PROGRAM_ID)).context("chown", directory) } else { Ok(()) }
}

pub fn limit(launch: &Launch) -> Result<()> {
    sys::rlimit(libc::RLIMIT_NOFILE, launch.open_files)?;
    sys::rlimit(libc::RLIMIT_FSIZE, launch.disk_bytes)?;
    sys::rlimit(libc::RLIMIT_STACK, launch.stack_bytes)
}

/// 0-2 and the channel's two stay open over exec, everything else closes.
pub fn arrange_descriptors(fds: Descriptors, channel: bool) -> Result<()> {
    let wanted = if channel { MAX_DESCRIPTORS } else { FIRST_CHANNEL_FD };
    if fds.count != wanted {
        return Err(Fault::new("receive a job: wrong number of descriptors", "", libc::EBADMSG));
    }
    let mut sources = fds.raw;
    // First out of the way of the targets, or one dup2 could close the next one's source.
    for source in sources[..wanted].iter_mut().filter(|source| **source < wanted as RawFd) {
        // SAFETY: no pointers.
        let copy = unsafe { libc::fcntl(*source, libc::F_DUPFD_CLOEXEC, MAX_DESCRIPTORS) };
        *source = check("fcntl F_DUPFD_CLOEXEC", "", copy.into())? as RawFd;
    }
    sys::set_cloexec_above(FIRST_CHANNEL_FD as u32)?;
    for (target, source) in sources[..wanted].iter().enumerate() {
        // SAFETY: no pointers; dup2 clears close-on-exec on the target.
        check("dup2", "", unsafe { libc::dup2(*source, target as RawFd) }.into())?;
    }
    Ok(())
}

/// no_new_privs and the system call filter came with the keeper's fork.
fn give_up_rights(shared_user: bool) -> Result<()> {
    // A session of its own: kill(0) and the terminal reach nobody else.
    // SAFETY: no pointers.
    check("setsid", "", unsafe { libc::setsid() }.into())?;
    if shared_user {
        sys::drop_capabilities()?
    } else {
        sys::become_user(PROGRAM_ID)?
    }
    // SAFETY: no pointers, cannot fail.
    unsafe { libc::umask(0o022) };
    Ok(())
}

/// A program's arguments and environment, as execve wants them.
pub struct Exec {
    /// The strings that the pointers point into.
    strings: Vec<CString>,
    argv: Vec<*const libc::c_char>,
    env: Vec<*const libc::c_char>,
}

impl Exec {
    pub fn new(argv: &[String], env: &[String]) -> Result<Self> {
        let strings: Vec<_> = argv.iter().chain(env).map(sys::c_string).collect::<Result<_>>()?;
        let (argv, env) = strings.split_at(argv.len());
        let pointers = |texts: &[CString]| texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect();
        Ok(Self { argv: pointers(argv), env: pointers(env), strings })
    }

    /// Comes back only if it fails.
    pub fn exec(&self) -> Result<std::convert::Infallible> {
        let Some(path) = self.strings.first() else { return Err(Fault::new("execve: empty argv", "", libc::EINVAL)) };
        // SAFETY: NULL-terminated arrays of NUL-terminated strings that outlive the call.
        unsafe { libc::execve(path.as_ptr(), self.argv.as_ptr(), self.env.as_ptr()) };
        Err(Fault::last("execve", path.to_string_lossy().as_ref()))
    }
}
