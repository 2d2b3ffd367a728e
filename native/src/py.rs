//! The Python module: thin twins of what the other modules do. Everything that may wait releases the GIL.

mod crun;
mod images;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use assay_shared::fault::{Context, Fault};
use assay_shared::wire::{Fresh, Rootfs, RuntimeKind, Start};
use pyo3::exceptions::{PyOSError, PyPermissionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::number;
use crate::pool;

fn os_error(fault: Fault) -> PyErr {
    PyOSError::new_err(fault.to_string())
}

#[pyclass(frozen, module = "engine._native")]
struct Completion(pool::Completion);

#[pymethods]
impl Completion {
    #[getter]
    fn run_id(&self) -> u64 {
        self.0.run_id
    }
    #[getter]
    fn fault(&self) -> Option<&str> {
        self.0.fault.as_deref()
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

#[pyclass(frozen, module = "engine._native")]
struct Pool(pool::Pool);

#[pymethods]
impl Pool {
    #[new]
    #[pyo3(signature = (*, slots, state_dir, trees, images, uid_base, fresh, allow_degraded, crun))]
    #[allow(clippy::too_many_arguments)] // the stub's signature: keyword-only, one name per setting
    fn new(
        py: Python<'_>,
        slots: u32,
        state_dir: String,
        trees: Vec<String>,
        images: Vec<Vec<String>>,
        uid_base: u32,
        fresh: &str,
        allow_degraded: bool,
        crun: Option<String>,
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
        let runtime = crun.map_or(RuntimeKind::Native, |program| RuntimeKind::Crun { program });
        let start = Start { slots, state_dir, images, uid_base, fresh, allow_degraded, runtime };
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

    #[pyo3(signature = (*, image, argv, env, files, collect, stdin, channel, merge_stderr, cpu_seconds, wall_seconds,
        memory_bytes, output_bytes, disk_bytes, processes, open_files, cpus))]
    #[allow(clippy::too_many_arguments)] // the stub's signature: keyword-only, one name per limit
    fn submit(
        &self,
        py: Python<'_>,
        image: u32,
        argv: Vec<String>,
        env: Vec<String>,
        files: Vec<(String, Bound<'_, PyBytes>, u32)>,
        collect: Vec<String>,
        stdin: Bound<'_, PyBytes>,
        channel: Option<Bound<'_, PyBytes>>,
        merge_stderr: bool,
        cpu_seconds: f64,
        wall_seconds: f64,
        memory_bytes: u64,
        output_bytes: u64,
        disk_bytes: u64,
        processes: u32,
        open_files: u64,
        cpus: f64,
    ) -> PyResult<u64> {
        let request = pool::Request {
            image,
            argv,
            env,
            files: files.into_iter().map(|(path, content, mode)| (path, content.as_bytes().to_vec(), mode)).collect(),
            collect,
            stdin: stdin.as_bytes().to_vec(),
            channel: channel.map(|contents| contents.as_bytes().to_vec()),
            merge_stderr,
            cpu_seconds,
            wall_seconds,
            memory_bytes,
            output_bytes,
            disk_bytes,
            processes,
            open_files,
            cpus,
        };
        py.detach(|| self.0.submit(request)).map_err(|fault| {
            if fault.is(libc::ESHUTDOWN) { PyRuntimeError::new_err(fault.to_string()) } else { os_error(fault) }
        })
    }

    fn cancel(&self, py: Python<'_>, run_id: u64) -> PyResult<()> {
        py.detach(|| self.0.cancel(run_id)).map_err(os_error)
    }

    fn completed(&self) -> Vec<Completion> {
        self.0.completed().into_iter().map(Completion).collect()
    }

    fn facts(&self) -> std::collections::HashMap<&'static str, String> {
        self.0.facts().into_iter().collect()
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.close()).map_err(os_error)
    }
}

#[pyfunction]
fn numbers_equal(answer: &str, reference: &str) -> PyResult<Option<bool>> {
    number::equal(answer, reference).map_err(|error| PyValueError::new_err(error.to_string()))
}

#[pyfunction]
fn static_program(py: Python<'_>) -> Bound<'_, PyBytes> {
    PyBytes::new(py, pool::PROGRAM)
}

/// What the benches' floor measured: seconds, errors, what the first of them said, nanoseconds of each other run.
type BareRuns = (f64, u64, String, Vec<u64>);

/// Runs a command with nothing of ours around it for so long, so many at once.
#[pyfunction]
fn bare_runs(py: Python<'_>, argv: Vec<String>, in_flight: u32, seconds: f64) -> PyResult<BareRuns> {
    py.detach(|| run_bare(&argv, in_flight, seconds)).map_err(os_error)
}

fn run_bare(argv: &[String], in_flight: u32, seconds: f64) -> Result<BareRuns, Fault> {
    let program: File = pool::program()?;
    let output = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()))
        .arg0("assay-bare")
        .args(["bare", &in_flight.to_string(), &seconds.to_string()])
        .args(argv)
        .stdin(Stdio::null())
        .output()
        .context("start the bare loop", argv.join(" "))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (totals, first_error, runs) = (next(), next().to_owned(), next());
    match totals.split_once(' ').map(|(seconds, errors)| (seconds.parse(), errors.parse())) {
        Some((Ok(seconds), Ok(errors))) => {
            let nanoseconds = runs.split_ascii_whitespace().filter_map(|run| run.parse().ok()).collect();
            Ok((seconds, errors, first_error, nanoseconds))
        }
        _ => Err(Fault::new("the bare loop failed", String::from_utf8_lossy(&output.stderr).trim(), libc::EIO)),
    }
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("build_profile", env!("ASSAY_BUILD_PROFILE"))?;
    module.add_class::<Pool>()?;
    module.add_class::<Completion>()?;
    module.add_class::<crun::Crun>()?;
    module.add_function(wrap_pyfunction!(numbers_equal, module)?)?;
    module.add_function(wrap_pyfunction!(static_program, module)?)?;
    module.add_class::<images::UnpackedImage>()?;
    module.add_function(wrap_pyfunction!(images::unpack_image, module)?)?;
    module.add_function(wrap_pyfunction!(images::list_images, module)?)?;
    module.add_function(wrap_pyfunction!(images::prune_images, module)?)?;
    module.add_function(wrap_pyfunction!(bare_runs, module)?)
}
