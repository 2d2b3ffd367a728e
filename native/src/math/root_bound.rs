//! How near to zero an algebraic number can be without being zero.
//!
//! Burnikel, Funke, Mehlhorn, Schirra, Schmitt: a separation bound for real algebraic expressions (ESA 2001). A value is
//! U/L of algebraic integers whose conjugates are at most u and l; not being zero, it is at least 1 / (u^(D-1) l), where D
//! bounds the degree. Cosines of rational angles are sums of roots of unity.

use num_integer::{gcd, lcm};

use super::normal::{Log, Normal};
use super::poly::Exponent;
use super::rational::Rational;
use super::tree::{Constant, Function, Node};

/// Degrees beyond this need more bits than any enclosure here has.
const MOST: u64 = 4_096;

struct Field<'a> {
    radicals: Vec<&'a Node>,
    degree: u64,
    /// Of the roots of unity.
    order: u64,
}

/// Bits below which the value is zero; None if it is not seen to be algebraic, or the bound is out of reach.
pub fn bits(node: &Node) -> Option<u64> {
    let mut field = Field { radicals: Vec::new(), degree: 1, order: 1 };
    let (u, l) = field.bound(node)?;
    let degree = field.degree.checked_mul(totient(field.order)).filter(|degree| *degree <= MOST)?;
    let bits = (degree - 1) as f64 * u.max(0.0) + l.max(0.0);
    // Rounding of the sums above is far below one in a thousand.
    (bits < 8_192.0).then(|| (bits * 1.01).ceil() as u64 + 8)
}

fn totient(n: u64) -> u64 {
    (1..=n).filter(|k| gcd(*k, n) == 1).count() as u64
}

/// log2 of a sum of two powers of two.
fn plus(a: f64, b: f64) -> f64 {
    a.max(b) + 1.0
}

impl<'a> Field<'a> {
    fn unity(&mut self, order: u64) -> Option<()> {
        self.order = Some(lcm(self.order, order)).filter(|order| *order <= MOST)?;
        Some(())
    }

    /// log2 of the two bounds.
    fn bound(&mut self, node: &'a Node) -> Option<(f64, f64)> {
        match node {
            Node::Lit(literal) => {
                let bits = |n: &num_bigint::BigInt| n.bits() as f64;
                Some((
                    bits(&literal.value.over),
                    if literal.value.under == 1.into() { 0.0 } else { bits(&literal.value.under) },
                ))
            }
            Node::Const(Constant::I) => {
                self.unity(4)?;
                Some((0.0, 0.0))
            }
            Node::Neg(one) => self.bound(one),
            Node::Bracketed(_, all, _) if all.len() == 1 => self.bound(&all[0]),
            Node::Add(all) => {
                let mut sum: Option<(f64, f64)> = None;
                for one in all {
                    let (u, l) = self.bound(one)?;
                    sum = Some(match sum {
                        None => (u, l),
                        Some((v, m)) => (plus(v + l, u + m), l + m),
                    });
                }
                sum
            }
            Node::Mul(all) => all.iter().try_fold((0.0, 0.0), |(v, m), one| {
                let (u, l) = self.bound(one)?;
                Some((v + u, m + l))
            }),
            Node::Div(a, b) => {
                let ((u, l), (v, m)) = (self.bound(a)?, self.bound(b)?);
                Some((u + m, l + v))
            }
            Node::Root(degree, of) => {
                let degree = number(degree)?.to_i64()?;
                self.root(node, of, 1, degree)
            }
            Node::Pow(base, exponent) => {
                if matches!(&**base, Node::Const(Constant::E)) {
                    let turn = turn(exponent, true)?;
                    self.unity(2 * turn.under as u64)?;
                    return Some((0.0, 0.0));
                }
                let exponent = Exponent::of(&number(exponent)?).ok()?;
                if exponent.is_integer() {
                    let (u, l) = self.bound(base)?;
                    let times = exponent.over.unsigned_abs() as f64;
                    let (u, l) = if exponent.over < 0 { (l, u) } else { (u, l) };
                    return Some((u * times, l * times));
                }
                self.root(node, base, exponent.over, exponent.under)
            }
            Node::Fn(Function::Sin | Function::Cos, all) => {
                let turn = turn(&all[0], false)?;
                self.unity(lcm(4, 2 * turn.under as u64))?;
                Some((1.0, 1.0))
            }
            Node::Fn(Function::Tan, all) => {
                let turn = turn(&all[0], false)?;
                self.unity(lcm(4, 2 * turn.under as u64))?;
                Some((2.0, 2.0))
            }
            _ => None,
        }
    }

    fn root(&mut self, node: &'a Node, of: &'a Node, power: i64, degree: i64) -> Option<(f64, f64)> {
        if !(2..=64).contains(&degree) {
            return None;
        }
        let (u, l) = self.bound(of)?;
        if !self.radicals.contains(&node) {
            self.radicals.push(node);
            self.degree = self.degree.checked_mul(degree as u64).filter(|degree| *degree <= MOST)?;
        }
        let (u, l) = (u.max(0.0), l.max(0.0));
        let k = degree as f64;
        let (u, l) = if u >= l { ((u + (k - 1.0) * l) / k, l) } else { (u, ((k - 1.0) * u + l) / k) };
        let times = power.unsigned_abs() as f64;
        let (u, l) = if power < 0 { (l, u) } else { (u, l) };
        Some((u * times, l * times))
    }
}

/// The rational number that a tree of literals is.
fn number(node: &Node) -> Option<Rational> {
    Normal::new(Log::Natural).of(node).ok()?.as_rational()
}

/// The multiple of pi, or of i pi, that an angle is.
fn turn(node: &Node, imaginary: bool) -> Option<Exponent> {
    use super::normal::Generator;
    let mut normal = Normal::new(Log::Natural);
    let angle = normal.of(node).ok()?;
    let poly = angle.as_poly()?;
    if poly.is_zero() {
        return Exponent::new(0, 1).ok();
    }
    let (monomial, coefficient) = poly.single()?;
    let mut wanted = if imaginary { vec![Generator::I, Generator::Pi] } else { vec![Generator::Pi] };
    for (id, power) in monomial {
        let at = wanted.iter().position(|other| other == normal.generator(*id)).filter(|_| *power == Exponent::ONE)?;
        wanted.remove(at);
    }
    if wanted.is_empty() { Exponent::of(coefficient).ok() } else { None }
}
