//! Powers and roots of values.

use num_bigint::BigInt;

use super::bounds::Stop;
use super::elementary::pi;
use super::evaluate::{EXACT_BITS, Place, Value};
use super::float::Interval;
use super::rational::Rational;

impl Place<'_> {
    pub fn power(&self, base: &Value, exponent: &Value) -> Result<Value, Stop> {
        if let Some(exponent) = exponent.exact() {
            return match exponent.to_integer() {
                Some(whole) => self.integer_power(base, i64::try_from(&whole).map_err(|_| Stop::TooLarge)?),
                None => self.fractional_power(base, exponent),
            };
        }
        if let Some(zero) = base.exact().filter(|value| value.is_zero()) {
            let positive = exponent.real(self.bits)?.is_some_and(|value| value.positive());
            return if positive { Ok(Value::Exact(zero.clone())) } else { Err(Stop::Unknown) };
        }
        let logarithm = self.ln(base)?;
        self.exp(&self.mul(exponent, &logarithm)?)
    }

    pub fn integer_power(&self, base: &Value, exponent: i64) -> Result<Value, Stop> {
        if exponent < 0 {
            let power = self.integer_power(base, -exponent)?;
            return self.div(&Value::Exact(Rational::one()), &power);
        }
        match base {
            Value::Exact(value) if value.is_zero() && exponent == 0 => Err(Stop::NoValue),
            Value::Exact(value)
                if value.bits().saturating_mul(exponent.unsigned_abs()) <= EXACT_BITS || value.bits() <= 1 =>
            {
                Ok(Value::Exact(value.pow(exponent)?))
            }
            Value::Complex(..) => {
                let mut result = Value::Exact(Rational::one());
                let mut square = base.clone();
                let mut left = exponent;
                while left > 0 {
                    if left & 1 == 1 {
                        result = self.mul(&result, &square)?;
                    }
                    left >>= 1;
                    square = if left > 0 { self.mul(&square, &square)? } else { square };
                }
                Ok(result)
            }
            real => match real.real(self.bits + 16)? {
                Some(value) => Ok(Value::Real(value.pow(exponent.unsigned_abs(), self.bits)?)),
                None => Err(Stop::Unknown),
            },
        }
    }

    /// The real root where the degree is odd, else the principal one.
    fn fractional_power(&self, base: &Value, exponent: &Rational) -> Result<Value, Stop> {
        let Some(value) = base.real(self.bits + 16)? else {
            let logarithm = self.ln(base)?;
            return self.exp(&self.mul(&Value::Exact(exponent.clone()), &logarithm)?);
        };
        if value.is_exact_zero() {
            return if exponent.is_negative() { Err(Stop::NoValue) } else { Ok(Value::Exact(Rational::zero())) };
        }
        let odd = exponent.under.bit(0);
        if value.has_zero() && value.low.is_negative() && !odd {
            return Err(Stop::Unknown);
        }
        if value.has_zero() && odd && value.low.is_negative() {
            return Err(Stop::Unknown);
        }
        if value.negative() {
            let size = self.positive_power(&value.neg(), exponent)?;
            if odd {
                return if exponent.over.bit(0) { self.neg(&size) } else { Ok(size) };
            }
            let half_turn = self.mul(&Value::Real(pi(self.bits + 16)?), &Value::Exact(exponent.clone()))?;
            let (sine, cosine) = self.sine_cosine(&half_turn)?;
            let turned = match &exponent.under {
                // A square root: exactly on the imaginary axis.
                two if *two == BigInt::from(2) => {
                    let size = size.real(self.bits)?.ok_or(Stop::Unknown)?;
                    let up = num_integer::mod_floor(exponent.over.clone(), BigInt::from(4)) == BigInt::from(1);
                    return Ok(Value::Complex(Interval::int(0), if up { size } else { size.neg() }));
                }
                _ => Value::Complex(
                    cosine.real(self.bits)?.ok_or(Stop::Unknown)?,
                    sine.real(self.bits)?.ok_or(Stop::Unknown)?,
                ),
            };
            return self.mul(&size, &turned);
        }
        self.positive_power(&value, exponent)
    }

    fn positive_power(&self, base: &Interval, exponent: &Rational) -> Result<Value, Stop> {
        let degree = u32::try_from(&exponent.under).ok().filter(|degree| *degree <= 16);
        let over = i64::try_from(&exponent.over).ok().filter(|over| over.abs() <= 1_000);
        if let (Some(degree), Some(over)) = (degree, over) {
            let root = base.root(degree, self.bits + 16)?;
            return self.integer_power(&Value::Real(root), over);
        }
        let logarithm = self.ln(&Value::Real(base.clone()))?;
        self.exp(&self.mul(&Value::Exact(exponent.clone()), &logarithm)?)
    }
}
