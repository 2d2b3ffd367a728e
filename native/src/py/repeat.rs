//! The Python twin of `repeat`. Errors are `ValueError(field, value, message)`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pyo3::IntoPyObjectExt;
use pyo3::buffer::{Element, PyBuffer, PyUntypedBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::repeat::peers::{Automaton, Naive, Peer};
use crate::repeat::{Batch, Damaged, Detector, Kind, Logprobs, Repeat, Rules, Tokens};

#[pyclass(frozen, module = "engine._native")]
pub struct RepeatDetector {
    rules: Rules,
    detector: Mutex<Detector>,
}

/// Kind, at, start, period (0: none), truncate_at.
type Row = (&'static str, u64, u64, u64, u64);

fn row(repeat: Repeat) -> Row {
    let kind = match repeat.kind {
        Kind::Loop => "loop",
        Kind::NearLoop => "near-loop",
        Kind::Certain => "certain",
    };
    (kind, repeat.at, repeat.start, repeat.period, repeat.truncate_at())
}

fn wrong<'py>(py: Python<'py>, field: &str, value: impl IntoPyObjectExt<'py>, message: &str) -> PyErr {
    match value.into_py_any(py) {
        Ok(value) => PyValueError::new_err((field.to_owned(), value, message.to_owned())),
        Err(error) => error,
    }
}

fn unknown(py: Python<'_>, id: i64) -> PyErr {
    wrong(py, "sequence", id, "expected the id of an open sequence")
}

/// Numbers of one of two types as they lie in the caller's memory, or a copy of a list.
enum Numbers<Short: Element, Long: Element> {
    Short(PyBuffer<Short>),
    Long(PyBuffer<Long>),
    List(Vec<Long>),
}

/// What a buffer holds, for as long as it is borrowed.
fn slice<T: Element>(buffer: &PyBuffer<T>) -> &[T] {
    // SAFETY: the elements lie one after the other, as `numbers` saw to, and stay there while the buffer is exported.
    // That nobody writes them meanwhile is the caller's part, as the stub says.
    buffer.as_slice_ptr().map_or(&[], |elements| unsafe { elements.as_ref() })
}

fn numbers<'py, Short, Long>(given: &Bound<'py, PyAny>, field: &str, kinds: &str) -> PyResult<Numbers<Short, Long>>
where
    Short: Element,
    Long: Element + for<'a> FromPyObject<'a, 'py>,
{
    let refused = |expected: &str| wrong(given.py(), field, given, &format!("expected {expected}"));
    let Ok(buffer) = PyUntypedBuffer::get(given) else {
        return given.extract().map(Numbers::List).map_err(|_| refused(&format!("a list or an array of {kinds}")));
    };
    if buffer.dimensions() != 1 || !buffer.is_c_contiguous() {
        return Err(refused("one dimension, one element behind the other"));
    }
    // Where nothing is, there is no place for it either, let alone an aligned one.
    if buffer.item_count() == 0 {
        return Ok(Numbers::List(Vec::new()));
    }
    if buffer.as_typed::<Short>().is_ok() {
        return buffer.into_typed().map(Numbers::Short);
    }
    buffer.into_typed().map(Numbers::Long).map_err(|_| refused(kinds))
}

fn integers(given: &Bound<'_, PyAny>, field: &str) -> PyResult<Numbers<i32, i64>> {
    numbers(given, field, "int32 or int64")
}

impl Numbers<i32, i64> {
    fn tokens(&self) -> Tokens<'_> {
        match self {
            Self::Short(buffer) => Tokens::I32(slice(buffer)),
            Self::Long(buffer) => Tokens::I64(slice(buffer)),
            Self::List(list) => Tokens::I64(list),
        }
    }

    fn widened(self) -> Vec<i64> {
        match self {
            Self::Short(buffer) => slice(&buffer).iter().map(|&number| number.into()).collect(),
            Self::Long(buffer) => slice(&buffer).to_vec(),
            Self::List(list) => list,
        }
    }
}

impl Numbers<f32, f64> {
    fn logprobs(&self) -> Logprobs<'_> {
        match self {
            Self::Short(buffer) => Logprobs::F32(slice(buffer)),
            Self::Long(buffer) => Logprobs::F64(slice(buffer)),
            Self::List(list) => Logprobs::F64(list),
        }
    }
}

impl RepeatDetector {
    fn lock(&self) -> MutexGuard<'_, Detector> {
        self.detector.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl RepeatDetector {
    #[new]
    #[pyo3(signature = (*, loop_copies, loop_tokens, near_share, window, certain_tokens, certain_probability))]
    fn new(
        py: Python<'_>,
        loop_copies: u32,
        loop_tokens: u32,
        near_share: f64,
        window: u32,
        certain_tokens: u32,
        certain_probability: f64,
    ) -> PyResult<Self> {
        let rules = Rules { loop_copies, loop_tokens, near_share, window, certain_tokens, certain_probability };
        let detector = Detector::new(rules).map_err(|(field, expected)| wrong(py, field, py.None(), &expected))?;
        Ok(Self { rules, detector: Mutex::new(detector) })
    }

    #[pyo3(signature = (state=None))]
    fn open(&self, py: Python<'_>, state: Option<Bound<'_, PyBytes>>) -> PyResult<i64> {
        let bytes = state.as_ref().map(|state| state.as_bytes());
        py.detach(|| self.lock().open(bytes)).map_err(|damaged| {
            let message = match damaged {
                Damaged::Foreign => "expected what state() of this version gave",
                Damaged::Broken => "it is damaged",
                Damaged::OtherRules => "it is of a detector with other rules",
            };
            wrong(py, "state", state, message)
        })
    }

    #[pyo3(signature = (ids, tokens, offsets, logprobs=None))]
    fn feed(
        &self,
        py: Python<'_>,
        ids: &Bound<'_, PyAny>,
        tokens: &Bound<'_, PyAny>,
        offsets: &Bound<'_, PyAny>,
        logprobs: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<(i64, Row)>> {
        let ids = integers(ids, "ids")?.widened();
        let offsets = integers(offsets, "offsets")?.widened();
        let tokens = integers(tokens, "tokens")?;
        let logprobs = logprobs.map(|given| numbers(given, "logprobs", "float32 or float64")).transpose()?;
        let fed = py.detach(|| {
            let logprobs = logprobs.as_ref().map(Numbers::<f32, f64>::logprobs);
            self.lock().feed(&Batch { ids: &ids, tokens: tokens.tokens(), offsets: &offsets, logprobs })
        });
        let told = fed.map_err(|found| wrong(py, &found.field, found.value, &found.expected))?;
        Ok(told.into_iter().map(|(id, repeat)| (id, row(repeat))).collect())
    }

    fn told(&self, py: Python<'_>, sequence: i64) -> PyResult<Option<Row>> {
        let told = py.detach(|| self.lock().told(sequence)).ok_or_else(|| unknown(py, sequence))?;
        Ok(told.map(row))
    }

    fn state<'py>(&self, py: Python<'py>, sequence: i64) -> PyResult<Bound<'py, PyBytes>> {
        let state = py.detach(|| self.lock().state(sequence)).ok_or_else(|| unknown(py, sequence))?;
        Ok(PyBytes::new(py, &state))
    }

    fn close(&self, py: Python<'_>, sequence: i64) -> PyResult<()> {
        py.detach(|| self.lock().close(sequence)).then_some(()).ok_or_else(|| unknown(py, sequence))
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        py.detach(|| self.lock().len())
    }

    fn memory_bytes(&self, py: Python<'_>) -> usize {
        py.detach(|| self.lock().bytes())
    }
}

/// Seconds, the length at which it was told if it was, bytes held.
type Measured = (f64, Option<u64>, usize);

#[pyfunction]
pub fn repeat_peer(
    py: Python<'_>,
    detector: &RepeatDetector,
    peer: &str,
    tokens: &Bound<'_, PyAny>,
) -> PyResult<Measured> {
    let given = integers(tokens, "tokens")?.widened();
    let rules = detector.rules;
    let made: Result<Box<dyn Peer + Send>, _> = match peer {
        "naive" => Naive::new(rules).map(|peer| Box::new(peer) as _),
        "automaton" => Automaton::new(rules).map(|peer| Box::new(peer) as _),
        _ => return Err(wrong(py, "peer", peer, "expected naive or automaton")),
    };
    let mut peer = made.map_err(|(field, expected)| wrong(py, field, py.None(), &expected))?;
    Ok(py.detach(|| {
        let began = Instant::now();
        let told = given.iter().find_map(|&token| peer.push(token as u32));
        (began.elapsed().as_secs_f64(), told.map(|repeat| repeat.at), peer.bytes())
    }))
}
