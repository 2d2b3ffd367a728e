//! Sums, products and powers of normal forms, with every relation of their generators applied.

use super::bounds::{DEGREE, Stop, spend};
use super::normal::{Generator, Normal};
use super::poly::{Exponent, Monomial, Poly, Quotient, raised};
use super::rational::Rational;

impl Normal {
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
}
