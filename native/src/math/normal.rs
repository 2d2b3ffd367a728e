//! The normal form: a tree as a quotient of polynomials in generators whose relations are all applied.
//!
//! Two trees with the same quotient are equal wherever both have a value: that is a proof. Two with different ones may
//! still be equal.

use std::collections::HashMap;

use super::bounds::{Stop, spend};
use super::poly::{Exponent, Monomial, Poly, Quotient};
use super::rational::{Rational, binomial, factorial};
use super::tree::{Constant, Function, Node};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Generator {
    Variable(String),
    /// An unknown function of something, or a known one that has no rules here.
    Opaque(String),
    I,
    Pi,
    /// A prime, or what is left of a number when small primes are out; exponents are in [0, 1).
    Prime(String),
    /// The natural logarithm of such a one.
    LnPrime(String),
    /// e to a monomial, by its key.
    Exp(String),
    /// Base, exponent: powers with a symbol above.
    Power(String, String),
    /// A root of that degree, by the key of what stands under it.
    Root(String, i64),
    Abs(String),
    Ln(String),
    Factorial(String),
    /// exp(i pi), for exponents that are not written with roots.
    Unity,
}

/// How a logarithm without a base is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    Natural,
    Decimal,
}

/// The generators of one comparison.
pub struct Normal {
    generators: Vec<Generator>,
    ids: HashMap<Generator, u16>,
    /// What the q-th power of a root or the square of an absolute value is; the argument of a logarithm.
    pub inside: HashMap<u16, Quotient>,
    pub log: Log,
}

impl Normal {
    pub fn new(log: Log) -> Normal {
        Normal { generators: Vec::new(), ids: HashMap::new(), inside: HashMap::new(), log }
    }

    pub fn generator(&self, id: u16) -> &Generator {
        &self.generators[usize::from(id)]
    }

    pub fn id(&mut self, generator: Generator) -> Result<u16, Stop> {
        if let Some(id) = self.ids.get(&generator) {
            return Ok(*id);
        }
        let id = u16::try_from(self.generators.len()).map_err(|_| Stop::TooLarge)?;
        if id > 1_000 {
            return Err(Stop::TooLarge);
        }
        spend(300)?;
        self.generators.push(generator.clone());
        self.ids.insert(generator, id);
        Ok(id)
    }

    pub fn one(&mut self, generator: Generator) -> Result<Quotient, Stop> {
        let id = self.id(generator)?;
        Ok(Quotient::poly(Poly::term(vec![(id, Exponent::ONE)], Rational::one())))
    }

    /// A text that is the same for the same quotient.
    pub fn key(&self, quotient: &Quotient) -> Result<String, Stop> {
        let scale = match quotient.under.0.iter().next_back() {
            Some((_, coefficient)) => coefficient.clone(),
            None => return Err(Stop::NoValue),
        };
        let mut key = String::new();
        for (poly, sign) in [(&quotient.over, '('), (&quotient.under, '/')] {
            key.push(sign);
            for (monomial, coefficient) in &poly.0 {
                spend(200)?;
                key.push_str(&format!("+{}", coefficient.div(&scale)?));
                key.push_str(&Normal::monomial_key(monomial));
            }
        }
        if key.len() > 4_096 { Err(Stop::TooLarge) } else { Ok(key) }
    }

    pub fn monomial_key(monomial: &Monomial) -> String {
        monomial.iter().map(|(id, power)| format!("*{id}^{}/{}", power.over, power.under)).collect()
    }

    /// The normal form of a tree.
    pub fn of(&mut self, node: &Node) -> Result<Quotient, Stop> {
        spend(60)?;
        match node {
            Node::Lit(literal) => Ok(Quotient::rational(literal.value.clone())),
            Node::Const(Constant::Pi) => self.one(Generator::Pi),
            Node::Const(Constant::I) => self.one(Generator::I),
            Node::Const(Constant::E) => self.exponential(&Quotient::rational(Rational::one())),
            Node::Const(Constant::Infinity) => Err(Stop::Unknown),
            Node::Var(name) => self.one(Generator::Variable(name.clone())),
            Node::Neg(one) => Ok(self.of(one)?.neg()),
            Node::Add(all) => {
                let mut sum = Quotient::rational(Rational::zero());
                for one in all {
                    let term = self.of(one)?;
                    sum = self.add(&sum, &term)?;
                }
                Ok(sum)
            }
            Node::Mul(all) => {
                let mut product = Quotient::rational(Rational::one());
                for one in all {
                    let factor = self.of(one)?;
                    product = self.mul(&product, &factor)?;
                }
                Ok(product)
            }
            Node::Div(a, b) => {
                let (a, b) = (self.of(a)?, self.of(b)?);
                self.div(&a, &b)
            }
            Node::Pow(a, b) => {
                let exponent = self.of(b)?;
                if matches!(&**a, Node::Const(Constant::E)) {
                    return self.exponential(&exponent);
                }
                let base = self.of(a)?;
                self.general_power(&base, &exponent)
            }
            Node::Root(degree, of) => {
                let degree = self.of(degree)?.as_rational().ok_or(Stop::Unknown)?;
                let base = self.of(of)?;
                self.general_power(&base, &Quotient::rational(Rational::one().div(&degree)?))
            }
            Node::Degrees(one) => {
                let pi = self.one(Generator::Pi)?;
                let value = self.of(one)?;
                self.mul(&self.mul(&value, &pi)?, &Quotient::rational(Rational::of(1, 180)))
            }
            Node::Percent(one) => {
                let value = self.of(one)?;
                self.mul(&value, &Quotient::rational(Rational::of(1, 100)))
            }
            Node::Bracketed(_, all, _) if all.len() == 1 => self.of(&all[0]),
            Node::Factorial(one) => {
                let value = self.of(one)?;
                self.factorial(&value)
            }
            Node::Binom(over, under) => {
                let (over, under) = (self.of(over)?, self.of(under)?);
                self.binomial(&over, &under)
            }
            Node::Call(name, all) => {
                let mut key = name.clone();
                for one in all {
                    let argument = self.of(one)?;
                    key.push(',');
                    key.push_str(&self.key(&argument)?);
                }
                self.one(Generator::Opaque(key))
            }
            Node::Fn(function, all) => self.function(*function, all),
            _ => Err(Stop::Unknown),
        }
    }

    fn factorial(&mut self, value: &Quotient) -> Result<Quotient, Stop> {
        if let Some(value) = value.as_rational() {
            return Ok(Quotient::rational(factorial(value.to_i64().ok_or(Stop::NoValue)?)?.into()));
        }
        // (m + c)! by m!, so that (n - 1)! and n! speak of one generator.
        let poly = value.as_poly().ok_or(Stop::Unknown)?;
        let offset = poly.0.get(&Vec::new()).map_or(0, |c| c.floor().try_into().unwrap_or(i64::MAX));
        if offset.abs() > 64 {
            return Err(Stop::TooLarge);
        }
        let base = Quotient::poly(poly.add(&Poly::constant(Rational::int(-offset)))?);
        let key = self.key(&base)?;
        let mut result = self.one(Generator::Factorial(key))?;
        for step in 1..=offset.abs() {
            let factor = if offset > 0 { step } else { 1 - step };
            let factor = self.add(&base, &Quotient::rational(Rational::int(factor)))?;
            result = if offset > 0 { self.mul(&result, &factor)? } else { self.div(&result, &factor)? };
        }
        Ok(result)
    }

    fn binomial(&mut self, over: &Quotient, under: &Quotient) -> Result<Quotient, Stop> {
        let count = under.as_rational().and_then(|k| k.to_i64());
        let top = over.as_rational().and_then(|n| n.to_i64());
        if let (Some(n), Some(k)) = (top, count) {
            return Ok(Quotient::rational(binomial(n, k)?.into()));
        }
        if let Some(k) = count.filter(|k| (0..=64).contains(k)) {
            let mut product = Quotient::rational(Rational::one());
            for step in 0..k {
                let factor = self.add(over, &Quotient::rational(Rational::int(-step)))?;
                product = self.mul(&product, &factor)?;
                product = self.mul(&product, &Quotient::rational(Rational::of(1, step + 1)))?;
            }
            return Ok(product);
        }
        let rest = self.add(over, &under.neg())?;
        let (n, k, rest) = (self.factorial(over)?, self.factorial(under)?, self.factorial(&rest)?);
        let below = self.mul(&k, &rest)?;
        self.div(&n, &below)
    }

    pub fn function(&mut self, function: Function, all: &[Node]) -> Result<Quotient, Stop> {
        let mut arguments = Vec::with_capacity(all.len());
        for one in all {
            arguments.push(self.of(one)?);
        }
        self.applied(function, &arguments)
    }
}
