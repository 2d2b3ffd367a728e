//! The reference: parsed once, its type seen or declared, and whether it can be judged against at all.

use super::bounds::{REFERENCE_BYTES, Stop};
use super::clean;
use super::evaluate::{Place, Value};
use super::lex::Why;
use super::literal::{Numeral, has_i, has_operator, looks_rounded, numeral, towers};
use super::normal::Log;
use super::options::{Decimals, Options};
use super::parse::parse;
use super::range::{self, Ranges};
use super::text;
use super::tree::{Bracket, Constant, Joiner, Node, Relation, Style};

#[derive(Debug, Clone)]
pub enum Kind {
    /// An integer, a fraction or a decimal; the places that a rounded one has.
    Number(Numeral, Option<i64>),
    Percent(Node),
    Constant,
    Complex,
    Expression,
    Equation,
    Inequality,
    /// Values by name, in the reference's order.
    Named(Vec<(String, Node)>),
    /// The constants that are free, or the parameters that are any integer.
    Family(Vec<String>),
    Set(Vec<Node>),
    List(Vec<Node>),
    Tuple(Vec<Node>),
    /// A pair that may be an open interval.
    Pair(Vec<Node>, Ranges),
    /// A part of the real line; of an inequality its variable.
    Range(Ranges, Option<String>),
    Matrix(Vec<Vec<Node>>),
    Quantity,
    Angle,
    Ratio(Vec<Node>),
    Base(String, u32),
    Choice(Vec<char>),
    YesNo(bool),
    Time(u32),
    Text(String),
    /// More words than a name has: the same text is correct, all else is open.
    Prose(String),
    Infinite(bool),
    Undefined,
}

#[derive(Debug, Clone)]
pub struct Reference {
    pub kind: Kind,
    pub node: Node,
    /// The name that stands before its value.
    pub name: Option<String>,
    pub text: String,
}

/// Why nothing can be judged against a reference, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    pub why: String,
    pub at: Option<usize>,
}

fn undecided<T>(why: &str) -> Result<T, Undecided> {
    Err(Undecided { why: why.into(), at: None })
}

impl Kind {
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Number(numeral, _) if numeral.places.is_some() => "decimal",
            Kind::Number(numeral, _) if numeral.value.to_integer().is_some() => "integer",
            Kind::Number(..) => "rational",
            Kind::Percent(_) => "percent",
            Kind::Constant => "constant",
            Kind::Complex => "complex",
            Kind::Expression => "expression",
            Kind::Equation => "equation",
            Kind::Inequality => "inequality",
            Kind::Named(_) => "named values",
            Kind::Family(_) => "family",
            Kind::Set(_) => "set",
            Kind::List(_) => "list",
            Kind::Tuple(_) => "tuple",
            Kind::Pair(..) => "pair",
            Kind::Range(..) => "interval",
            Kind::Matrix(_) => "matrix",
            Kind::Quantity => "quantity",
            Kind::Angle => "angle",
            Kind::Ratio(_) => "ratio",
            Kind::Base(..) => "base",
            Kind::Choice(_) => "choice",
            Kind::YesNo(_) => "yes/no",
            Kind::Time(_) => "time",
            Kind::Text(_) => "text",
            Kind::Prose(_) => "prose",
            Kind::Infinite(_) => "infinity",
            Kind::Undefined => "undefined",
        }
    }

    /// Whether its answers have several elements.
    pub fn is_several(&self) -> bool {
        matches!(
            self,
            Kind::Set(_) | Kind::List(_) | Kind::Tuple(_) | Kind::Pair(..) | Kind::Named(_) | Kind::Choice(_)
        )
    }
}

/// The typed reference of a text.
pub fn read(text: &str, options: &Options) -> Result<Reference, Undecided> {
    if text.len() > REFERENCE_BYTES {
        return undecided("past the limits");
    }
    let plain = clean::characters(text);
    let plain = clean::undressed(&plain);
    if plain.is_empty() {
        return undecided("empty");
    }
    if let Some(kind) = text::kind(plain, options) {
        let kind = kind.map_err(|why| Undecided { why: why.into(), at: None })?;
        return Ok(Reference { kind, node: Node::Text(plain.into()), name: None, text: plain.into() });
    }
    let node = match text::number(plain) {
        Some(node) => node,
        None => parse(plain, true).map_err(|broken| match broken.why {
            Why::TooLarge => Undecided { why: "past the limits".into(), at: Some(broken.at) },
            _ => Undecided { why: format!("it does not parse: {}", broken.message()), at: Some(broken.at) },
        })?,
    };
    if has_operator(&node) {
        return undecided("an operator that no exact method covers");
    }
    if towers(&node) {
        return undecided("past the limits");
    }
    let (node, approximate) = match node {
        Node::Chain(None, mut rest) if rest.len() == 1 && rest[0].0 == Relation::Approx => (rest.remove(0).1, true),
        other => (other, false),
    };
    let (name, node) = named(node);
    let kind = classify(&node, options, approximate)?;
    Ok(Reference { kind, node, name, text: plain.into() })
}

/// `x = 5`: the name before a value.
fn named(node: Node) -> (Option<String>, Node) {
    if let Node::Chain(Some(first), rest) = &node
        && let [(Relation::Equal | Relation::In, value)] = &rest[..]
        && value.variables().is_empty()
    {
        match &**first {
            Node::Var(name) => return (Some(name.clone()), value.clone()),
            Node::Text(_) => return (None, value.clone()),
            Node::Call(_, all) if all.iter().all(|one| one.variables().is_empty()) => return (None, value.clone()),
            // (p, q, r) = (6, 31, -1)
            Node::Bracketed(..) if matches!(value, Node::Bracketed(..)) => return (None, value.clone()),
            _ => {}
        }
    }
    (None, node)
}

/// Both values of every plus-minus; None if there are too many.
pub fn expanded(nodes: &[Node]) -> Option<Vec<Node>> {
    let mut all = Vec::new();
    for node in nodes {
        match split(node) {
            Some([a, b]) => all.extend([a, b]),
            None => all.push(node.clone()),
        }
        if all.len() > super::bounds::ELEMENTS {
            return None;
        }
    }
    Some(all)
}

fn split(node: &Node) -> Option<[Node; 2]> {
    if !node.any(&mut |node| matches!(node, Node::PlusMinus(..))) {
        return None;
    }
    // All signs of one answer are upper or lower together.
    Some([true, false].map(|upper| {
        node.map(&mut |node| match node {
            Node::PlusMinus(a, b, turned) => {
                let zero = matches!(&**a, Node::Lit(zero) if zero.value.is_zero());
                let b = if upper == *turned { Node::Neg(b.clone()) } else { (**b).clone() };
                Some(if zero { b } else { Node::Add(vec![(**a).clone(), b]) })
            }
            _ => None,
        })
    }))
}

/// The value of a reference that has no variables; whether it is real.
fn check_value(node: &Node) -> Result<(), Undecided> {
    for bits in [64, 256, 1_024] {
        match (Place { point: &[], bits, log: Log::Natural }).value(node) {
            Ok(Value::Exact(_) | Value::Real(_) | Value::Complex(..)) => return Ok(()),
            Err(Stop::NoValue) => return undecided("it has no value"),
            Err(Stop::TooLarge) => return undecided("past the limits"),
            Err(Stop::Unknown) => {}
        }
    }
    undecided("it has no value that can be enclosed")
}

pub fn classify(node: &Node, options: &Options, approximate: bool) -> Result<Kind, Undecided> {
    let free = node.any(&mut |node| matches!(node, Node::Var(_) | Node::Call(..)));
    if node.any(&mut |node| matches!(node, Node::PlusMinus(..))) && !matches!(node, Node::Set(_) | Node::List(..)) {
        return Ok(Kind::List(expanded(std::slice::from_ref(node)).unwrap_or_default()));
    }
    match node {
        Node::Const(Constant::Infinity) => return Ok(Kind::Infinite(false)),
        Node::Neg(one) if matches!(&**one, Node::Const(Constant::Infinity)) => return Ok(Kind::Infinite(true)),
        Node::Empty => return Ok(Kind::Range(Ranges::default(), None)),
        Node::Set(all) => return elements(all, options).map(Kind::Set),
        Node::List(all, joiner) => return list(all, *joiner, options),
        Node::Bracketed(open, all, close) => return bracketed(*open, all, *close, options),
        Node::Chain(..) => return chain(node, options),
        Node::Union(_) | Node::Without(..) | Node::Common(_) | Node::Reals | Node::Builder(..) => {
            return match range::read(node, None) {
                Some(ranges) => Ok(Kind::Range(ranges, None)),
                None => undecided("a set that is no union of intervals"),
            };
        }
        Node::Matrix(rows) => {
            let width = rows[0].len();
            return if rows.iter().all(|row| row.len() == width) {
                Ok(Kind::Matrix(rows.clone()))
            } else {
                undecided("a ragged matrix")
            };
        }
        Node::Quantity(value, _) => {
            check_value(value)?;
            return Ok(Kind::Quantity);
        }
        Node::Degrees(value) => {
            check_value(value)?;
            return Ok(Kind::Angle);
        }
        Node::Percent(value) => {
            check_value(value)?;
            return Ok(Kind::Percent((**value).clone()));
        }
        Node::Ratio(parts) => return Ok(Kind::Ratio(parts.clone())),
        Node::Base(digits, base) => return Ok(Kind::Base(digits.clone(), *base)),
        Node::Text(words) => return text::words_kind(words).map_err(|why| Undecided { why: why.into(), at: None }),
        Node::Dots | Node::Operator(_) => return undecided("it has no value"),
        _ => {}
    }
    if free {
        return Ok(expression(node, options));
    }
    check_value(node)?;
    if options.percent || options.is("percent") {
        return Ok(Kind::Percent(node.clone()));
    }
    if let Some(numeral) = numeral(node) {
        let rounded = match options.decimals {
            Some(Decimals::Rounded) => {
                numeral.places.is_some() || matches!(node, Node::Lit(one) if one.style == Style::Integer)
            }
            Some(Decimals::Exact) => false,
            None => numeral.places.is_some() && approximate || looks_rounded(&numeral),
        };
        let places = rounded.then(|| numeral.places.unwrap_or(0));
        return Ok(Kind::Number(numeral, places));
    }
    Ok(if has_i(node) || options.is("complex") { Kind::Complex } else { Kind::Constant })
}

fn expression(node: &Node, options: &Options) -> Kind {
    let names = node.variables();
    let parameters: Vec<String> = options.parameters.iter().filter(|name| names.contains(name)).cloned().collect();
    if !parameters.is_empty() {
        return Kind::Family(parameters);
    }
    // f(x) + C
    if let Node::Add(terms) = node
        && names.len() > 1
        && terms.iter().any(|term| matches!(term, Node::Var(name) if name == "C"))
    {
        return Kind::Family(vec!["C".into()]);
    }
    Kind::Expression
}

fn elements(all: &[Node], options: &Options) -> Result<Vec<Node>, Undecided> {
    let Some(all) = expanded(all) else { return undecided("past the limits") };
    for one in &all {
        if !matches!(one, Node::Dots) {
            classify(one, options, false)?;
        }
    }
    Ok(all)
}

fn list(all: &[Node], joiner: Joiner, options: &Options) -> Result<Kind, Undecided> {
    // Inequalities: a region of the line.
    let relation = |node: &Node| matches!(node, Node::Chain(_, rest) if rest.iter().any(|(relation, _)| !matches!(relation, Relation::Equal)));
    let whole = Node::List(all.to_vec(), joiner);
    if all.iter().all(relation)
        && let Some(ranges) = range::read(&whole, None)
    {
        return Ok(Kind::Range(ranges, whole.variables().first().cloned()));
    }
    let mut names = Vec::new();
    let mut values = Vec::new();
    for one in all {
        match one {
            Node::Chain(Some(first), rest) if rest.len() == 1 && rest[0].0 == Relation::Equal => match &**first {
                Node::Var(name) => {
                    names.push(name.clone());
                    values.push(rest[0].1.clone());
                }
                _ => return undecided("several equations"),
            },
            Node::Chain(..) => return undecided("several relations"),
            other => values.push(other.clone()),
        }
    }
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    if distinct.len() == all.len() && names.len() == all.len() && all.len() > 1 {
        let values = elements(&values, options)?;
        return if values.len() == names.len() {
            Ok(Kind::Named(names.into_iter().zip(values).collect()))
        } else {
            undecided("several values of one name")
        };
    }
    if distinct.len() > 1 {
        return undecided("values of several names");
    }
    let values = elements(&values, options)?;
    Ok(if options.is("tuple") { Kind::Tuple(values) } else { Kind::List(values) })
}

fn bracketed(open: Bracket, all: &[Node], close: Bracket, options: &Options) -> Result<Kind, Undecided> {
    let node = Node::Bracketed(open, all.to_vec(), close);
    let round = open == Bracket::Round && close == Bracket::Round;
    if all.len() == 2 && open != Bracket::Angle && !options.is("tuple") {
        let infinite = all.iter().any(|one| one.any(&mut |node| matches!(node, Node::Const(Constant::Infinity))));
        let ranges = range::read(&node, None);
        if !round || infinite || options.is("interval") {
            return match ranges {
                Some(ranges) => Ok(Kind::Range(ranges, None)),
                None => undecided("an interval without ends in order"),
            };
        }
        if let Some(ranges) = ranges {
            return Ok(Kind::Pair(elements(all, options)?, ranges));
        }
    }
    if all.len() == 1 {
        return classify(&all[0], options, false);
    }
    Ok(Kind::Tuple(elements(all, options)?))
}

fn chain(node: &Node, options: &Options) -> Result<Kind, Undecided> {
    let Node::Chain(first, rest) = node else { return undecided("no relation") };
    if first.is_none() {
        return undecided("a relation without its left side");
    }
    let variables = node.any(&mut |node| matches!(node, Node::Var(_) | Node::Call(..)));
    if !variables {
        return undecided("a relation of numbers");
    }
    if let [(Relation::Equal, right)] = &rest[..] {
        if let Some(Node::Var(_)) = first.as_deref()
            && right.any(&mut |node| matches!(node, Node::PlusMinus(..)))
        {
            return Ok(Kind::List(elements(std::slice::from_ref(right), options)?));
        }
        return Ok(Kind::Equation);
    }
    if rest.iter().any(|(relation, _)| matches!(relation, Relation::Equal | Relation::Approx)) {
        return undecided("a chain of equations");
    }
    let names = node.variables();
    if let ([name], Some(ranges)) = (&names[..], range::read(node, None)) {
        return Ok(Kind::Range(ranges, Some(name.clone())));
    }
    Ok(Kind::Inequality)
}
