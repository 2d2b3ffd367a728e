#![no_main]

use assay_fuzz::math::parse::parse;
use assay_fuzz::meter::bounded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for grouped in [false, true] {
        if let Err(broken) = bounded(|| parse(text, grouped).map(drop)) {
            assert!(text.is_char_boundary(broken.at));
        }
    }
});
