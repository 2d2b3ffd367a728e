#![no_main]

use assay_fuzz::math::grade::{Graded, grade};
use assay_fuzz::math::options::Options;
use libfuzzer_sys::fuzz_target;

// An answer of a model and a reference, with a NUL between them. A reference that can be judged against is never proved
// different from itself, and no answer decides whether it can be judged against.
fuzz_target!(|text: &str| {
    let Some((answer, reference)) = text.split_once('\0') else { return };
    let options = Options::default();
    let first = grade(&[answer], reference, &options);
    assert_eq!(first, grade(&[answer], reference, &options));
    if let Graded::Undecided(why) = grade(&["1"], reference, &options)
        && why != "open"
        && why != "prose"
    {
        assert_eq!(first, Graded::Undecided(why));
    }
});
