use super::*;
use proptest::prelude::*;

fn same(answer: &str, reference: &str) -> bool {
    equal(answer, reference) == Ok(Some(true))
}

#[test]
fn one_value_in_many_notations() {
    for (left, right) in [
        ("1234", "1,234"),
        ("1{,}234{,}567", "1234567"),
        ("1,\\!234", "1234"),
        ("+5", "5"),
        ("-5", "\u{2212}5"),
        ("-0", "0"),
        (".5", "1/2"),
        ("5.", "5"),
        ("1.50", "3/2"),
        ("007", "7"),
        ("7/14", "0.5"),
        ("-1/2", "\\frac{-1}{2}"),
        ("-\\dfrac{1}{2}", "\\tfrac{1}{-2}"),
        ("\\frac12", "0.5"),
        ("\\frac{ 1 } 2", "0.5"),
        ("1 1/2", "1.5"),
        ("-2\\frac{3}{4}", "-2.75"),
        ("1,000/3", "\\frac{1,000}{3}"),
        ("$18", "18"),
        ("$18$", "18"),
        ("$\\$18$", "18"),
        ("\\$1,800.00", "1800"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("\\( 42 \\)", "42"),
        ("  42\\, ", "42"),
        ("42\\ ", "42"),
        ("$$42$$", "42"),
    ] {
        assert!(same(left, right), "{left} {right}");
        assert!(same(right, left), "{right} {left}");
    }
}

#[test]
fn different_values() {
    for (left, right) in
        [("203", "204"), ("-5", "5"), ("0.33333333333333333", "1/3"), ("1 1/2", "11/2"), ("1,234", "1.234")]
    {
        assert_eq!(equal(left, right), Ok(Some(false)), "{left} {right}");
    }
}

#[test]
fn not_numbers() {
    let texts = [
        "| |$|$$|-|+-5|--5|-$-5|.|1..2|1.2.3|1,23|1,2345|12,34,567|0,123|1,|,123|1234,567|5%|5 %|5 m|5m|\u{20ac}5",
        "10_2|5e3|1/0|\\frac{1}{0}|1/2/3|\\frac{1}|\\frac{1.5}{2}|\\frac{1}{2|1.5/2|1/-2|2 4/3|1 1|1\\frac{-1}{2}",
        "1.5 1/2|203 or 204|203, 204|x = 5|5 = 5|\\sqrt{4}|2^2|(5)|\u{0665}|\u{ff15}|inf|nan|0x10|1_000|5$",
        "$5$$|\\frac\u{e9}2|1\\ 2",
    ];
    for text in texts.iter().flat_map(|line| line.split('|')) {
        assert_eq!(equal(text, "5"), Ok(None), "{text:?}");
        assert_eq!(equal("5", text), Err(NotANumber), "{text:?}");
    }
}

#[test]
fn a_thousand_digits_and_no_more() {
    let most = "9".repeat(MAX_DIGITS);
    assert!(same(&most, &most));
    assert!(same(&format!("{}/{}", "6".repeat(500), "3".repeat(500)), "2"));
    assert_eq!(equal(&format!("{most}9"), "5"), Ok(None));
    assert_eq!(equal(&"9".repeat(200_000), "5"), Ok(None));
}

#[test]
fn hostile_length_is_linear() {
    let before = cpu_seconds();
    for part in ["\\,", "\\ ", " ", "~", "$", "\\", "-", ",123", "{,}123", "\\frac", "\\frac{", "1 ", "/"] {
        let text = part.repeat(1_000_000 / part.len());
        assert_ne!(equal(&text, "5"), Ok(Some(true)));
        assert_ne!(equal(&format!("4{text}"), "5"), Ok(Some(true)));
        assert_ne!(equal(&format!("{text}4"), "5"), Ok(Some(true)));
    }
    assert!(cpu_seconds() - before < 10);
}

/// Of this thread: a busy machine takes none of it.
fn cpu_seconds() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours and outlives the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0);
    time.tv_sec
}

fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

proptest! {
    #[test]
    fn any_text_is_survived(answer in ".*", reference in ".*") {
        let _ = equal(&answer, &reference);
    }

    #[test]
    fn texts_of_our_own_letters_are_survived(
        answer in r"(\\frac|\\dfrac|[0-9]|[-+$.,/{}\\ ~!]|\\,|\{,\}){0,30}",
        reference in r"(\\frac|\\dfrac|[0-9]|[-+$.,/{}\\ ~!]|\\,|\{,\}){0,30}",
    ) {
        let there = equal(&answer, &reference);
        if let Ok(Some(agree)) = there {
            prop_assert_eq!(equal(&reference, &answer), Ok(Some(agree)));
            prop_assert!(same(&answer, &answer));
        }
    }

    #[test]
    fn integers_compare_as_integers(left in any::<i64>(), right in any::<i64>()) {
        prop_assert_eq!(equal(&left.to_string(), &right.to_string()), Ok(Some(left == right)));
        let sign = if left < 0 { "-" } else { "" };
        let written = format!("{sign}{}", thousands(left.unsigned_abs()));
        prop_assert!(same(&written, &left.to_string()));
    }

    #[test]
    fn fractions_compare_as_fractions(
        a in -50_i128..50, b in 1_i128..50, c in -50_i128..50, d in 1_i128..50,
    ) {
        let expected = a * d == c * b;
        prop_assert_eq!(equal(&format!("{a}/{b}"), &format!("\\frac{{{c}}}{{{d}}}")), Ok(Some(expected)));
    }

    #[test]
    fn long_fractions_are_exact(a in "[1-9][0-9]{0,200}", b in "[1-9][0-9]{0,200}") {
        let fraction = format!("{a}/{b}");
        let (expanded, larger) = (format!("{a}0/{b}0"), format!("{a}0/{b}"));
        prop_assert!(same(&fraction, &expanded));
        prop_assert!(!same(&fraction, &larger));
    }

    #[test]
    fn decimals_compare_by_value(whole in any::<u32>(), places in "[0-9]{1,30}", zeros in 0_usize..20) {
        let plain = format!("{whole}.{places}");
        let padded = format!("0{plain}{}", "0".repeat(zeros));
        let fraction = format!("{whole}{places}/1{}", "0".repeat(places.len()));
        prop_assert!(same(&plain, &padded));
        prop_assert!(same(&plain, &fraction));
    }
}
