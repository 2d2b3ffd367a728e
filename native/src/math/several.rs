//! Answers with several elements: sets and lists by matching, tuples and matrices in order.

use super::bounds::{ELEMENTS, exhausted};
use super::decide::order;
use super::evaluate::Place;
use super::judge::Judge;
use super::normal::Log;
use super::options::{Judged, Reason};
use super::range::{self, Ranges};
use super::reference::expanded;
use super::tree::{Bracket, Joiner, Node, Relation};

/// An answer without the name before it: `x \in S`, `D = S`.
pub fn whole(answer: &Node) -> Node {
    match answer {
        Node::Chain(Some(first), rest) if matches!(**first, Node::Var(_) | Node::Text(_) | Node::Call(..)) => {
            match &rest[..] {
                [(Relation::Equal, value)] if !matches!(value, Node::Lit(_)) && value.variables().is_empty() => {
                    value.clone()
                }
                _ => answer.clone(),
            }
        }
        other => other.clone(),
    }
}

pub fn is_points(ranges: &Ranges) -> bool {
    ranges.0.iter().all(|piece| piece.low_closed && piece.high_closed && piece.low == piece.high)
}

/// The elements that an answer lists without an order; None if it is something else.
fn listed(answer: &Node) -> Option<Vec<Node>> {
    let all = match answer {
        Node::Set(all) => all.clone(),
        Node::Empty => Vec::new(),
        Node::List(all, _) => all.iter().map(value_of).collect::<Option<_>>()?,
        Node::Chain(first, rest) => match (first.as_deref(), &rest[..]) {
            (Some(Node::Var(_) | Node::Text(_)), [(Relation::In | Relation::Equal, value)]) => return listed(value),
            (Some(Node::Bracketed(..)), [(Relation::Equal, value @ Node::Bracketed(..))]) => vec![value.clone()],
            _ => return None,
        },
        Node::Text(_) | Node::Union(_) | Node::Without(..) | Node::Builder(..) => return None,
        other => vec![other.clone()],
    };
    // x = 1, 2: the name stands before the first alone.
    expanded(&all)
}

/// The value behind a name.
fn value_of(node: &Node) -> Option<Node> {
    match node {
        Node::Chain(Some(first), rest) => match (&**first, &rest[..]) {
            (Node::Var(_) | Node::Call(..) | Node::Text(_), [(Relation::Equal, value)]) => Some(value.clone()),
            _ => None,
        },
        Node::Chain(None, _) => None,
        other => Some(other.clone()),
    }
}

/// The one name that values are given, without its index; None if there are several.
fn one_name(answer: &Node) -> bool {
    let Node::List(all, _) = answer else { return true };
    let mut names: Vec<String> = Vec::new();
    for one in all {
        if let Node::Chain(Some(first), _) = one
            && let Node::Var(name) = &**first
        {
            names.push(name.split('_').next().unwrap_or_default().to_owned());
        }
    }
    names.dedup();
    names.len() <= 1
}

/// Precision at which elements are told apart before anything is proved of them.
const NEAR_BITS: u64 = 64;

/// Elements in any order, each matched once by proved equality.
fn matched(expected: &[Node], got: &[Node], judge: &Judge<'_>) -> Judged {
    if expected.len() != got.len() {
        return Judged::different();
    }
    let mut left: Vec<&Node> = got.iter().collect();
    let mut parts = Vec::with_capacity(expected.len());
    let mut unlike = Vec::new();
    // What is written alike is found without a proof, so that few are left to be proved each against each.
    for element in expected {
        match left.iter().position(|candidate| *candidate == element) {
            Some(index) => parts.push(judge.element(element, left.remove(index))),
            None => unlike.push(element),
        }
    }
    let place = Place { point: &[], bits: NEAR_BITS, log: Log::Natural };
    let mut values: Vec<_> = left.iter().map(|candidate| place.value(candidate).ok()).collect();
    let mut open = false;
    for element in unlike {
        let Some(part) = judge.part(element) else { return Judged::Open };
        let value = place.value(element).ok();
        // Those that may be equal first: of right answers that is the one. What is apart may still be a long decimal.
        let near = |index: &usize| match (&value, &values[*index]) {
            (Some(a), Some(b)) => a.apart(b, NEAR_BITS) == Ok(false),
            _ => false,
        };
        let (first, then): (Vec<usize>, Vec<usize>) = (0..left.len()).partition(near);
        let mut found = None;
        for index in first.into_iter().chain(then) {
            match part.judge(left[index]) {
                Judged::Correct(how) => {
                    found = Some((index, how));
                    break;
                }
                Judged::Open => open = true,
                Judged::Incorrect(_) => {}
            }
        }
        match found {
            Some((index, how)) => {
                left.remove(index);
                values.remove(index);
                parts.push(Judged::Correct(how));
            }
            None if exhausted() => return Judged::Incorrect(Reason::TooLarge),
            None if open => return Judged::Open,
            None => return Judged::different(),
        }
    }
    Judged::all(parts)
}

fn ordered(expected: &[Node], got: &[Node], judge: &Judge<'_>) -> Judged {
    if expected.len() != got.len() || got.len() > ELEMENTS {
        return Judged::different();
    }
    Judged::all(expected.iter().zip(got).map(|(element, candidate)| judge.element(element, candidate)))
}

pub fn set(expected: &[Node], answer: &Node, judge: &Judge<'_>) -> Judged {
    if matches!(answer, Node::Bracketed(..)) && !matches!(expected, [Node::Bracketed(..)]) || !one_name(answer) {
        return Judged::wrong_type();
    }
    match listed(answer) {
        Some(got) => matched(expected, &got, judge),
        None => Judged::wrong_type(),
    }
}

pub fn list(expected: &[Node], answer: &Node, judge: &Judge<'_>) -> Judged {
    let in_order = judge.options.ordered || expected.iter().any(|one| matches!(one, Node::Dots));
    if let Node::Bracketed(Bracket::Round, got, Bracket::Round) = answer
        && !matches!(expected, [Node::Bracketed(..)])
    {
        return ordered(expected, got, judge);
    }
    if !one_name(answer) {
        return Judged::wrong_type();
    }
    let wanted = judge.options.variable.as_ref().or(judge.reference.name.as_ref());
    if let Node::Chain(Some(first), _) = answer
        && let Node::Var(name) = &**first
        && wanted.is_some_and(|wanted| wanted != name)
    {
        return Judged::wrong_type();
    }
    match listed(answer) {
        Some(got) if in_order => ordered(expected, &got, judge),
        Some(got) => matched(expected, &got, judge),
        None => Judged::wrong_type(),
    }
}

/// A tuple's parts in an answer that is one.
fn parts(answer: &Node) -> Option<Vec<Node>> {
    match answer {
        Node::Bracketed(open, all, close) if open == close && *open != Bracket::Square => Some(all.clone()),
        Node::Matrix(rows) if rows.iter().all(|row| row.len() == 1) => Some(rows.concat()),
        Node::Chain(Some(_), rest) => match &rest[..] {
            [(Relation::Equal, value @ (Node::Bracketed(..) | Node::Matrix(_)))] => parts(value),
            _ => None,
        },
        _ => None,
    }
}

/// `p = 6, q = 31`: distinct names, each with its value.
fn named_values(answer: &Node) -> Option<Vec<(String, Node)>> {
    let Node::List(all, Joiner::Comma | Joiner::And) = answer else { return None };
    let mut found: Vec<(String, Node)> = Vec::new();
    for one in all {
        let Node::Chain(Some(first), rest) = one else { return None };
        let (Node::Var(name), [(Relation::Equal, value)]) = (&**first, &rest[..]) else { return None };
        if found.iter().any(|(other, _)| other == name) {
            return None;
        }
        found.push((name.clone(), value.clone()));
    }
    Some(found)
}

pub fn tuple(expected: &[Node], answer: &Node, judge: &Judge<'_>) -> Judged {
    if let Some(got) = parts(answer) {
        return ordered(expected, &got, judge);
    }
    if let Some(values) = named_values(answer) {
        let got: Vec<Node> = values.into_iter().map(|(_, value)| value).collect();
        return ordered(expected, &got, judge);
    }
    if let Node::List(got, Joiner::Comma) = answer {
        // A bare list where brackets could not have meant an interval.
        let falling = || order(&expected[0], &expected[1]).is_some_and(|order| order >= 0);
        if expected.len() >= 3 || judge.options.is("tuple") || (expected.len() == 2 && falling()) {
            return ordered(expected, got, judge);
        }
    }
    Judged::wrong_type()
}

pub fn pair(expected: &[Node], ranges: &Ranges, answer: &Node, judge: &Judge<'_>) -> Judged {
    if parts(answer).is_some() || named_values(answer).is_some() {
        return tuple(expected, answer, judge);
    }
    if matches!(answer, Node::Set(_)) {
        return Judged::wrong_type();
    }
    match range::read(&whole(answer), None) {
        Some(read) => read.same(ranges),
        None => Judged::wrong_type(),
    }
}

pub fn named(expected: &[(String, Node)], answer: &Node, judge: &Judge<'_>) -> Judged {
    if let Some(values) = named_values(answer) {
        if values.len() != expected.len() {
            return Judged::different();
        }
        return Judged::all(expected.iter().map(
            |(name, value)| match values.iter().find(|(other, _)| other == name) {
                Some((_, got)) => judge.element(value, got),
                None => Judged::different(),
            },
        ));
    }
    match parts(answer) {
        Some(got) => {
            let expected: Vec<Node> = expected.iter().map(|(_, value)| value.clone()).collect();
            ordered(&expected, &got, judge)
        }
        None => Judged::Incorrect(Reason::WrongType),
    }
}

/// The entries of a matrix with a scalar before or behind it multiplied in.
fn entries(answer: &Node) -> Option<Vec<Vec<Node>>> {
    match answer {
        Node::Matrix(rows) => Some(rows.clone()),
        Node::Chain(Some(_), rest) => match &rest[..] {
            [(Relation::Equal, value)] => entries(value),
            _ => None,
        },
        Node::Neg(one) => Some(scaled(entries(one)?, &Node::int(-1))),
        Node::Div(over, under) => Some(scaled(entries(over)?, &Node::int(1).over((**under).clone()))),
        Node::Mul(all) => {
            let mut rows = None;
            let mut factors = Vec::new();
            for one in all {
                match entries(one) {
                    Some(found) if rows.is_none() => rows = Some(found),
                    Some(_) => return None,
                    None => factors.push(one.clone()),
                }
            }
            Some(scaled(rows?, &Node::Mul(factors)))
        }
        Node::Bracketed(Bracket::Round | Bracket::Angle, all, _) => {
            Some(all.iter().map(|one| vec![one.clone()]).collect())
        }
        _ => None,
    }
}

fn scaled(rows: Vec<Vec<Node>>, factor: &Node) -> Vec<Vec<Node>> {
    let entry = |one: Node| match super::normal::Normal::new(super::normal::Log::Natural)
        .of(&one.clone().times(factor.clone()))
        .ok()
        .and_then(|value| value.as_rational())
    {
        Some(value) => Node::rational(value),
        None => one.times(factor.clone()),
    };
    rows.into_iter().map(|row| row.into_iter().map(entry).collect()).collect()
}

pub fn matrix(expected: &[Vec<Node>], answer: &Node, judge: &Judge<'_>) -> Judged {
    let Some(got) = entries(answer) else { return Judged::wrong_type() };
    let shape = |rows: &[Vec<Node>]| (rows.len(), rows.iter().map(Vec::len).max(), rows.iter().map(Vec::len).min());
    if shape(expected) != shape(&got) {
        return Judged::different();
    }
    ordered(&expected.concat(), &got.concat(), judge)
}
