//! Exact comparison of numbers as answers to maths problems write them.
//!
//! A number is an integer, a decimal or a fraction of two integers, each with an optional sign and with thousands
//! separators in correct groups of three: `-1,234.50`, `.5`, `5.`, `3/4`, `\frac{3}{4}`, `1 1/2`, `1\frac12`. Around it
//! stand, as data sets have them, blanks, one pair of maths delimiters (`$5$`, `\(5\)`) and one dollar sign (`-$5`, `\$5`).
//!
//! Nothing else is dropped: `5 %`, `5 m`, `€5`, `10_2` and `5e3` are not numbers here, so that nobody passes 5 for 5 %.
//! A mixed number needs a proper fraction, otherwise `2 4/3` could as well be a product or a slip; a group of thousands
//! never begins with 0, because `0,123` may be a decimal comma.

use std::fmt;

use num_bigint::BigUint;

/// More digits than this in one text is not a number, whatever they mean; it bounds the multiplication below.
pub const MAX_DIGITS: usize = 1_000;

/// The reference is not a number in the sense of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANumber;

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an exact integer, decimal or fraction")
    }
}

impl std::error::Error for NotANumber {}

/// Whether `answer` is exactly the number `reference`; `None` if `answer` is not a number.
///
/// Fails only if `reference` is not a number, whatever `answer` is.
pub fn equal(answer: &str, reference: &str) -> Result<Option<bool>, NotANumber> {
    let reference = parse(reference).ok_or(NotANumber)?;
    Ok(parse(answer).map(|answer| answer.same_value(&reference)))
}

/// A ratio that need not be reduced; the denominator is never zero.
struct Ratio {
    negative: bool,
    numerator: BigUint,
    denominator: BigUint,
}

impl Ratio {
    fn same_value(&self, other: &Ratio) -> bool {
        let left = &self.numerator * &other.denominator;
        let right = &other.numerator * &self.denominator;
        left == right && (self.negative == other.negative || left == BigUint::ZERO)
    }
}

/// The number that ASCII decimal digits spell; zero if there are none.
fn natural_of(digits: &[u8]) -> BigUint {
    BigUint::parse_bytes(digits, 10).unwrap_or_default()
}

fn parse(text: &str) -> Option<Ratio> {
    if text.bytes().filter(u8::is_ascii_digit).count() > MAX_DIGITS {
        return None;
    }
    let mut rest = Cursor(without_delimiters(trim(text)));
    let mut negative = rest.sign();
    rest.blanks();
    if rest.take("\\$") || rest.take("$") {
        rest.blanks();
        negative = negative.or_else(|| rest.sign());
        rest.blanks();
    }
    let mut value = rest.unsigned()?;
    value.negative ^= negative.unwrap_or(false);
    rest.0.is_empty().then_some(value)
}

const BLANKS: [&str; 6] = ["~", "\\,", "\\;", "\\:", "\\!", "\\ "];

fn trim(mut text: &str) -> &str {
    loop {
        let cut = text.trim_start();
        let cut = BLANKS.iter().find_map(|blank| cut.strip_prefix(blank)).unwrap_or(cut);
        if cut.len() == text.len() {
            break;
        }
        text = cut;
    }
    loop {
        let cut = text.trim_end();
        // The blank of "\ " is gone by now, so a backslash before blanks is one of these.
        let command = if cut.len() < text.len() { cut.strip_suffix('\\') } else { None };
        let command = command.or_else(|| BLANKS.iter().find_map(|blank| cut.strip_suffix(blank)));
        let cut = command.unwrap_or(cut);
        if cut.len() == text.len() {
            return text;
        }
        text = cut;
    }
}

fn without_delimiters(text: &str) -> &str {
    for (open, close) in [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")] {
        if let Some(inner) = text.strip_prefix(open).and_then(|text| text.strip_suffix(close)) {
            return trim(inner);
        }
    }
    text
}

/// What is left to read; every method that fails leaves the whole parse failed, so none of them steps back.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn take(&mut self, expected: &str) -> bool {
        match self.0.strip_prefix(expected) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Skip blanks; whether there were any.
    fn blanks(&mut self) -> bool {
        let before = self.0.len();
        loop {
            self.0 = self.0.trim_start();
            if !BLANKS.iter().any(|blank| self.take(blank)) {
                return self.0.len() < before;
            }
        }
    }

    /// `Some(true)` for a minus (U+2212 is the one that typeset text has), `Some(false)` for a plus.
    fn sign(&mut self) -> Option<bool> {
        if self.take("-") || self.take("\u{2212}") {
            return Some(true);
        }
        self.take("+").then_some(false)
    }

    fn digits(&mut self) -> &str {
        let end = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        digits
    }

    /// Digits with or without separators of thousands; empty if there are none.
    fn grouped(&mut self) -> Option<Vec<u8>> {
        let mut digits = self.digits().as_bytes().to_vec();
        let can_group = (1..=3).contains(&digits.len()) && digits[0] != b'0';
        while self.take("{,}") || self.take(",\\!") || self.take(",") {
            let group = self.digits();
            if !can_group || group.len() != 3 {
                return None;
            }
            digits.extend_from_slice(group.as_bytes());
        }
        Some(digits)
    }

    fn natural(&mut self) -> Option<BigUint> {
        let digits = self.grouped()?;
        (!digits.is_empty()).then(|| natural_of(&digits))
    }

    fn unsigned(&mut self) -> Option<Ratio> {
        if self.take_fraction_command() {
            return self.command_arguments();
        }
        let mut digits = self.grouped()?;
        if self.take(".") {
            let places = self.digits();
            let scale = places.len() as u32;
            digits.extend_from_slice(places.as_bytes());
            let numerator = natural_of(&digits);
            return (!digits.is_empty()).then(|| ratio(numerator, BigUint::from(10_u32).pow(scale)))?;
        }
        if digits.is_empty() {
            return None;
        }
        let first = natural_of(&digits);
        let apart = self.blanks();
        if self.0.is_empty() {
            return ratio(first, BigUint::from(1_u32));
        }
        if self.take("/") {
            self.blanks();
            return ratio(first, self.natural()?);
        }
        let part = if self.take_fraction_command() {
            self.command_arguments()?
        } else if apart {
            let numerator = self.natural()?;
            self.blanks();
            if !self.take("/") {
                return None;
            }
            self.blanks();
            ratio(numerator, self.natural()?)?
        } else {
            return None;
        };
        let proper = !part.negative && part.numerator < part.denominator;
        let numerator = first * &part.denominator + &part.numerator;
        proper.then(|| ratio(numerator, part.denominator))?
    }

    fn take_fraction_command(&mut self) -> bool {
        self.take("\\frac") || self.take("\\dfrac") || self.take("\\tfrac")
    }

    /// The two arguments of `\frac`: integers in braces, or single digits.
    fn command_arguments(&mut self) -> Option<Ratio> {
        let (over, numerator) = self.argument()?;
        let (under, denominator) = self.argument()?;
        let mut value = ratio(numerator, denominator)?;
        value.negative = over != under;
        Some(value)
    }

    fn argument(&mut self) -> Option<(bool, BigUint)> {
        self.blanks();
        if !self.take("{") {
            let (digit, rest) = self.0.split_at_checked(1)?;
            self.0 = rest;
            let digit = digit.as_bytes();
            return digit[0].is_ascii_digit().then(|| (false, natural_of(digit)));
        }
        self.blanks();
        let negative = self.sign().unwrap_or(false);
        let natural = self.natural()?;
        self.blanks();
        self.take("}").then_some((negative, natural))
    }
}

fn ratio(numerator: BigUint, denominator: BigUint) -> Option<Ratio> {
    (denominator != BigUint::ZERO).then_some(Ratio { negative: false, numerator, denominator })
}

#[cfg(test)]
mod tests;
