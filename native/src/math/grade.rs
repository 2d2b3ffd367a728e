//! The calls: an answer or several against a reference, which is parsed once and kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::bounds::{self, ANSWER_BYTES};
use super::clean;
use super::decide::{Domain, How, decide};
use super::judge::Judge;
use super::options::{Decimals, Judged, Options, Reason};
use super::parse::parse;
use super::reference::{self, Kind, Reference, Undecided};
use super::text;
use super::tree::{Joiner, Node};
use super::words;
use super::write::written;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Graded {
    Correct(How),
    Incorrect(Reason),
    /// Of the reference, or a value that agrees with it to a thousand digits.
    Undecided(String),
}

/// References kept; when there are more, all but the newest half goes.
const KEPT: usize = 4_096;
/// Bytes of the texts of one generation: a tree takes eighty times its text, so that both take 10 MiB.
const KEPT_BYTES: usize = 64 << 10;
/// An answer whose tree is larger than so many times the reference's buys no open verdict.
const OPEN_TIMES: usize = 4;

type Key = (String, Options);
type Known = Arc<Result<Reference, Undecided>>;

/// Two generations: what was asked for since the last turn, and before it.
#[derive(Default)]
struct Cache {
    young: HashMap<Key, Known>,
    old: HashMap<Key, Known>,
    /// Of the young one's texts.
    bytes: usize,
}

static CACHE: OnceLock<Mutex<Cache>> = OnceLock::new();

fn known(text: &str, options: &Options) -> Known {
    let cache = CACHE.get_or_init(Mutex::default);
    let key = (text.to_owned(), options.clone());
    {
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = cache.young.get(&key) {
            return found.clone();
        }
        if let Some(found) = cache.old.remove(&key) {
            cache.keep(key, found.clone());
            return found;
        }
    }
    bounds::refill();
    let read = Arc::new(reference::read(text, options));
    cache.lock().unwrap_or_else(PoisonError::into_inner).keep(key, read.clone());
    read
}

impl Cache {
    fn keep(&mut self, key: Key, known: Known) {
        // A question is kept as a text, not as a tree.
        let bytes = key.0.len() + key.1.question.as_ref().map_or(0, String::len) / 80;
        if self.young.len() >= KEPT / 2 || self.bytes + bytes > KEPT_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.young.insert(key, known);
    }
}

/// How a reference was read.
pub struct Inspected {
    pub kind: &'static str,
    pub written: String,
    /// What a decimal may be: exact, or rounded at so many places.
    pub rounding: Option<String>,
}

/// The type of a reference and its value written back, or why there is none.
pub fn inspect(text: &str, options: &Options) -> Result<Inspected, Undecided> {
    bounds::refill();
    let reference = reference::read(text, &inferred(options))?;
    let rounding = match &reference.kind {
        Kind::Number(_, Some(places)) => Some(format!("rounded at {places} places")),
        Kind::Number(numeral, None) if numeral.places.is_some() => Some("exact".to_owned()),
        _ => None,
    };
    // Its own text must be correct: what is open against itself is open against all.
    match grade(&[text], &reference.text, options) {
        Graded::Undecided(why) if !matches!(reference.kind, Kind::Prose(_)) => Err(Undecided { why, at: None }),
        _ => Ok(Inspected { kind: reference.kind.name(), written: written(&reference.node), rounding }),
    }
}

/// An answer's tree written back, as its reference has it read; or why there is none.
pub fn reading(answer: &str, reference: &str, options: &Options) -> Result<String, String> {
    bounds::refill();
    let characters = clean::characters(answer);
    let known = known(reference, &inferred(options));
    match &*known {
        Ok(reference) if answer.len() <= ANSWER_BYTES => {
            tree(clean::undressed(&characters), reference).map(|node| written(&node)).map_err(|reason| reason.text())
        }
        Ok(_) => Err(Reason::TooLarge.text()),
        Err(undecided) => Err(undecided.why.clone()),
    }
}

/// What the question says where the item declares nothing.
fn inferred(options: &Options) -> Options {
    let mut options = options.clone();
    let Some(question) = &options.question else { return options };
    let lower = question.to_lowercase();
    if options.kind.is_none()
        && ["what percent", "percentage of", "as a percent", "what is the percent"]
            .iter()
            .any(|words| lower.contains(words))
    {
        options.percent = true;
    }
    let rounds = ["round", "nearest", "decimal place", "significant"];
    if options.decimals.is_none() && rounds.iter().any(|word| lower.contains(word)) {
        options.decimals = Some(Decimals::Rounded);
    }
    options
}

/// One answer, or the contents of several boxes in one breath, against a reference.
pub fn grade(answers: &[&str], reference: &str, options: &Options) -> Graded {
    let options = inferred(options);
    let known = known(reference, &options);
    let reference = match &*known {
        Ok(reference) => reference,
        Err(undecided) => return Graded::Undecided(undecided.why.clone()),
    };
    bounds::refill();
    match answer(answers, reference, &options) {
        Ok((Judged::Correct(how), _)) => Graded::Correct(how),
        Ok((Judged::Incorrect(reason), _)) => Graded::Incorrect(reason),
        Ok((Judged::Open, size)) => {
            // The reference against itself needs no steps: what used them up is the answer's.
            if (bounds::exhausted() || size > OPEN_TIMES * reference.node.size())
                && !matches!(reference.kind, Kind::Prose(_))
            {
                return Graded::Incorrect(Reason::TooLarge);
            }
            Graded::Undecided(if matches!(reference.kind, Kind::Prose(_)) { "prose".into() } else { "open".into() })
        }
        Err(reason) => Graded::Incorrect(reason),
    }
}

/// The judgement and the size of the answer's tree.
fn answer(answers: &[&str], reference: &Reference, options: &Options) -> Result<(Judged, usize), Reason> {
    let mut plain = Vec::with_capacity(answers.len());
    for text in answers {
        if text.len() > ANSWER_BYTES {
            return Err(Reason::TooLarge);
        }
        let characters = clean::characters(text);
        let bare = clean::undressed(&characters).to_owned();
        if bare.is_empty() {
            return Err(Reason::NoAnswer);
        }
        plain.push(bare);
    }
    match judged(&plain, reference, options) {
        // Read by other rules than an answer is, as `\approx 5` and `7,-425,000`, it is still what is asked for.
        Ok((Judged::Incorrect(_), _)) | Err(_) if plain == [reference.text.as_str()] => {
            Ok((Judged::Correct(How::Literal), 1))
        }
        judged => judged,
    }
}

fn judged(plain: &[String], reference: &Reference, options: &Options) -> Result<(Judged, usize), Reason> {
    let judge = Judge { reference, options };
    match plain {
        [] => Err(Reason::NoAnswer),
        [one] => {
            if let Some(judged) = of_words(one, reference, options) {
                return Ok((judged, 1));
            }
            if restated(one, reference, options) {
                return Err(Reason::Restated);
            }
            let node = tree(one, reference)?;
            let size = node.size();
            Ok((judge.judge(&node), size))
        }
        several => {
            if let Kind::Choice(expected) = &reference.kind {
                return Ok((text::choice(&several.join(", "), expected, options), several.len()));
            }
            let nodes: Vec<Node> = several.iter().map(|one| tree(one, reference)).collect::<Result<_, _>>()?;
            let whole = Node::List(nodes.clone(), Joiner::Comma);
            let size = whole.size();
            if reference.kind.is_several() {
                let judged = judge.judge(&whole);
                return Ok((
                    if judged.is_correct() { judged } else { Judged::Incorrect(Reason::SeveralAnswers) },
                    size,
                ));
            }
            if nodes[1..].iter().all(|node| *node == nodes[0] || decide(node, &nodes[0], Domain::Real).is_equal()) {
                return Ok((judge.judge(&nodes[nodes.len() - 1]), size));
            }
            Err(Reason::SeveralAnswers)
        }
    }
}

/// Answers to references of words; None if the reference is a formula.
fn of_words(answer: &str, reference: &Reference, options: &Options) -> Option<Judged> {
    match &reference.kind {
        Kind::Choice(expected) => Some(text::choice(answer, expected, options)),
        Kind::YesNo(expected) => Some(match text::plain(answer).and_then(words::yes_or_no) {
            Some(got) if got == *expected => Judged::Correct(How::Text),
            Some(_) => Judged::different(),
            None => Judged::wrong_type(),
        }),
        Kind::Time(expected) => Some(match text::time(answer) {
            Some(got) if got == *expected => Judged::Correct(How::Exact),
            Some(_) => Judged::different(),
            None => Judged::wrong_type(),
        }),
        Kind::Text(expected) => Some(text::name(answer, expected, false)),
        Kind::Prose(expected) => Some(text::name(answer, expected, true)),
        Kind::Undefined => {
            Some(if words::is_undefined(answer) { Judged::Correct(How::Text) } else { Judged::different() })
        }
        Kind::Range(ranges, _) => {
            let words = text::plain(answer)?;
            if words::is_empty(words) && ranges.0.is_empty() { Some(Judged::Correct(How::Text)) } else { None }
        }
        _ => None,
    }
}

/// The answer's tree, read as its reference's type has it read.
fn tree(text: &str, reference: &Reference) -> Result<Node, Reason> {
    if let Some(node) = text::number(text) {
        return Ok(node);
    }
    let numeric = matches!(reference.kind, Kind::Number(..) | Kind::Percent(_) | Kind::Quantity);
    if let Some(decimal) = decimal_comma(text).filter(|_| numeric) {
        return parse(&decimal, true).map_err(|broken| Reason::of(&broken));
    }
    // Among elements a comma separates thousands only where another way to separate elements is seen.
    let separated = text.contains(", ") || text.contains(';') || text.contains("and") || text.contains("or");
    let grouped = !reference.kind.is_several() || separated;
    parse(text, grouped).map_err(|broken| Reason::of(&broken))
}

/// 3,14: one comma, digits around it, not three behind unless a single zero stands before.
fn decimal_comma(text: &str) -> Option<String> {
    let (whole, places) = text.split_once(',')?;
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let all = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (all(digits) && all(places) && (places.len() != 3 || digits == "0")).then(|| format!("{whole}.{places}"))
}

/// Whether the answer is an expression that the question has and the reference has not.
fn restated(answer: &str, reference: &Reference, options: &Options) -> bool {
    let Some(question) = &options.question else { return false };
    let bare = |text: &str| {
        let plain = clean::characters(text);
        let mut bare = String::with_capacity(plain.len());
        for part in plain.split("\\left").flat_map(|part| part.split("\\right")).flat_map(|part| part.split("\\cdot")) {
            bare.extend(part.chars().filter(|c| !c.is_whitespace() && !matches!(c, '$' | '~' | '*')));
        }
        bare
    };
    let shown = bare(answer);
    let operator = shown.contains(['+', '-', '*', '/', '^', '=', '\\', '(']);
    let tokens = super::lex::lex(answer, true).map_or(0, |tokens| tokens.len());
    operator && tokens >= 3 && bare(question).contains(&shown) && !bare(&reference.text).contains(&shown)
}

#[cfg(test)]
mod tests;
