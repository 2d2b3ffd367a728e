//! References and answers that are words: letters of choices, yes and no, times of day, names, prose.

use super::decide::How;
use super::options::{Judged, Options, Reason};
use super::range::Ranges;
use super::reference::Kind;
use super::tree::Node;
use super::words;

/// Openings of what is no answer.
const NO_ANSWERS: [&str; 6] = ["see ", "answers may", "answers will", "answers vary", "various", "omitted"];
const NAME_WORDS: usize = 3;

/// The words inside one macro of text, or the text itself if it is nothing but words.
pub fn plain(text: &str) -> Option<&str> {
    let text = ["\\text", "\\textbf", "\\mathrm", "\\textit", "\\mathbf", "\\mbox", "\\textrm", "\\operatorname"]
        .into_iter()
        .find_map(|macro_| {
            text.strip_prefix(macro_)?.strip_prefix('{')?.strip_suffix('}').filter(|inner| !inner.contains('}'))
        })
        .unwrap_or(text)
        .trim();
    let wordly = |c: char| c.is_ascii_alphabetic() || matches!(c, ' ' | '-' | '\'' | '.' | ',');
    (text.chars().all(wordly) && text.chars().any(|c| c.is_ascii_alphabetic())).then_some(text)
}

/// Whether it is words rather than a formula in letters.
fn is_words(text: &str) -> bool {
    let mut long = 0;
    let mut several = 0;
    for word in text.split([' ', '-', ',', '.', '\'']).filter(|word| !word.is_empty()) {
        if words::function(word).is_some()
            || matches!(word, "and" | "or" | "infinity" | "sqrt" | "alpha" | "beta" | "theta")
        {
            return false;
        }
        several += usize::from(word.len() > 1);
        long += usize::from(word.len() > 3);
    }
    let ascending = text.as_bytes().windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1));
    (long > 0 || several > 1) && !ascending
}

/// A number in words, alone or with the same numeral behind it.
pub fn number(text: &str) -> Option<Node> {
    let inner = ["\\text{", "\\mathrm{", "\\textbf{"]
        .into_iter()
        .find_map(|macro_| text.strip_prefix(macro_)?.strip_suffix('}'))
        .unwrap_or(text)
        .trim();
    if inner.len() > 200 || !inner.is_ascii() {
        return None;
    }
    if let Some(value) = words::number(inner) {
        return Some(Node::rational(value));
    }
    // six (6)
    let (words, numeral) = inner.strip_suffix(')')?.split_once('(')?;
    let value = words::number(words)?;
    let digits: i64 = numeral.trim().parse().ok()?;
    (value.to_i64() == Some(digits)).then(|| Node::rational(value))
}

/// What a reference of words is; None if it is a formula.
pub fn kind(text: &str, options: &Options) -> Option<Result<Kind, &'static str>> {
    if options.is("choice") || (options.kind.is_none() && bracketed_letter(text).is_some()) {
        return Some(letters(text, options).map(Kind::Choice).ok_or("no letters of choices"));
    }
    if options.is("text") {
        return Some(Ok(Kind::Text(words::folded(text))));
    }
    if let Some(minutes) = time(text) {
        return Some(Ok(Kind::Time(minutes)));
    }
    let text = plain(text)?;
    if let Some(yes) = words::yes_or_no(text) {
        return Some(Ok(Kind::YesNo(yes)));
    }
    if words::number(text).is_some() {
        return None;
    }
    if words::is_undefined(text) || words::is_empty(text) || words::is_all_reals(text) || is_words(text) {
        return Some(words_kind(text));
    }
    None
}

/// What words are that are no formula.
pub fn words_kind(text: &str) -> Result<Kind, &'static str> {
    let folded = words::folded(text);
    if words::is_undefined(text) {
        return Ok(Kind::Undefined);
    }
    if words::is_empty(text) {
        return Ok(Kind::Range(Ranges::default(), None));
    }
    if words::is_all_reals(text) {
        return Ok(Kind::Range(Ranges::all(), None));
    }
    if let Some(yes) = words::yes_or_no(text) {
        return Ok(Kind::YesNo(yes));
    }
    let lower = text.trim().to_ascii_lowercase();
    if NO_ANSWERS.iter().any(|opening| lower.starts_with(opening)) {
        return Err("no single answer");
    }
    if folded.is_empty() {
        return Err("empty");
    }
    let count = folded.split(' ').count();
    Ok(if count <= NAME_WORDS { Kind::Text(folded) } else { Kind::Prose(folded) })
}

/// Minutes of the day, where the text says which half of it.
pub fn time(text: &str) -> Option<u32> {
    let plain =
        text.replace("\\text", " ").replace("\\mathrm", " ").replace(['{', '}', '~', '.'], " ").replace("\\", " ");
    let lower = plain.to_ascii_lowercase();
    let (hours, rest) = lower.trim().split_once(':')?;
    let hours: u32 = hours.trim().parse().ok()?;
    let minutes: u32 = rest.get(..2)?.parse().ok()?;
    let half: String = rest[2..].split_whitespace().collect();
    if !(1..=12).contains(&hours) || minutes > 59 {
        return None;
    }
    let hours = hours % 12;
    match half.as_str() {
        "am" => Some(hours * 60 + minutes),
        "pm" => Some((hours + 12) * 60 + minutes),
        _ => None,
    }
}

fn bracketed_letter(text: &str) -> Option<char> {
    let text = plain_choice(text);
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    match inner.as_bytes() {
        [letter @ b'A'..=b'H'] => Some(char::from(*letter)),
        _ => None,
    }
}

/// Without macros around letters.
fn plain_choice(text: &str) -> String {
    let mut plain = text.to_owned();
    for macro_ in ["\\textbf", "\\textit", "\\text", "\\mathrm", "\\mathbf"] {
        plain = plain.replace(macro_, "");
    }
    plain.replace(['{', '}', '$'], " ").trim().trim_end_matches('.').trim().to_owned()
}

/// The letters of a choice: `A, C`, `C and A`.
fn letters(text: &str, options: &Options) -> Option<Vec<char>> {
    let plain = plain_choice(text).replace(" and ", ",");
    let mut found = Vec::new();
    for part in plain.split([',', ';']) {
        found.push(letter(part.trim(), options)?);
    }
    found.sort_unstable();
    let before = found.len();
    found.dedup();
    (found.len() == before).then_some(found)
}

/// One letter, in brackets or with a mark or its own option's text behind it.
fn letter(part: &str, options: &Options) -> Option<char> {
    let (part, bracketed) = match part.strip_prefix('(') {
        Some(rest) => (rest, true),
        None => (part, false),
    };
    let letter = part.chars().next().filter(char::is_ascii_alphabetic)?.to_ascii_uppercase();
    let rest = &part[1..];
    if rest.is_empty() {
        return (!bracketed).then_some(letter);
    }
    let text = rest.strip_prefix([')', '.', ':'])?;
    if text.trim().is_empty() {
        return Some(letter);
    }
    let own = options.choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(&letter.to_string()))?;
    same_option(text, &own.1).then_some(letter)
}

fn same_option(answer: &str, option: &str) -> bool {
    let bare = |text: &str| super::clean::undressed(text).replace(' ', "");
    words::folded(answer) == words::folded(option) && bare(answer).eq_ignore_ascii_case(&bare(option))
}

pub fn choice(answer: &str, expected: &[char], options: &Options) -> Judged {
    // "A, C" of an option's text is no list of letters, hence the text first.
    let matching: Vec<&str> =
        options.choices.iter().filter(|(_, text)| same_option(answer, text)).map(|(name, _)| name.as_str()).collect();
    let found = match matching[..] {
        [name] => name.chars().next().map(|letter| vec![letter.to_ascii_uppercase()]),
        [] => letters(answer, options),
        _ => None,
    };
    match found {
        Some(found) if found == expected => Judged::Correct(How::Text),
        Some(found) if found.len() > 1 && expected.len() == 1 => Judged::Incorrect(Reason::SeveralAnswers),
        Some(_) => Judged::different(),
        None => Judged::wrong_type(),
    }
}

/// An answer of words against a name or prose.
pub fn name(answer: &str, expected: &str, prose: bool) -> Judged {
    let folded = words::folded(answer);
    if folded == expected {
        Judged::Correct(How::Text)
    } else if prose {
        Judged::Open
    } else {
        Judged::different()
    }
}
