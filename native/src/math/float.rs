//! Intervals with ends of arbitrary precision: every operation holds what it cannot represent, never loses it.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, Zero};

use super::bounds::{Stop, spend};
use super::rational::Rational;

/// mantissa 2^exponent
#[derive(Debug, Clone)]
pub struct Float {
    pub mantissa: BigInt,
    pub exponent: i64,
}

/// Magnitudes beyond 2^this are nobody's.
pub const EXPONENT_BITS: i64 = 1 << 40;

impl Float {
    pub fn zero() -> Float {
        Float { mantissa: BigInt::zero(), exponent: 0 }
    }

    pub fn int(value: i64) -> Float {
        Float { mantissa: BigInt::from(value), exponent: 0 }
    }

    pub fn neg(&self) -> Float {
        Float { mantissa: -&self.mantissa, exponent: self.exponent }
    }

    pub fn is_negative(&self) -> bool {
        self.mantissa.is_negative()
    }

    pub fn is_zero(&self) -> bool {
        self.mantissa.is_zero()
    }

    /// The exponent of the smallest power of two above its magnitude.
    pub fn magnitude(&self) -> i64 {
        if self.is_zero() { -EXPONENT_BITS } else { self.mantissa.bits() as i64 + self.exponent }
    }

    /// With `bits` of mantissa at the most, moved down or up.
    fn rounded(mut self, bits: u64, up: bool) -> Float {
        let excess = self.mantissa.bits() as i64 - bits as i64;
        if excess > 0 {
            let down = &self.mantissa >> excess as u64;
            let exact = (&down << excess as u64) == self.mantissa;
            self.mantissa = if up && !exact { down + 1 } else { down };
            self.exponent += excess;
        }
        self
    }

    pub fn cmp(&self, other: &Float) -> Ordering {
        let signs = (self.mantissa.sign(), other.mantissa.sign());
        if signs.0 != signs.1 || self.is_zero() {
            return signs.0.cmp(&signs.1);
        }
        let (a, b) = (self.magnitude(), other.magnitude());
        if a != b {
            return if self.is_negative() { b.cmp(&a) } else { a.cmp(&b) };
        }
        let shift = self.exponent - other.exponent;
        if shift >= 0 {
            (&self.mantissa << shift as u64).cmp(&other.mantissa)
        } else {
            self.mantissa.cmp(&(&other.mantissa << (-shift) as u64))
        }
    }

    fn sum(&self, other: &Float, bits: u64, up: bool) -> Float {
        if self.is_zero() {
            return other.clone().rounded(bits, up);
        }
        if other.is_zero() {
            return self.clone().rounded(bits, up);
        }
        let (big, small) = if self.magnitude() >= other.magnitude() { (self, other) } else { (other, self) };
        let gap = big.exponent - small.exponent;
        // Far below the last bit: it only moves the result by less than one unit there.
        if big.magnitude() - small.magnitude() > 2 * bits as i64 + 16 {
            let shift = (bits + 4).saturating_sub(big.mantissa.bits());
            let mut mantissa = &big.mantissa << shift;
            if up != small.is_negative() {
                mantissa += if small.is_negative() { -1 } else { 1 };
            }
            return Float { mantissa, exponent: big.exponent - shift as i64 }.rounded(bits, up);
        }
        let (mantissa, exponent) = if gap >= 0 {
            ((&big.mantissa << gap as u64) + &small.mantissa, small.exponent)
        } else {
            (&big.mantissa + (&small.mantissa << (-gap) as u64), big.exponent)
        };
        Float { mantissa, exponent }.rounded(bits, up)
    }

    fn product(&self, other: &Float) -> Float {
        Float { mantissa: &self.mantissa * &other.mantissa, exponent: self.exponent + other.exponent }
    }

    fn quotient(&self, other: &Float, bits: u64, up: bool) -> Float {
        let shift = (bits + other.mantissa.bits() + 2).saturating_sub(self.mantissa.bits());
        let over = &self.mantissa << shift;
        let mantissa = if up { over.div_ceil(&other.mantissa) } else { over.div_floor(&other.mantissa) };
        Float { mantissa, exponent: self.exponent - other.exponent - shift as i64 }.rounded(bits, up)
    }

    /// The root of a number that is not negative, between these two.
    fn root(&self, degree: u32, bits: u64) -> Interval {
        if self.is_zero() {
            return Interval::int(0);
        }
        let wanted = bits * u64::from(degree) + 8;
        let mut shift = wanted.saturating_sub(self.mantissa.bits()) as i64;
        shift += (self.exponent - shift).rem_euclid(i64::from(degree));
        let mantissa = &self.mantissa << shift as u64;
        let floor = mantissa.nth_root(degree);
        let exact = floor.pow(degree) == mantissa;
        let exponent = (self.exponent - shift) / i64::from(degree);
        let ceiling = if exact { floor.clone() } else { &floor + 1 };
        Interval {
            low: Float { mantissa: floor, exponent }.rounded(bits, false),
            high: Float { mantissa: ceiling, exponent }.rounded(bits, true),
        }
    }

    /// floor(value 2^scale)
    pub fn fixed(&self, scale: i64) -> BigInt {
        let shift = self.exponent + scale;
        if shift >= 0 { &self.mantissa << shift as u64 } else { &self.mantissa >> (-shift) as u64 }
    }
}

/// Every value from `low` to `high`.
#[derive(Debug, Clone)]
pub struct Interval {
    pub low: Float,
    pub high: Float,
}

impl Interval {
    pub fn int(value: i64) -> Interval {
        Interval { low: Float::int(value), high: Float::int(value) }
    }

    pub fn of(value: &Rational, bits: u64) -> Result<Interval, Stop> {
        spend(100 + value.bits() / 8)?;
        let (over, under) =
            (Float { mantissa: value.over.clone(), exponent: 0 }, Float { mantissa: value.under.clone(), exponent: 0 });
        if value.under.is_one() {
            return Ok(Interval { low: over.clone().rounded(bits, false), high: over.rounded(bits, true) });
        }
        Ok(Interval { low: over.quotient(&under, bits, false), high: over.quotient(&under, bits, true) })
    }

    /// From centre - error to centre + error, all in units of 2^-scale.
    pub fn around(centre: &BigInt, error: u64, scale: i64, bits: u64) -> Interval {
        let end = |mantissa: BigInt, up| Float { mantissa, exponent: -scale }.rounded(bits, up);
        Interval { low: end(centre - error, false), high: end(centre + error, true) }
    }

    pub fn is_exact_zero(&self) -> bool {
        self.low.is_zero() && self.high.is_zero()
    }

    /// Whether it is one number.
    pub fn is_point(&self) -> bool {
        self.low.cmp(&self.high).is_eq()
    }

    /// Whether it is proved above zero.
    pub fn positive(&self) -> bool {
        self.low.mantissa.is_positive()
    }

    pub fn negative(&self) -> bool {
        self.high.is_negative()
    }

    pub fn has_zero(&self) -> bool {
        !self.positive() && !self.negative()
    }

    pub fn apart(&self, other: &Interval) -> bool {
        self.high.cmp(&other.low).is_lt() || other.high.cmp(&self.low).is_lt()
    }

    pub fn neg(&self) -> Interval {
        Interval { low: self.high.neg(), high: self.low.neg() }
    }

    pub fn add(&self, other: &Interval, bits: u64) -> Result<Interval, Stop> {
        spend(250 + bits / 4)?;
        Ok(Interval { low: self.low.sum(&other.low, bits, false), high: self.high.sum(&other.high, bits, true) })
    }

    pub fn sub(&self, other: &Interval, bits: u64) -> Result<Interval, Stop> {
        self.add(&other.neg(), bits)
    }

    pub fn mul(&self, other: &Interval, bits: u64) -> Result<Interval, Stop> {
        spend(400 + (bits / 64) * (bits / 64) * 4)?;
        let ends = if !self.low.is_negative() && !other.low.is_negative() {
            vec![self.low.product(&other.low), self.high.product(&other.high)]
        } else {
            let of = |a: &Float| [a.product(&other.low), a.product(&other.high)];
            [of(&self.low), of(&self.high)].concat()
        };
        let (mut low, mut high) = (&ends[0], &ends[0]);
        for end in &ends[1..] {
            if end.cmp(low).is_lt() {
                low = end;
            }
            if end.cmp(high).is_gt() {
                high = end;
            }
        }
        if high.exponent.abs() > EXPONENT_BITS || low.exponent.abs() > EXPONENT_BITS {
            return Err(Stop::TooLarge);
        }
        Ok(Interval { low: low.clone().rounded(bits, false), high: high.clone().rounded(bits, true) })
    }

    /// None if zero is in the other one.
    pub fn div(&self, other: &Interval, bits: u64) -> Result<Option<Interval>, Stop> {
        if other.has_zero() {
            return Ok(None);
        }
        spend(400 + (bits / 64) * (bits / 64) * 4)?;
        let one = Float::int(1);
        let inverse = Interval {
            low: one.quotient(&other.high, bits + 8, false),
            high: one.quotient(&other.low, bits + 8, true),
        };
        self.mul(&inverse, bits).map(Some)
    }

    pub fn pow(&self, exponent: u64, bits: u64) -> Result<Interval, Stop> {
        if exponent > 1 && exponent.is_multiple_of(2) && self.has_zero() {
            // x^2 is never below zero.
            let widest = if self.low.neg().cmp(&self.high).is_gt() { self.low.neg() } else { self.high.clone() };
            if widest.is_zero() {
                return Ok(Interval::int(0));
            }
            let top = Interval { low: widest.clone(), high: widest }.pow(exponent, bits)?;
            return Ok(Interval { low: Float::zero(), high: top.high });
        }
        let mut result = Interval::int(1);
        let mut square = self.clone();
        let mut left = exponent;
        while left > 0 {
            if left & 1 == 1 {
                result = result.mul(&square, bits)?;
            }
            left >>= 1;
            if left > 0 {
                square = square.mul(&square, bits)?;
            }
        }
        Ok(result)
    }

    /// The root of what is not negative; an end a little below zero counts as zero.
    pub fn root(&self, degree: u32, bits: u64) -> Result<Interval, Stop> {
        spend(1_500 + (bits / 64 + 1) * (bits / 64 + 1) * u64::from(degree) * u64::from(degree) * 8)?;
        let high = self.high.root(degree, bits);
        if self.is_point() {
            return Ok(high);
        }
        let low = if self.low.is_negative() { Float::zero() } else { self.low.root(degree, bits).low };
        Ok(Interval { low, high: high.high })
    }

    /// The power of two above every magnitude in it.
    pub fn magnitude(&self) -> i64 {
        self.low.magnitude().max(self.high.magnitude())
    }
}
