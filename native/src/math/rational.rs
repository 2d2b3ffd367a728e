//! Exact rational numbers of bounded size.

use std::cmp::Ordering;

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::bounds::{EXPONENT, FACTORIAL, NUMBER_BITS, Stop, spend};

/// A reduced ratio, unless it is so large that reducing would cost more than it gives; the denominator is positive.
#[derive(Debug, Clone)]
pub struct Rational {
    pub over: BigInt,
    pub under: BigInt,
}

/// Beyond these bits the greatest common divisor is not looked for.
const REDUCED_BITS: u64 = 4_096;

fn limbs(bits: u64) -> u64 {
    bits / 64 + 1
}

/// The greatest common divisor, paid for.
fn common_divisor(a: &BigInt, b: &BigInt) -> Result<BigInt, Stop> {
    let bits = a.bits().max(b.bits());
    if let (Some(a), Some(b)) = (a.magnitude().to_u128(), b.magnitude().to_u128()) {
        spend(50 + 120 * limbs(bits))?;
        return Ok(a.gcd(&b).into());
    }
    // Each bit is a subtraction and a shift of the whole.
    spend(bits * (16 + limbs(bits)))?;
    Ok(a.gcd(b))
}

/// The product, paid for.
pub fn product(a: &BigInt, b: &BigInt) -> Result<BigInt, Stop> {
    let (m, n) = (a.bits(), b.bits());
    if m + n > 4 * NUMBER_BITS {
        return Err(Stop::TooLarge);
    }
    spend(30 + limbs(m) * limbs(n))?;
    Ok(a * b)
}

/// n!, for n up to `FACTORIAL`; there is none below zero.
pub fn factorial(n: i64) -> Result<BigInt, Stop> {
    if n > FACTORIAL {
        return Err(Stop::TooLarge);
    }
    let n = u64::try_from(n).map_err(|_| Stop::NoValue)?;
    let (mut product, mut word) = (BigInt::one(), 1_u64);
    for k in 2..=n {
        // As many factors as a word holds go in at once.
        word = match word.checked_mul(k) {
            Some(more) => more,
            None => {
                spend(20 + limbs(product.bits()))?;
                product *= word;
                k
            }
        };
    }
    Ok(product * word)
}

/// n over k, for 0 <= k <= n <= `FACTORIAL`; there is none outside.
pub fn binomial(n: i64, k: i64) -> Result<BigInt, Stop> {
    if n > FACTORIAL {
        return Err(Stop::TooLarge);
    }
    if !(0 <= k && k <= n) {
        return Err(Stop::NoValue);
    }
    let mut product = BigInt::one();
    for step in 0..k.min(n - k) {
        spend(60 + 2 * limbs(product.bits()))?;
        // Whole after every step.
        product = product * (n - step) / (step + 1);
    }
    Ok(product)
}

impl Rational {
    pub fn new(over: BigInt, under: BigInt) -> Result<Rational, Stop> {
        if under.is_zero() {
            return Err(Stop::NoValue);
        }
        let bits = over.bits().max(under.bits());
        if bits > NUMBER_BITS {
            return Err(Stop::TooLarge);
        }
        let (mut over, mut under) = if under.is_negative() { (-over, -under) } else { (over, under) };
        if over.is_zero() {
            under = BigInt::one();
        } else if !under.is_one() && bits <= REDUCED_BITS {
            let common = common_divisor(&over, &under)?;
            if !common.is_one() {
                over /= &common;
                under /= &common;
            }
        }
        Ok(Rational { over, under })
    }

    pub fn int(value: i64) -> Rational {
        BigInt::from(value).into()
    }

    /// `over / under`, for constants of a program: `under` is not zero.
    pub fn of(over: i64, under: i64) -> Rational {
        let common = over.gcd(&under).max(1) * if under < 0 { -1 } else { 1 };
        Rational { over: BigInt::from(over / common), under: BigInt::from(under / common) }
    }

    pub fn zero() -> Rational {
        Rational::int(0)
    }

    pub fn one() -> Rational {
        Rational::int(1)
    }

    pub fn is_zero(&self) -> bool {
        self.over.is_zero()
    }

    pub fn is_one(&self) -> bool {
        self.over == self.under
    }

    pub fn is_negative(&self) -> bool {
        self.over.is_negative()
    }

    pub fn bits(&self) -> u64 {
        self.over.bits().max(self.under.bits())
    }

    /// The integer that it is.
    pub fn to_integer(&self) -> Option<BigInt> {
        if self.under.is_one() {
            return Some(self.over.clone());
        }
        let (quotient, rest) = self.over.div_rem(&self.under);
        rest.is_zero().then_some(quotient)
    }

    pub fn to_i64(&self) -> Option<i64> {
        self.to_integer()?.to_i64()
    }

    pub fn add(&self, other: &Rational) -> Result<Rational, Stop> {
        if self.under.is_one() && other.under.is_one() {
            spend(30 + limbs(self.bits().max(other.bits())))?;
            return Rational::new(&self.over + &other.over, BigInt::one());
        }
        let over = product(&self.over, &other.under)? + product(&other.over, &self.under)?;
        Rational::new(over, product(&self.under, &other.under)?)
    }

    pub fn sub(&self, other: &Rational) -> Result<Rational, Stop> {
        self.add(&other.neg())
    }

    pub fn mul(&self, other: &Rational) -> Result<Rational, Stop> {
        Rational::new(product(&self.over, &other.over)?, product(&self.under, &other.under)?)
    }

    pub fn div(&self, other: &Rational) -> Result<Rational, Stop> {
        Rational::new(product(&self.over, &other.under)?, product(&self.under, &other.over)?)
    }

    pub fn neg(&self) -> Rational {
        Rational { over: -&self.over, under: self.under.clone() }
    }

    pub fn abs(&self) -> Rational {
        Rational { over: self.over.abs(), under: self.under.clone() }
    }

    pub fn pow(&self, exponent: i64) -> Result<Rational, Stop> {
        if exponent < 0 {
            return Rational::one().div(self)?.pow(-exponent);
        }
        if self.over.is_zero() || (self.under.is_one() && self.over.magnitude().is_one()) {
            let even = exponent % 2 == 0;
            return Ok(if exponent == 0 || (even && !self.is_zero()) { Rational::one() } else { self.clone() });
        }
        let bits = self.bits().saturating_mul(exponent.unsigned_abs());
        if exponent > EXPONENT || bits > NUMBER_BITS {
            return Err(Stop::TooLarge);
        }
        spend(50 + limbs(bits) * limbs(bits))?;
        let power = exponent as u32;
        Ok(Rational { over: self.over.pow(power), under: self.under.pow(power) })
    }

    pub fn cmp(&self, other: &Rational) -> Result<Ordering, Stop> {
        Ok(product(&self.over, &other.under)?.cmp(&product(&other.over, &self.under)?))
    }

    pub fn same(&self, other: &Rational) -> Result<bool, Stop> {
        Ok(self.cmp(other)? == Ordering::Equal)
    }

    pub fn floor(&self) -> BigInt {
        self.over.div_floor(&self.under)
    }

    /// Whether some decimal can write it.
    pub fn terminates(&self) -> bool {
        let mut rest = self.under.clone();
        // Not reduced means large; then nobody asks.
        for prime in [2_u32, 5] {
            while (&rest % prime).is_zero() {
                rest /= prime;
            }
        }
        rest.is_one()
    }

    /// The nearest multiples of 10^-places, and whether it lies exactly between two (then both, else the same twice).
    pub fn rounded(&self, places: i64) -> Result<(Rational, Rational), Stop> {
        let scale = Rational::int(10).pow(places)?;
        let scaled = self.mul(&scale)?;
        let half = Rational::of(1, 2);
        let (up, down) = (scaled.add(&half)?.floor(), -scaled.neg().add(&half)?.floor());
        let back = |n: BigInt| Rational::from(n).div(&scale);
        Ok((back(down)?, back(up)?))
    }

    /// Cut after so many places, towards zero.
    pub fn truncated(&self, places: i64) -> Result<Rational, Stop> {
        let scale = Rational::int(10).pow(places)?;
        let scaled = self.mul(&scale)?;
        Rational::from(&scaled.over / &scaled.under).div(&scale)
    }
}

impl PartialEq for Rational {
    fn eq(&self, other: &Rational) -> bool {
        self.over == other.over && self.under == other.under
    }
}

impl From<BigInt> for Rational {
    fn from(over: BigInt) -> Rational {
        Rational { over, under: BigInt::one() }
    }
}

impl std::fmt::Display for Rational {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.under.is_one() { write!(f, "{}", self.over) } else { write!(f, "{}/{}", self.over, self.under) }
    }
}

/// The number that ASCII digits spell; zero if there are none.
pub fn natural_of(digits: &str) -> BigInt {
    BigInt::from_biguint(Sign::Plus, BigUint::parse_bytes(digits.as_bytes(), 10).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduced_whatever_its_words() {
        super::super::bounds::refill();
        for bits in [1, 63, 64, 127, 128, 129, 200, 2_000] {
            let common = (BigInt::one() << bits) - 1;
            let value = Rational::new(&common * 6, &common * -4).expect("of a bounded size");
            assert_eq!((value.over, value.under), ((-3).into(), 2.into()), "{bits}");
        }
    }
}
