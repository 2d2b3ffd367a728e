//! What the processes say to each other: MessagePack, one message a datagram, descriptors beside it.
//!
//! ```text
//! engine  --ToSupervisor-->  supervisor  --ToKeeper-->    keeper
//!         <--FromSupervisor--            <--FromKeeper--
//!                            supervisor  --Launch-->      parked child (becomes the program), or the keeper for it
//!                                        <--FromParked--
//! ```

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Result};

/// The program's user and group inside.
pub const PROGRAM_ID: u32 = 1000;
/// What a parked child that could not become the program exits with; a program may too, so a message goes before it.
pub const START_FAILED: i32 = 127;
/// A launch longer than this travels in a sealed memfd, as the message's last descriptor.
pub const INLINE_LAUNCH_BYTES: usize = 32 * 1024;
/// The most slots of an instance.
pub const MAX_SLOTS: u32 = 1024;

#[derive(Debug, Serialize, Deserialize)]
pub enum ToSupervisor {
    /// Descriptor: the library that holds crun, if `runtime` is that, or that of zygotes, if there are flavours.
    Start(Start),
    /// Descriptors: stdin if `stdin`, stdout, stderr, then channel in and out if `channel`, then the launch if `launch` is
    /// empty.
    Job(Job),
    Cancel {
        run_id: u64,
    },
    /// Twice the output limit has been read.
    OutputExceeded {
        run_id: u64,
    },
    Shutdown,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum FromSupervisor {
    /// The first message: what it found and took.
    Instance { name: String, cgroup: String, uids: (u32, u32) },
    /// Every slot is ready.
    Started,
    /// The sandbox cannot start here; the message says what to do.
    Refused { permission: bool, message: String },
    /// A slot has a new keeper.
    Keeper { slot: u32, pid: i32 },
    /// A zygote of this flavour is there, or why it could not be.
    Zygote { flavour: u32, problem: Option<String> },
    /// Descriptors: the collected files, in the order of `collected`.
    Ended(Box<Ended>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    pub slots: u32,
    /// That this engine may use; where more wants to run, clocks are kept otherwise.
    pub cores: u32,
    /// That all runs together may use; past it, who uses more than was reserved for it may be evicted.
    pub memory_bytes: u64,
    pub state_dir: String,
    /// The first is that of slots until a job asks for another.
    pub images: Vec<Rootfs>,
    pub uid_base: u32,
    pub fresh: Fresh,
    /// Without control groups too.
    pub allow_degraded: bool,
    pub runtime: RuntimeKind,
    /// What zygotes there may be; a job names one of them by its place here.
    pub flavours: Vec<Flavour>,
    /// Scripts of ours that zygotes compile ahead.
    pub known: Vec<Known>,
}

impl Start {
    /// Slots that are made: of those that are used once there are as many again, made while others run.
    pub fn pooled_slots(&self) -> u32 {
        match self.runtime.used_once() {
            false => self.slots,
            true => self.slots.saturating_mul(2).clamp(self.slots, MAX_SLOTS.max(self.slots)),
        }
    }
}

/// Who makes a slot, its namespaces and mounts, and how often it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuntimeKind {
    /// A builder.
    Native,
    /// The crun program at this path.
    Crun { program: String },
    /// Nobody: there are no namespaces. Below `scratch` each slot has a directory of its own.
    Landlock { scratch: String },
}

impl RuntimeKind {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Crun { .. } => "crun",
            Self::Landlock { .. } => "landlock",
        }
    }

    /// A slot is made anew after each run, instead of being renewed.
    pub fn used_once(&self) -> bool {
        match self {
            Self::Native | Self::Landlock { .. } => false,
            Self::Crun { .. } => true,
        }
    }

    /// It cannot do with the rights that a user namespace gives.
    pub fn needs_root(&self) -> bool {
        match self {
            Self::Native | Self::Landlock { .. } => false,
            Self::Crun { .. } => true,
        }
    }

    /// The supervisor and its slots have namespaces of their own, and mount in them.
    pub fn has_namespaces(&self) -> bool {
        !matches!(self, Self::Landlock { .. })
    }
}

/// What is made new after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fresh {
    /// What cannot prove that the run left it as it was.
    Proved,
    /// Everything that a run can change.
    Always,
    /// Nothing: a keeper's, that is used once.
    Never,
}

/// A Python that has started already: for programs of this image that are run with exactly these words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flavour {
    pub image: u32,
    pub argv: Vec<String>,
    pub env: Vec<String>,
    /// The path of what it runs.
    pub script: String,
    /// Modules that are imported ahead, those of them that are there.
    pub usual: Vec<String>,
    /// Without these it is not ready.
    pub named: Vec<String>,
}

/// What may be in a script of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Known {
    #[serde(with = "serde_bytes")]
    pub text: Vec<u8>,
}

/// A zygote's first message, from its keeper.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Sixth argument of the calls that the filter lets through for a zygote alone.
    pub pass: u64,
    pub script: String,
    pub usual: Vec<String>,
    pub named: Vec<String>,
    /// What the script may be, compiled ahead.
    pub known: Vec<Known>,
}

/// What programs see as their file system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Rootfs {
    /// Directories of this machine, each at its own path.
    Host { trees: Vec<String> },
    /// Directories that lie over each other, the topmost first.
    Image { layers: Vec<String> },
}

/// What `unpack` says of an image.
#[derive(Debug, Serialize, Deserialize)]
pub struct Unpacked {
    /// Directories, the topmost first.
    pub layers: Vec<String>,
    /// PATH of its programs.
    pub path: String,
    /// Of the tools that were asked for, where they are inside.
    pub tools: BTreeMap<String, String>,
}

/// A layer in the store.
#[derive(Debug, Serialize, Deserialize)]
pub struct Layer {
    pub digest: String,
    pub bytes: u64,
    pub in_use: bool,
}

/// What is in the store.
#[derive(Debug, Serialize, Deserialize)]
pub struct Inventory {
    pub layers: Vec<Layer>,
    /// Of each image that was asked for, the digests of its layers, the topmost first; or why it cannot be used.
    pub images: Vec<std::result::Result<Vec<String>, String>>,
}

/// What was removed from the store.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Pruned {
    pub layers: Vec<Layer>,
    /// Of layers that a killed process had half unpacked or half removed.
    pub leftover_bytes: u64,
    /// Layers that are still there.
    pub in_use: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    pub run_id: u64,
    /// Which of `Start::images` the program sees.
    pub image: u32,
    /// Which of `Start::flavours` it may be, if any.
    pub flavour: Option<u32>,
    pub limits: JobLimits,
    /// Memory that is its own whatever others use.
    pub reserved_bytes: u64,
    pub collect: Vec<String>,
    #[serde(with = "serde_bytes")]
    pub launch: Vec<u8>,
    /// The run that it talks with: while that one is at work, this one's clock stands still.
    pub partner: Option<u64>,
}

/// The limits that the supervisor enforces.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobLimits {
    pub cpu_ns: u64,
    pub wall_ns: u64,
    pub memory_bytes: u64,
    pub processes: u32,
    pub cpus: f64,
}

/// What the parked child needs to become the program.
#[derive(Debug, Serialize, Deserialize)]
pub struct Launch {
    pub argv: Vec<String>,
    pub env: Vec<String>,
    /// It may be a fork of this zygote.
    pub flavour: Option<u32>,
    pub files: Vec<LaunchFile>,
    /// A descriptor for standard input came along; otherwise it is /dev/null.
    pub stdin: bool,
    /// The program gets a pair of pipes as descriptors 3 and 4.
    pub channel: bool,
    pub disk_bytes: u64,
    pub open_files: u64,
    pub stack_bytes: u64,
    /// For machines without control groups.
    pub memory_bytes: u64,
    pub processes: u32,
    pub cpu_ns: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct LaunchFile {
    pub path: String,
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
    pub mode: u32,
}

/// Why the supervisor ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    Cpu,
    Wall,
    Output,
    Cancel,
    /// Others needed the memory that it used beyond what was reserved for it; nothing follows about the program.
    Evicted,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ended {
    pub run_id: u64,
    /// Ours: nothing follows about the program, unless the evidence below speaks against it.
    pub fault: Option<Fault>,
    /// As waitpid gives it; None if the keeper was lost.
    pub status: Option<i32>,
    pub stopped_by: Option<Stop>,
    pub cpu_ns: u64,
    pub wall_ns: u64,
    /// It waited here for a slot that was ready, and until cores were less scarce.
    pub held_ns: u64,
    pub peak_memory_bytes: u64,
    pub oom_kills: u64,
    pub refused_processes: u64,
    /// It was a fork of a zygote.
    pub warm: bool,
    pub collected: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum ToKeeper {
    Collect {
        paths: Vec<String>,
    },
    /// Every other process of the slot, where there is no control group to find them by.
    Kill,
    /// Starts a zygote, before the next renewal. Descriptors: both ends of two pairs of sockets, which must not be of the
    /// slot's network, and the zygote's library.
    Warm {
        flavour: u32,
    },
    /// Descriptor: the control group of the next run, where each has a new one. The next child comes from the zygote of
    /// this flavour, if there is one.
    Renew {
        flavour: Option<u32>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum FromKeeper {
    /// The first process ended; `empty`: nothing else was left.
    Exited { status: i32, empty: bool, warm: bool },
    /// The last process that was left is gone.
    Empty,
    /// Descriptors: one file per path.
    Collected { paths: Vec<String> },
    /// The slot could not be made or renewed; the keeper ends.
    Failed(Fault),
    /// The run uses more than it may of what no control group counts, and every process of it is being killed. Comes
    /// before `Exited`.
    Exceeded(Exceeded),
    /// The most memory that was seen at once, in bytes, how many new processes were refused, and the CPU time of those that
    /// the keeper has reaped. Comes before `Exited`, and before `Empty`.
    Counted { peak_bytes: u64, refused_processes: u64, cpu_ns: u64 },
    /// A process is about to make the first socket of its run; told by a keeper that does not renew the network itself.
    SocketMade,
    /// There is no such zygote any more, or there never was one.
    Cold { flavour: u32, reason: String },
}

/// What the keeper watches where there are no control groups and no file systems of a run's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exceeded {
    Memory,
    Disk,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum FromParked {
    Parked,
    /// From a zygote: it is one from now on.
    Ready,
    /// The program could not be started.
    Failed(Fault),
}

pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>> {
    rmp_serde::to_vec(message).map_err(|error| Fault::new(&format!("encode a message: {error}"), "", libc::EINVAL))
}

pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    rmp_serde::from_slice(bytes).map_err(|error| Fault::new(&format!("decode a message: {error}"), "", libc::EBADMSG))
}
