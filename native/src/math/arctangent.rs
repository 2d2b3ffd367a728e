//! Sums of arc tangents of rational numbers and multiples of pi/4: decided by one Gaussian product.

use num_bigint::BigInt;
use num_integer::lcm;
use num_traits::Zero;

use super::bounds::Stop;
use super::evaluate::Place;
use super::normal::{Generator, Log, Normal};
use super::poly::{Exponent, Quotient};
use super::rational::Rational;
use super::tree::Node;

const MOST_TIMES: i64 = 64;

/// Whether the difference, a sum of such, is proved zero; `tree` is the same difference.
pub fn is_zero(normal: &Normal, difference: &Quotient, tree: &Node, log: Log) -> bool {
    proved(normal, difference, tree, log).unwrap_or(false)
}

fn proved(normal: &Normal, difference: &Quotient, tree: &Node, log: Log) -> Result<bool, Stop> {
    let poly = difference.as_poly().ok_or(Stop::Unknown)?;
    let common = poly.0.values().fold(BigInt::from(1), |all, coefficient| lcm(all, coefficient.under.clone()));
    // Multiples of pi / (4 m) must be far apart beside the enclosure below.
    if common.bits() > 40 {
        return Ok(false);
    }
    let times = Rational::from(common).mul(&Rational::int(4))?;
    // The angle of re + im i is 4 m times the sum of arc tangents, up to turns.
    let (mut re, mut im) = (Rational::one(), Rational::zero());
    for (monomial, coefficient) in &poly.0 {
        let [(id, Exponent::ONE)] = monomial[..] else { return Ok(false) };
        let count =
            coefficient.mul(&times)?.to_i64().filter(|count| count.abs() <= MOST_TIMES).ok_or(Stop::TooLarge)?;
        match normal.generator(id) {
            // 4 m c pi with an integer m c: some half turns.
            Generator::Pi => {}
            Generator::Opaque(name) if name.starts_with("Arctan") => {
                let slope = normal.inside.get(&id).and_then(Quotient::as_rational).ok_or(Stop::Unknown)?;
                let slope = if count < 0 { slope.neg() } else { slope };
                for _ in 0..count.abs() {
                    let next = re.sub(&im.mul(&slope)?)?;
                    im = im.add(&re.mul(&slope)?)?;
                    re = next;
                }
            }
            _ => return Ok(false),
        }
    }
    // On the real axis the whole is a multiple of pi / (4 m); and it is nearer to zero than the first one.
    if !im.over.is_zero() {
        return Ok(false);
    }
    let bits = 256;
    let (value, _) = Place { point: &[], bits, log }.value(tree)?.parts(bits)?;
    Ok(value.magnitude() < -64)
}
