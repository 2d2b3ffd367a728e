//! Quantities, angles, ratios, bases and infinity.

use super::decide::{How, decide};
use super::judge::Judge;
use super::literal::numeral;
use super::options::Judged;
use super::rational::Rational;
use super::tree::{Constant, Node};
use super::unit::{self, Unit};

/// `5m`, where a quantity is asked: the last letters are its unit.
fn with_unit(node: &Node) -> Option<(Node, Unit)> {
    let Node::Mul(all) = node else { return None };
    let (last, front) = all.split_last()?;
    let unit = match last {
        Node::Var(name) => unit::named(name)?,
        Node::Pow(base, power) => match (&**base, numeral(power)) {
            (Node::Var(name), Some(power)) => unit::named(name)?.power(power.value.to_i64()?).ok()?,
            _ => return None,
        },
        _ => return None,
    };
    let value = if front.len() == 1 { front[0].clone() } else { Node::Mul(front.to_vec()) };
    Some((value, unit))
}

pub fn quantity(reference: &Node, answer: &Node, judge: &Judge<'_>) -> Judged {
    let Node::Quantity(value, unit) = reference else { return Judged::Open };
    let found = match answer {
        Node::Quantity(value, unit) => Some(((**value).clone(), unit.clone())),
        Node::Percent(_) | Node::Base(..) => return Judged::wrong_type(),
        Node::Degrees(_) => return Judged::wrong_type(),
        other => with_unit(other),
    };
    let Some((got, other)) = found else { return judge.element(value, answer) };
    if other.dimensions != unit.dimensions {
        return Judged::different();
    }
    if other.factor == unit.factor {
        return judge.element(value, &got);
    }
    let scaled = |node: &Node, unit: &Unit| node.clone().times(Node::rational(unit.factor.clone()));
    decide(&scaled(&got, &other), &scaled(value, unit), judge.options.domain()).into()
}

pub fn angle(reference: &Node, answer: &Node, judge: &Judge<'_>) -> Judged {
    let Node::Degrees(value) = reference else { return Judged::Open };
    match answer {
        Node::Degrees(got) => judge.element(value, got),
        Node::Quantity(got, unit) if unit.dimensions == [("rad".to_owned(), 1)] => {
            decide(got, reference, judge.options.domain()).into()
        }
        Node::Quantity(..) | Node::Percent(_) | Node::Base(..) => Judged::wrong_type(),
        other => {
            let bare = judge.element(value, other);
            // Radians have a pi in them.
            if other.any(&mut |node| matches!(node, Node::Const(Constant::Pi))) {
                bare.or(|| decide(other, reference, judge.options.domain()).into())
            } else {
                bare
            }
        }
    }
}

pub fn ratio(expected: &[Node], answer: &Node, judge: &Judge<'_>) -> Judged {
    let declared = judge.options.is("ratio");
    let got = match answer {
        Node::Ratio(parts) => parts.clone(),
        Node::Div(a, b) if declared && expected.len() == 2 => vec![(**a).clone(), (**b).clone()],
        other if declared && expected.len() == 2 => match numeral(other) {
            Some(numeral) => {
                [numeral.value.over, numeral.value.under].map(|n| Node::rational(Rational::from(n))).to_vec()
            }
            None => return Judged::wrong_type(),
        },
        _ => return Judged::wrong_type(),
    };
    if got.len() != expected.len() {
        return Judged::different();
    }
    if !declared {
        return Judged::all(expected.iter().zip(&got).map(|(a, b)| judge.element(a, b)));
    }
    // a : b = c : d where ad = bc, and no part is zero.
    let domain = judge.options.domain();
    Judged::all((1..got.len()).map(|index| {
        if decide(&got[index], &Node::int(0), domain).is_equal() {
            return Judged::different();
        }
        let left = got[0].clone().times(expected[index].clone());
        let right = got[index].clone().times(expected[0].clone());
        decide(&left, &right, domain).into()
    }))
}

pub fn base(digits: &str, base: u32, answer: &Node) -> Judged {
    let same = |other: &str| {
        if other.trim_start_matches('0') == digits.trim_start_matches('0') {
            Judged::Correct(How::Literal)
        } else {
            Judged::different()
        }
    };
    match answer {
        Node::Base(other, their_base) if *their_base == base => same(other),
        Node::Lit(literal) if literal.text.bytes().all(|byte| byte.is_ascii_digit()) => same(&literal.text),
        _ => Judged::different(),
    }
}

pub fn infinite(negative: bool, answer: &Node) -> Judged {
    let got = match answer {
        Node::Const(Constant::Infinity) => false,
        Node::Neg(one) if matches!(&**one, Node::Const(Constant::Infinity)) => true,
        _ => return Judged::different(),
    };
    if got == negative { Judged::Correct(How::Literal) } else { Judged::different() }
}
