//! The Python module: thin twins of what the other modules do. Everything that may wait releases the GIL.

mod crun;
mod cut;
mod images;
mod math;
mod pool;
mod repeat;

use assay_shared::fault::Fault;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

fn os_error(fault: Fault) -> PyErr {
    PyOSError::new_err(fault.to_string())
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("build_profile", env!("ASSAY_BUILD_PROFILE"))?;
    module.add_class::<pool::Pool>()?;
    module.add_class::<pool::Completion>()?;
    module.add_class::<crun::Crun>()?;
    module.add_function(wrap_pyfunction!(math::grade_answer, module)?)?;
    module.add_function(wrap_pyfunction!(math::grade_answers, module)?)?;
    module.add_function(wrap_pyfunction!(math::inspect_reference, module)?)?;
    module.add_function(wrap_pyfunction!(math::read_answer, module)?)?;
    module.add_function(wrap_pyfunction!(cut::cut_json, module)?)?;
    module.add_function(wrap_pyfunction!(cut::cut_msgpack, module)?)?;
    module.add_class::<repeat::RepeatDetector>()?;
    module.add_function(wrap_pyfunction!(repeat::repeat_peer, module)?)?;
    module.add_function(wrap_pyfunction!(pool::static_program, module)?)?;
    module.add_class::<images::UnpackedImage>()?;
    module.add_function(wrap_pyfunction!(images::unpack_image, module)?)?;
    module.add_function(wrap_pyfunction!(images::list_images, module)?)?;
    module.add_function(wrap_pyfunction!(images::prune_images, module)?)?;
    module.add_function(wrap_pyfunction!(pool::bare_runs, module)?)
}
