#![no_main]

use assay_fuzz::number::equal;
use libfuzzer_sys::fuzz_target;

// An answer of a model and a reference, with a NUL between them; equality does not depend on the order of equals.
fuzz_target!(|text: &str| {
    let Some((answer, reference)) = text.split_once('\0') else { return };
    if let (Ok(Some(one)), Ok(Some(other))) = (equal(answer, reference), equal(reference, answer)) {
        assert_eq!(one, other);
    }
});
