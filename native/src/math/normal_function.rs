//! Functions in normal form: trigonometry by exponentials, logarithms by primes, absolute values by signs.

use num_traits::{Signed, ToPrimitive};

use super::bounds::Stop;
use super::normal::{Generator, Log, Normal};
use super::normal_power::{content, factors};
use super::poly::{Exponent, Monomial, Poly, Quotient};
use super::rational::Rational;
use super::tree::Function;

fn number(value: i64) -> Quotient {
    Quotient::rational(Rational::int(value))
}

impl Normal {
    pub fn applied(&mut self, function: Function, arguments: &[Quotient]) -> Result<Quotient, Stop> {
        let argument = arguments.first().ok_or(Stop::Unknown)?;
        match function {
            Function::Sin => Ok(self.trigonometric(argument)?.0),
            Function::Cos => Ok(self.trigonometric(argument)?.1),
            Function::Tan => {
                let (sine, cosine) = self.trigonometric(argument)?;
                self.div(&sine, &cosine)
            }
            Function::Cot => {
                let (sine, cosine) = self.trigonometric(argument)?;
                self.div(&cosine, &sine)
            }
            Function::Sec | Function::Csc => {
                let (sine, cosine) = self.trigonometric(argument)?;
                self.div(&number(1), if function == Function::Sec { &cosine } else { &sine })
            }
            Function::Exp => self.exponential(argument),
            Function::Sinh | Function::Cosh | Function::Tanh => {
                let up = self.exponential(argument)?;
                let down = self.div(&number(1), &up)?;
                let sine = self.add(&up, &down.neg())?;
                let cosine = self.add(&up, &down)?;
                match function {
                    Function::Tanh => self.div(&sine, &cosine),
                    Function::Sinh => self.div(&sine, &number(2)),
                    _ => self.div(&cosine, &number(2)),
                }
            }
            Function::Ln => self.logarithm(argument),
            Function::Log => {
                let value = self.logarithm(argument)?;
                if self.log == Log::Natural {
                    return Ok(value);
                }
                let ten = self.logarithm(&number(10))?;
                self.div(&value, &ten)
            }
            Function::LogBase => {
                let base = self.logarithm(argument)?;
                let value = self.logarithm(arguments.get(1).ok_or(Stop::Unknown)?)?;
                self.div(&value, &base)
            }
            Function::Abs => self.absolute(argument),
            Function::Arcsin | Function::Arctan => self.inverse(function, argument),
            Function::Arccos | Function::Arccot => {
                let other = if function == Function::Arccos { Function::Arcsin } else { Function::Arctan };
                let angle = self.inverse(other, argument)?;
                let pi = self.one(Generator::Pi)?;
                let quarter = self.div(&pi, &number(2))?;
                self.add(&quarter, &angle.neg())
            }
            Function::Floor | Function::Ceil => match argument.as_rational() {
                Some(value) if function == Function::Floor => Ok(Quotient::rational(value.floor().into())),
                Some(value) => Ok(Quotient::rational((-value.neg().floor()).into())),
                None => self.opaque(function, arguments),
            },
            Function::Max | Function::Min | Function::Gcd | Function::Lcm => self.of_numbers(function, arguments),
            Function::Sign | Function::Arcsec | Function::Arccsc => self.opaque(function, arguments),
        }
    }

    fn opaque(&mut self, function: Function, arguments: &[Quotient]) -> Result<Quotient, Stop> {
        let mut key = format!("{function:?}");
        for argument in arguments {
            key.push_str(&self.key(argument)?);
        }
        self.one(Generator::Opaque(key))
    }

    fn of_numbers(&mut self, function: Function, arguments: &[Quotient]) -> Result<Quotient, Stop> {
        let mut result: Option<Rational> = None;
        for argument in arguments {
            let Some(value) = argument.as_rational() else { return self.opaque(function, arguments) };
            let Some(so_far) = result else {
                result = Some(value);
                continue;
            };
            let (a, b) = (so_far.to_integer(), value.to_integer());
            result = Some(match (function, a, b) {
                (Function::Gcd, Some(a), Some(b)) => num_integer::gcd(a, b).into(),
                (Function::Lcm, Some(a), Some(b)) => num_integer::lcm(a, b).into(),
                (Function::Gcd | Function::Lcm, ..) => return Err(Stop::NoValue),
                (Function::Max, ..) => {
                    if so_far.cmp(&value)?.is_lt() {
                        value
                    } else {
                        so_far
                    }
                }
                _ => {
                    if so_far.cmp(&value)?.is_gt() {
                        value
                    } else {
                        so_far
                    }
                }
            });
        }
        result.map(Quotient::rational).ok_or(Stop::Unknown)
    }

    /// Sine and cosine, by exp(i angle).
    fn trigonometric(&mut self, angle: &Quotient) -> Result<(Quotient, Quotient), Stop> {
        let i = self.one(Generator::I)?;
        let turned = self.mul(&i, angle)?;
        let up = self.exponential(&turned)?;
        let down = self.exponential(&turned.neg())?;
        let half = Quotient::rational(Rational::of(1, 2));
        let cosine = self.mul(&self.add(&up, &down)?, &half)?;
        let difference = self.add(&up, &down.neg())?;
        let sine = self.mul(&self.mul(&difference, &half)?, &i.neg())?;
        Ok((sine, cosine))
    }

    /// Known angles where the argument is their sine or tangent.
    fn inverse(&mut self, function: Function, argument: &Quotient) -> Result<Quotient, Stop> {
        // Floating point only says which angle is worth a proof.
        let near = self.approximate(argument).map(|value| match function {
            Function::Arcsin => value.asin(),
            _ => value.atan(),
        });
        let twelfths = near.map(|angle| (angle * 12.0 / std::f64::consts::PI).round());
        if let Some(twelfths) = twelfths.filter(|twelfths| twelfths.abs() <= 6.0) {
            let turn = Rational::of(twelfths as i64, 12);
            let up = self.unity(&turn)?;
            let down = self.unity(&turn.neg())?;
            let i = self.one(Generator::I)?;
            let sine = self.div(&self.add(&up, &down.neg())?, &self.mul(&i, &number(2))?)?;
            // The tangent's difference is that of sine and tangent times cosine.
            let other = match function {
                Function::Arcsin => argument.clone(),
                _ => {
                    let cosine = self.mul(&self.add(&up, &down)?, &Quotient::rational(Rational::of(1, 2)))?;
                    self.mul(argument, &cosine)?
                }
            };
            if twelfths.abs() < 6.0 || function == Function::Arcsin {
                let difference = self.add(&sine, &other.neg())?;
                if difference.over.is_zero() {
                    let pi = self.one(Generator::Pi)?;
                    return self.mul(&pi, &Quotient::rational(turn));
                }
            }
        }
        let value = self.opaque(function, std::slice::from_ref(argument))?;
        if let Some((monomial, _)) = value.over.single() {
            self.inside.insert(monomial[0].0, argument.clone());
        }
        Ok(value)
    }

    /// About the value of a quotient of roots of primes; None of anything else.
    fn approximate(&self, quotient: &Quotient) -> Option<f64> {
        let rational = |value: &Rational| Some(value.over.to_f64()? / value.under.to_f64()?);
        let sum = |poly: &Poly| -> Option<f64> {
            let mut sum = 0.0;
            for (monomial, coefficient) in &poly.0 {
                let mut term = rational(coefficient)?;
                for (id, power) in monomial {
                    let Generator::Prime(prime) = self.generator(*id) else { return None };
                    term *= prime.parse::<f64>().ok()?.powf(power.over as f64 / power.under as f64);
                }
                sum += term;
            }
            Some(sum)
        };
        Some(sum(&quotient.over)? / sum(&quotient.under)?).filter(|value| value.is_finite())
    }

    pub fn logarithm(&mut self, argument: &Quotient) -> Result<Quotient, Stop> {
        if argument.over.is_zero() {
            return Err(Stop::NoValue);
        }
        if let Some((monomial, coefficient)) = argument.as_poly().and_then(Poly::single)
            && !coefficient.is_negative()
        {
            let (monomial, coefficient) = (monomial.clone(), coefficient.clone());
            if let Some(sum) = self.logarithm_of_term(&monomial, &coefficient)? {
                return Ok(sum);
            }
        }
        // ln(c f) = ln c + ln f for positive c.
        let factor = content(argument)?;
        let rest = self.mul(argument, &Quotient::rational(Rational::one().div(&factor)?))?;
        let before = self.logarithm_of_rational(&factor)?;
        let key = self.key(&rest)?;
        let id = self.id(Generator::Ln(key))?;
        self.inside.entry(id).or_insert(rest);
        let after = Quotient::poly(Poly::term(vec![(id, Exponent::ONE)], Rational::one()));
        self.add(&before, &after)
    }

    fn logarithm_of_rational(&mut self, value: &Rational) -> Result<Quotient, Stop> {
        let mut sum = Poly::zero();
        for (number, sign) in [(&value.over, 1), (&value.under, -1)] {
            for (prime, power) in factors(number)? {
                let id = self.id(Generator::LnPrime(prime.to_string()))?;
                sum.put(vec![(id, Exponent::ONE)], Rational::int(power * sign))?;
            }
        }
        Ok(Quotient::poly(sum))
    }

    /// Where every part is a positive number whose logarithm is known.
    fn logarithm_of_term(&mut self, monomial: &Monomial, coefficient: &Rational) -> Result<Option<Quotient>, Stop> {
        let mut sum = self.logarithm_of_rational(coefficient)?;
        for (id, power) in monomial {
            let term = match self.generator(*id).clone() {
                Generator::Prime(prime) => {
                    let value = self.logarithm_of_rational(&super::rational::natural_of(&prime).into())?;
                    self.mul(&value, &Quotient::rational(power.rational()))?
                }
                Generator::Exp(key) if key == "1" => Quotient::rational(power.rational()),
                _ => return Ok(None),
            };
            sum = self.add(&sum, &term)?;
        }
        Ok(Some(sum))
    }

    fn absolute(&mut self, argument: &Quotient) -> Result<Quotient, Stop> {
        if let Some(value) = argument.as_rational() {
            return Ok(Quotient::rational(value.abs()));
        }
        let all = argument.over.0.iter().chain(&argument.under.0);
        // Of these nobody knows whether they are real.
        let imaginary = all.flat_map(|(monomial, _)| monomial).any(|(id, _)| match self.generator(*id) {
            Generator::I | Generator::Unity | Generator::Power(..) | Generator::Root(..) | Generator::Ln(_) => true,
            Generator::Exp(key) => key != "1",
            _ => false,
        });
        if imaginary {
            return Err(Stop::Unknown);
        }
        if let Some((monomial, coefficient)) = argument.as_poly().and_then(Poly::single) {
            let positive = monomial.iter().all(|(id, power)| {
                matches!(
                    self.generator(*id),
                    Generator::Prime(_) | Generator::Pi | Generator::LnPrime(_) | Generator::Abs(_)
                ) || (power.is_integer() && power.over % 2 == 0)
            });
            if positive {
                return Ok(Quotient::poly(Poly::term(monomial.clone(), coefficient.abs())));
            }
        }
        let factor = content(argument)?;
        // The sign of the leading coefficient is left out too.
        let leading = argument.over.0.values().next_back().is_some_and(|c| c.over.is_negative());
        let factor = Quotient::rational(factor);
        let rest = self.div(argument, &factor)?;
        let rest = if leading { rest.neg() } else { rest };
        let key = self.key(&rest)?;
        let id = self.id(Generator::Abs(key))?;
        let square = self.mul(&rest, &rest)?;
        self.inside.entry(id).or_insert(square);
        self.mul(&factor, &Quotient::poly(Poly::term(vec![(id, Exponent::ONE)], Rational::one())))
    }
}
