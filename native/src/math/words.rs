//! What English words say: numbers, names of functions, yes and no, and which texts are the same.

use super::rational::Rational;
use super::tree::Function;

pub fn function(name: &str) -> Option<Function> {
    Some(match name {
        "sin" => Function::Sin,
        "cos" => Function::Cos,
        "tan" | "tg" => Function::Tan,
        "cot" => Function::Cot,
        "sec" => Function::Sec,
        "csc" | "cosec" => Function::Csc,
        "arcsin" | "asin" => Function::Arcsin,
        "arccos" | "acos" => Function::Arccos,
        "arctan" | "atan" => Function::Arctan,
        "arccot" => Function::Arccot,
        "arcsec" => Function::Arcsec,
        "arccsc" => Function::Arccsc,
        "sinh" => Function::Sinh,
        "cosh" => Function::Cosh,
        "tanh" => Function::Tanh,
        "exp" => Function::Exp,
        "ln" => Function::Ln,
        "log" | "lg" => Function::Log,
        "abs" => Function::Abs,
        "floor" => Function::Floor,
        "ceil" => Function::Ceil,
        "max" => Function::Max,
        "min" => Function::Min,
        "gcd" => Function::Gcd,
        "lcm" => Function::Lcm,
        "sgn" => Function::Sign,
        _ => return None,
    })
}

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const PARTS: [(&str, i64); 12] = [
    ("half", 2),
    ("third", 3),
    ("quarter", 4),
    ("fourth", 4),
    ("fifth", 5),
    ("sixth", 6),
    ("seventh", 7),
    ("eighth", 8),
    ("ninth", 9),
    ("tenth", 10),
    ("hundredth", 100),
    ("thousandth", 1000),
];
const MAX_WORDS: usize = 16;
const LARGEST: i64 = 1_000_000;

/// A number in words: `twenty-one`, `three eighths`, `minus two`, `one and a half`; to a million.
pub fn number(text: &str) -> Option<Rational> {
    let lower = text.trim().to_ascii_lowercase();
    let words: Vec<&str> = lower.split([' ', '-']).filter(|word| !word.is_empty()).collect();
    if words.is_empty() || words.len() > MAX_WORDS {
        return None;
    }
    if let Some(("minus" | "negative", rest)) = words.split_first().map(|(first, rest)| (*first, rest)) {
        return unsigned(rest).map(|value| value.neg());
    }
    unsigned(&words)
}

fn unsigned(words: &[&str]) -> Option<Rational> {
    if let Some(value) = natural(words) {
        return Some(Rational::int(value));
    }
    let (last, front) = words.split_last()?;
    let singular = if *last == "halves" { "half" } else { last.strip_suffix('s').unwrap_or(last) };
    let under = PARTS.iter().find(|(name, _)| *name == singular)?.1;
    // "one and a half": a whole and a part of one.
    if let Some(at) = front.iter().position(|word| *word == "and") {
        let over = part(&front[at + 1..])?;
        return Rational::int(natural(&front[..at])?).add(&Rational::of(over, under)).ok();
    }
    Some(Rational::of(part(front)?, under))
}

fn part(words: &[&str]) -> Option<i64> {
    if words == ["a"] || words == ["an"] { Some(1) } else { natural(words) }
}

fn natural(words: &[&str]) -> Option<i64> {
    let (mut total, mut group, mut last) = (0_i64, 0_i64, 10_000_i64);
    if words.is_empty() {
        return None;
    }
    for (index, word) in words.iter().enumerate() {
        if let Some(value) = SMALL.iter().position(|other| other == word) {
            let value = value as i64;
            // Units behind tens, anything behind hundreds; never two of a size.
            if last < 20 || (last < 100 && (value == 0 || value > 9)) {
                return None;
            }
            group += value;
            last = value.min(19);
        } else if let Some(value) = TENS.iter().position(|other| other == word) {
            if last < 100 {
                return None;
            }
            let value = 20 + 10 * value as i64;
            group += value;
            last = value;
        } else if *word == "hundred" {
            if !(1..=99).contains(&group) {
                return None;
            }
            group *= 100;
            last = 100;
        } else if *word == "thousand" || *word == "million" {
            if group == 0 {
                return None;
            }
            total += group * if *word == "thousand" { 1000 } else { 1_000_000 };
            (group, last) = (0, 1000);
        } else if *word == "and" && index > 0 && index + 1 < words.len() && last >= 100 {
        } else {
            return None;
        }
    }
    Some(total + group).filter(|value| *value <= LARGEST)
}

pub fn yes_or_no(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// Ways to say that nothing is a solution.
pub fn is_empty(text: &str) -> bool {
    matches!(
        folded(text).as_str(),
        "no solution"
            | "no solutions"
            | "none"
            | "no real solution"
            | "no real solutions"
            | "empty set"
            | "no such number"
    )
}

pub fn is_undefined(text: &str) -> bool {
    matches!(
        folded(text).as_str(),
        "dne" | "does not exist" | "undefined" | "doesnt exist" | "not defined" | "divergent" | "diverges"
    )
}

pub fn is_all_reals(text: &str) -> bool {
    matches!(
        folded(text).as_str(),
        "all real numbers" | "all reals" | "real numbers" | "reals" | "all real" | "every real number"
    )
}

/// Small letters, single blanks, without macros, articles and punctuation.
pub fn folded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(command) = rest.strip_prefix('\\') {
            let length = command.bytes().take_while(u8::is_ascii_alphabetic).count();
            if length > 0 && !super::lex_commands::STYLES.contains(&&command[..length]) {
                // A command that says something: nothing else is the same text.
                plain.push('\\');
                rest = command;
                continue;
            }
            rest = &command[if length == 0 { command.chars().next().map_or(0, char::len_utf8) } else { length }..];
            plain.push(' ');
            continue;
        }
        rest = &rest[character.len_utf8()..];
        match character {
            '\'' | '.' | '{' | '}' | '$' | '*' | '"' => {}
            ',' | ';' | ':' | '-' | '~' | '!' | '?' => plain.push(' '),
            other => plain.extend(other.to_lowercase()),
        }
    }
    let words: Vec<&str> = plain.split_whitespace().filter(|word| !matches!(*word, "a" | "an" | "the")).collect();
    words.join(" ")
}
