#![no_main]

use assay_fuzz::math::grade::{Graded, grade};
use assay_fuzz::math::options::{Options, Reason};
use assay_fuzz::meter::bounded;
use libfuzzer_sys::fuzz_target;

// Answers of a model, a reference, its declared type and the question, with a NUL between them and U+001F between answers.
fuzz_target!(|text: &str| {
    let mut parts = text.splitn(4, '\0');
    let (Some(answers), Some(reference)) = (parts.next(), parts.next()) else { return };
    let answers: Vec<&str> = answers.split('\u{1f}').collect();
    let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
    let options = Options { kind: part(), question: part(), ..Options::default() };

    let first = bounded(|| grade(&answers, reference, &options));
    assert_eq!(first, bounded(|| grade(&answers, reference, &options)), "the same again");
    // No answer decides whether a reference can be judged against.
    if let Graded::Undecided(why) = bounded(|| grade(&["1"], reference, &options))
        && why != "open"
        && why != "prose"
    {
        assert_eq!(first, Graded::Undecided(why));
    }
    // As an answer it is right, or longer than an answer may be.
    if let Graded::Incorrect(reason) = bounded(|| grade(&[reference], reference, &options)) {
        assert_eq!(reason, Reason::TooLarge);
    }
    // What one request takes is not taken from the next.
    assert!(matches!(
        grade(&["\\frac{1}{\\sqrt{2}}"], "\\frac{\\sqrt{2}}{2}", &Options::default()),
        Graded::Correct(_)
    ));
});
