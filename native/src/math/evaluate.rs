//! The value of a tree at a rational point: exact while it is rational, then enclosed, real or complex.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::bounds::{FACTORIAL, Stop, spend};
use super::complex;
use super::elementary::pi;
use super::float::Interval;
use super::normal::Log;
use super::rational::{Rational, binomial, factorial};
use super::tree::{Constant, Node};

/// Exact values with more bits than this go on as enclosures.
pub const EXACT_BITS: u64 = 2_048;

#[derive(Debug, Clone)]
pub enum Value {
    Exact(Rational),
    Real(Interval),
    /// The imaginary part is not known to be zero.
    Complex(Interval, Interval),
}

/// Where and how precisely trees are evaluated.
pub struct Place<'a> {
    pub point: &'a [(String, Rational)],
    pub bits: u64,
    pub log: Log,
}

impl Value {
    pub fn real(&self, bits: u64) -> Result<Option<Interval>, Stop> {
        match self {
            Value::Exact(value) => Interval::of(value, bits).map(Some),
            Value::Real(value) => Ok(Some(value.clone())),
            Value::Complex(..) => Ok(None),
        }
    }

    pub fn parts(&self, bits: u64) -> Result<(Interval, Interval), Stop> {
        match self {
            Value::Exact(value) => Ok((Interval::of(value, bits)?, Interval::int(0))),
            Value::Real(value) => Ok((value.clone(), Interval::int(0))),
            Value::Complex(re, im) => Ok((re.clone(), im.clone())),
        }
    }

    /// Proved different.
    pub fn apart(&self, other: &Value, bits: u64) -> Result<bool, Stop> {
        if let (Value::Exact(a), Value::Exact(b)) = (self, other) {
            return Ok(!a.same(b)?);
        }
        let ((a, b), (c, d)) = (self.parts(bits)?, other.parts(bits)?);
        Ok(a.apart(&c) || b.apart(&d))
    }

    pub fn exact(&self) -> Option<&Rational> {
        if let Value::Exact(value) = self { Some(value) } else { None }
    }

    /// Real, or not known to be anything else.
    pub fn may_be_real(&self) -> bool {
        match self {
            Value::Complex(_, im) => im.has_zero(),
            _ => true,
        }
    }
}

fn exact_or(value: Rational, bits: u64) -> Result<Value, Stop> {
    if value.bits() <= EXACT_BITS { Ok(Value::Exact(value)) } else { Interval::of(&value, bits).map(Value::Real) }
}

impl Place<'_> {
    /// NoValue is proved; Unknown may be known with more bits, or never.
    pub fn value(&self, node: &Node) -> Result<Value, Stop> {
        spend(80)?;
        match node {
            Node::Lit(literal) => exact_or(literal.value.clone(), self.bits),
            Node::Const(Constant::Pi) => Ok(Value::Real(pi(self.bits)?)),
            Node::Const(Constant::E) => self.exp(&Value::Exact(Rational::one())),
            Node::Const(Constant::I) => Ok(Value::Complex(Interval::int(0), Interval::int(1))),
            Node::Const(Constant::Infinity) => Err(Stop::Unknown),
            Node::Var(name) => {
                let (_, value) = self.point.iter().find(|(other, _)| other == name).ok_or(Stop::Unknown)?;
                Ok(Value::Exact(value.clone()))
            }
            Node::Neg(one) => self.neg(&self.value(one)?),
            Node::Add(all) => {
                let mut sum = Value::Exact(Rational::zero());
                for one in all {
                    sum = self.add(&sum, &self.value(one)?)?;
                }
                Ok(sum)
            }
            Node::Mul(all) => {
                let mut product = Value::Exact(Rational::one());
                for one in all {
                    product = self.mul(&product, &self.value(one)?)?;
                }
                Ok(product)
            }
            Node::Div(a, b) => self.div(&self.value(a)?, &self.value(b)?),
            Node::Pow(a, b) => {
                let exponent = self.value(b)?;
                if matches!(&**a, Node::Const(Constant::E)) {
                    return self.exp(&exponent);
                }
                self.power(&self.value(a)?, &exponent)
            }
            Node::Root(degree, of) => {
                let degree = self.value(degree)?;
                let exponent = Rational::one().div(degree.exact().ok_or(Stop::Unknown)?)?;
                self.power(&self.value(of)?, &Value::Exact(exponent))
            }
            Node::Degrees(one) => {
                let half_turn = self.div(&Value::Real(pi(self.bits)?), &Value::Exact(Rational::int(180)))?;
                self.mul(&self.value(one)?, &half_turn)
            }
            Node::Percent(one) => self.mul(&self.value(one)?, &Value::Exact(Rational::of(1, 100))),
            Node::Bracketed(_, all, _) if all.len() == 1 => self.value(&all[0]),
            Node::Factorial(one) => self.factorial(&self.value(one)?),
            Node::Binom(over, under) => self.binomial(&self.value(over)?, &self.value(under)?),
            Node::Call(name, all) => {
                let mut hasher = DefaultHasher::new();
                name.hash(&mut hasher);
                for one in all {
                    let value = self.value(one)?;
                    value.exact().ok_or(Stop::Unknown)?.to_string().hash(&mut hasher);
                }
                Ok(Value::Exact(Rational::of((hasher.finish() >> 40) as i64 - (1 << 23), 1 << 20)))
            }
            Node::Fn(function, all) => {
                let mut arguments = Vec::with_capacity(all.len());
                for one in all {
                    arguments.push(self.value(one)?);
                }
                self.function(*function, &arguments)
            }
            _ => Err(Stop::Unknown),
        }
    }

    pub fn neg(&self, a: &Value) -> Result<Value, Stop> {
        Ok(match a {
            Value::Exact(value) => Value::Exact(value.neg()),
            Value::Real(value) => Value::Real(value.neg()),
            Value::Complex(re, im) => Value::Complex(re.neg(), im.neg()),
        })
    }

    pub fn add(&self, a: &Value, b: &Value) -> Result<Value, Stop> {
        if let (Value::Exact(a), Value::Exact(b)) = (a, b) {
            return exact_or(a.add(b)?, self.bits);
        }
        if let (Some(a), Some(b)) = (a.real(self.bits)?, b.real(self.bits)?) {
            return Ok(Value::Real(a.add(&b, self.bits)?));
        }
        let ((a, b), (c, d)) = (a.parts(self.bits)?, b.parts(self.bits)?);
        Ok(complex::value(a.add(&c, self.bits)?, b.add(&d, self.bits)?))
    }

    pub fn mul(&self, a: &Value, b: &Value) -> Result<Value, Stop> {
        if let (Value::Exact(a), Value::Exact(b)) = (a, b) {
            return exact_or(a.mul(b)?, self.bits);
        }
        let (x, y) = (a.real(self.bits)?, b.real(self.bits)?);
        if let (Some(x), Some(y)) = (&x, &y) {
            return Ok(Value::Real(x.mul(y, self.bits)?));
        }
        complex::product(&a.parts(self.bits)?, &b.parts(self.bits)?, self.bits)
    }

    pub fn div(&self, a: &Value, b: &Value) -> Result<Value, Stop> {
        if let (Value::Exact(a), Value::Exact(b)) = (a, b) {
            return exact_or(a.div(b)?, self.bits);
        }
        let (re, im) = b.parts(self.bits)?;
        if re.is_exact_zero() && im.is_exact_zero() {
            return Err(Stop::NoValue);
        }
        if let Some(y) = b.real(self.bits)? {
            let Some(inverse) = Interval::int(1).div(&y, self.bits + 8)? else { return Err(Stop::Unknown) };
            return self.mul(a, &Value::Real(inverse));
        }
        complex::quotient(&a.parts(self.bits)?, &(re, im), self.bits)
    }

    fn factorial(&self, value: &Value) -> Result<Value, Stop> {
        let n = value.exact().ok_or(Stop::Unknown)?.to_integer().ok_or(Stop::Unknown)?;
        Ok(Value::Exact(factorial(i64::try_from(&n).map_err(|_| Stop::TooLarge)?)?.into()))
    }

    fn binomial(&self, over: &Value, under: &Value) -> Result<Value, Stop> {
        let whole = |value: &Value| value.exact().and_then(Rational::to_i64);
        if let (Some(n), Some(k)) = (whole(over), whole(under))
            && (0..=n).contains(&k)
            && n <= FACTORIAL
        {
            return Ok(Value::Exact(binomial(n, k)?.into()));
        }
        let k =
            under.exact().and_then(Rational::to_i64).filter(|k| (0..=FACTORIAL).contains(k)).ok_or(Stop::Unknown)?;
        let mut product = Value::Exact(Rational::one());
        for step in 0..k {
            let factor = self.add(over, &Value::Exact(Rational::int(-step)))?;
            let factor = self.mul(&factor, &Value::Exact(Rational::of(1, step + 1)))?;
            product = self.mul(&product, &factor)?;
        }
        Ok(product)
    }
}
