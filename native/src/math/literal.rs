//! Numerals: which trees are one, how a decimal is rounded, and what stands for a number without being computed.

use num_bigint::BigInt;

use super::bounds::EXPONENT;
use super::decide::{How, order};
use super::evaluate::{Place, Value};
use super::float::Interval;
use super::normal::{Log, Normal};
use super::options::Judged;
use super::rational::Rational;
use super::tree::{Constant, Function, Literal, Node, Style};

/// The number that a tree of literals is, and the places after its point if it is a decimal.
#[derive(Debug, Clone)]
pub struct Numeral {
    pub value: Rational,
    pub places: Option<i64>,
    pub digits: u32,
    pub trailing_zero: bool,
}

impl Numeral {
    fn of(literal: &Literal) -> Numeral {
        let places = match literal.style {
            Style::Decimal(places) => Some(i64::from(places)),
            Style::Scientific(places) => Some(places),
            _ => None,
        };
        let Literal { value, digits, trailing_zero, .. } = literal.clone();
        Numeral { value, places, digits, trailing_zero }
    }
}

/// A literal with its sign, a quotient of two integers, a decimal times a power of ten.
pub fn numeral(node: &Node) -> Option<Numeral> {
    match node {
        Node::Lit(literal) => Some(Numeral::of(literal)),
        Node::Neg(one) => numeral(one).map(|numeral| Numeral { value: numeral.value.neg(), ..numeral }),
        Node::Div(over, under) => {
            let (over, under) = (numeral(over)?, numeral(under)?);
            let integers = over.places.is_none() && under.places.is_none();
            let value = over.value.div(&under.value).ok().filter(|_| integers)?;
            Some(Numeral { value, places: None, digits: 0, trailing_zero: false })
        }
        Node::Mul(all) => {
            let [Node::Lit(front), Node::Pow(base, exponent)] = &all[..] else { return None };
            let ten =
                matches!(&**base, Node::Lit(ten) if ten.value == Rational::int(10) && ten.style == Style::Integer);
            let exponent = whole(exponent).filter(|_| ten)?;
            let value = front.value.mul(&Rational::int(10).pow(exponent).ok()?).ok()?;
            let front = Numeral::of(front);
            Some(Numeral { value, places: Some(front.places.unwrap_or(0) - exponent), ..front })
        }
        _ => None,
    }
}

fn whole(node: &Node) -> Option<i64> {
    match node {
        Node::Lit(literal) => literal.value.to_i64(),
        Node::Neg(one) => whole(one).map(|value| -value),
        _ => None,
    }
}

/// Whether an answer to a literal is evaluated: a numeral, a power, a monomial with a power; of `sums` also sums of them.
pub fn evaluated(node: &Node, sums: bool) -> bool {
    match node {
        Node::Lit(_) => true,
        Node::Neg(one) => evaluated(one, sums),
        Node::Div(over, under) => evaluated(over, false) && evaluated(under, false),
        Node::Pow(base, exponent) => is_literal(base) && is_literal(exponent),
        Node::Mul(all) => {
            let power = |node: &Node| matches!(node, Node::Pow(..)) && evaluated(node, false);
            all.iter().any(power) && all.iter().all(|one| power(one) || is_literal(one))
        }
        Node::Add(all) => sums && all.iter().all(|one| evaluated(one, false)),
        _ => false,
    }
}

fn is_literal(node: &Node) -> bool {
    match node {
        Node::Lit(_) => true,
        Node::Neg(one) => is_literal(one),
        _ => false,
    }
}

/// Kinds of operators beyond arithmetic, powers and roots.
fn operators(node: &Node, found: &mut Vec<u8>) {
    node.any(&mut |node| {
        let kind = match node {
            Node::Fn(function, _) => match function {
                Function::Sin | Function::Cos | Function::Tan | Function::Cot | Function::Sec | Function::Csc => 1,
                Function::Arcsin | Function::Arccos | Function::Arctan | Function::Arccot => 2,
                Function::Arcsec | Function::Arccsc => 2,
                Function::Ln | Function::Log | Function::LogBase => 3,
                Function::Exp => return false,
                Function::Sinh | Function::Cosh | Function::Tanh => 4,
                Function::Abs => 5,
                Function::Floor | Function::Ceil => 6,
                Function::Max | Function::Min => 7,
                Function::Gcd | Function::Lcm => 8,
                Function::Sign => 9,
            },
            Node::Factorial(_) => 10,
            Node::Binom(..) => 11,
            _ => return false,
        };
        found.push(kind);
        false
    });
}

/// Whether the answer uses only operators that the reference has, besides those that are free.
pub fn same_operators(answer: &Node, reference: &Node, complex: bool) -> bool {
    let (mut used, mut had) = (Vec::new(), if complex { vec![1] } else { Vec::new() });
    operators(answer, &mut used);
    operators(reference, &mut had);
    used.iter().all(|kind| had.contains(kind))
}

/// Whether a number in it is larger than may be written: an exponent past the bound, a tower of numbers.
pub fn towers(node: &Node) -> bool {
    let number = |node: &Node| !node.any(&mut |node| matches!(node, Node::Var(_) | Node::Call(..)));
    node.any(&mut |node| match node {
        Node::Pow(base, exponent) if number(base) => match whole(exponent) {
            Some(exponent) => exponent.abs() > EXPONENT,
            None => matches!(&**exponent, Node::Lit(literal) if literal.value.to_integer().is_some())
                || exponent.any(
                    &mut |node| matches!(node, Node::Pow(base, exponent) if is_literal(base) && is_literal(exponent)),
                ),
        },
        _ => false,
    })
}

/// A sum over a range, an integral and their like anywhere.
pub fn has_operator(node: &Node) -> bool {
    node.any(&mut |node| matches!(node, Node::Operator(_)))
}

pub fn has_i(node: &Node) -> bool {
    node.any(&mut |node| matches!(node, Node::Const(Constant::I)))
}

/// Whether the value lies within half a unit of the last place from the reference, both ends included.
pub fn rounds_to(value: &Node, reference: &Rational, places: i64) -> Option<bool> {
    let half = Rational::int(10).pow(-places).ok()?.div(&Rational::int(2)).ok()?;
    let (low, high) = (reference.sub(&half).ok()?, reference.add(&half).ok()?);
    let below = order(value, &Node::rational(low))?;
    let above = order(value, &Node::rational(high))?;
    Some(below >= 0 && above <= 0)
}

const LONG_DIGITS: u32 = 10;
const LONG_PLACES: i64 = 4;

/// A decimal of at least ten digits for a value that no decimal writes: its rounding or its truncation.
pub fn long_decimal(answer: &Node, reference: &Node) -> Option<Judged> {
    let numeral = numeral(answer)?;
    let places = numeral.places.filter(|places| *places >= LONG_PLACES && numeral.digits >= LONG_DIGITS)?;
    if let Some(value) = Normal::new(Log::Natural).of(reference).ok()?.as_rational()
        && value.terminates()
    {
        return None;
    }
    let bits = 64 + 4 * u64::from(numeral.digits) + numeral.value.bits();
    let place = Place { point: &[], bits: bits.min(super::bounds::BITS), log: Log::Natural };
    let near = match place.value(reference).ok()? {
        Value::Exact(value) => {
            let (down, up) = value.rounded(places).ok()?;
            down == numeral.value || up == numeral.value || value.truncated(places).ok()? == numeral.value
        }
        Value::Real(value) => {
            let unit = Rational::int(10).pow(-places).ok()?;
            let half = unit.div(&Rational::int(2)).ok()?;
            let inside = |low: Rational, high: Rational| -> Option<bool> {
                let (low, high) = (Interval::of(&low, bits).ok()?, Interval::of(&high, bits).ok()?);
                Some(low.high.cmp(&value.low).is_le() && value.high.cmp(&high.low).is_le())
            };
            let at = &numeral.value;
            let cut =
                if at.is_negative() { (at.sub(&unit).ok()?, at.clone()) } else { (at.clone(), at.add(&unit).ok()?) };
            inside(at.sub(&half).ok()?, at.add(&half).ok()?)? || inside(cut.0, cut.1)?
        }
        Value::Complex(..) => return None,
    };
    near.then_some(Judged::Correct(How::Separated))
}

/// Whether a decimal reference without a declaration is taken as rounded.
pub fn looks_rounded(numeral: &Numeral) -> bool {
    let small = [1, 2, 4, 5, 8].map(BigInt::from);
    numeral.places.is_some() && numeral.digits >= 3 && !numeral.trailing_zero && !small.contains(&numeral.value.under)
}
