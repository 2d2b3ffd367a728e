//! The Python twins of `pool`.

use assay_shared::fault::Fault;
use assay_shared::wire::{Flavour, Fresh, Known, Rootfs, RuntimeKind, Start};
use pyo3::exceptions::{PyOSError, PyPermissionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::os_error;
use crate::pool::{self, bare::BareRuns};

#[pyclass(frozen, module = "engine._native")]
pub struct Completion(pool::Completion);

#[pymethods]
impl Completion {
    #[getter]
    fn run_id(&self) -> u64 {
        self.0.run_id
    }
    #[getter]
    fn warm(&self) -> bool {
        self.0.ended.warm
    }
    #[getter]
    fn fault(&self) -> Option<&str> {
        self.0.fault.as_deref()
    }
    #[getter]
    fn blameless(&self) -> bool {
        self.0.blameless
    }
    #[getter]
    fn exit_code(&self) -> Option<i32> {
        self.0.exit_code()
    }
    #[getter]
    fn signal(&self) -> Option<i32> {
        self.0.signal()
    }
    #[getter]
    fn stopped_by(&self) -> Option<&'static str> {
        self.0.stopped_by()
    }
    #[getter]
    fn cpu_seconds(&self) -> f64 {
        self.0.ended.cpu_ns as f64 / 1e9
    }
    #[getter]
    fn wall_seconds(&self) -> f64 {
        self.0.ended.wall_ns as f64 / 1e9
    }
    #[getter]
    fn held_seconds(&self) -> f64 {
        self.0.ended.held_ns as f64 / 1e9
    }
    #[getter]
    fn peak_memory_bytes(&self) -> u64 {
        self.0.ended.peak_memory_bytes
    }
    #[getter]
    fn oom_kills(&self) -> u64 {
        self.0.ended.oom_kills
    }
    #[getter]
    fn refused_processes(&self) -> u64 {
        self.0.ended.refused_processes
    }
    #[getter]
    fn stdout<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.stdout)
    }
    #[getter]
    fn stderr<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.stderr)
    }
    #[getter]
    fn stdout_truncated(&self) -> bool {
        self.0.stdout_truncated
    }
    #[getter]
    fn stderr_truncated(&self) -> bool {
        self.0.stderr_truncated
    }
    #[getter]
    fn channel<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.channel)
    }
    #[getter]
    fn files<'py>(&self, py: Python<'py>) -> Vec<(String, Bound<'py, PyBytes>)> {
        self.0.files.iter().map(|(name, content)| (name.clone(), PyBytes::new(py, content))).collect()
    }
}

/// A job, by the names of its attributes.
#[derive(FromPyObject)]
struct JobFields<'py> {
    image: u32,
    flavour: Option<u32>,
    argv: Vec<String>,
    environment: Vec<String>,
    files: Vec<(String, Bound<'py, PyBytes>, u32)>,
    collect: Vec<String>,
    stdin: Bound<'py, PyBytes>,
    channel: Option<Bound<'py, PyBytes>>,
    merge_stderr: bool,
    limits: LimitFields,
}

#[derive(FromPyObject)]
struct LimitFields {
    cpu_seconds: f64,
    wall: f64,
    memory_bytes: u64,
    output_bytes: u64,
    disk_bytes: u64,
    processes: u32,
    open_files: u64,
    cpus: f64,
}

impl JobFields<'_> {
    fn request(self, reserved_bytes: u64) -> pool::Request {
        let job = self;
        let limits = job.limits;
        pool::Request {
            image: job.image,
            flavour: job.flavour,
            argv: job.argv,
            env: job.environment,
            files: job
                .files
                .into_iter()
                .map(|(path, content, mode)| (path, content.as_bytes().to_vec(), mode))
                .collect(),
            collect: job.collect,
            stdin: job.stdin.as_bytes().to_vec(),
            channel: job.channel.map(|contents| contents.as_bytes().to_vec()),
            merge_stderr: job.merge_stderr,
            cpu_seconds: limits.cpu_seconds,
            wall_seconds: limits.wall,
            memory_bytes: limits.memory_bytes,
            output_bytes: limits.output_bytes,
            disk_bytes: limits.disk_bytes,
            processes: limits.processes,
            open_files: limits.open_files,
            cpus: limits.cpus,
            reserved_bytes,
        }
    }
}

fn submit_error(fault: Fault) -> PyErr {
    if fault.is(libc::ESHUTDOWN) { PyRuntimeError::new_err(fault.to_string()) } else { os_error(fault) }
}

/// Image, argv, environment, the path of the script, modules.
type FlavourFields = (u32, Vec<String>, Vec<String>, String, Vec<String>, Vec<String>);

#[pyclass(frozen, module = "engine._native")]
pub struct Pool(pool::Pool);

#[pymethods]
impl Pool {
    #[new]
    #[pyo3(signature = (*, slots, cores, memory_bytes, state_dir, trees, images, flavours, known, uid_base, fresh, allow_degraded, crun, scratch))]
    #[allow(clippy::too_many_arguments)] // the stub's signature: keyword-only, one name per setting
    fn new(
        py: Python<'_>,
        slots: u32,
        cores: u32,
        memory_bytes: u64,
        state_dir: String,
        trees: Vec<String>,
        images: Vec<Vec<String>>,
        flavours: Vec<FlavourFields>,
        known: Vec<Bound<'_, PyBytes>>,
        uid_base: u32,
        fresh: &str,
        allow_degraded: bool,
        crun: Option<String>,
        scratch: Option<String>,
    ) -> PyResult<Self> {
        let fresh = match fresh {
            "proved" => Fresh::Proved,
            "always" => Fresh::Always,
            _ => return Err(PyValueError::new_err(format!("fresh {fresh:?}: expected proved or always"))),
        };
        let rootfs = |layers: Vec<String>| match layers.is_empty() {
            true => Rootfs::Host { trees: trees.clone() },
            false => Rootfs::Image { layers },
        };
        let images = images.into_iter().map(rootfs).collect();
        let runtime = match (crun, scratch) {
            (Some(program), _) => RuntimeKind::Crun { program },
            (None, Some(scratch)) => RuntimeKind::Landlock { scratch },
            (None, None) => RuntimeKind::Native,
        };
        let flavour = |(image, argv, env, script, usual, named)| Flavour { image, argv, env, script, usual, named };
        let flavours = flavours.into_iter().map(flavour).collect();
        let known = known.into_iter().map(|text| Known { text: text.as_bytes().to_vec() }).collect();
        let start = Start {
            slots,
            cores,
            memory_bytes,
            state_dir,
            images,
            uid_base,
            fresh,
            allow_degraded,
            runtime,
            flavours,
            known,
        };
        py.detach(|| pool::Pool::start(start)).map(Self).map_err(|refused| {
            if refused.permission {
                PyPermissionError::new_err(refused.message)
            } else {
                PyOSError::new_err(refused.message)
            }
        })
    }

    fn fileno(&self) -> i32 {
        self.0.fileno()
    }

    fn submit(&self, py: Python<'_>, job: JobFields<'_>, reserved_bytes: u64) -> PyResult<u64> {
        let request = job.request(reserved_bytes);
        py.detach(|| self.0.submit(request)).map_err(submit_error)
    }

    fn submit_joined(
        &self,
        py: Python<'_>,
        first: JobFields<'_>,
        second: JobFields<'_>,
        reserved_bytes: (u64, u64),
    ) -> PyResult<(u64, u64)> {
        let requests = [first.request(reserved_bytes.0), second.request(reserved_bytes.1)];
        py.detach(|| self.0.submit_joined(requests)).map(Into::into).map_err(submit_error)
    }

    fn cancel(&self, py: Python<'_>, run_id: u64) -> PyResult<()> {
        py.detach(|| self.0.cancel(run_id)).map_err(os_error)
    }

    fn completed(&self) -> Vec<Completion> {
        self.0.completed().into_iter().map(Completion).collect()
    }

    /// Of each flavour: zygotes that started, that were lost, and why the last of these.
    fn zygotes(&self) -> Vec<(u64, u64, Option<String>)> {
        let all = self.0.zygotes().into_iter();
        all.map(|zygotes| (zygotes.started, zygotes.lost, zygotes.problem)).collect()
    }

    fn facts(&self) -> std::collections::HashMap<&'static str, String> {
        self.0.facts().into_iter().collect()
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.close()).map_err(os_error)
    }
}

#[pyfunction]
pub fn static_program(py: Python<'_>) -> Bound<'_, PyBytes> {
    PyBytes::new(py, pool::PROGRAM)
}

/// Runs a command with nothing of ours around it for so long, so many at once.
#[pyfunction]
pub fn bare_runs(py: Python<'_>, argv: Vec<String>, in_flight: u32, seconds: f64) -> PyResult<BareRuns> {
    py.detach(|| pool::bare::run(&argv, in_flight, seconds)).map_err(os_error)
}
