//! One numeral: digits with separators of thousands, decimals, powers of ten behind an e, repeating decimals.

use num_traits::One;

use super::rational::{Rational, natural_of};
use super::tree::{Literal, Style};

/// Exponents of this many digits are past every bound.
const EXPONENT_DIGITS: usize = 6;

/// Whether a comma may separate thousands in a numeral that begins here: not if it is an element after a comma.
pub fn groups_by_comma(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_ascii_digit() || c == ',')
}

/// The numeral that the text begins with, its length in bytes and its digits; None if what begins is none.
pub fn number(text: &str, commas: bool) -> Option<(Literal, usize, usize)> {
    let (mut digits, mut length) = whole(text, commas);
    let integer_digits = digits.len();
    let mut style = Style::Integer;
    let mut value = None;
    let rest = &text[length..];
    if rest.starts_with("...") && digits.is_empty() {
        return None;
    }
    if rest.starts_with('.') && !rest.starts_with("..") {
        let places = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
        digits.push_str(&rest[1..1 + places]);
        length += 1 + places;
        style = Style::Decimal(places as u32);
        if let Some((block, more)) = repetend(&text[length..], &digits[integer_digits..]) {
            length += more;
            style = Style::Repeating;
            value = Some(repeated(&digits, places, &block)?);
            digits.push_str(&block);
        } else if places == 0 {
            // "5." is 5 with a point; a sentence's full stop went before.
            style = Style::Integer;
        }
    }
    if digits.is_empty() {
        return None;
    }
    let places = if let Style::Decimal(places) = style { places } else { 0 };
    let mut number = match value {
        Some(value) => value,
        None => scaled(&digits, -i64::from(places))?,
    };
    if let Some((exponent, more)) = power_of_ten(&text[length..]).filter(|_| style != Style::Repeating) {
        length += more;
        number = scaled(&digits, exponent - i64::from(places))?;
        style = Style::Scientific(i64::from(places) - exponent);
    }
    let significant = digits.trim_start_matches('0').len() as u32;
    let trailing_zero = digits.ends_with('0') && places > 0;
    let count = digits.len();
    let literal = Literal { value: number, style, digits: significant, trailing_zero, text: text[..length].to_owned() };
    Some((literal, length, count))
}

/// Digits before the point, without their separators, and their length in the text.
fn whole(text: &str, commas: bool) -> (String, usize) {
    let first = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut digits = text[..first].to_owned();
    let mut length = first;
    if !(1..=3).contains(&first) || text.starts_with('0') {
        return (digits, length);
    }
    let mut kind: Option<&str> = None;
    loop {
        let rest = &text[length..];
        let separators = ["{,}", ",\\!", "\\,", "\\;", "\\ ", "~", ",", " "];
        let found = separators.into_iter().find(|separator| rest.starts_with(separator));
        let Some(separator) = found.filter(|&separator| kind.is_none_or(|kind| kind == separator)) else { break };
        let group = &rest[separator.len()..];
        let three = group.bytes().take_while(u8::is_ascii_digit).count() == 3;
        let allowed = commas || separator != "," && separator != ",\\!";
        if !three || !allowed {
            break;
        }
        kind = Some(separator);
        digits.push_str(&group[..3]);
        length += separator.len() + 3;
    }
    // "1,234,5": a list, hence no numeral with separators.
    let rest = &text[length..];
    if kind == Some(",") && rest.starts_with(',') && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return (text[..first].to_owned(), first);
    }
    (digits, length)
}

/// The digits that repeat for ever after these places, and the length of how that is written.
fn repetend(text: &str, places: &str) -> Option<(String, usize)> {
    for command in ["\\overline", "\\bar"] {
        if let Some(rest) = text.strip_prefix(command) {
            let inner = rest.strip_prefix('{')?;
            let count = inner.bytes().take_while(u8::is_ascii_digit).count();
            inner[count..].strip_prefix('}')?;
            return (count > 0).then(|| (inner[..count].to_owned(), command.len() + count + 2));
        }
    }
    if text.starts_with("\\dot") && !text.starts_with("\\dots") {
        return dotted(text);
    }
    let dots = ["...", "\\ldots", "\\dots", "\\cdots"].into_iter().find(|dots| text.starts_with(dots))?;
    (1..=places.len() / 2)
        .find(|&size| {
            let block = &places[places.len() - size..];
            let times = places.as_bytes().rchunks(size).take_while(|chunk| *chunk == block.as_bytes()).count();
            times >= if size == 1 { 3 } else { 2 }
        })
        .map(|size| (places[places.len() - size..].to_owned(), dots.len()))
}

/// \dot{1}4285\dot{7}: the first and the last of the digits that repeat, or the only one.
fn dotted(text: &str) -> Option<(String, usize)> {
    let one = |text: &str| -> Option<(String, usize)> {
        let rest = text.strip_prefix("\\dot")?;
        let (digit, length) = match rest.strip_prefix('{') {
            Some(inner) => (inner.get(..1).filter(|_| inner[1..].starts_with('}'))?, 7),
            None => (rest.trim_start().get(..1)?, 5 + rest.len() - rest.trim_start().len()),
        };
        digit.as_bytes()[0].is_ascii_digit().then(|| (digit.to_owned(), length))
    };
    let (mut block, mut length) = one(text)?;
    let between = text[length..].bytes().take_while(u8::is_ascii_digit).count();
    if let Some((last, more)) = one(&text[length + between..]) {
        block.push_str(&text[length..length + between]);
        block.push_str(&last);
        length += between + more;
    }
    Some((block, length))
}

/// digits (the last `places` of them behind the point), then the block for ever.
fn repeated(digits: &str, places: usize, block: &str) -> Option<Rational> {
    let nines = Rational::from(natural_of(&"9".repeat(block.len())));
    let once = scaled(digits, -(places as i64)).unwrap_or_else(Rational::zero);
    let tail = Rational::from(natural_of(block)).div(&nines).ok()?;
    once.add(&tail.mul(&Rational::int(10).pow(-(places as i64)).ok()?).ok()?).ok()
}

fn scaled(digits: &str, exponent: i64) -> Option<Rational> {
    let whole = natural_of(digits);
    if exponent == 0 {
        return Some(whole.into());
    }
    let power = Rational::int(10).pow(exponent.abs()).ok()?;
    if exponent > 0 {
        return Rational::from(whole).mul(&power).ok();
    }
    debug_assert!(power.under.is_one());
    Rational::new(whole, power.over).ok()
}

/// e8, E+8, e-4, directly behind the digits.
fn power_of_ten(text: &str) -> Option<(i64, usize)> {
    let rest = text.strip_prefix(['e', 'E'])?;
    let sign = usize::from(rest.starts_with(['+', '-']));
    let digits = rest[sign..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > EXPONENT_DIGITS {
        return None;
    }
    let size: i64 = rest[sign..sign + digits].parse().ok()?;
    Some((if rest.starts_with('-') { -size } else { size }, 1 + sign + digits))
}
