//! Equations and inequalities by proportional sides, and families by what their constants absorb.

use super::decide::{Decision, Domain, How, decide};
use super::evaluate::{Place, Value};
use super::judge::Judge;
use super::normal::{Generator, Log, Normal};
use super::options::{Judged, Reason};
use super::poly::Quotient;
use super::rational::Rational;
use super::tree::{Node, Relation};

/// Left minus right, and the relation, of a single one.
fn sides(node: &Node) -> Option<(&Node, Relation, &Node)> {
    match node {
        Node::Chain(Some(first), rest) => match &rest[..] {
            [(relation, right)] => Some((first, *relation, right)),
            _ => None,
        },
        _ => None,
    }
}

fn difference(left: &Node, right: &Node) -> Node {
    left.clone().minus(right.clone())
}

pub fn equation(reference: &Node, answer: &Node, judge: &Judge<'_>) -> Judged {
    let Some((left, _, right)) = sides(reference) else { return Judged::Open };
    let domain = judge.options.domain();
    let Some((got_left, relation, got_right)) = sides(answer) else {
        return match answer {
            Node::Chain(..) | Node::List(..) => Judged::Incorrect(Reason::SeveralAnswers),
            // The right side alone, where the left is a name.
            _ if is_name(left, right) => decide(answer, right, domain).into(),
            _ => Judged::wrong_type(),
        };
    };
    if relation != Relation::Equal {
        return Judged::wrong_type();
    }
    let (mut got_left, mut got_right) = (got_left.clone(), got_right.clone());
    // f(t) = ... binds t.
    if let (Node::Call(name, bound), Node::Call(other, names)) = (left, &got_left)
        && name == other
        && let ([Node::Var(bound)], [Node::Var(name)]) = (&bound[..], &names[..])
        && bound != name
    {
        if got_right.variables().contains(bound) {
            return Judged::different();
        }
        let variable = Node::Var(bound.clone());
        (got_left, got_right) = (got_left.with(name, &variable), got_right.with(name, &variable));
    }
    match proportional(&difference(&got_left, &got_right), &difference(left, right), domain) {
        Some((how, _)) => Judged::Correct(how),
        None => Judged::different(),
    }
}

fn is_name(left: &Node, right: &Node) -> bool {
    match left {
        Node::Var(name) => !right.variables().contains(name),
        Node::Call(_, all) => all.iter().all(|one| matches!(one, Node::Var(_))),
        _ => false,
    }
}

/// Whether the first is a non-zero constant times the second; with the sign of the constant where it is asked for.
fn proportional(a: &Node, b: &Node, domain: Domain) -> Option<(How, i32)> {
    if let Some(found) = polynomials(a, b) {
        return found;
    }
    let negative = Node::Neg(Box::new(b.clone()));
    for (other, sign) in [(b, 1), (&negative, -1)] {
        if let Decision::Equal(how) = decide(a, other, domain) {
            return Some((how, sign));
        }
    }
    None
}

/// For polynomials in variables the answer is final; None where they are something else.
fn polynomials(a: &Node, b: &Node) -> Option<Option<(How, i32)>> {
    let mut normal = Normal::new(Log::Natural);
    let (a, b) = (normal.of(a).ok()?, normal.of(b).ok()?);
    let (x, y) = (
        normal.mul(&Quotient::poly(a.over), &Quotient::poly(b.under)).ok()?,
        normal.mul(&Quotient::poly(b.over), &Quotient::poly(a.under)).ok()?,
    );
    let (x, y) = (x.as_poly()?, y.as_poly()?);
    let variables = |poly: &super::poly::Poly| {
        poly.0.keys().flatten().all(|(id, power)| {
            power.is_integer() && matches!(normal.generator(*id), Generator::Variable(_) | Generator::Opaque(_))
        })
    };
    let (Some((first, p)), Some((second, q))) = (x.0.iter().next_back(), y.0.iter().next_back()) else {
        return Some(None);
    };
    let factor = p.div(q).ok()?;
    let same = first == second && y.scaled(&factor).ok()? == *x;
    if same {
        return Some(Some((How::NormalForm, if factor.is_negative() { -1 } else { 1 })));
    }
    (variables(x) && variables(y)).then_some(None)
}

pub fn inequality(reference: &Node, answer: &Node, judge: &Judge<'_>) -> Judged {
    let domain = judge.options.domain();
    if let (Some((a, relation, b)), Some((c, other, d))) = (sides(reference), sides(answer)) {
        return match proportional(&difference(c, d), &difference(a, b), domain) {
            Some((how, sign)) if other == (if sign > 0 { relation } else { relation.turned() }) => Judged::Correct(how),
            _ => Judged::different(),
        };
    }
    let (Node::Chain(Some(first), rest), Node::Chain(Some(other), others)) = (reference, answer) else {
        return Judged::wrong_type();
    };
    if rest.len() != others.len() {
        return Judged::different();
    }
    let expected: Vec<&Node> = std::iter::once(&**first).chain(rest.iter().map(|(_, node)| node)).collect();
    let got: Vec<&Node> = std::iter::once(&**other).chain(others.iter().map(|(_, node)| node)).collect();
    let members = |got: &[&Node]| {
        Judged::all(expected.iter().zip(got).map(|(expected, got)| decide(got, expected, domain).into()))
    };
    let straight = rest.iter().zip(others).all(|(a, b)| a.0 == b.0);
    let turned = rest.iter().zip(others.iter().rev()).all(|(a, b)| a.0 == b.0.turned());
    let backwards: Vec<&Node> = got.iter().rev().copied().collect();
    match (straight, turned) {
        (true, _) => members(&got),
        (_, true) => members(&backwards),
        _ => Judged::different(),
    }
}

/// The integer next to a real constant.
fn nearest(node: &Node) -> Option<Node> {
    let bits = 128;
    let value = Place { point: &[], bits, log: Log::Natural }.value(node).ok()?;
    let value = match value {
        Value::Exact(value) => value,
        other => {
            let low = other.real(bits).ok()??.low.fixed(16);
            Rational::new(low, (1 << 16).into()).ok()?
        }
    };
    Some(Node::rational(value.rounded(0).ok()?.0))
}

/// Constants that are free, or parameters that are any integer.
pub fn family(reference: &Node, free: &[String], answer: &Node, judge: &Judge<'_>) -> Judged {
    let [name] = free else { return Judged::Open };
    let names = reference.variables();
    let own = answer.variables();
    // The answer's name for it: the same, or the one that the reference does not have.
    let strange: Vec<&String> = own.iter().filter(|other| !names.contains(other)).collect();
    let theirs = match strange[..] {
        [] if own.contains(name) => name.clone(),
        [other] if !own.contains(name) => other.clone(),
        _ => return Judged::different(),
    };
    let at = |node: &Node, name: &str, value: i64| node.with(name, &Node::int(value));
    let (base, other_base) = (at(reference, name, 0), at(answer, &theirs, 0));
    let step = difference(&at(reference, name, 1), &base);
    let other_step = difference(&at(answer, &theirs, 1), &other_base);
    // Both are linear in it.
    let linear = |node: &Node, name: &str, base: &Node, step: &Node| {
        let value = Node::Add(vec![base.clone(), step.clone().times(Node::Var(name.to_owned()))]);
        decide(node, &value, Domain::Real).is_equal()
    };
    if !linear(reference, name, &base, &step) {
        return Judged::Open;
    }
    if !linear(answer, &theirs, &other_base, &other_step) {
        return Judged::different();
    }
    let offset = difference(&other_base, &base);
    if judge.options.parameters.contains(name) {
        let same = decide(&other_step, &step, Domain::Real);
        let steps = if same.is_equal() { same } else { decide(&Node::Neg(Box::new(other_step)), &step, Domain::Real) };
        if !steps.is_equal() {
            return steps.into();
        }
        return match nearest(&offset.clone().over(step.clone())) {
            Some(count) => decide(&offset, &step.times(count), Domain::Real).into(),
            None => Judged::different(),
        };
    }
    // The constant takes any number times anything but zero.
    let step = Normal::new(Log::Natural).of(&other_step).ok().and_then(|step| step.as_rational());
    if step.is_none_or(|step| step.is_zero()) {
        return Judged::different();
    }
    // What is left over is a constant if it is the same at any two places.
    let elsewhere = offset.map(&mut |node| match node {
        Node::Var(name) => Some(Node::Var(format!("{name}*"))),
        _ => None,
    });
    decide(&offset, &elsewhere, Domain::Real).into()
}
