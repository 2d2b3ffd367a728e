//! Units of measure: a factor and the dimensions that it is a factor of. A noun is a dimension of its own.

use super::bounds::Stop;
use super::rational::Rational;

#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    pub factor: Rational,
    /// Sorted by name, no power of zero.
    pub dimensions: Vec<(String, i64)>,
}

/// What words behind a value say.
#[derive(Debug, Clone, PartialEq)]
pub enum Phrase {
    Unit(Unit),
    Percent,
    Degrees,
    /// Million and its like.
    Times(Rational),
}

impl Unit {
    pub fn base(name: &str) -> Unit {
        Unit { factor: Rational::one(), dimensions: vec![(name.to_owned(), 1)] }
    }

    pub fn times(mut self, other: &Unit) -> Result<Unit, Stop> {
        self.factor = self.factor.mul(&other.factor)?;
        for (name, power) in &other.dimensions {
            match self.dimensions.iter_mut().find(|(other, _)| other == name) {
                Some((_, sum)) => *sum += power,
                None => self.dimensions.push((name.clone(), *power)),
            }
        }
        self.dimensions.retain(|(_, power)| *power != 0);
        self.dimensions.sort();
        Ok(self)
    }

    pub fn power(mut self, power: i64) -> Result<Unit, Stop> {
        if !(-4..=4).contains(&power) {
            return Err(Stop::TooLarge);
        }
        self.factor = self.factor.pow(power)?;
        self.dimensions.iter_mut().for_each(|(_, other)| *other *= power);
        self.dimensions.retain(|(_, power)| *power != 0);
        Ok(self)
    }
}

/// Names (the first is the symbol, case matters in symbols of up to three letters), factor over and under, dimensions.
type Row = (&'static [&'static str], i64, i64, &'static [(&'static str, i64)]);

const UNITS: &[Row] = &[
    (&["m", "meter", "metre"], 1, 1, &[("m", 1)]),
    (&["g", "gram", "gramme"], 1, 1000, &[("kg", 1)]),
    (&["s", "sec", "second"], 1, 1, &[("s", 1)]),
    (&["min", "minute"], 60, 1, &[("s", 1)]),
    (&["h", "hr", "hour", "hrs"], 3600, 1, &[("s", 1)]),
    (&["day"], 86_400, 1, &[("s", 1)]),
    (&["week"], 604_800, 1, &[("s", 1)]),
    (&["year", "yr"], 1, 1, &[("year", 1)]),
    (&["month"], 1, 12, &[("year", 1)]),
    (&["in", "inch", "inches"], 254, 10_000, &[("m", 1)]),
    (&["ft", "foot", "feet"], 3048, 10_000, &[("m", 1)]),
    (&["yd", "yard"], 9144, 10_000, &[("m", 1)]),
    (&["mi", "mile"], 1_609_344, 1000, &[("m", 1)]),
    (&["mph"], 1_609_344, 3_600_000, &[("m", 1), ("s", -1)]),
    (&["kph", "kmh"], 1000, 3600, &[("m", 1), ("s", -1)]),
    (&["acre"], 40_468_564_224, 10_000_000, &[("m", 2)]),
    (&["hectare", "ha"], 10_000, 1, &[("m", 2)]),
    (&["L", "l", "liter", "litre"], 1, 1000, &[("m", 3)]),
    (&["gallon", "gal"], 3_785_411_784, 1_000_000_000_000, &[("m", 3)]),
    (&["lb", "lbs", "pound"], 45_359_237, 100_000_000, &[("kg", 1)]),
    (&["oz", "ounce"], 45_359_237, 1_600_000_000, &[("kg", 1)]),
    (&["ton", "tonne"], 1000, 1, &[("kg", 1)]),
    (&["N", "newton"], 1, 1, &[("kg", 1), ("m", 1), ("s", -2)]),
    (&["J", "joule"], 1, 1, &[("kg", 1), ("m", 2), ("s", -2)]),
    (&["W", "watt"], 1, 1, &[("kg", 1), ("m", 2), ("s", -3)]),
    (&["Pa", "pascal"], 1, 1, &[("kg", 1), ("m", -1), ("s", -2)]),
    (&["Hz", "hertz"], 1, 1, &[("s", -1)]),
    (&["A", "ampere", "amp"], 1, 1, &[("A", 1)]),
    (&["V", "volt"], 1, 1, &[("A", -1), ("kg", 1), ("m", 2), ("s", -3)]),
    (&["ohm"], 1, 1, &[("A", -2), ("kg", 1), ("m", 2), ("s", -3)]),
    (&["K", "kelvin"], 1, 1, &[("K", 1)]),
    (&["mol", "mole"], 1, 1, &[("mol", 1)]),
    (&["rad", "radian"], 1, 1, &[("rad", 1)]),
    (&["dollar", "usd", "USD", "buck"], 1, 1, &[("$usd", 1)]),
    (&["cent", "¢"], 1, 100, &[("$usd", 1)]),
    (&["euro", "eur", "EUR"], 1, 1, &[("$eur", 1)]),
    (&["pounds sterling", "gbp", "GBP"], 1, 1, &[("$gbp", 1)]),
    (&["yen", "jpy", "JPY"], 1, 1, &[("$jpy", 1)]),
];

/// Prefixes, and the units that take them.
const PREFIXES: &[(&str, &str, i64)] =
    &[("k", "kilo", 3), ("c", "centi", -2), ("m", "milli", -3), ("d", "deci", -1), ("M", "mega", 6), ("n", "nano", -9)];
const PREFIXED: [&str; 11] = ["m", "g", "s", "L", "l", "N", "J", "W", "Pa", "Hz", "V"];

/// A unit by its symbol or name, in singular or plural.
pub fn named(word: &str) -> Option<Unit> {
    if let Some(unit) = exact(word) {
        return Some(unit);
    }
    let word = word.strip_suffix('.').unwrap_or(word);
    let lower = word.to_ascii_lowercase();
    let singular = lower.strip_suffix('s').filter(|rest| rest.len() > 1).unwrap_or(&lower);
    for candidate in [lower.as_str(), singular] {
        if candidate.len() > 2
            && let Some(unit) = exact(candidate)
        {
            return Some(unit);
        }
    }
    exact(word)
}

fn exact(word: &str) -> Option<Unit> {
    if let Some(row) = UNITS.iter().find(|(names, ..)| names.contains(&word)) {
        return Some(of(row));
    }
    for (short, long, power) in PREFIXES {
        let rest = word.strip_prefix(long).filter(|rest| rest.len() > 2);
        let rest = rest.or_else(|| word.strip_prefix(short).filter(|rest| PREFIXED.contains(rest)));
        let Some(rest) = rest else { continue };
        if let Some(row) = UNITS.iter().find(|(names, ..)| PREFIXED.contains(&names[0]) && names.contains(&rest)) {
            let mut unit = of(row);
            unit.factor = unit.factor.mul(&Rational::int(10).pow(*power).ok()?).ok()?;
            return Some(unit);
        }
    }
    None
}

fn of((_, over, under, dimensions): &Row) -> Unit {
    let dimensions = dimensions.iter().map(|(name, power)| ((*name).to_owned(), *power)).collect();
    Unit { factor: Rational::of(*over, *under), dimensions }
}

/// Words that make two answers of one, or a claim about the value: they are no unit.
const NO_NOUN: [&str; 34] = [
    "or",
    "and",
    "to",
    "if",
    "else",
    "unless",
    "not",
    "about",
    "approximately",
    "than",
    "between",
    "but",
    "either",
    "is",
    "no",
    "none",
    "otherwise",
    "when",
    "where",
    "with",
    "for",
    "plus",
    "minus",
    "times",
    "base",
    "points",
    "point",
    "mod",
    "modulo",
    "even",
    "odd",
    "dozen",
    "half",
    "possibly",
];
const NOUN_WORDS: usize = 3;

/// The unit, percent or noun that these words are.
pub fn phrase(words: &str) -> Option<Phrase> {
    let words = words.trim().trim_end_matches('.');
    let lower = words.to_ascii_lowercase();
    match lower.as_str() {
        "percent" | "per cent" | "pct" => return Some(Phrase::Percent),
        "degrees" | "degree" | "deg" => return Some(Phrase::Degrees),
        "thousand" => return Some(Phrase::Times(Rational::int(1_000))),
        "million" => return Some(Phrase::Times(Rational::int(1_000_000))),
        "billion" => return Some(Phrase::Times(Rational::int(1_000_000_000))),
        _ => {}
    }
    if let Some(unit) = measured(words) {
        return Some(Phrase::Unit(unit));
    }
    let nouns: Vec<&str> = lower.split_whitespace().collect();
    let plain = |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    if nouns.is_empty() || nouns.len() > NOUN_WORDS || !nouns.iter().all(plain) {
        return None;
    }
    if nouns.iter().any(|word| NO_NOUN.contains(word) || super::words::number(word).is_some()) {
        return None;
    }
    let name = nouns.join(" ");
    Some(Phrase::Unit(Unit::base(&format!("'{}", name.strip_suffix('s').unwrap_or(&name)))))
}

/// `km/h`, `square meters`, `meters per second`, `cm^2`.
fn measured(words: &str) -> Option<Unit> {
    let mut parts = Vec::new();
    for (index, side) in words.split('/').enumerate() {
        for (more, piece) in side.split(" per ").enumerate() {
            parts.push((index + more > 0, piece.trim()));
        }
    }
    let mut whole: Option<Unit> = None;
    for (under, part) in parts {
        let mut power = 1;
        let mut name = part;
        for (prefix, value) in [("square ", 2), ("sq ", 2), ("sq. ", 2), ("cubic ", 3), ("cu ", 3)] {
            if let Some(rest) = part.strip_prefix(prefix) {
                (name, power) = (rest, value);
            }
        }
        for (suffix, value) in [(" squared", 2), ("^2", 2), (" cubed", 3), ("^3", 3)] {
            if let Some(rest) = name.strip_suffix(suffix) {
                (name, power) = (rest, value);
            }
        }
        let unit = named(name.trim())?.power(if under { -power } else { power }).ok()?;
        whole = Some(match whole {
            Some(whole) => whole.times(&unit).ok()?,
            None => unit,
        });
    }
    whole
}
