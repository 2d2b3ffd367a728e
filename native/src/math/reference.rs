//! The reference: parsed once, its type seen or declared, and whether it can be judged against at all.

use super::bounds::REFERENCE_BYTES;
use super::classify::classify;
use super::clean;
use super::lex::Why;
use super::literal::{Numeral, has_operator, towers};
use super::options::Options;
use super::parse::parse;
use super::range::Ranges;
use super::text;
use super::tree::{Node, Relation};

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

pub fn undecided<T>(why: &str) -> Result<T, Undecided> {
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
