//! Rational functions at random points modulo a prime: too large to be expanded, small enough to be evaluated.

use std::hash::{DefaultHasher, Hash, Hasher};

use num_bigint::BigInt;
use num_integer::Integer;

use super::bounds::spend;
use super::rational::Rational;
use super::tree::Node;

const PRIME: u64 = (1 << 61) - 1;
const POINTS: u64 = 4;
const TRIES: u64 = 12;
const DEGREE: u64 = 10_000;
/// Makes the points of a release its own.
const SALT: u64 = 0x6173_7361_795f_3031;

/// Whether both are the same rational function; None if one of them is no such function, or the degree is too large.
pub fn same(a: &Node, b: &Node) -> Option<bool> {
    if degree(a)?.checked_add(degree(b)?)? > DEGREE {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    (SALT, format!("{a:?}\0{b:?}")).hash(&mut hasher);
    let seed = hasher.finish();
    let mut agreed = 0;
    for attempt in 0..TRIES {
        let at = (seed, attempt);
        // Zero below a line is no value at this point.
        let (Ok(x), Ok(y)) = (value(a, at), value(b, at)) else { continue };
        if x != y {
            return Some(false);
        }
        agreed += 1;
        if agreed == POINTS {
            return Some(true);
        }
    }
    None
}

/// A bound of the degrees above and below the line together; None if it is no rational function.
fn degree(node: &Node) -> Option<u64> {
    let total = |all: &[Node]| all.iter().try_fold(0_u64, |sum, one| sum.checked_add(degree(one)?));
    match node {
        Node::Lit(_) => Some(0),
        Node::Var(_) => Some(1),
        Node::Neg(one) => degree(one),
        Node::Add(all) | Node::Mul(all) => total(all),
        Node::Bracketed(_, all, _) if all.len() == 1 => total(all),
        Node::Div(a, b) => degree(a)?.checked_add(degree(b)?),
        Node::Pow(base, exponent) => degree(base)?.checked_mul(whole(exponent)?.unsigned_abs()),
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

fn times(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64
}

fn power(base: u64, mut exponent: u64) -> u64 {
    let (mut result, mut square) = (1, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, square);
        }
        square = times(square, square);
        exponent >>= 1;
    }
    result
}

/// No value modulo the prime at this point.
struct Vanishes;

fn inverse(value: u64) -> Result<u64, Vanishes> {
    if value == 0 { Err(Vanishes) } else { Ok(power(value, PRIME - 2)) }
}

fn residue(value: &Rational) -> Result<u64, Vanishes> {
    let of = |n: &BigInt| u64::try_from(n.mod_floor(&BigInt::from(PRIME))).unwrap_or(0);
    Ok(times(of(&value.over), inverse(of(&value.under))?))
}

fn value(node: &Node, at: (u64, u64)) -> Result<u64, Vanishes> {
    spend(100).map_err(|_| Vanishes)?;
    match node {
        Node::Lit(literal) => residue(&literal.value),
        Node::Var(name) => {
            let mut hasher = DefaultHasher::new();
            (at, name).hash(&mut hasher);
            Ok(hasher.finish() % PRIME)
        }
        Node::Neg(one) => Ok((PRIME - value(one, at)?) % PRIME),
        Node::Add(all) => all.iter().try_fold(0, |sum, one| Ok((sum + value(one, at)?) % PRIME)),
        Node::Mul(all) | Node::Bracketed(_, all, _) => {
            all.iter().try_fold(1, |product, one| Ok(times(product, value(one, at)?)))
        }
        Node::Div(a, b) => Ok(times(value(a, at)?, inverse(value(b, at)?)?)),
        Node::Pow(base, exponent) => {
            let base = value(base, at)?;
            let exponent = whole(exponent).ok_or(Vanishes)?;
            let base = if exponent < 0 { inverse(base)? } else { base };
            if base == 0 && exponent == 0 { Err(Vanishes) } else { Ok(power(base, exponent.unsigned_abs())) }
        }
        _ => Err(Vanishes),
    }
}
