//! Powers in normal form: roots of numbers split into primes, exponentials split by the terms of their exponent.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, Zero};

use super::bounds::{DEGREE, EXPONENT, Stop, spend};
use super::normal::{Generator, Normal};
use super::poly::{Exponent, Monomial, Poly, Quotient, raised};
use super::rational::Rational;

/// Primes up to here are split off; what is left counts as one.
const TRIAL: u32 = 1_000;

/// The factors of a positive integer and their powers; the last may be no prime.
pub fn factors(number: &BigInt) -> Result<Vec<(BigInt, i64)>, Stop> {
    let mut left = number.clone();
    let mut found = Vec::new();
    let mut prime = 2_u32;
    spend(2_000 + number.bits() * 8)?;
    while prime < TRIAL && left > BigInt::one() {
        let mut power = 0;
        while (&left % prime).is_zero() {
            spend(20 + left.bits() / 16)?;
            left /= prime;
            power += 1;
        }
        if power > 0 {
            found.push((BigInt::from(prime), power));
        }
        if BigInt::from(prime * prime) > left {
            break;
        }
        prime += if prime == 2 { 1 } else { 2 };
    }
    if left > BigInt::one() {
        let (mut base, mut power) = (left, 1);
        for degree in [2_u32, 3, 5] {
            spend(base.bits() * 4)?;
            let root = base.nth_root(degree);
            if root.pow(degree) == base {
                (base, power) = (root, power * i64::from(degree));
            }
        }
        found.push((base, power));
    }
    Ok(found)
}

impl Normal {
    /// A positive rational number to a rational power.
    fn rational_power(&mut self, base: &Rational, exponent: Exponent) -> Result<Quotient, Stop> {
        let mut monomial: Monomial = Vec::new();
        for (number, sign) in [(&base.over, 1), (&base.under, -1)] {
            for (prime, power) in factors(number)? {
                let id = self.id(Generator::Prime(prime.to_string()))?;
                let power = exponent.mul(Exponent::new(power * sign, 1)?)?;
                if power.over.abs() > EXPONENT * power.under {
                    return Err(Stop::TooLarge);
                }
                monomial = super::poly::times(&monomial, &vec![(id, power)])?;
            }
        }
        self.mul(&Quotient::poly(Poly::term(monomial, Rational::one())), &Quotient::rational(Rational::one()))
    }

    pub fn general_power(&mut self, base: &Quotient, exponent: &Quotient) -> Result<Quotient, Stop> {
        if let Some(exponent) = exponent.as_rational() {
            if let Some(whole) = exponent.to_i64() {
                return self.power(base, whole);
            }
            if exponent.to_integer().is_some() {
                return match base.as_rational() {
                    Some(value) if value.is_one() => Ok(base.clone()),
                    _ => Err(Stop::TooLarge),
                };
            }
            return self.fractional_power(base, Exponent::of(&exponent)?);
        }
        let number = base.as_rational().filter(|value| !value.is_negative() && !value.is_zero());
        let Some(exponent_poly) = exponent.as_poly().cloned() else {
            let name = match &number {
                Some(value) => value.to_string(),
                None => self.key(base)?,
            };
            let key = self.key(exponent)?;
            return self.one(Generator::Power(name, key));
        };
        let mut product = Quotient::rational(Rational::one());
        for (monomial, coefficient) in &exponent_poly.0 {
            let factor = if monomial.is_empty() {
                if number.is_none() && coefficient.to_integer().is_none() {
                    return Err(Stop::Unknown);
                }
                self.general_power(base, &Quotient::rational(coefficient.clone()))?
            } else if let Some(number) = &number {
                self.symbolic_power(number, monomial, coefficient)?
            } else {
                let key = self.key(base)?;
                let id = self.id(Generator::Power(key, Normal::monomial_key(monomial)))?;
                let power = Exponent::of(coefficient)?;
                self.mul(
                    &Quotient::poly(Poly::term(vec![(id, power)], Rational::one())),
                    &Quotient::rational(Rational::one()),
                )?
            };
            product = self.mul(&product, &factor)?;
        }
        Ok(product)
    }

    /// base^(coefficient monomial), prime by prime; base is positive.
    fn symbolic_power(
        &mut self,
        base: &Rational,
        monomial: &Monomial,
        coefficient: &Rational,
    ) -> Result<Quotient, Stop> {
        let mut product: Monomial = Vec::new();
        for (number, sign) in [(&base.over, 1), (&base.under, -1)] {
            for (prime, power) in factors(number)? {
                let id = self.id(Generator::Power(prime.to_string(), Normal::monomial_key(monomial)))?;
                let power = Exponent::of(&coefficient.mul(&Rational::int(power * sign))?)?;
                product = super::poly::times(&product, &vec![(id, power)])?;
            }
        }
        Ok(Quotient::poly(Poly::term(product, Rational::one())))
    }

    fn fractional_power(&mut self, base: &Quotient, exponent: Exponent) -> Result<Quotient, Stop> {
        let Exponent { over, under: degree } = exponent;
        if degree > DEGREE {
            return Err(Stop::TooLarge);
        }
        if let Some(value) = base.as_rational() {
            if value.is_zero() {
                return if over > 0 { Ok(base.clone()) } else { Err(Stop::NoValue) };
            }
            if !value.is_negative() {
                return self.rational_power(&value, exponent);
            }
            // The real root of an odd degree; i times the root for the square root.
            let root = self.rational_power(&value.abs(), exponent)?;
            if degree % 2 == 1 {
                return Ok(if over % 2 == 0 { root } else { root.neg() });
            }
            if degree != 2 {
                return Err(Stop::Unknown);
            }
            let i = self.one(Generator::I)?;
            let turned = self.power(&i, over.rem_euclid(4))?;
            return self.mul(&root, &turned);
        }
        if let Some(result) = self.positive_monomial_power(base, exponent)? {
            return Ok(result);
        }
        // A positive factor goes before the root.
        let content = content(base)?;
        let rest = self.mul(base, &Quotient::rational(Rational::one().div(&content)?))?;
        let before = self.rational_power(&content, exponent)?;
        let key = self.key(&rest)?;
        let id = self.id(Generator::Root(key, degree))?;
        self.inside.entry(id).or_insert_with(|| rest.clone());
        let root = Quotient::poly(Poly::term(vec![(id, Exponent::new(over.abs(), 1)?)], Rational::one()));
        let root = self.mul(&root, &Quotient::rational(Rational::one()))?;
        let root = if over < 0 { self.div(&Quotient::rational(Rational::one()), &root)? } else { root };
        self.mul(&before, &root)
    }

    /// A term all of whose parts are positive numbers takes the power part by part.
    fn positive_monomial_power(&mut self, base: &Quotient, exponent: Exponent) -> Result<Option<Quotient>, Stop> {
        let Some((monomial, coefficient)) = base.as_poly().and_then(Poly::single) else { return Ok(None) };
        let positive = |(id, _): &(u16, Exponent)| match self.generator(*id) {
            Generator::Prime(_) | Generator::Pi => true,
            Generator::Exp(key) => key == "1",
            _ => false,
        };
        if coefficient.is_negative() || !monomial.iter().all(positive) {
            return Ok(None);
        }
        let (monomial, coefficient) = (monomial.clone(), coefficient.clone());
        let number = self.rational_power(&coefficient, exponent)?;
        let rest = Quotient::poly(Poly::term(raised(&monomial, exponent)?, Rational::one()));
        self.mul(&number, &rest).map(Some)
    }

    /// e to something.
    pub fn exponential(&mut self, exponent: &Quotient) -> Result<Quotient, Stop> {
        let Some(poly) = exponent.as_poly().cloned() else {
            let key = self.key(exponent)?;
            return self.one(Generator::Exp(key));
        };
        let mut product = Quotient::rational(Rational::one());
        for (monomial, coefficient) in &poly.0 {
            let factor = self.exponential_term(monomial, coefficient)?;
            product = self.mul(&product, &factor)?;
        }
        Ok(product)
    }

    fn exponential_term(&mut self, monomial: &Monomial, coefficient: &Rational) -> Result<Quotient, Stop> {
        if monomial.len() == 1 && monomial[0].1 == Exponent::ONE {
            match self.generator(monomial[0].0).clone() {
                Generator::LnPrime(prime) => {
                    let power = Exponent::of(coefficient)?;
                    if power.over.abs() > EXPONENT {
                        return Err(Stop::TooLarge);
                    }
                    return self.rational_power(&super::rational::natural_of(&prime).into(), power);
                }
                Generator::Ln(_) => {
                    if let (Some(whole), Some(inside)) =
                        (coefficient.to_i64(), self.inside.get(&monomial[0].0).cloned())
                    {
                        return self.power(&inside, whole);
                    }
                }
                _ => {}
            }
        }
        let mut kinds = [false; 2];
        for (id, power) in monomial {
            match self.generator(*id) {
                Generator::I if *power == Exponent::ONE => kinds[0] = true,
                Generator::Pi if *power == Exponent::ONE => kinds[1] = true,
                _ => {}
            }
        }
        if kinds == [true, true] && monomial.len() == 2 {
            return self.unity(coefficient);
        }
        let key = if monomial.is_empty() { "1".to_owned() } else { Normal::monomial_key(monomial) };
        let id = self.id(Generator::Exp(key))?;
        Ok(Quotient::poly(Poly::term(vec![(id, Exponent::of(coefficient)?)], Rational::one())))
    }

    /// exp(i pi turn), with roots where the angle is a multiple of 15 degrees.
    pub fn unity(&mut self, turn: &Rational) -> Result<Quotient, Stop> {
        let two = BigInt::from(2);
        let turn = Rational::new(turn.over.mod_floor(&(&two * &turn.under)), turn.under.clone())?;
        let Some(twelfths) = turn.mul(&Rational::int(12))?.to_i64() else {
            let id = self.id(Generator::Unity)?;
            let term = Poly::term(vec![(id, Exponent::of(&turn)?)], Rational::one());
            return self.mul(&Quotient::poly(term), &Quotient::rational(Rational::one()));
        };
        let cosine = self.cosine_of_twelfths(twelfths)?;
        let sine = self.cosine_of_twelfths(twelfths - 6)?;
        let i = self.one(Generator::I)?;
        let sine = self.mul(&i, &sine)?;
        self.add(&cosine, &sine)
    }

    fn cosine_of_twelfths(&mut self, twelfths: i64) -> Result<Quotient, Stop> {
        let turn = twelfths.rem_euclid(24);
        let turn = turn.min(24 - turn);
        let (turn, sign) = if turn > 6 { (12 - turn, -1) } else { (turn, 1) };
        // cos of 0, 15, ... 90 degrees: a root with its coefficient, and another.
        let parts: [(i64, Rational); 2] = match turn {
            0 => [(1, Rational::one()), (1, Rational::zero())],
            1 => [(6, Rational::of(1, 4)), (2, Rational::of(1, 4))],
            2 => [(3, Rational::of(1, 2)), (1, Rational::zero())],
            3 => [(2, Rational::of(1, 2)), (1, Rational::zero())],
            4 => [(1, Rational::of(1, 2)), (1, Rational::zero())],
            5 => [(6, Rational::of(1, 4)), (2, Rational::of(-1, 4))],
            _ => [(1, Rational::zero()), (1, Rational::zero())],
        };
        let mut sum = Quotient::rational(Rational::zero());
        for (root, coefficient) in parts {
            let root = self.rational_power(&Rational::int(root), Exponent::new(1, 2)?)?;
            let term = self.mul(&root, &Quotient::rational(coefficient.mul(&Rational::int(sign))?))?;
            sum = self.add(&sum, &term)?;
        }
        Ok(sum)
    }
}

/// The positive rational number that all coefficients above have in common, over that of those below.
pub fn content(quotient: &Quotient) -> Result<Rational, Stop> {
    let of = |poly: &Poly| -> Result<Rational, Stop> {
        let (mut over, mut under) = (BigInt::zero(), BigInt::one());
        for coefficient in poly.0.values() {
            spend(100 + coefficient.bits())?;
            over = over.gcd(&coefficient.over.abs());
            under = under.lcm(&coefficient.under);
        }
        if over.is_zero() { Err(Stop::NoValue) } else { Rational::new(over, under) }
    };
    of(&quotient.over)?.div(&of(&quotient.under)?)
}
