//! Exponential, logarithm, sine and arc tangent of intervals: series in fixed point whose every step's error is counted.

use std::cell::RefCell;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Zero};

use super::bounds::{Stop, spend};
use super::float::{Float, Interval};

/// Arguments of exp beyond 2^this are refused, of sine too.
const LARGEST: i64 = 40;
/// Bits kept beyond those wanted; no series here runs to 2^16 terms of one unit's error each.
const GUARD: i64 = 32;
const ERROR: u64 = 1 << 20;

fn pay(scale: i64, terms: i64) -> Result<(), Stop> {
    let limbs = (scale as u64) / 64 + 1;
    spend(terms.unsigned_abs() * (120 + limbs * limbs * 2))
}

/// Sum of (+-1)^k (1/n)^(2k+1) / (2k+1) in units of 2^-scale, to within 2^16 units.
fn inverse_series(n: u32, scale: i64, alternating: bool) -> BigInt {
    let square = n * n;
    let mut power = (BigInt::one() << scale as u64) / n;
    let mut sum = power.clone();
    let mut k = 1_u32;
    while !power.is_zero() {
        power /= square;
        let term = &power / (2 * k + 1);
        if alternating && k % 2 == 1 {
            sum -= term
        } else {
            sum += term
        }
        k += 1;
    }
    sum
}

/// Values of one constant at the scales asked for last.
type Kept = RefCell<Vec<(i64, BigInt)>>;

/// Scales that are kept: a comparison has few, and asks for each of them at every point.
const KEPT: usize = 16;

thread_local! {
    static PI: Kept = const { RefCell::new(Vec::new()) };
    static LN2: Kept = const { RefCell::new(Vec::new()) };
}

/// Paid for each time, so that no verdict depends on what was asked for before.
fn kept(known: &'static std::thread::LocalKey<Kept>, scale: i64, of: fn(i64) -> BigInt) -> Result<BigInt, Stop> {
    pay(scale / 8, scale / 2)?;
    known.with_borrow_mut(|known| {
        if let Some((_, value)) = known.iter().find(|(other, _)| *other == scale) {
            return Ok(value.clone());
        }
        if known.len() == KEPT {
            known.remove(0);
        }
        let value = of(scale);
        known.push((scale, value.clone()));
        Ok(value)
    })
}

pub fn pi_fixed(scale: i64) -> Result<BigInt, Stop> {
    kept(&PI, scale, |scale| (inverse_series(5, scale, true) << 4_u32) - (inverse_series(239, scale, true) << 2_u32))
}

fn ln2_fixed(scale: i64) -> Result<BigInt, Stop> {
    kept(&LN2, scale, |scale| {
        inverse_series(26, scale, false) * 18 - inverse_series(4801, scale, false) * 2
            + inverse_series(8749, scale, false) * 8
    })
}

/// An increasing function of an interval, from what it is at both ends.
fn increasing(x: &Interval, bits: u64, of: impl Fn(&Float, u64) -> Result<Interval, Stop>) -> Result<Interval, Stop> {
    let low = of(&x.low, bits)?;
    if x.is_point() {
        return Ok(low);
    }
    Ok(Interval { low: low.low, high: of(&x.high, bits)?.high })
}

pub fn pi(bits: u64) -> Result<Interval, Stop> {
    let scale = bits as i64 + GUARD;
    Ok(Interval::around(&pi_fixed(scale)?, ERROR, scale, bits))
}

/// exp of one number, at the end and the direction asked for.
fn exp_float(x: &Float, bits: u64) -> Result<Interval, Stop> {
    if x.magnitude() > LARGEST {
        return Err(Stop::TooLarge);
    }
    // x = k ln 2 + r, r / 2^halvings is small; squaring it back doubles the error each time.
    let halvings = 8_i64;
    let scale = bits as i64 + GUARD + halvings + LARGEST;
    let fixed = x.fixed(scale);
    let ln2 = ln2_fixed(scale + LARGEST + 8)?;
    let wide = &fixed << (LARGEST + 8) as u64;
    let (k, rest) = wide.div_mod_floor(&ln2);
    let rest = rest >> (LARGEST + 8 + halvings) as u64;
    let one: BigInt = BigInt::one() << scale as u64;
    let (mut term, mut sum) = (one.clone(), one);
    let mut n = 1_u32;
    while !term.is_zero() {
        pay(scale, 1)?;
        term = ((term * &rest) >> scale as u64) / n;
        sum += &term;
        n += 1;
    }
    for _ in 0..halvings {
        pay(scale, 1)?;
        sum = (&sum * &sum) >> scale as u64;
    }
    // At most (terms + 3) 2^halvings times a value below 2, far below 2^24 units.
    let mut result = Interval::around(&sum, 1 << 24, scale, bits);
    let k = i64::try_from(&k).map_err(|_| Stop::TooLarge)?;
    result.low.exponent += k;
    result.high.exponent += k;
    Ok(result)
}

pub fn exp(x: &Interval, bits: u64) -> Result<Interval, Stop> {
    // Far below zero the value is between zero and something tiny.
    if x.high.is_negative() && x.high.magnitude() > 24 {
        return Ok(Interval { low: Float::zero(), high: Float { mantissa: BigInt::one(), exponent: -(1 << 23) } });
    }
    increasing(x, bits, exp_float)
}

/// ln of one positive number.
fn ln_float(x: &Float, bits: u64) -> Result<Interval, Stop> {
    // x = m 2^e with m in [3/4, 3/2); ln m = 2 artanh((m - 1) / (m + 1)).
    let mut e = x.magnitude() - 1;
    let cancel = 64;
    let scale = bits as i64 + GUARD + cancel;
    let mut m = Float { mantissa: x.mantissa.clone(), exponent: x.exponent - e }.fixed(scale);
    let three_halves = BigInt::from(3) << (scale - 1) as u64;
    if m >= three_halves {
        e += 1;
        m >>= 1_u32;
    }
    let one: BigInt = BigInt::one() << scale as u64;
    let ratio = ((&m - &one) << scale as u64) / (&m + &one);
    let square = (&ratio * &ratio) >> scale as u64;
    let (mut power, mut sum) = (ratio.clone(), ratio);
    let mut k = 1_u32;
    while !power.is_zero() && power != -BigInt::one() {
        pay(scale, 1)?;
        power = (power * &square) >> scale as u64;
        sum += &power / (2 * k + 1);
        k += 1;
    }
    let total = (sum << 1_u32) + ln2_fixed(scale)? * e;
    let error = ERROR.saturating_mul(e.unsigned_abs() + 1);
    Ok(Interval::around(&total, error, scale, bits))
}

/// The logarithm of what is positive.
pub fn ln(x: &Interval, bits: u64) -> Result<Interval, Stop> {
    increasing(x, bits, ln_float)
}

/// Sine and cosine: of the middle, widened by the distance to the ends.
pub fn sin_cos(x: &Interval, bits: u64) -> Result<(Interval, Interval), Stop> {
    if x.magnitude() > LARGEST * 4 {
        return Err(Stop::TooLarge);
    }
    let scale = bits as i64 + GUARD;
    let wide = scale + x.magnitude().max(0) + 8;
    let (low, high) = (x.low.fixed(wide), x.high.fixed(wide) + 1);
    let middle: BigInt = (&low + &high) >> 1_u32;
    let width: BigInt = (&high - &low) >> (wide - scale) as u64;
    let width = width + 2;
    let quarter: BigInt = pi_fixed(wide + 1)? >> 2_u32;
    let eighth: BigInt = &quarter >> 1_u32;
    let shifted: BigInt = middle + &eighth;
    let (turns, rest) = shifted.div_mod_floor(&quarter);
    let rest: BigInt = (rest - eighth) >> (wide - scale) as u64;
    let (sine, cosine) = series(&rest, scale)?;
    let turns = turns.mod_floor(&BigInt::from(4));
    let (sine, cosine) = match i64::try_from(&turns).unwrap_or(0) {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    };
    let around = |centre: &BigInt| -> Interval {
        let error: BigInt = &width + ERROR;
        let one: BigInt = BigInt::one() << scale as u64;
        let low: BigInt = centre - &error;
        let high: BigInt = centre + &error;
        let (low, high) = (low.max(-&one), high.min(one));
        let end = |mantissa| Float { mantissa, exponent: -scale };
        Interval { low: end(low), high: end(high) }
    };
    Ok((around(&sine), around(&cosine)))
}

/// Taylor series of both for |x| < 1.
fn series(x: &BigInt, scale: i64) -> Result<(BigInt, BigInt), Stop> {
    let square = (x * x) >> scale as u64;
    let one: BigInt = BigInt::one() << scale as u64;
    let (mut sine, mut cosine) = (x.clone(), one.clone());
    let (mut odd, mut even) = (x.clone(), one);
    let mut n = 1_u32;
    while !even.is_zero() {
        pay(scale, 2)?;
        even = ((even * &square) >> scale as u64) / (2 * n * (2 * n - 1));
        odd = ((odd * &square) >> scale as u64) / (2 * n * (2 * n + 1));
        if n % 2 == 1 {
            cosine -= &even;
            sine -= &odd;
        } else {
            cosine += &even;
            sine += &odd;
        }
        n += 1;
    }
    Ok((sine, cosine))
}

fn atan_float(x: &Float, bits: u64) -> Result<Interval, Stop> {
    if x.is_negative() {
        return Ok(atan_float(&x.neg(), bits)?.neg());
    }
    let scale = bits as i64 + GUARD + 16;
    let one: BigInt = BigInt::one() << scale as u64;
    let inverted = x.magnitude() > 0;
    let mut t = if inverted {
        // 1/x, for x of at least 1/2.
        let bits = scale + x.mantissa.bits() as i64 + x.exponent.abs().min(scale);
        if x.magnitude() > scale {
            BigInt::zero()
        } else {
            let numerator = BigInt::one() << (scale + bits) as u64;
            numerator / x.fixed(bits).max(BigInt::one())
        }
    } else {
        x.fixed(scale)
    };
    // atan t = 2 atan(t / (1 + sqrt(1 + t^2)))
    let doublings = 3_u32;
    for _ in 0..doublings {
        pay(scale, 4)?;
        let root = (&one * &one + &t * &t).sqrt();
        t = (&t << scale as u64) / (&one + root);
    }
    let square = (&t * &t) >> scale as u64;
    let (mut power, mut sum) = (t.clone(), t);
    let mut k = 1_u32;
    while !power.is_zero() {
        pay(scale, 1)?;
        power = (power * &square) >> scale as u64;
        let term = &power / (2 * k + 1);
        if k % 2 == 1 {
            sum -= term
        } else {
            sum += term
        }
        k += 1;
    }
    sum <<= doublings;
    if inverted {
        sum = (pi_fixed(scale)? >> 1_u32) - sum;
    }
    Ok(Interval::around(&sum, ERROR, scale, bits))
}

pub fn atan(x: &Interval, bits: u64) -> Result<Interval, Stop> {
    increasing(x, bits, atan_float)
}
