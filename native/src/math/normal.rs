//! The normal form: a tree as a quotient of polynomials in generators whose relations are all applied.
//!
//! Two trees with the same quotient are equal wherever both have a value: that is a proof. Two with different ones may
//! still be equal.

use std::collections::HashMap;

use super::bounds::{DEGREE, Stop, spend};
use super::poly::{Exponent, Monomial, Poly, Quotient, raised};
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

    pub fn add(&self, a: &Quotient, b: &Quotient) -> Result<Quotient, Stop> {
        if a.under == b.under {
            return Ok(Quotient { over: a.over.add(&b.over)?, under: a.under.clone() });
        }
        let over = self.mul_poly(&a.over, &b.under)?;
        let other = self.mul_poly(&b.over, &a.under)?;
        let under = self.mul_poly(&a.under, &b.under)?;
        // over/u1 + other/u2, all of it over the product of what came below.
        let sum = self.joined(over, other)?;
        self.divided(&sum, &under)
    }

    fn joined(&self, a: Quotient, b: Quotient) -> Result<Quotient, Stop> {
        if a.under == b.under {
            return Ok(Quotient { over: a.over.add(&b.over)?, under: a.under });
        }
        let over = a.over.mul(&b.under)?.add(&b.over.mul(&a.under)?)?;
        Ok(Quotient { over, under: a.under.mul(&b.under)? })
    }

    fn divided(&self, a: &Quotient, b: &Quotient) -> Result<Quotient, Stop> {
        let over = self.mul_poly(&a.over, &b.under)?;
        let under = self.mul_poly(&a.under, &b.over)?;
        if under.over.is_zero() {
            return Err(Stop::NoValue);
        }
        self.lowered(Quotient { over: over.over.mul(&under.under)?, under: under.over.mul(&over.under)? })
    }

    pub fn mul(&self, a: &Quotient, b: &Quotient) -> Result<Quotient, Stop> {
        let over = self.mul_poly(&a.over, &b.over)?;
        let under = self.mul_poly(&a.under, &b.under)?;
        self.divided(&over, &under)
    }

    pub fn div(&self, a: &Quotient, b: &Quotient) -> Result<Quotient, Stop> {
        if b.over.is_zero() {
            return Err(Stop::NoValue);
        }
        self.mul(a, &Quotient { over: b.under.clone(), under: b.over.clone() })
    }

    /// A single term below goes above, where its generators allow it.
    fn lowered(&self, quotient: Quotient) -> Result<Quotient, Stop> {
        if quotient.under.is_one() {
            return Ok(quotient);
        }
        let Some((monomial, coefficient)) = quotient.under.single() else { return Ok(quotient) };
        let mut inverse = raised(monomial, Exponent::ONE.neg())?;
        let mut under = Poly::constant(coefficient.clone());
        for (id, power) in &mut inverse {
            // 1/g = g^(q-1) / g^q
            if let Some((degree, inside)) = self.relation(*id) {
                if !power.is_integer() || !inside.under.is_one() {
                    return Ok(quotient);
                }
                let times = (-power.over).div_euclid(degree) + i64::from((-power.over).rem_euclid(degree) > 0);
                *power = Exponent::new(power.over + times * degree, 1)?;
                for _ in 0..times {
                    under = under.mul(&inside.over)?;
                }
            }
        }
        inverse.retain(|(_, power)| power.over != 0);
        let over = self.mul_poly(&quotient.over, &Poly::term(inverse, Rational::one()))?;
        let under = self.mul_poly(&under, &over.under)?;
        let mut result = Quotient { over: over.over.mul(&under.under)?, under: under.over };
        if let Some(value) = result.under.as_rational() {
            result = Quotient::poly(result.over.scaled(&Rational::one().div(&value)?)?);
        } else if result.under.single().is_some() && result.under != quotient.under {
            spend(500)?;
            return self.lowered(result);
        }
        Ok(result)
    }

    /// The product with every relation applied.
    fn mul_poly(&self, a: &Poly, b: &Poly) -> Result<Quotient, Stop> {
        self.reduced(a.mul(b)?)
    }

    /// Degree q and what g^q is, for generators that have such a relation.
    fn relation(&self, id: u16) -> Option<(i64, &Quotient)> {
        match self.generator(id) {
            Generator::Root(_, degree) => Some((*degree, self.inside.get(&id)?)),
            Generator::Abs(_) => Some((2, self.inside.get(&id)?)),
            _ => None,
        }
    }

    fn reduced(&self, poly: Poly) -> Result<Quotient, Stop> {
        let plain = |(id, power): &(u16, Exponent)| match self.generator(*id) {
            Generator::Prime(_) | Generator::Unity => power.floor() == 0,
            Generator::I => power.over == 1 && power.under == 1,
            Generator::Root(..) | Generator::Abs(_) => {
                self.relation(*id).is_none_or(|(degree, _)| power.floor() < degree)
            }
            _ => true,
        };
        if poly.0.keys().all(|monomial| monomial.iter().all(plain)) {
            return Ok(Quotient::poly(poly));
        }
        let mut sum = Quotient::poly(Poly::zero());
        for (monomial, coefficient) in poly.0 {
            let term = self.reduced_term(monomial, coefficient)?;
            sum = self.joined(sum, term)?;
        }
        Ok(sum)
    }

    fn reduced_term(&self, monomial: Monomial, mut coefficient: Rational) -> Result<Quotient, Stop> {
        let mut rest = Vec::with_capacity(monomial.len());
        let mut factors: Vec<(Quotient, i64)> = Vec::new();
        for (id, power) in monomial {
            let whole = power.floor();
            let left = Exponent::new(power.over - whole * power.under, power.under)?;
            match self.generator(id) {
                Generator::Prime(prime) if whole != 0 => {
                    let prime = Rational::from(super::rational::natural_of(prime));
                    coefficient = coefficient.mul(&prime.pow(whole)?)?;
                    if left.over != 0 {
                        rest.push((id, left));
                    }
                }
                Generator::Unity if whole != 0 => {
                    coefficient = if whole % 2 == 0 { coefficient } else { coefficient.neg() };
                    if left.over != 0 {
                        rest.push((id, left));
                    }
                }
                Generator::I if power.is_integer() => {
                    let turns = power.over.rem_euclid(4);
                    coefficient = if turns >= 2 { coefficient.neg() } else { coefficient };
                    if turns % 2 == 1 {
                        rest.push((id, Exponent::ONE));
                    }
                }
                _ => match self.relation(id) {
                    Some((degree, inside)) if power.is_integer() && whole >= degree => {
                        factors.push((inside.clone(), whole / degree));
                        if whole % degree != 0 {
                            rest.push((id, Exponent::new(whole % degree, 1)?));
                        }
                    }
                    _ => rest.push((id, power)),
                },
            }
        }
        let mut term = Quotient::poly(Poly::term(rest, coefficient));
        for (factor, times) in factors {
            for _ in 0..times {
                spend(100)?;
                term = self.mul(&term, &factor)?;
            }
        }
        Ok(term)
    }

    pub fn power(&self, base: &Quotient, exponent: i64) -> Result<Quotient, Stop> {
        if exponent < 0 {
            let inverse = self.div(&Quotient::rational(Rational::one()), base)?;
            return self.power(&inverse, -exponent);
        }
        if let Some(value) = base.as_rational() {
            if value.is_zero() && exponent == 0 {
                return Err(Stop::NoValue);
            }
            return Ok(Quotient::rational(value.pow(exponent)?));
        }
        if exponent > DEGREE {
            return Err(Stop::TooLarge);
        }
        // So many terms come of it at the most; refuse before the work.
        let terms = base.over.0.len().max(base.under.0.len()) as i64;
        if terms > 1 && exponent.pow((terms - 1).min(4) as u32) > 8 * super::bounds::MONOMIALS as i64 {
            return Err(Stop::TooLarge);
        }
        let mut result = Quotient::rational(Rational::one());
        let mut square = base.clone();
        let mut left = exponent;
        while left > 0 {
            if left & 1 == 1 {
                result = self.mul(&result, &square)?;
            }
            left >>= 1;
            if left > 0 {
                square = self.mul(&square, &square)?;
            }
        }
        Ok(result)
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
