//! Functions of enclosed values, and the arithmetic of pairs of intervals.

use super::bounds::Stop;
use super::elementary::{atan, exp, ln, pi, sin_cos};
use super::evaluate::{Place, Value};
use super::float::{Float, Interval};
use super::normal::Log;
use super::rational::Rational;
use super::tree::Function;

type Parts = (Interval, Interval);

/// A complex value, real where its imaginary part is exactly zero.
pub fn value(re: Interval, im: Interval) -> Value {
    if im.is_exact_zero() { Value::Real(re) } else { Value::Complex(re, im) }
}

pub fn product((a, b): &Parts, (c, d): &Parts, bits: u64) -> Result<Value, Stop> {
    let re = a.mul(c, bits)?.sub(&b.mul(d, bits)?, bits)?;
    let im = a.mul(d, bits)?.add(&b.mul(c, bits)?, bits)?;
    Ok(value(re, im))
}

pub fn quotient((a, b): &Parts, (c, d): &Parts, bits: u64) -> Result<Value, Stop> {
    let size = c.pow(2, bits)?.add(&d.pow(2, bits)?, bits)?;
    let Some(inverse) = Interval::int(1).div(&size, bits)? else { return Err(Stop::Unknown) };
    let re = a.mul(c, bits)?.add(&b.mul(d, bits)?, bits)?;
    let im = b.mul(c, bits)?.sub(&a.mul(d, bits)?, bits)?;
    Ok(value(re.mul(&inverse, bits)?, im.mul(&inverse, bits)?))
}

impl Place<'_> {
    pub fn exp(&self, x: &Value) -> Result<Value, Stop> {
        if x.exact().is_some_and(Rational::is_zero) {
            return Ok(Value::Exact(Rational::one()));
        }
        match x {
            Value::Complex(re, im) => {
                let size = if re.is_exact_zero() { Interval::int(1) } else { exp(re, self.bits)? };
                let (sine, cosine) = sin_cos(im, self.bits)?;
                Ok(value(size.mul(&cosine, self.bits)?, size.mul(&sine, self.bits)?))
            }
            real => Ok(Value::Real(exp(&real.real(self.bits + 48)?.ok_or(Stop::Unknown)?, self.bits)?)),
        }
    }

    /// The principal logarithm.
    pub fn ln(&self, x: &Value) -> Result<Value, Stop> {
        if let Some(value) = x.exact() {
            if value.is_zero() {
                return Err(Stop::NoValue);
            }
            if value.is_one() {
                return Ok(Value::Exact(Rational::zero()));
            }
        }
        match x {
            Value::Complex(re, im) => {
                let size = re.pow(2, self.bits)?.add(&im.pow(2, self.bits)?, self.bits)?;
                if !size.positive() {
                    return Err(Stop::Unknown);
                }
                let size = ln(&size, self.bits)?.mul(&Interval::of(&Rational::of(1, 2), self.bits)?, self.bits)?;
                Ok(value(size, self.argument(re, im)?))
            }
            real => {
                let x = real.real(self.bits + 16)?.ok_or(Stop::Unknown)?;
                if x.positive() {
                    return Ok(Value::Real(ln(&x, self.bits)?));
                }
                if x.negative() {
                    return Ok(value(ln(&x.neg(), self.bits)?, pi(self.bits)?));
                }
                Err(if x.is_exact_zero() { Stop::NoValue } else { Stop::Unknown })
            }
        }
    }

    fn argument(&self, re: &Interval, im: &Interval) -> Result<Interval, Stop> {
        let bits = self.bits;
        if re.positive() {
            return atan(&im.div(re, bits)?.ok_or(Stop::Unknown)?, bits);
        }
        // Above or below the real axis: a quarter turn away.
        let quarter = pi(bits)?.mul(&Interval::of(&Rational::of(1, 2), bits)?, bits)?;
        let rest = re.div(im, bits)?.ok_or(Stop::Unknown)?;
        let rest = atan(&rest, bits)?;
        let from = if im.positive() { quarter } else { quarter.neg() };
        from.sub(&rest, bits)
    }

    /// Both of a real angle.
    pub fn sine_cosine(&self, x: &Value) -> Result<(Value, Value), Stop> {
        if x.exact().is_some_and(Rational::is_zero) {
            return Ok((Value::Exact(Rational::zero()), Value::Exact(Rational::one())));
        }
        let Some(angle) = x.real(self.bits + 64)? else { return Err(Stop::Unknown) };
        let (sine, cosine) = sin_cos(&angle, self.bits)?;
        Ok((Value::Real(sine), Value::Real(cosine)))
    }

    pub fn function(&self, function: Function, arguments: &[Value]) -> Result<Value, Stop> {
        let x = arguments.first().ok_or(Stop::Unknown)?;
        let one = Value::Exact(Rational::one());
        match function {
            Function::Sin => Ok(self.sine_cosine(x)?.0),
            Function::Cos => Ok(self.sine_cosine(x)?.1),
            Function::Tan => {
                let (sine, cosine) = self.sine_cosine(x)?;
                self.div(&sine, &cosine)
            }
            Function::Cot => {
                let (sine, cosine) = self.sine_cosine(x)?;
                self.div(&cosine, &sine)
            }
            Function::Sec => self.div(&one, &self.sine_cosine(x)?.1),
            Function::Csc => self.div(&one, &self.sine_cosine(x)?.0),
            Function::Exp => self.exp(x),
            Function::Sinh | Function::Cosh | Function::Tanh => {
                let up = self.exp(x)?;
                let down = self.exp(&self.neg(x)?)?;
                let sine = self.add(&up, &self.neg(&down)?)?;
                let cosine = self.add(&up, &down)?;
                let two = Value::Exact(Rational::int(2));
                match function {
                    Function::Sinh => self.div(&sine, &two),
                    Function::Cosh => self.div(&cosine, &two),
                    _ => self.div(&sine, &cosine),
                }
            }
            Function::Ln => self.ln(x),
            Function::Log if self.log == Log::Natural => self.ln(x),
            Function::Log => self.div(&self.ln(x)?, &self.ln(&Value::Exact(Rational::int(10)))?),
            Function::LogBase => self.div(&self.ln(arguments.get(1).ok_or(Stop::Unknown)?)?, &self.ln(x)?),
            Function::Abs => self.absolute(x),
            Function::Arcsin => self.arcsine(x),
            Function::Arccos => self.complement(&self.arcsine(x)?),
            Function::Arctan => self.arctangent(x),
            Function::Arccot => self.complement(&self.arctangent(x)?),
            Function::Arccsc => self.arcsine(&self.div(&one, x)?),
            Function::Arcsec => self.complement(&self.arcsine(&self.div(&one, x)?)?),
            Function::Floor => Ok(Value::Exact(x.exact().ok_or(Stop::Unknown)?.floor().into())),
            Function::Ceil => Ok(Value::Exact((-x.exact().ok_or(Stop::Unknown)?.neg().floor()).into())),
            Function::Max | Function::Min => {
                let mut best = x.clone();
                for other in &arguments[1..] {
                    let (a, b) = (best.exact().ok_or(Stop::Unknown)?, other.exact().ok_or(Stop::Unknown)?);
                    let less = a.cmp(b)?.is_lt();
                    best = if less == (function == Function::Max) { other.clone() } else { best };
                }
                Ok(best)
            }
            Function::Gcd | Function::Lcm | Function::Sign => Err(Stop::Unknown),
        }
    }

    fn complement(&self, angle: &Value) -> Result<Value, Stop> {
        let quarter = self.div(&Value::Real(pi(self.bits)?), &Value::Exact(Rational::int(2)))?;
        self.add(&quarter, &self.neg(angle)?)
    }

    fn absolute(&self, x: &Value) -> Result<Value, Stop> {
        match x {
            Value::Exact(value) => Ok(Value::Exact(value.abs())),
            Value::Real(value) if value.positive() => Ok(Value::Real(value.clone())),
            Value::Real(value) if value.negative() => Ok(Value::Real(value.neg())),
            Value::Real(value) => {
                let (a, b) = (value.low.neg(), value.high.clone());
                Ok(Value::Real(Interval { low: Float::zero(), high: if a.cmp(&b).is_gt() { a } else { b } }))
            }
            Value::Complex(re, im) => {
                let size = re.pow(2, self.bits)?.add(&im.pow(2, self.bits)?, self.bits)?;
                Ok(Value::Real(size.root(2, self.bits)?))
            }
        }
    }

    fn arctangent(&self, x: &Value) -> Result<Value, Stop> {
        if x.exact().is_some_and(Rational::is_zero) {
            return Ok(Value::Exact(Rational::zero()));
        }
        Ok(Value::Real(atan(&x.real(self.bits + 16)?.ok_or(Stop::Unknown)?, self.bits)?))
    }

    /// arcsin x = arctan(x / sqrt(1 - x^2))
    fn arcsine(&self, x: &Value) -> Result<Value, Stop> {
        let one = Value::Exact(Rational::one());
        let square = self.integer_power(x, 2)?;
        let rest = self.add(&one, &self.neg(&square)?)?;
        if rest.exact().is_some_and(Rational::is_zero) {
            let quarter = self.div(&Value::Real(pi(self.bits)?), &Value::Exact(Rational::int(2)))?;
            return if x.exact().is_some_and(Rational::is_negative) { self.neg(&quarter) } else { Ok(quarter) };
        }
        match rest.real(self.bits)? {
            Some(rest) if rest.negative() => return Err(Stop::NoValue),
            Some(rest) if rest.positive() => {}
            _ => return Err(Stop::Unknown),
        }
        let root = self.power(&rest, &Value::Exact(Rational::of(1, 2)))?;
        self.arctangent(&self.div(x, &root)?)
    }
}
