//! The Python twin of `math::number`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::math::number;

#[pyfunction]
pub fn numbers_equal(answer: &str, reference: &str) -> PyResult<Option<bool>> {
    number::equal(answer, reference).map_err(|error| PyValueError::new_err(error.to_string()))
}
