//! The bindings to crun, as Python sees them.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::os_error;
use crate::crun::{self, Stream, Streams};

#[pyclass(frozen, module = "engine._native")]
pub struct Crun(crun::Crun);

/// Exit code, crun's own message, captured stdout and stderr.
type Ended<'py> = (i32, String, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// What a container's stream is made of: nothing, a descriptor, or memory.
#[derive(FromPyObject)]
enum Given<'py> {
    Fd(i32),
    Bytes(Bound<'py, PyBytes>),
}

fn output(fd: Option<i32>, capture: bool) -> Result<Stream, assay_shared::fault::Fault> {
    match fd {
        Some(fd) => crun::copy(fd).map(Stream::Fd),
        None if capture => Ok(Stream::Capture),
        None => Ok(Stream::Null),
    }
}

impl Crun {
    fn call<'py>(
        &self,
        py: Python<'py>,
        operation: &str,
        arguments: Vec<String>,
        streams: Streams,
    ) -> PyResult<Ended<'py>> {
        let ended = py.detach(|| self.0.call(operation, &arguments, streams)).map_err(os_error)?;
        Ok((ended.code, ended.message, PyBytes::new(py, &ended.stdout), PyBytes::new(py, &ended.stderr)))
    }
}

#[pymethods]
impl Crun {
    #[new]
    fn new(program: String, root: Option<String>) -> Self {
        Self(crun::Crun { program, root })
    }

    /// stdin: None, a descriptor or bytes; stdout and stderr: a descriptor, or None for nowhere, unless `capture`.
    #[pyo3(signature = (operation, arguments, *, stdin=None, stdout=None, stderr=None, capture=false))]
    #[allow(clippy::too_many_arguments)] // the stub's signature: one name per stream
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        operation: &str,
        arguments: Vec<String>,
        stdin: Option<Given<'py>>,
        stdout: Option<i32>,
        stderr: Option<i32>,
        capture: bool,
    ) -> PyResult<Ended<'py>> {
        let stdin = match stdin {
            None => None,
            Some(Given::Fd(fd)) => Some(crun::copy(fd).map_err(os_error)?),
            Some(Given::Bytes(bytes)) => Some(crun::contents(bytes.as_bytes()).map_err(os_error)?),
        };
        let stdout = output(stdout, capture).map_err(os_error)?;
        let stderr = output(stderr, capture).map_err(os_error)?;
        self.call(py, operation, arguments, Streams { stdin, stdout, stderr })
    }
}
