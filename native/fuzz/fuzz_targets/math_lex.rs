#![no_main]

use assay_fuzz::math::lex::lex;
use assay_fuzz::meter::bounded;
use libfuzzer_sys::fuzz_target;

// Tokens stand where they begin, one after the other, and what is no token has its place too.
fuzz_target!(|text: &str| {
    for grouped in [false, true] {
        match bounded(|| lex(text, grouped)) {
            Ok(tokens) => {
                assert!(tokens.iter().all(|token| token.at < text.len() && text.is_char_boundary(token.at)));
                assert!(tokens.is_sorted_by(|one, next| one.at < next.at));
            }
            Err(broken) => assert!(text.is_char_boundary(broken.at)),
        }
    }
});
