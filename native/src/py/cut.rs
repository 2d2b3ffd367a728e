//! The Python twins of `cut`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::cut::{self, Broken, Step};

/// What begins (0 a list, 1 a map, with its key's place), a piece (2) or an end (3): kind, from, to, count.
type Row = (u8, usize, usize, usize);

#[pyfunction]
pub fn cut_json(py: Python<'_>, text: &[u8], piece_bytes: usize) -> PyResult<Vec<Row>> {
    rows(py.detach(|| cut::json(text, piece_bytes)))
}

#[pyfunction]
pub fn cut_msgpack(py: Python<'_>, text: &[u8], piece_bytes: usize) -> PyResult<Vec<Row>> {
    rows(py.detach(|| cut::msgpack(text, piece_bytes)))
}

fn rows(steps: Result<Vec<Step>, Broken>) -> PyResult<Vec<Row>> {
    let row = |step| match step {
        Step::Open { map, key } => {
            let key = key.unwrap_or(0..0);
            (u8::from(map), key.start, key.end, 0)
        }
        Step::Piece { range, count } => (2, range.start, range.end, count),
        Step::Close => (3, 0, 0, 0),
    };
    let told = |broken| match broken {
        Broken::At(byte) => format!("unexpected at byte {byte}"),
        Broken::Ends => "it ends too early".to_owned(),
        Broken::TooDeep => "nested too deeply".to_owned(),
    };
    Ok(steps.map_err(|broken| PyValueError::new_err(told(broken)))?.into_iter().map(row).collect())
}
