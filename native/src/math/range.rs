//! Parts of the real line: unions of intervals and points, read from intervals, inequalities and set-builders.

use super::bounds::ELEMENTS;
use super::decide::{Domain, decide, order};
use super::options::Judged;
use super::tree::{Bracket, Constant, Joiner, Node, Relation};
use super::words;

/// An end: None is infinity.
#[derive(Debug, Clone)]
pub struct Piece {
    pub low: Option<Node>,
    pub low_closed: bool,
    pub high: Option<Node>,
    pub high_closed: bool,
}

/// Sorted, apart, none of them empty.
#[derive(Debug, Clone, Default)]
pub struct Ranges(pub Vec<Piece>);

const MOST: usize = 32;

impl Ranges {
    pub fn all() -> Ranges {
        Ranges(vec![Piece { low: None, low_closed: false, high: None, high_closed: false }])
    }

    fn point(node: &Node) -> Ranges {
        let end = Some(node.clone());
        Ranges(vec![Piece { low: end.clone(), low_closed: true, high: end, high_closed: true }])
    }

    fn without_points(points: &[Node]) -> Option<Ranges> {
        let mut rest = Ranges::all();
        for point in points {
            rest = rest.common(&Ranges::point(point).complement()?)?;
        }
        Some(rest)
    }

    /// Merged where they touch or overlap.
    fn union(mut parts: Vec<Piece>) -> Option<Ranges> {
        if parts.len() > MOST {
            return None;
        }
        let mut failed = false;
        parts.sort_by(|a, b| {
            let order = low_order(a, b);
            failed |= order.is_none();
            order.unwrap_or(0).cmp(&0)
        });
        if failed {
            return None;
        }
        let mut merged: Vec<Piece> = Vec::new();
        for part in parts {
            let Some(last) = merged.last_mut() else {
                merged.push(part);
                continue;
            };
            let touching = match (&last.high, &part.low) {
                (None, _) | (_, None) => true,
                (Some(high), Some(low)) => match order(low, high)? {
                    0 => last.high_closed || part.low_closed,
                    below => below < 0,
                },
            };
            if !touching {
                merged.push(part);
                continue;
            }
            match (&last.high, &part.high) {
                (None, _) => {}
                (_, None) => (last.high, last.high_closed) = (None, false),
                (Some(a), Some(b)) => match order(a, b)? {
                    0 => last.high_closed |= part.high_closed,
                    below if below < 0 => (last.high, last.high_closed) = (part.high, part.high_closed),
                    _ => {}
                },
            }
        }
        Some(Ranges(merged))
    }

    fn complement(&self) -> Option<Ranges> {
        let mut parts = Vec::new();
        let (mut low, mut low_closed) = (None, false);
        let mut first = true;
        for piece in &self.0 {
            if !first || piece.low.is_some() {
                parts.push(Piece {
                    low,
                    low_closed,
                    high: piece.low.clone(),
                    high_closed: piece.low.is_some() && !piece.low_closed,
                });
            }
            first = false;
            if piece.high.is_none() {
                return Some(Ranges(parts));
            }
            (low, low_closed) = (piece.high.clone(), !piece.high_closed);
        }
        parts.push(Piece { low, low_closed, high: None, high_closed: false });
        Some(Ranges(parts))
    }

    fn common(&self, other: &Ranges) -> Option<Ranges> {
        let (a, b) = (self.complement()?, other.complement()?);
        Ranges::union([a.0, b.0].concat())?.complement()
    }

    pub fn same(&self, other: &Ranges) -> Judged {
        if self.0.len() != other.0.len() {
            return Judged::different();
        }
        let end = |a: &Option<Node>, b: &Option<Node>| match (a, b) {
            (None, None) => Judged::Correct(super::decide::How::Literal),
            (Some(a), Some(b)) => decide(a, b, Domain::Real).into(),
            _ => Judged::different(),
        };
        Judged::all(self.0.iter().zip(&other.0).flat_map(|(a, b)| {
            let closed = a.low_closed == b.low_closed && a.high_closed == b.high_closed;
            if closed {
                [end(&a.low, &b.low), end(&a.high, &b.high)]
            } else {
                [Judged::different(), Judged::different()]
            }
        }))
    }
}

fn low_order(a: &Piece, b: &Piece) -> Option<i32> {
    match (&a.low, &b.low) {
        (None, None) => Some(0),
        (None, _) => Some(-1),
        (_, None) => Some(1),
        (Some(x), Some(y)) => match order(x, y)? {
            0 => Some(i32::from(b.low_closed) - i32::from(a.low_closed)),
            other => Some(other),
        },
    }
}

fn is_name(node: &Node) -> Option<&str> {
    if let Node::Var(name) = node { Some(name) } else { None }
}

/// The part of the line that a tree describes; with `variable` its inequalities must be about that one.
pub fn read(node: &Node, variable: Option<&str>) -> Option<Ranges> {
    match node {
        Node::Reals => Some(Ranges::all()),
        Node::Var(name) if name == "R" => Some(Ranges::all()),
        Node::Empty => Some(Ranges::default()),
        Node::Text(text) if words::is_all_reals(text) => Some(Ranges::all()),
        Node::Text(text) if words::is_empty(text) => Some(Ranges::default()),
        Node::Bracketed(open, all, close) => interval(*open, all, *close),
        Node::Set(all) => {
            let points =
                all.iter().map(|one| if one.variables().is_empty() { Ranges::point(one).0.pop() } else { None });
            Ranges::union(points.collect::<Option<Vec<Piece>>>()?)
        }
        Node::Union(parts) => {
            let parts: Option<Vec<Ranges>> = parts.iter().map(|part| read(part, variable)).collect();
            Ranges::union(parts?.into_iter().flat_map(|part| part.0).collect())
        }
        Node::Common(parts) => parts.iter().try_fold(Ranges::all(), |rest, part| rest.common(&read(part, variable)?)),
        Node::Without(whole, part) => read(whole, variable)?.common(&read(part, variable)?.complement()?),
        Node::Builder(name, conditions) => {
            let name = match &**name {
                Node::Chain(Some(first), rest) if rest.len() == 1 && rest[0].0 == Relation::In => is_name(first)?,
                other => is_name(other)?,
            };
            read(conditions, Some(name))
                .filter(|_| conditions.variables().iter().all(|other| other == name || other == "R"))
        }
        Node::List(all, joiner) => {
            if all.len() > ELEMENTS.min(MOST) || !one_variable(node, variable) {
                return None;
            }
            let parts: Vec<Ranges> = all
                .iter()
                .map(|one| if matches!(one, Node::Chain(..)) { read(one, variable) } else { None })
                .collect::<Option<_>>()?;
            if *joiner == Joiner::Or {
                return Ranges::union(parts.into_iter().flat_map(|part| part.0).collect());
            }
            parts.into_iter().try_fold(Ranges::all(), |rest, part| rest.common(&part))
        }
        Node::Chain(Some(first), rest) => {
            if let ([(Relation::In, whole)], Some(name)) = (&rest[..], is_name(first)) {
                return if variable.is_none_or(|other| other == name) { read(whole, variable) } else { None };
            }
            if !one_variable(node, variable) {
                return None;
            }
            let mut left = &**first;
            let mut whole = Ranges::all();
            for (relation, right) in rest {
                whole = whole.common(&condition(left, *relation, right)?)?;
                left = right;
            }
            Some(whole)
        }
        _ => None,
    }
}

fn one_variable(node: &Node, variable: Option<&str>) -> bool {
    let names: Vec<String> = node.variables().into_iter().filter(|name| name != "R").collect();
    names.len() == 1
        && variable.is_none_or(|name| name == names[0])
        && !node.any(&mut |node| matches!(node, Node::Call(..)))
}

fn interval(open: Bracket, all: &[Node], close: Bracket) -> Option<Ranges> {
    let [low, high] = all else { return None };
    let infinite = |node: &Node, negative: bool| match node {
        Node::Neg(one) => negative && matches!(&**one, Node::Const(Constant::Infinity)),
        other => !negative && matches!(other, Node::Const(Constant::Infinity)),
    };
    let free = |node: &Node| {
        node.any(&mut |node| {
            matches!(node, Node::Var(_) | Node::Call(..) | Node::Const(Constant::Infinity) | Node::Set(_))
        })
    };
    let mut piece = Piece {
        low: (!infinite(low, true)).then(|| low.clone()),
        low_closed: open == Bracket::Square,
        high: (!infinite(high, false)).then(|| high.clone()),
        high_closed: close == Bracket::Square,
    };
    if open == Bracket::Angle || piece.low.as_ref().is_some_and(free) || piece.high.as_ref().is_some_and(free) {
        return None;
    }
    piece.low_closed &= piece.low.is_some();
    piece.high_closed &= piece.high.is_some();
    if let (Some(low), Some(high)) = (&piece.low, &piece.high) {
        match order(low, high)? {
            0 if !(piece.low_closed && piece.high_closed) => return None,
            after if after > 0 => return None,
            _ => {}
        }
    }
    Some(Ranges(vec![piece]))
}

/// Where `left relation right` holds; both are linear in the one variable.
fn condition(left: &Node, relation: Relation, right: &Node) -> Option<Ranges> {
    let (relation, bound) = if is_name(left).is_some() && right.variables().is_empty() {
        (relation, right.clone())
    } else if is_name(right).is_some() && left.variables().is_empty() {
        (relation.turned(), left.clone())
    } else {
        // f = a x + b with a = f(1) - f(0), b = f(0), if that is so.
        let whole = left.clone().minus(right.clone());
        let name = whole.variables().first()?.clone();
        let b = whole.with(&name, &Node::int(0));
        let a = whole.with(&name, &Node::int(1)).minus(b.clone());
        let linear = Node::Add(vec![a.clone().times(Node::Var(name.clone())), b.clone()]);
        if !decide(&whole, &linear, Domain::Real).is_equal() {
            return None;
        }
        let sign = order(&a, &Node::int(0))?;
        let relation = match sign {
            0 => return None,
            1 => relation,
            _ => relation.turned(),
        };
        (relation, Node::Neg(Box::new(b)).over(a))
    };
    let infinite = matches!(&bound, Node::Const(Constant::Infinity))
        || matches!(&bound, Node::Neg(one) if matches!(&**one, Node::Const(Constant::Infinity)));
    let end = if infinite { None } else { Some(bound.clone()) };
    let closed = end.is_some() && matches!(relation, Relation::LessEqual | Relation::GreaterEqual);
    match relation {
        Relation::Less | Relation::LessEqual => {
            Some(Ranges(vec![Piece { low: None, low_closed: false, high: end, high_closed: closed }]))
        }
        Relation::Greater | Relation::GreaterEqual => {
            Some(Ranges(vec![Piece { low: end, low_closed: closed, high: None, high_closed: false }]))
        }
        Relation::NotEqual => Ranges::without_points(&[bound]),
        Relation::Equal => Some(Ranges::point(&bound)),
        Relation::Approx | Relation::In => None,
    }
}
