//! From parked child to program: receive the launch, write the files, give up every right, exec.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

use crate::fault::{Context, Fault, Result};
use crate::rootfs;
use crate::seccomp;
use crate::sys::{self, check};
use crate::wire::{FromParked, Launch, LaunchFile, decode, encode};

/// The program's user and group inside.
pub const PROGRAM_ID: u32 = 1000;
const WORK: &str = "/work";
const LOCKED_MEMORY_BYTES: u64 = 64 * 1024;
const PENDING_SIGNALS: u64 = 1024;
const FIRST_CHANNEL_FD: i32 = 3;

/// What the keeper makes once and every parked child inherits, so that no run pays for it.
pub struct Inherited {
    filter: Vec<libc::sock_filter>,
    buffer: Vec<u8>,
    disk_bytes: u64,
}

impl Inherited {
    /// `disk_bytes`: what the program's root holds unless the job wants otherwise.
    pub fn new(disk_bytes: u64) -> Result<Self> {
        sys::rlimit(libc::RLIMIT_MEMLOCK, LOCKED_MEMORY_BYTES)?;
        sys::rlimit(libc::RLIMIT_SIGPENDING, PENDING_SIGNALS)?;
        // With 0, mq_open answers EMFILE: no message queue can be left behind.
        sys::rlimit(libc::RLIMIT_MSGQUEUE, 0)?;
        sys::rlimit(libc::RLIMIT_CORE, 0)?;
        Ok(Self { filter: seccomp::filter(), buffer: vec![0; sys::MESSAGE_BYTES], disk_bytes })
    }
}

/// The parked child's whole life; never returns.
pub fn run(job: BorrowedFd<'_>, inherited: &mut Inherited) -> ! {
    let Err(fault) = become_program(job, inherited);
    // Nobody is left to tell if this fails too: the exit code says it then.
    if let Ok(message) = encode(&FromParked::Failed(fault)) {
        let _ = sys::send(job, &message, &[]);
    }
    sys::exit_now(127)
}

fn become_program(job: BorrowedFd<'_>, inherited: &mut Inherited) -> Result<std::convert::Infallible> {
    let Inherited { filter, buffer, disk_bytes: default_disk_bytes } = inherited;
    sys::prctl("prctl PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
    sys::set_process_name(c"assay-parked");
    unblock_signals()?;
    // Opened now: after the change of user the file belongs to nobody we are.
    let oom_score = fs::OpenOptions::new()
        .write(true)
        .open("/proc/self/oom_score_adj")
        .context("open", "/proc/self/oom_score_adj")?;

    sys::send(job, &encode(&FromParked::Parked)?, &[])?;
    let Some(received) = sys::receive(job, buffer)? else {
        return Err(Fault::new("receive a job", "", libc::EAGAIN));
    };
    if received.length == 0 {
        sys::exit_now(0); // the supervisor is gone
    }
    let mut fds = received.fds;
    let launch: Launch = match &buffer[..received.length] {
        // A launch that did not fit lies in the last descriptor.
        [0] => {
            let file = fds.pop().ok_or_else(|| Fault::new("receive a job: no descriptor", "", libc::EBADMSG))?;
            decode(&read_all(file)?)?
        }
        [_, inline @ ..] => decode(inline)?,
        [] => return Err(Fault::new("receive a job: empty", "", libc::EBADMSG)),
    };

    let disk_bytes = launch.disk_bytes + launch.files.iter().map(|file| file.content.len() as u64 + 8192).sum::<u64>();
    if disk_bytes != *default_disk_bytes {
        let flags = libc::MS_REMOUNT | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOATIME;
        sys::mount("tmpfs", rootfs::ROOT, "tmpfs", flags, &rootfs::root_options(disk_bytes))?;
    }
    sys::chroot(rootfs::ROOT)?;
    std::env::set_current_dir(WORK).context("chdir", WORK)?;
    launch.files.iter().try_for_each(write_file)?;
    (&oom_score).write_all(b"1000").context("write", "/proc/self/oom_score_adj")?;
    arrange_descriptors(&fds, launch.channel)?;
    // After the last descriptor of ours: a low limit is the program's, not ours.
    limit(&launch)?;
    let argv = strings(&launch.argv)?;
    let env = strings(&launch.env)?;
    give_up_rights()?;
    seccomp::install(filter)?;
    exec(&argv, &env)
}

/// The keeper takes SIGCHLD from a descriptor; a program starts with nothing blocked.
fn unblock_signals() -> Result<()> {
    // SAFETY: sigset_t is plain data and filled before use.
    let result = unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut())
    };
    check("sigprocmask", "", result.into()).map(drop)
}

fn read_all(fd: OwnedFd) -> Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let file = File::from(fd);
    let mut bytes = vec![0; file.metadata().context("fstat", "launch")?.len() as usize];
    file.read_exact_at(&mut bytes, 0).context("read", "launch")?;
    Ok(bytes)
}

/// Files below /work belong to the program, with their directories; all others to the slot's root.
fn write_file(file: &LaunchFile) -> Result<()> {
    let path = Path::new(&file.path);
    let theirs = path.starts_with(WORK);
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

fn limit(launch: &Launch) -> Result<()> {
    sys::rlimit(libc::RLIMIT_NOFILE, launch.open_files)?;
    sys::rlimit(libc::RLIMIT_FSIZE, launch.disk_bytes)?;
    sys::rlimit(libc::RLIMIT_STACK, launch.stack_bytes)
}

/// 0-2 and the channel's two stay open over exec, everything else closes.
fn arrange_descriptors(fds: &[OwnedFd], channel: bool) -> Result<()> {
    let wanted = if channel { FIRST_CHANNEL_FD + 2 } else { FIRST_CHANNEL_FD };
    if fds.len() != wanted as usize {
        return Err(Fault::new("receive a job: wrong number of descriptors", "", libc::EBADMSG));
    }
    // First out of the way of the targets, or one dup2 could close the next one's source.
    let mut high = Vec::with_capacity(fds.len());
    for fd in fds {
        // SAFETY: no pointers.
        let copy = unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_DUPFD_CLOEXEC, 64) };
        high.push(check("fcntl F_DUPFD_CLOEXEC", "", copy.into())? as i32);
    }
    sys::set_cloexec_above(FIRST_CHANNEL_FD as u32)?;
    for (target, source) in high.iter().enumerate() {
        // SAFETY: no pointers; dup2 clears close-on-exec on the target.
        check("dup2", "", unsafe { libc::dup2(*source, target as i32) }.into())?;
    }
    Ok(())
}

fn give_up_rights() -> Result<()> {
    // A session of its own: kill(0) and the terminal reach nobody else.
    // SAFETY: no pointers in any of these calls.
    unsafe {
        check("setsid", "", libc::setsid().into())?;
        check("setgroups", "", libc::setgroups(0, std::ptr::null()).into())?;
        check("setresgid", "", libc::setresgid(PROGRAM_ID, PROGRAM_ID, PROGRAM_ID).into())?;
        // Leaving uid 0 empties the capability sets; the bounding set went when the slot was made.
        check("setresuid", "", libc::setresuid(PROGRAM_ID, PROGRAM_ID, PROGRAM_ID).into())?;
        libc::umask(0o022);
    }
    sys::prctl("prctl PR_SET_NO_NEW_PRIVS", libc::PR_SET_NO_NEW_PRIVS, 1)
}

fn strings(texts: &[String]) -> Result<Vec<CString>> {
    texts.iter().map(sys::c_string).collect()
}

fn exec(argv: &[CString], env: &[CString]) -> Result<std::convert::Infallible> {
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv_pointers, env_pointers) = (pointers(argv), pointers(env));
    let Some(path) = argv.first() else { return Err(Fault::new("execve: empty argv", "", libc::EINVAL)) };
    // SAFETY: NULL-terminated arrays of NUL-terminated strings that outlive the call.
    unsafe { libc::execve(path.as_ptr(), argv_pointers.as_ptr(), env_pointers.as_ptr()) };
    Err(Fault::last("execve", path.to_string_lossy().as_ref()))
}
