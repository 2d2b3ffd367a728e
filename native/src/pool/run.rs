//! One run under way: what the caller asks, its pipes, and how it completes.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, Epoll, READABLE};
use assay_shared::wire::{Ended, Flavour, INLINE_LAUNCH_BYTES, Job, JobLimits, Launch, LaunchFile, Stop, encode};

use super::dialogue::Input;
use super::output::Output;

/// Epoll tokens of a run: its id is stdout's, then stderr, the channel, and an input that another run writes.
pub const TOKENS: u64 = 4;
pub const INPUT: usize = 3;
/// Stacks count as memory once touched; the limit only has to be out of the way.
const MAX_STACK_BYTES: u64 = 1 << 30;

/// Packages here are seen by Python as it starts.
const USER_SITE: &str = "/work/.local/";

/// A job as the caller describes it; units are in the names.
pub struct Request {
    /// Which of `Start::images` the program sees.
    pub image: u32,
    /// Which of `Start::flavours` it may be a fork of.
    pub flavour: Option<u32>,
    pub argv: Vec<String>,
    pub env: Vec<String>,
    pub files: Vec<(String, Vec<u8>, u32)>,
    pub collect: Vec<String>,
    pub stdin: Vec<u8>,
    pub channel: Option<Vec<u8>>,
    pub merge_stderr: bool,
    pub cpu_seconds: f64,
    pub wall_seconds: f64,
    pub memory_bytes: u64,
    pub output_bytes: u64,
    pub disk_bytes: u64,
    pub processes: u32,
    pub open_files: u64,
    pub cpus: f64,
    /// Of the memory; a run that uses more may be evicted.
    pub reserved_bytes: u64,
}

/// How one job ended: either `fault` is set, or the rest is fact.
pub struct Completion {
    pub run_id: u64,
    pub fault: Option<String>,
    /// No program can have brought the fault about.
    pub blameless: bool,
    pub ended: Ended,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub stdout_truncated: bool,
    pub stderr_truncated: bool,
    pub channel: Vec<u8>,
    pub files: Vec<(String, Vec<u8>)>,
}

pub struct Prepared {
    pub job: Job,
    pub fds: Vec<Arc<OwnedFd>>,
    pub run: PendingRun,
}

pub struct PendingRun {
    /// stdout, stderr, channel.
    pub outputs: [Option<Output>; 3],
    /// Where it talks with another run, which is `partner`.
    pub input: Option<Input>,
    pub partner: Option<u64>,
    /// The program's ends of these pipes: while we hold them too, no reading end reports that it is at its end.
    writers: Vec<Arc<OwnedFd>>,
    disk_bytes: u64,
    told_exceeded: bool,
}

/// Makes the pipes, the sealed standard input and the message; of one that `talks`, its input is the other's words.
pub fn prepare(request: Request, flavours: &[Flavour], talks: bool) -> Result<Prepared> {
    let flavour = request.flavour.filter(|flavour| is_of_flavour(&request, flavours.get(*flavour as usize)));
    let mut fds = Vec::new();
    let mut input_by_run = None;
    if talks {
        let (input, theirs) = Input::new()?;
        input_by_run = Some(input);
        fds.push(theirs);
    } else if !request.stdin.is_empty() {
        // Nothing to read is the slot's own /dev/null.
        fds.push(Arc::new(input(c"stdin", &request.stdin)?));
    }
    let stdin = !fds.is_empty();
    let (stdout, stdout_write) = output_pipe(request.output_bytes)?;
    let mut outputs = [Some(stdout), None, None];
    let mut writers = vec![stdout_write];
    fds.push(Arc::clone(&writers[0]));
    if request.merge_stderr {
        fds.push(Arc::clone(&writers[0]));
    } else {
        let (stderr, stderr_write) = output_pipe(request.output_bytes)?;
        outputs[1] = Some(stderr);
        fds.push(Arc::clone(&stderr_write));
        writers.push(stderr_write);
    }
    let channel = request.channel.is_some();
    if let Some(contents) = request.channel {
        let (answer, answer_write) = output_pipe(request.output_bytes)?;
        outputs[2] = Some(answer);
        fds.push(Arc::new(input(c"channel", &contents)?));
        fds.push(Arc::clone(&answer_write));
        writers.push(answer_write);
    }
    let files = request.files.into_iter().map(|(path, content, mode)| LaunchFile { path, content, mode });
    let launch = encode(&Launch {
        argv: request.argv,
        env: request.env,
        flavour,
        files: files.collect(),
        stdin,
        channel,
        disk_bytes: request.disk_bytes,
        open_files: request.open_files,
        stack_bytes: request.memory_bytes.min(MAX_STACK_BYTES),
        memory_bytes: request.memory_bytes,
        processes: request.processes,
        cpu_ns: nanoseconds(request.cpu_seconds),
    })?;
    let launch = if launch.len() > INLINE_LAUNCH_BYTES {
        fds.push(Arc::new(sys::reopen_read_only(&sys::sealed_memfd(c"assay-launch", &launch)?)?.into()));
        Vec::new()
    } else {
        launch
    };
    let limits = JobLimits {
        cpu_ns: nanoseconds(request.cpu_seconds),
        wall_ns: nanoseconds(request.wall_seconds),
        memory_bytes: request.memory_bytes,
        processes: request.processes,
        cpus: request.cpus,
    };
    let job = Job {
        run_id: 0,
        image: request.image,
        flavour,
        limits,
        reserved_bytes: request.reserved_bytes,
        collect: request.collect,
        launch,
        partner: None,
    };
    Ok(Prepared {
        job,
        fds,
        run: PendingRun {
            outputs,
            input: input_by_run,
            partner: None,
            writers,
            disk_bytes: request.disk_bytes,
            told_exceeded: false,
        },
    })
}

/// Nothing that Python looks at as it starts may be different.
fn is_of_flavour(request: &Request, flavour: Option<&Flavour>) -> bool {
    let in_user_site = |(path, _, _): &(String, Vec<u8>, u32)| path.starts_with(USER_SITE);
    flavour.is_some_and(|flavour| {
        (flavour.image, &flavour.argv, &flavour.env) == (request.image, &request.argv, &request.env)
    }) && !request.files.iter().any(in_user_site)
}

fn nanoseconds(seconds: f64) -> u64 {
    // A year is for ever here; casts of larger or negative floats saturate.
    (seconds.min(3.2e7) * 1e9) as u64
}

/// A sealed memfd of its own for every run, open for reading only: a shared one would carry locks and attributes on.
fn input(name: &std::ffi::CStr, contents: &[u8]) -> Result<OwnedFd> {
    let file = sys::sealed_memfd(name, contents)?;
    sys::set_mode(&file, 0o444)?;
    sys::reopen_read_only(&file).map(OwnedFd::from)
}

fn output_pipe(cap: u64) -> Result<(Output, Arc<OwnedFd>)> {
    let (read, write) = sys::output_pipe()?;
    Ok((Output::new(read, cap), Arc::new(write)))
}

/// What an event on an output calls for.
pub enum Heard {
    Nothing,
    /// The supervisor has to end the run.
    Exceeded,
}

impl PendingRun {
    pub fn watch(&self, epoll: &Epoll, run_id: u64) -> Result<()> {
        for (index, output) in self.outputs.iter().enumerate() {
            if let Some(output) = output {
                epoll.add(output.pipe(), run_id + index as u64, READABLE)?;
            }
        }
        Ok(())
    }

    /// An output is readable.
    pub fn hear(&mut self, index: usize, buffer: &mut [u8]) -> Result<Heard> {
        let Some(output) = &mut self.outputs[index] else { return Ok(Heard::Nothing) };
        output.read_some(buffer)?;
        Ok(self.too_much(index))
    }

    /// The same of stdout and a single read, with what it brought.
    pub fn hear_chunk<'buffer>(&mut self, buffer: &'buffer mut [u8]) -> Result<(&'buffer [u8], Heard)> {
        let Some(output) = &mut self.outputs[0] else { return Ok((&[], Heard::Nothing)) };
        let bytes = output.read_chunk(buffer)?;
        Ok((bytes, self.too_much(0)))
    }

    fn too_much(&mut self, index: usize) -> Heard {
        let exceeded = self.outputs[index].as_ref().is_some_and(Output::exceeded);
        // Too much on stderr alone is cut off, not an offence.
        if index == 1 || !exceeded || self.told_exceeded {
            return Heard::Nothing;
        }
        self.told_exceeded = true;
        Heard::Exceeded
    }

    /// The run is over: what is left in the pipes, and the collected files.
    pub fn complete(mut self, mut ended: Ended, files: Vec<OwnedFd>, buffer: &mut [u8]) -> Completion {
        self.writers.clear();
        let rest = self.outputs.iter_mut().flatten().try_for_each(|output| output.read_rest(buffer, |_| {}));
        let names = std::mem::take(&mut ended.collected);
        let contents = read_files(names, files, self.disk_bytes);
        let failed = ended.fault.take().or(rest.err());
        let (files, failed) = match contents {
            Ok(files) => (files, failed),
            Err(fault) => (Vec::new(), failed.or(Some(fault))),
        };
        let truncated = |output: &Option<Output>| output.as_ref().is_some_and(Output::truncated);
        let stdout_truncated = truncated(&self.outputs[0]);
        let stderr_truncated = truncated(&self.outputs[1]);
        // The channel past its cap is an answer that cannot be read, which its reader says; the run is stopped as for
        // stdout.
        let [stdout, stderr, channel] = self.outputs.map(|output| output.map(Output::into_kept).unwrap_or_default());
        Completion {
            run_id: ended.run_id,
            blameless: failed.as_ref().is_some_and(Fault::lost_descriptors),
            fault: failed.map(|fault| fault.to_string()),
            ended,
            stdout,
            stderr,
            stdout_truncated,
            stderr_truncated,
            channel,
            files,
        }
    }

    /// The supervisor is gone, and nothing is known.
    pub fn fail(self, run_id: u64, why: &str, buffer: &mut [u8]) -> Completion {
        let fault = Fault::new(why, "", 0);
        self.complete(Ended { run_id, fault: Some(fault), ..Ended::default() }, Vec::new(), buffer)
    }
}

impl Completion {
    pub fn exit_code(&self) -> Option<i32> {
        self.ended.status.filter(|status| libc::WIFEXITED(*status)).map(|status| libc::WEXITSTATUS(status))
    }

    pub fn signal(&self) -> Option<i32> {
        self.ended.status.filter(|status| libc::WIFSIGNALED(*status)).map(|status| libc::WTERMSIG(status))
    }

    pub fn stopped_by(&self) -> Option<&'static str> {
        self.ended.stopped_by.map(|stop| match stop {
            Stop::Cpu => "cpu",
            Stop::Wall => "wall",
            Stop::Output => "output",
            Stop::Cancel => "cancel",
            Stop::Evicted => "evicted",
        })
    }
}

/// Reads the collected files; one that would make them more than the program could have written is left out.
fn read_files(names: Vec<String>, files: Vec<OwnedFd>, most: u64) -> Result<Vec<(String, Vec<u8>)>> {
    let mut left = most;
    let mut contents = Vec::with_capacity(names.len());
    for (name, file) in names.into_iter().zip(files) {
        let file = File::from(file);
        // Holes count: they cost the program nothing, and us as much as any other byte.
        let length = file.metadata().context("fstat", &name)?.len();
        if length > left {
            continue;
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes).context("read", &name)?;
        left -= length;
        contents.push((name, bytes));
    }
    Ok(contents)
}
