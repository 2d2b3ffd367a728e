//! The type of a reference, seen from its tree or declared.

use super::bounds::Stop;
use super::evaluate::{Place, Value};
use super::literal::{has_i, looks_rounded, numeral};
use super::normal::Log;
use super::options::{Decimals, Options};
use super::range::{self, Ranges};
use super::reference::{Kind, Undecided, expanded, undecided};
use super::text;
use super::tree::{Bracket, Constant, Joiner, Node, Relation, Style};

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
