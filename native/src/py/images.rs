//! The Python twins of `pool::images`.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use assay_shared::wire::{Layer, Unpacked};
use pyo3::prelude::*;

use super::os_error;
use crate::pool;

/// An image whose layers stay in the store until it is released.
#[pyclass(frozen, module = "engine._native")]
pub struct UnpackedImage {
    unpacked: Unpacked,
    locks: Mutex<Vec<OwnedFd>>,
}

#[pymethods]
impl UnpackedImage {
    #[getter]
    fn layers(&self) -> Vec<String> {
        self.unpacked.layers.clone()
    }
    #[getter]
    fn path(&self) -> &str {
        &self.unpacked.path
    }
    #[getter]
    fn tools(&self) -> BTreeMap<String, String> {
        self.unpacked.tools.clone()
    }

    fn release(&self) {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[pyfunction]
pub fn unpack_image(py: Python<'_>, store: &str, reference: &str, tools: Vec<String>) -> PyResult<UnpackedImage> {
    let (unpacked, locks) = py.detach(|| pool::images::unpack(store, reference, &tools)).map_err(os_error)?;
    Ok(UnpackedImage { unpacked, locks: Mutex::new(locks) })
}

/// Digest, bytes and whether it is in use, of each layer in the store.
type StoredLayers = Vec<(String, u64, bool)>;

fn stored(layers: Vec<Layer>) -> StoredLayers {
    layers.into_iter().map(|layer| (layer.digest, layer.bytes, layer.in_use)).collect()
}

/// The digests of an image's layers, or why it cannot be used.
#[derive(IntoPyObject)]
pub enum Found {
    Layers(Vec<String>),
    Problem(String),
}

#[pyfunction]
pub fn list_images(py: Python<'_>, store: &str, references: Vec<String>) -> PyResult<(StoredLayers, Vec<Found>)> {
    let inventory = py.detach(|| pool::images::list(store, &references)).map_err(os_error)?;
    let found = |image: Result<_, _>| image.map_or_else(Found::Problem, Found::Layers);
    Ok((stored(inventory.layers), inventory.images.into_iter().map(found).collect()))
}

#[pyfunction]
pub fn prune_images(py: Python<'_>, store: &str) -> PyResult<(StoredLayers, u64, u32)> {
    let pruned = py.detach(|| pool::images::prune(store)).map_err(os_error)?;
    Ok((stored(pruned.layers), pruned.leftover_bytes, pruned.in_use))
}
