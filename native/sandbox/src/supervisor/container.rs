//! Slots made by crun: the keeper is the entry point of an OCI container.
//!
//! The container is made of what a native slot is made of. Its user and network namespace are made ahead, under the slot's
//! own uid, and joined by path; crun makes the others, mounts /proc, enters the root and gives the entry point the few
//! capabilities that a keeper needs. Bundle and state lie on a tmpfs of the builder's own mount namespace, so that a
//! container's end leaves nothing to delete.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::builder::clone_in_user_namespace;
use super::ids::Ids;
use crate::fault::{Context, Fault, Result};
use crate::slot::Keeper;
use crate::slot::contained::{self, Entry};
use crate::sys;

/// A crun that takes longer is stuck.
const PATIENCE_SECONDS: u32 = 30;
const NAME: &str = "slot";
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

pub struct Crun {
    /// The program as a sealed memfd. From anywhere else crun first copies itself into one, for half of its CPU time.
    pub program: File,
    bundle: PathBuf,
}

impl Crun {
    /// Once per supervisor, in its own mount namespace.
    pub fn prepare(program: &str, base: &Path) -> Result<Self> {
        let content = fs::read(program).context("read", program)?;
        let program = sys::sealed_memfd(c"crun", &content)?;
        // crun 1.8 refuses a machine that has cgroup v2 mounted here beside v1. It has no business with control groups in
        // the first place, so it is not shown this one.
        match sys::detach("/sys/fs/cgroup/unified") {
            Err(fault) if !fault.is(libc::ENOENT) && !fault.is(libc::EINVAL) => return Err(fault),
            _ => {}
        }
        let bundle = base.join("bundle");
        fs::create_dir(&bundle).context("mkdir", &bundle)?;
        Ok(Self { program, bundle })
    }

    /// Makes and starts the container; the keeper's pid.
    pub fn create(&self, keeper: Keeper, ids: &Ids, slot: u32) -> Result<i32> {
        // SAFETY: no pointers. The signal ends this builder and with it whatever hangs.
        unsafe { libc::alarm(PATIENCE_SECONDS) };
        sys::mount("tmpfs", &self.bundle, "tmpfs", libc::MS_NOSUID | libc::MS_NODEV, "mode=0700,size=1m")?;
        // crun puts the devices of its own list there.
        let dev = keeper.parts.directory.join("dev");
        chown(&dev, ids.root_of(slot), ids.root_of(slot)).context("chown", dev)?;
        let namespaces = Namespaces::make(ids, slot)?;
        let program = File::open("/proc/self/exe").context("open", "/proc/self/exe")?;
        let Entry { arguments, fds } = contained::entry(&keeper, &program)?;
        let config = self.bundle.join("config.json");
        let text = config_json(&keeper.parts.directory, &arguments, namespaces.holder).to_string();
        fs::write(&config, text).context("write", config)?;
        self.run(&fds)?;
        namespaces.let_go()?;
        let pid = self.bundle.join("pid");
        let text = fs::read_to_string(&pid).context("read", &pid)?;
        text.trim().parse().map_err(|_| Fault::new("parse", pid, libc::EBADMSG))
    }

    fn run(&self, preserved: &[BorrowedFd<'_>]) -> Result<()> {
        let path = |name: &str| self.bundle.join(name).display().to_string();
        let (root, bundle, pid) = (path("state"), self.bundle.display().to_string(), path("pid"));
        let count = preserved.len().to_string();
        let mut argv = vec!["crun", "--cgroup-manager=disabled", "--root", &root, "run", "--detach"];
        argv.extend(["--no-new-keyring", "--preserve-fds", &count, "--pid-file", &pid, "--bundle", &bundle, NAME]);
        let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
        let mut said = sys::memfd(c"crun-stderr")?;
        let streams = [stdin.as_fd(), stdout.as_fd(), said.as_fd()];
        let code = sys::execute(&self.program, &argv, &[&streams, preserved].concat())?;
        if code == 0 {
            return Ok(());
        }
        let mut text = String::new();
        said.rewind().and_then(|()| said.read_to_string(&mut text)).context("read", "crun")?;
        Err(Fault::new(&format!("crun run failed with exit code {code}: {}", text.trim()), "", 0))
    }
}

/// A user and a network namespace, and a process that keeps them until others are in them.
struct Namespaces {
    holder: i32,
    hold: OwnedFd,
}

impl Namespaces {
    fn make(ids: &Ids, slot: u32) -> Result<Self> {
        let (held, hold) = sys::pipe()?;
        let Some(holder) = clone_in_user_namespace(libc::CLONE_NEWNET | libc::SIGCHLD, ids, slot)? else {
            drop(hold);
            // Returns when the builder lets go or dies.
            let _ = sys::read_at_most(&held, &mut [0]);
            sys::exit_now(0);
        };
        Ok(Self { holder, hold })
    }

    fn let_go(self) -> Result<()> {
        File::from(self.hold).write_all(&[1]).context("write", "holder")?;
        sys::wait_for(self.holder).map(drop)
    }
}

fn config_json(root: &Path, arguments: &[String], holder: i32) -> Value {
    let namespace = |kind: &str| json!({"type": kind});
    let joined = |kind: &str, name: &str| json!({"type": kind, "path": format!("/proc/{holder}/ns/{name}")});
    json!({
        "ociVersion": "1.0.0",
        "root": {"path": root},
        "hostname": "assay",
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
        "mounts": [{
            "destination": "/proc",
            "type": "proc",
            "source": "proc",
            "options": ["nosuid", "nodev", "noexec", "hidepid=invisible"],
        }],
        "linux": {
            "namespaces": [
                joined("user", "user"),
                joined("network", "net"),
                namespace("mount"),
                namespace("pid"),
                namespace("ipc"),
                namespace("uts"),
            ],
        },
    })
}
