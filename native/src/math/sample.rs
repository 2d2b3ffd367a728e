//! Functions without a normal form of their own, at random rational points: one disjoint enclosure is a proof of
//! difference, twenty-four that overlap are taken for an identity.

use std::hash::{DefaultHasher, Hash, Hasher};

use num_bigint::BigInt;
use num_traits::One;

use super::bounds::{Stop, VARIABLES};
use super::decide::{Decision, Domain, How};
use super::evaluate::{Place, Value};
use super::normal::Log;
use super::rational::Rational;
use super::tree::{Function, Node};

const POINTS: usize = 24;
const TRIES: u64 = 160;
const BITS: u64 = 64;
const FINE_BITS: u64 = 256;
const BOTH_BITS: [u64; 2] = [BITS, FINE_BITS];
/// After so many overlaps they are expected, and points are looked at with all bits at once.
const CAUTIOUS: usize = 2;
const SALT: u64 = 0x6173_7361_795f_3032;

struct Points {
    state: u64,
    names: Vec<String>,
    whole: bool,
}

impl Points {
    fn of(answer: &Node, reference: &Node) -> Points {
        let mut hasher = DefaultHasher::new();
        (SALT, format!("{answer:?}\0{reference:?}")).hash(&mut hasher);
        let mut names = answer.variables();
        names.extend(reference.variables());
        names.sort();
        names.dedup();
        // A factorial has values here at integers only; the reference says whether they are what it is about.
        let factorial = |node: &Node| matches!(node, Node::Factorial(of) if !of.variables().is_empty());
        let whole = reference.any(&mut |node| factorial(node));
        Points { state: hasher.finish(), names, whole }
    }

    fn next(&mut self) -> u64 {
        // splitmix64
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Small heights; magnitudes from 2^-20 to 2^3, half of them near one.
    fn draw(&mut self, positive: bool) -> Vec<(String, Rational)> {
        let names = self.names.clone();
        let near = self.next().is_multiple_of(2);
        names
            .into_iter()
            .map(|name| {
                let random = self.next();
                if self.whole {
                    return (name, Rational::int((random % 21) as i64 + 4));
                }
                let shift = if near { (random >> 32) % 6 + 5 } else { (random >> 32) % 24 + 5 };
                let over = (random % 256 + 256) as i64 | 1;
                let over = if positive || random >> 63 == 0 { over } else { -over };
                let value = Rational { over: BigInt::from(over), under: BigInt::one() << (shift + 1) };
                (name, value)
            })
            .collect()
    }
}

/// Whether the answer has a value somewhere that the reference has one.
pub fn has_value(answer: &Node, reference: &Node, log: Log) -> bool {
    let mut points = Points::of(answer, reference);
    (0..16).any(|_| {
        let point = points.draw(false);
        let place = Place { point: &point, bits: BITS, log };
        place.value(reference).is_ok() && place.value(answer).is_ok()
    })
}

/// What one point says.
enum Told {
    Nothing,
    Different,
    NotReal,
    Overlap,
    Unclear,
}

pub fn compare(answer: &Node, reference: &Node, domain: Domain, log: Log) -> Decision {
    let mut points = Points::of(answer, reference);
    if points.names.len() > VARIABLES {
        return Decision::TooLarge;
    }
    let mut positive_only = domain == Domain::Positive;
    let (mut overlaps, mut positive_overlaps, mut complex, mut missing) = (0, 0, 0, false);
    let mut unclear = false;
    for attempt in 0..TRIES {
        let point = points.draw(positive_only || attempt % 3 == 0);
        let positive = point.iter().all(|(_, value)| !value.is_negative());
        let precisions = if overlaps < CAUTIOUS { &BOTH_BITS[..] } else { &BOTH_BITS[1..] };
        match at(answer, reference, &point, log, false, precisions) {
            Told::Nothing => {
                // The reference may be real nowhere.
                if overlaps == 0 && attempt > 24 {
                    match at(answer, reference, &point, log, true, &BOTH_BITS) {
                        Told::Different => return Decision::Different(How::Separated),
                        Told::Overlap => complex += 1,
                        Told::NotReal | Told::Unclear => unclear = true,
                        Told::Nothing => {}
                    }
                    if complex >= POINTS {
                        return Decision::Open;
                    }
                }
            }
            Told::Different => return Decision::Different(How::Separated),
            Told::NotReal if positive => return Decision::NoValue,
            Told::NotReal => (positive_only, missing) = (true, true),
            Told::Overlap => {
                overlaps += 1;
                positive_overlaps += usize::from(positive);
            }
            Told::Unclear => {
                unclear = true;
                // It will not get better.
                if overlaps == 0 && attempt as usize > POINTS {
                    return Decision::TooLarge;
                }
            }
        }
        if (if missing { positive_overlaps } else { overlaps }) >= POINTS {
            return if missing {
                Decision::PositiveOnly
            } else if smooth(answer) && smooth(reference) {
                Decision::Equal(How::Identity)
            } else {
                Decision::Open
            };
        }
    }
    match (missing, unclear) {
        (true, _) => Decision::NoValue,
        (_, true) => Decision::TooLarge,
        _ => Decision::Open,
    }
}

fn at(
    answer: &Node,
    reference: &Node,
    point: &[(String, Rational)],
    log: Log,
    complex: bool,
    precisions: &[u64],
) -> Told {
    for bits in precisions.iter().copied() {
        let place = Place { point, bits, log };
        let expected = match place.value(reference) {
            Ok(value) => value,
            Err(Stop::Unknown) if bits == BITS => continue,
            Err(_) => return Told::Nothing,
        };
        if !complex && !expected.may_be_real() {
            return Told::Nothing;
        }
        if !complex && matches!(expected, Value::Complex(..)) {
            return Told::Nothing;
        }
        let got = match place.value(answer) {
            Ok(value) => value,
            Err(Stop::NoValue) => return Told::NotReal,
            Err(_) if bits == BITS => continue,
            Err(_) => return Told::Unclear,
        };
        if !complex && !got.may_be_real() {
            return Told::NotReal;
        }
        match got.apart(&expected, bits) {
            Ok(true) => return Told::Different,
            Ok(false) if bits == FINE_BITS || got.exact().is_some() && expected.exact().is_some() => {
                return Told::Overlap;
            }
            Ok(false) => {}
            Err(_) => return Told::Unclear,
        }
    }
    Told::Unclear
}

/// Without parts that twenty-four points may miss: steps, and numbers so small or large that they hide.
fn smooth(node: &Node) -> bool {
    let (small, large) = (Rational::of(1, 1 << 32), Rational::from(BigInt::one() << 64));
    !node.any(&mut |node| match node {
        Node::Fn(Function::Floor | Function::Ceil | Function::Sign | Function::Max | Function::Min, _) => true,
        Node::Lit(literal) if !literal.value.is_zero() => {
            let size = literal.value.abs();
            size.cmp(&small).is_ok_and(|order| order.is_lt()) || size.cmp(&large).is_ok_and(|order| order.is_gt())
        }
        // A number to a large power is such a number too.
        Node::Pow(base, exponent) => {
            let size = |node: &Node| match node {
                Node::Lit(literal) => Some(literal.value.clone()),
                Node::Neg(one) => {
                    if let Node::Lit(literal) = &**one {
                        Some(literal.value.clone())
                    } else {
                        None
                    }
                }
                _ => None,
            };
            match (size(base), size(exponent)) {
                (Some(base), Some(exponent)) => {
                    exponent.to_i64().is_some_and(|n| n.unsigned_abs().saturating_mul(base.bits()) > 32)
                }
                _ => false,
            }
        }
        _ => false,
    })
}
