use super::bounds::{ANSWER_BYTES, DEPTH, DIGITS, ELEMENTS, EXPONENT, FACTORIAL, REFERENCE_BYTES, TOKENS};
use super::*;

fn graded(answer: &str, reference: &str) -> Graded {
    grade(&[answer], reference, &Options::default())
}

fn is_correct(answer: &str, reference: &str) -> bool {
    matches!(graded(answer, reference), Graded::Correct(_))
}

fn is_undecided(reference: &str) -> bool {
    matches!(graded("1", reference), Graded::Undecided(_))
}

#[test]
fn bytes_and_digits() {
    let spaced = |length: usize| format!("{}5", " ".repeat(length - 1));
    assert!(is_correct(&spaced(ANSWER_BYTES), "5"));
    assert_eq!(graded(&spaced(ANSWER_BYTES + 1), "5"), Graded::Incorrect(Reason::TooLarge));
    assert!(is_correct("5", &spaced(REFERENCE_BYTES)));
    assert!(is_undecided(&spaced(REFERENCE_BYTES + 1)));
    let (most, more) = ("7".repeat(DIGITS), "7".repeat(DIGITS + 1));
    assert!(is_correct(&most, &most));
    assert_eq!(graded(&more, &most), Graded::Incorrect(Reason::TooLarge));
    assert!(is_undecided(&more));
}

#[test]
fn depth_and_tokens() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(is_correct(&nested(DEPTH / 2 - 1), "1"));
    assert_eq!(graded(&nested(DEPTH + 1), "1"), Graded::Incorrect(Reason::TooLarge));
    assert!(is_undecided(&nested(DEPTH + 1)));
    let sum = |terms: usize| format!("x{}", "+x".repeat(terms - 1));
    assert!(is_correct(&sum(TOKENS / 2), &format!("{}x", TOKENS / 2)));
    assert_eq!(graded(&sum(TOKENS / 2 + 1), "x"), Graded::Incorrect(Reason::TooLarge));
}

#[test]
fn exponents_and_factorials() {
    assert!(is_correct(&format!("10^{{{EXPONENT}}}"), &format!("10^{{{EXPONENT}}}")));
    assert!(!is_correct(&format!("10^{{{}}}", EXPONENT + 1), &format!("10^{{{EXPONENT}}}")));
    assert!(is_undecided(&format!("10^{{{}}}", EXPONENT + 1)));
    assert!(is_correct(&format!("{FACTORIAL}!"), &format!("{FACTORIAL}!")));
    assert!(is_undecided(&format!("{}!", FACTORIAL + 1)));
}

#[test]
fn elements() {
    let list = |count: usize| (1..=count).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    assert!(is_correct(&list(ELEMENTS), &list(ELEMENTS)));
    assert_eq!(graded(&list(ELEMENTS + 1), &list(ELEMENTS)), Graded::Incorrect(Reason::TooLarge));
    assert!(is_undecided(&list(ELEMENTS + 1)));
}

#[test]
fn an_answer_buys_no_open_verdict() {
    for answer in [
        "9^{9^{9}}",
        "\\infty",
        "10^{10^{10}}",
        "\\sin(10^{9999})",
        "e^{e^{e^{e}}}",
        "(x+1)!^{1/7}",
        "\\lfloor\\pi\\rfloor",
    ] {
        for reference in ["\\log_{10} 5", "\\sqrt{2}", "1+\\tan^2 y", "x^2", "\\pi", "3+4i"] {
            assert!(matches!(graded(answer, reference), Graded::Incorrect(_)), "{answer} {reference}");
        }
    }
    let options = Options { parameters: vec!["k".into()], ..Options::default() };
    assert_eq!(grade(&["1+k\\pi"], "\\frac{\\pi}{4}+k\\pi", &options), Graded::Incorrect(Reason::Different));
}

#[test]
fn words_with_commands_are_other_words() {
    assert!(is_correct("\\textbf{odd}", "\\text{odd}"));
    assert!(!is_correct("\\not\\text{odd}", "\\text{odd}"));
    assert!(!is_correct("\\text{odd}\\neq", "odd"));
}

#[test]
fn what_once_ended_the_process() {
    // The square of exactly zero, as an enclosure.
    assert_eq!(graded("\\frac{1}{i}", "2x+3"), Graded::Incorrect(Reason::Different));
}

#[test]
fn the_reference_itself_is_correct() {
    for text in ["\\approx 20", "7,-425,000", "7\\pm42,500", "x\\in5", "x =ratio", "\\infty", "1,234"] {
        assert!(is_correct(text, text), "{text}");
    }
    assert!(!is_correct("\\approx 20", "20"));
    assert!(matches!(graded(&format!("{}\\approx 5", " ".repeat(ANSWER_BYTES)), "\\approx 5"), Graded::Incorrect(_)));
}
