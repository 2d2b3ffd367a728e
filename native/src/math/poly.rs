//! Polynomials with rational coefficients and exponents in generators: variables, roots of primes, pi, exponentials.

use std::collections::BTreeMap;

use super::bounds::{DEGREE, MONOMIALS, Stop, spend};
use super::rational::Rational;

/// A small reduced fraction; its denominator is positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Exponent {
    pub over: i64,
    pub under: i64,
}

impl Exponent {
    pub const ONE: Exponent = Exponent { over: 1, under: 1 };

    pub fn new(over: i64, under: i64) -> Result<Exponent, Stop> {
        let common = num_integer::gcd(over, under).max(1);
        let exponent = Exponent { over: over / common, under: under / common };
        if exponent.over.abs() > DEGREE * DEGREE || exponent.under > DEGREE {
            return Err(Stop::TooLarge);
        }
        Ok(exponent)
    }

    pub fn of(value: &Rational) -> Result<Exponent, Stop> {
        let reduced = Rational::new(value.over.clone(), value.under.clone())?;
        match (i64::try_from(&reduced.over), i64::try_from(&reduced.under)) {
            (Ok(over), Ok(under)) if over.abs() <= DEGREE * DEGREE && under <= DEGREE => Exponent::new(over, under),
            _ => Err(Stop::TooLarge),
        }
    }

    pub fn add(self, other: Exponent) -> Result<Exponent, Stop> {
        Exponent::new(self.over * other.under + other.over * self.under, self.under * other.under)
    }

    pub fn mul(self, other: Exponent) -> Result<Exponent, Stop> {
        let (Some(over), Some(under)) = (self.over.checked_mul(other.over), self.under.checked_mul(other.under)) else {
            return Err(Stop::TooLarge);
        };
        Exponent::new(over, under)
    }

    pub fn neg(self) -> Exponent {
        Exponent { over: -self.over, ..self }
    }

    pub fn floor(self) -> i64 {
        self.over.div_euclid(self.under)
    }

    pub fn is_integer(self) -> bool {
        self.under == 1
    }

    pub fn rational(self) -> Rational {
        Rational::of(self.over, self.under)
    }
}

/// Powers of generators, sorted by generator, none of them zero.
pub type Monomial = Vec<(u16, Exponent)>;

pub fn times(a: &Monomial, b: &Monomial) -> Result<Monomial, Stop> {
    let mut product = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if j == b.len() || (i < a.len() && a[i].0 < b[j].0) {
            product.push(a[i]);
            i += 1;
        } else if i == a.len() || b[j].0 < a[i].0 {
            product.push(b[j]);
            j += 1;
        } else {
            let sum = a[i].1.add(b[j].1)?;
            if sum.over != 0 {
                product.push((a[i].0, sum));
            }
            (i, j) = (i + 1, j + 1);
        }
    }
    Ok(product)
}

pub fn raised(monomial: &Monomial, exponent: Exponent) -> Result<Monomial, Stop> {
    if exponent.over == 0 {
        return Ok(Vec::new());
    }
    monomial.iter().map(|(generator, power)| Ok((*generator, power.mul(exponent)?))).collect()
}

#[derive(Debug, Clone, PartialEq)]
pub struct Poly(pub BTreeMap<Monomial, Rational>);

impl Poly {
    pub fn zero() -> Poly {
        Poly(BTreeMap::new())
    }

    pub fn constant(value: Rational) -> Poly {
        Poly::term(Vec::new(), value)
    }

    pub fn term(monomial: Monomial, coefficient: Rational) -> Poly {
        let mut terms = BTreeMap::new();
        if !coefficient.is_zero() {
            terms.insert(monomial, coefficient);
        }
        Poly(terms)
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The rational number that it is.
    pub fn as_rational(&self) -> Option<Rational> {
        match self.0.len() {
            0 => Some(Rational::zero()),
            1 => self.0.get(&Vec::new()).cloned(),
            _ => None,
        }
    }

    pub fn is_one(&self) -> bool {
        self.as_rational().is_some_and(|value| value.is_one())
    }

    /// Its only term.
    pub fn single(&self) -> Option<(&Monomial, &Rational)> {
        if self.0.len() == 1 { self.0.iter().next() } else { None }
    }

    pub fn put(&mut self, monomial: Monomial, coefficient: Rational) -> Result<(), Stop> {
        match self.0.entry(monomial) {
            std::collections::btree_map::Entry::Vacant(place) => {
                if !coefficient.is_zero() {
                    place.insert(coefficient);
                }
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                let sum = place.get().add(&coefficient)?;
                if sum.is_zero() {
                    place.remove();
                } else {
                    place.insert(sum);
                }
            }
        }
        if self.0.len() > MONOMIALS { Err(Stop::TooLarge) } else { Ok(()) }
    }

    pub fn add(&self, other: &Poly) -> Result<Poly, Stop> {
        let (mut sum, small) =
            if self.0.len() >= other.0.len() { (self.clone(), other) } else { (other.clone(), self) };
        spend(20 * self.0.len() as u64)?;
        for (monomial, coefficient) in &small.0 {
            spend(50)?;
            sum.put(monomial.clone(), coefficient.clone())?;
        }
        Ok(sum)
    }

    pub fn scaled(&self, factor: &Rational) -> Result<Poly, Stop> {
        if factor.is_one() {
            return Ok(self.clone());
        }
        let mut product = BTreeMap::new();
        if !factor.is_zero() {
            for (monomial, coefficient) in &self.0 {
                product.insert(monomial.clone(), coefficient.mul(factor)?);
            }
        }
        Ok(Poly(product))
    }

    pub fn neg(&self) -> Poly {
        Poly(self.0.iter().map(|(monomial, coefficient)| (monomial.clone(), coefficient.neg())).collect())
    }

    /// The product, in which powers of generators are not yet reduced.
    pub fn mul(&self, other: &Poly) -> Result<Poly, Stop> {
        if self.is_one() {
            return Ok(other.clone());
        }
        if other.is_one() {
            return Ok(self.clone());
        }
        let mut product = Poly::zero();
        for (one, a) in &self.0 {
            for (two, b) in &other.0 {
                spend(120)?;
                product.put(times(one, two)?, a.mul(b)?)?;
            }
        }
        Ok(product)
    }
}

/// A quotient of two polynomials; what is below is not zero as a polynomial.
#[derive(Debug, Clone, PartialEq)]
pub struct Quotient {
    pub over: Poly,
    pub under: Poly,
}

impl Quotient {
    pub fn rational(value: Rational) -> Quotient {
        Quotient { over: Poly::constant(value), under: Poly::constant(Rational::one()) }
    }

    pub fn poly(over: Poly) -> Quotient {
        Quotient { over, under: Poly::constant(Rational::one()) }
    }

    pub fn as_rational(&self) -> Option<Rational> {
        self.over.as_rational()?.div(&self.under.as_rational()?).ok()
    }

    /// The polynomial that it is, where nothing stands below.
    pub fn as_poly(&self) -> Option<&Poly> {
        self.under.is_one().then_some(&self.over)
    }

    pub fn neg(&self) -> Quotient {
        Quotient { over: self.over.neg(), under: self.under.clone() }
    }
}
