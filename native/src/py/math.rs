//! The Python twins of `math::grade`.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::math::grade::{self, Graded};
use crate::math::options::{Decimals, Options, TYPES};

/// Verdict, how, reason.
type Row = (&'static str, Option<&'static str>, Option<String>);

/// What an item declares about its reference, as it is handed over.
#[derive(FromPyObject, Default)]
#[pyo3(from_item_all)]
pub struct Declared {
    r#type: Option<String>,
    variable: Option<String>,
    parameters: Vec<String>,
    choices: Vec<(String, String)>,
    ordered: bool,
    percent: bool,
    decimals: Option<String>,
    positive: bool,
    question: Option<String>,
}

impl Declared {
    fn options(self) -> PyResult<Options> {
        if let Some(kind) = self.r#type.as_deref().filter(|kind| !TYPES.contains(kind)) {
            return Err(PyValueError::new_err(format!("unknown type {kind:?}")));
        }
        let decimals = match self.decimals.as_deref() {
            None => None,
            Some("exact") => Some(Decimals::Exact),
            Some("rounded") => Some(Decimals::Rounded),
            Some(other) => return Err(PyValueError::new_err(format!("unknown decimals {other:?}"))),
        };
        let Declared { r#type, variable, parameters, choices, ordered, percent, positive, question, .. } = self;
        Ok(Options { kind: r#type, variable, parameters, choices, ordered, percent, decimals, positive, question })
    }
}

/// Type, the value written back, rounding; or why there is none and where.
type Inspected = (Option<&'static str>, Option<String>, Option<String>, Option<String>, Option<usize>);

#[pyfunction]
#[pyo3(signature = (reference, declared = None))]
pub fn inspect_reference(py: Python<'_>, reference: &str, declared: Option<Declared>) -> PyResult<Inspected> {
    let options = declared.unwrap_or_default().options()?;
    Ok(match py.detach(|| contained(|| grade::inspect(reference, &options)))? {
        Ok(found) => (Some(found.kind), Some(found.written), found.rounding, None, None),
        Err(undecided) => (None, None, None, Some(undecided.why), undecided.at),
    })
}

#[pyfunction]
#[pyo3(signature = (answer, reference, declared = None))]
pub fn read_answer(
    py: Python<'_>,
    answer: &str,
    reference: &str,
    declared: Option<Declared>,
) -> PyResult<(bool, String)> {
    let options = declared.unwrap_or_default().options()?;
    Ok(match py.detach(|| contained(|| grade::reading(answer, reference, &options)))? {
        Ok(written) => (true, written),
        Err(why) => (false, why),
    })
}

fn row(graded: Graded) -> Row {
    match graded {
        Graded::Correct(how) => ("correct", Some(how.name()), None),
        Graded::Incorrect(reason) => ("incorrect", None, Some(reason.text())),
        Graded::Undecided(why) => ("undecided", None, Some(why)),
    }
}

fn of(answers: &[String], reference: &str, options: &Options) -> Row {
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    row(grade::grade(&answers, reference, options))
}

#[pyfunction]
#[pyo3(signature = (answers, reference, declared = None))]
pub fn grade_answer(
    py: Python<'_>,
    answers: Vec<String>,
    reference: &str,
    declared: Option<Declared>,
) -> PyResult<Row> {
    let options = declared.unwrap_or_default().options()?;
    py.detach(|| contained(|| of(&answers, reference, &options)))
}

#[pyfunction]
pub fn grade_answers(py: Python<'_>, pairs: Vec<(Vec<String>, String, Option<Declared>)>) -> PyResult<Vec<Row>> {
    let mut ready = Vec::with_capacity(pairs.len());
    for (answers, reference, declared) in pairs {
        ready.push((answers, reference, declared.unwrap_or_default().options()?));
    }
    let all = || ready.iter().map(|(answers, reference, options)| of(answers, reference, options)).collect();
    py.detach(|| contained(all))
}

/// A panic of ours over some text is that text's fault alone, a RuntimeError. What it leaves behind is whole: the cache of
/// references is only added to.
fn contained<T>(work: impl FnOnce() -> T) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| PyRuntimeError::new_err(words(panic.as_ref())))
}

/// What was said at a panic.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_its_own_words() {
        let caught = |work: fn()| catch_unwind(work).expect_err("it panics");
        assert_eq!(words(caught(|| panic!("plain")).as_ref()), "plain");
        assert_eq!(words(caught(|| panic!("{} formatted", 1)).as_ref()), "1 formatted");
        assert_eq!(words(caught(|| std::panic::panic_any(1)).as_ref()), "a panic without words");
    }
}
