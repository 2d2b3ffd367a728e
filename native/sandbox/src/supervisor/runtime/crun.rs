//! Slots made by crun: the keeper is the entry point of an OCI container.
//!
//! The container is made of what a native slot is made of. What lives as long as a native slot lives as long as the
//! builder, which makes one container after the other in it: the mounts, the control group, and the user, network, IPC and
//! UTS namespace, made under the slot's own uid and joined by path. crun makes the other namespaces, mounts /proc, enters the
//! root and gives the entry point the few capabilities that a keeper needs. Bundle and state lie on a tmpfs of the
//! builder's own mount namespace; of a dead container there is nothing to delete but three files there.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys;
use serde_json::{Value, json};

use super::held::HeldCrun;
use super::{Born, Runtime, Workshop};
use crate::keeper::Keeper;
use crate::keeper::contained::{self, Entry};
use crate::supervisor::ids::Ids;
use crate::supervisor::user_namespace::clone_in_user_namespace;

/// A crun that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(20);
/// All that a container needs; longer than crun alone is waited for, so that its fault can be told.
const CONTAINER_SECONDS: u32 = 30;
const NAME: &str = "slot";
const STATE: &str = "state";
const STREAMS: usize = 3;
/// What the keeper needs until it gives up everything: mounts and namespaces, the change of user, other users' files, the
/// loopback interface, the number of user namespaces.
const CAPABILITIES: [&str; 9] = [
    "CAP_SYS_ADMIN",
    "CAP_SYS_CHROOT",
    "CAP_SETUID",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_NET_ADMIN",
    "CAP_SYS_RESOURCE",
];

pub struct CrunRuntime {
    /// The program as a sealed memfd. From anywhere else crun first copies itself into one, for half of its CPU time.
    program: File,
    /// The library that holds it, where it takes one.
    hold: Option<File>,
    bundle: PathBuf,
}

impl CrunRuntime {
    /// Once per supervisor, in its own mount namespace.
    pub fn prepare(program: &str, hold: Option<File>, base: &Path) -> Result<Self> {
        let content = fs::read(program).context("read", program)?;
        if !content.starts_with(b"\x7fELF") {
            return Err(Fault::new(
                "crun has to be the program itself, and this is no ELF file",
                program,
                libc::ENOEXEC,
            ));
        }
        let program = sys::sealed_memfd(c"crun", &content)?;
        let trial = hold.as_ref().map(|library| HeldCrun::start(&program, library, &["crun", "--version"]));
        let hold = match trial.transpose()?.flatten() {
            Some(held) => held.end().map(|()| hold)?,
            None => None,
        };
        // crun 1.8 refuses a machine that has cgroup v2 mounted here beside v1. It has no business with control groups in
        // the first place, so it is not shown this one.
        match sys::detach("/sys/fs/cgroup/unified") {
            Err(fault) if !fault.is(libc::ENOENT) && !fault.is(libc::EINVAL) => return Err(fault),
            _ => {}
        }
        let bundle = base.join("bundle");
        fs::create_dir(&bundle).context("mkdir", &bundle)?;
        Ok(Self { program, hold, bundle })
    }
}

impl Runtime for CrunRuntime {
    fn fds(&self) -> Vec<BorrowedFd<'_>> {
        [self.program.as_fd()].into_iter().chain(self.hold.as_ref().map(AsFd::as_fd)).collect()
    }

    fn workshop<'a>(&'a self, root: &Path, ids: &'a Ids, slot: u32) -> Result<Box<dyn Workshop + 'a>> {
        Ok(Box::new(Containers::prepare(self, root, ids, slot)?))
    }
}

/// Those of one slot, one at a time.
struct Containers<'a> {
    starter: Starter<'a>,
    /// The container's root.
    root: PathBuf,
    namespaces: Namespaces,
    /// The static program, as the containers' entry point.
    program: File,
    /// The last container's keeper, our child by now.
    keeper: Option<i32>,
}

impl<'a> Containers<'a> {
    fn prepare(crun: &'a CrunRuntime, root: &Path, ids: &Ids, slot: u32) -> Result<Self> {
        // The keepers are our children, so that we see their end.
        sys::prctl("prctl PR_SET_CHILD_SUBREAPER", libc::PR_SET_CHILD_SUBREAPER, 1)?;
        sys::mount("tmpfs", &crun.bundle, "tmpfs", libc::MS_NOSUID | libc::MS_NODEV, "mode=0700,size=1m")?;
        let namespaces = Namespaces::make(ids, slot)?;
        let program = File::open("/proc/self/exe").context("open", "/proc/self/exe")?;
        let starter = Starter { crun, held: None };
        Ok(Self { starter, root: root.to_owned(), namespaces, program, keeper: None })
    }
}

impl Workshop for Containers<'_> {
    /// Makes and starts a container; its keeper's pid comes over `started`.
    fn make_keeper(&mut self, keeper: Keeper, started: &OwnedFd) -> Result<Born> {
        // SAFETY: no pointers. The signal ends this builder and with it whatever hangs.
        unsafe { libc::alarm(CONTAINER_SECONDS) };
        self.keeper.take().map(sys::wait_for).transpose()?;
        let Entry { arguments, fds } = contained::entry(&keeper, &self.program)?;
        let bundle = &self.starter.crun.bundle;
        let config = bundle.join("config.json");
        if config.exists() {
            let state = bundle.join(STATE).join(NAME);
            fs::remove_dir_all(&state).context("remove", state)?;
        } else {
            let text = config_json(&self.root, &arguments, &self.namespaces).to_string();
            fs::write(&config, text).context("write", config)?;
        }
        let keeper_pid = self.starter.run(&fds, started)?;
        self.keeper = Some(keeper_pid);
        // SAFETY: no pointers.
        unsafe { libc::alarm(0) };
        sys::send(started, b"g", &[])?;
        Ok(Born { keeper_pid, held_pid: self.starter.held.as_ref().map(|held| held.pid) })
    }
}

/// Starts cruns: forks of a held one, where crun takes the library.
struct Starter<'a> {
    crun: &'a CrunRuntime,
    held: Option<HeldCrun>,
}

impl Starter<'_> {
    /// `crun run` with these descriptors; its pid.
    fn start(&mut self, fds: &[BorrowedFd<'_>]) -> Result<i32> {
        let path = |name: &str| self.crun.bundle.join(name).display().to_string();
        let (root, bundle, preserved) = (path(STATE), path("."), (fds.len() - STREAMS).to_string());
        let mut argv = vec!["crun", "--cgroup-manager=disabled", "--root", &root, "run", "--no-new-keyring"];
        argv.extend(["--preserve-fds", &preserved, "--bundle", &bundle, NAME]);
        let Some(library) = &self.crun.hold else { return sys::execute(&self.crun.program, &argv, &[], fds) };
        if let Some(held) = self.held.take() {
            match held.fork(fds) {
                Ok(pid) => {
                    self.held = Some(held);
                    return Ok(pid);
                }
                // A program's memory may have been its end.
                Err(_) => held.end()?,
            }
        }
        match HeldCrun::start(&self.crun.program, library, &argv)? {
            Some(held) => self.held.insert(held).fork(fds),
            None => Err(Fault::new("crun took the library that holds it once, and then no more", "", 0)),
        }
    }

    fn run(&mut self, preserved: &[BorrowedFd<'_>], started: &OwnedFd) -> Result<i32> {
        let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
        let mut said = sys::memfd(c"crun-stderr")?;
        let streams: [_; STREAMS] = [stdin.as_fd(), stdout.as_fd(), said.as_fd()];
        let crun = self.start(&[&streams, preserved].concat())?;
        let end = sys::pidfd_open(crun)?;
        let ready = sys::poll([started, &end], Some(PATIENCE))?;
        if let [true, _] = ready {
            let keeper = sys::receive(started, &mut [0; 8])?.map_or(0, |received| received.pid);
            // It would only wait for the container's end. To detach it forks twice more, which costs more than all of this.
            sys::pidfd_kill(&end)?;
            sys::wait_for(crun)?;
            return Ok(keeper);
        }
        sys::pidfd_kill(&end)?;
        let code = sys::wait_for(crun)?;
        let mut text = Vec::new();
        said.rewind().and_then(|()| said.read_to_end(&mut text)).context("read", "crun")?;
        let how = match ready {
            [false, false] => format!("started nothing in {} s", PATIENCE.as_secs()),
            _ => format!("failed with exit code {code}"),
        };
        Err(Fault::new(&format!("crun run {how}; it said {:?}", String::from_utf8_lossy(&text).trim()), "", 0))
    }
}

/// The namespaces that the containers of a slot share, as crun names them.
struct Namespaces(Vec<(&'static str, File)>);

impl Namespaces {
    fn make(ids: &Ids, slot: u32) -> Result<Self> {
        let (held, hold) = sys::pipe()?;
        let flags = libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
        let Some(holder) = clone_in_user_namespace(flags | libc::SIGCHLD, ids, slot)? else {
            drop(hold);
            // Returns when the builder lets go or dies.
            let _ = sys::read_at_most(&held, &mut [0]);
            sys::exit_now(0);
        };
        let open = |(kind, name): (&'static str, &str)| {
            let path = format!("/proc/{holder}/ns/{name}");
            Ok((kind, File::open(&path).context("open", path)?))
        };
        let all = [("user", "user"), ("network", "net"), ("ipc", "ipc"), ("uts", "uts")];
        let namespaces = Self(all.into_iter().map(open).collect::<Result<_>>()?);
        drop((held, hold));
        sys::wait_for(holder)?;
        Ok(namespaces)
    }
}

fn config_json(root: &Path, arguments: &[String], namespaces: &Namespaces) -> Value {
    let joined = namespaces.0.iter().map(|(kind, held)| {
        let path = format!("/proc/{}/fd/{}", sys::getpid(), held.as_raw_fd());
        json!({"type": kind, "path": path})
    });
    let made = ["mount", "pid"].map(|kind| json!({"type": kind}));
    json!({
        "ociVersion": "1.0.0",
        "root": {"path": root},
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "cwd": "/",
            "args": arguments,
            "capabilities": {
                "bounding": CAPABILITIES,
                "effective": CAPABILITIES,
                "permitted": CAPABILITIES,
            },
        },
        "mounts": [
            {
                "destination": "/proc",
                "type": "proc",
                "source": "proc",
                "options": ["nosuid", "nodev", "noexec", "hidepid=invisible"],
            },
            // With a /dev from here crun does not make its own list of devices, which takes it six mounts.
            {
                "destination": "/dev",
                "type": "bind",
                "source": root.join("devices"),
                "options": ["rbind"],
            },
        ],
        "linux": {
            "namespaces": joined.chain(made).collect::<Vec<_>>(),
        },
    })
}
