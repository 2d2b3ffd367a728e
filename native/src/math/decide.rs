//! Whether two trees are one value or one function: equal by proof, different by proof, or open.

use super::arctangent;
use super::bounds::{BITS, Stop, WORK_NORMAL, spend, within};
use super::evaluate::{Place, Value};
use super::modular;
use super::normal::{Generator, Log, Normal};
use super::poly::{Poly, Quotient};
use super::rational::Rational;
use super::root_bound;
use super::sample;
use super::tree::{Function, Node};

/// The way a decision was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Literal,
    Exact,
    NormalForm,
    RootBound,
    Separated,
    ModP,
    Identity,
    Text,
}

impl How {
    pub fn name(self) -> &'static str {
        match self {
            How::Literal => "literal",
            How::Exact => "exact",
            How::NormalForm => "normal form",
            How::RootBound => "root bound",
            How::Separated => "separated",
            How::ModP => "mod p",
            How::Identity => "identity at 24 points",
            How::Text => "text",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Equal(How),
    Different(How),
    /// The first has no value where the second has one.
    NoValue,
    /// The same wherever all variables are positive; elsewhere the first has no real value.
    PositiveOnly,
    /// The first has no value that can be enclosed: that is its own fault.
    TooLarge,
    Open,
}

impl Decision {
    pub fn is_equal(self) -> bool {
        matches!(self, Decision::Equal(_))
    }

    pub fn is_different(self) -> bool {
        matches!(self, Decision::Different(_) | Decision::NoValue | Decision::TooLarge)
    }
}

/// What is assumed of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    Real,
    Positive,
}

/// Precisions at which enclosures are compared before proofs of equality are tried: nearly all that differs does there.
const EARLY_BITS: [u64; 2] = [64, 128];
const LATE_BITS: [u64; 3] = [320, 1_024, BITS];
/// Where only an order is asked for, or whether there is a value.
const SEEN_BITS: [u64; 3] = [64, 128, 320];

/// The answer's tree against the reference's, which has a value.
pub fn decide(answer: &Node, reference: &Node, domain: Domain) -> Decision {
    if answer == reference {
        return Decision::Equal(How::Literal);
    }
    if let (Some(a), Some(b)) = (literal(answer), literal(reference)) {
        return match a.same(&b) {
            Ok(true) => Decision::Equal(How::Exact),
            Ok(false) => Decision::Different(How::Exact),
            Err(_) => Decision::TooLarge,
        };
    }
    // Two trees that are next to nothing take this long.
    if spend(1_500).is_err() {
        return Decision::TooLarge;
    }
    let bare = |node: &Node| matches!(node, Node::Fn(Function::Log, _));
    if !answer.any(&mut |node| bare(node)) && !reference.any(&mut |node| bare(node)) {
        return decide_read(answer, reference, domain, Log::Natural);
    }
    let natural = decide_read(answer, reference, domain, Log::Natural);
    if natural.is_equal() {
        return natural;
    }
    let decimal = decide_read(answer, reference, domain, Log::Decimal);
    if decimal.is_equal() || !decimal.is_different() { decimal } else { natural }
}

fn literal(node: &Node) -> Option<Rational> {
    match node {
        Node::Lit(literal) => Some(literal.value.clone()),
        Node::Neg(one) => literal(one).map(|value| value.neg()),
        _ => None,
    }
}

fn decide_read(answer: &Node, reference: &Node, domain: Domain, log: Log) -> Decision {
    let mut free = false;
    for node in [answer, reference] {
        free |= node.any(&mut |node| matches!(node, Node::Var(_) | Node::Call(..)));
    }
    if free { functions(answer, reference, domain, log) } else { constants(answer, reference, log) }
}

/// The difference in normal form, and both sides.
struct Forms {
    normal: Normal,
    sides: [Quotient; 2],
    difference: Quotient,
}

fn forms(answer: &Node, reference: &Node, log: Log) -> Result<Forms, Stop> {
    within(WORK_NORMAL, || {
        let mut normal = Normal::new(log);
        let sides = [normal.of(answer)?, normal.of(reference)?];
        let (left, right) = (normal.mul(&sides[0], &bottom(&sides[1]))?, normal.mul(&sides[1], &bottom(&sides[0]))?);
        // Cross-multiplied: a/b - c/d is zero where ad - cb is.
        let (left, right) = (normal.mul(&left, &bottom(&sides[0]))?, normal.mul(&right, &bottom(&sides[1]))?);
        let difference = normal.add(&left, &right.neg())?;
        Ok(Forms { normal, sides, difference })
    })
}

fn bottom(quotient: &Quotient) -> Quotient {
    Quotient::poly(quotient.under.clone())
}

impl Forms {
    fn only(&self, test: impl Fn(&Generator) -> bool) -> bool {
        self.sides.iter().all(|side| {
            let polys: [&Poly; 2] = [&side.over, &side.under];
            polys.iter().all(|poly| {
                poly.0.keys().flatten().all(|(id, power)| power.is_integer() && test(self.normal.generator(*id)))
            })
        })
    }

    /// Nothing stands below either side that could be zero without showing it.
    fn safe(&self) -> bool {
        self.sides.iter().all(|side| side.under.single().is_some())
    }
}

fn constants(answer: &Node, reference: &Node, log: Log) -> Decision {
    let forms = match forms(answer, reference, log) {
        Ok(forms) => Some(forms),
        Err(Stop::NoValue) => return Decision::NoValue,
        Err(_) => None,
    };
    if let Some(forms) = &forms {
        if let (Some(a), Some(b)) = (forms.sides[0].as_rational(), forms.sides[1].as_rational()) {
            return match a.same(&b) {
                Ok(true) => Decision::Equal(How::Exact),
                Ok(false) => Decision::Different(How::Exact),
                Err(_) => Decision::Open,
            };
        }
        if forms.difference.over.is_zero() && (forms.safe() || has_value(answer, log)) {
            return Decision::Equal(How::NormalForm);
        }
    }
    for bits in EARLY_BITS {
        match compared(answer, reference, bits, log) {
            Some(Decision::Open) => {}
            Some(decided) => return decided,
            None => continue,
        }
    }
    let difference = answer.clone().minus(reference.clone());
    if let Some(bits) = root_bound::bits(&difference).filter(|bits| *bits + 64 <= BITS) {
        let place = Place { point: &[], bits: bits + 64, log };
        if let Ok((re, im)) = place.value(&difference).and_then(|value| value.parts(bits + 64)) {
            if !re.has_zero() || !im.has_zero() {
                return Decision::Different(How::Separated);
            }
            let least = -(bits as i64) - 1;
            if re.magnitude() < least && im.magnitude() < least {
                return Decision::Equal(How::RootBound);
            }
        }
    }
    if let Some(forms) = &forms
        && arctangent::is_zero(&forms.normal, &forms.difference, &difference, log)
    {
        return Decision::Equal(How::NormalForm);
    }
    let mut agreed = false;
    for bits in LATE_BITS {
        match compared(answer, reference, bits, log) {
            Some(Decision::Different(how)) => return Decision::Different(how),
            Some(Decision::NoValue) => return Decision::NoValue,
            Some(_) => agreed = true,
            None => {}
        }
    }
    // Open is what agrees to a thousand digits, not what cannot be calculated.
    if agreed { Decision::Open } else { Decision::TooLarge }
}

/// Whether enclosures see that it has a value.
fn has_value(node: &Node, log: Log) -> bool {
    SEEN_BITS.iter().any(|bits| Place { point: &[], bits: *bits, log }.value(node).is_ok())
}

/// None where one of them cannot be enclosed at that precision.
fn compared(answer: &Node, reference: &Node, bits: u64, log: Log) -> Option<Decision> {
    let place = Place { point: &[], bits, log };
    let expected = place.value(reference).ok()?;
    let got = match place.value(answer) {
        Ok(value) => value,
        Err(Stop::NoValue) => return Some(Decision::NoValue),
        Err(_) => return None,
    };
    Some(match got.apart(&expected, bits) {
        Ok(true) => Decision::Different(How::Separated),
        _ => Decision::Open,
    })
}

fn functions(answer: &Node, reference: &Node, domain: Domain, log: Log) -> Decision {
    match forms(answer, reference, log) {
        Ok(forms) => {
            if forms.difference.over.is_zero() {
                if forms.safe() || sample::has_value(answer, reference, log) {
                    return Decision::Equal(How::NormalForm);
                }
            } else if forms.only(|generator| matches!(generator, Generator::Variable(_))) {
                return Decision::Different(How::NormalForm);
            }
        }
        Err(Stop::NoValue) => return Decision::NoValue,
        Err(_) => match modular::same(answer, reference) {
            Some(true) => return Decision::Equal(How::ModP),
            Some(false) => return Decision::Different(How::ModP),
            None => {}
        },
    }
    sample::compare(answer, reference, domain, log)
}

/// Which of two constants is the larger: -1, 0, 1; None if that is open or one is no real number.
pub fn order(a: &Node, b: &Node) -> Option<i32> {
    if decide(a, b, Domain::Real).is_equal() {
        return Some(0);
    }
    for bits in SEEN_BITS {
        let place = Place { point: &[], bits, log: Log::Natural };
        let (Ok(a), Ok(b)) = (place.value(a), place.value(b)) else { continue };
        if let (Value::Exact(a), Value::Exact(b)) = (&a, &b) {
            return a.cmp(b).ok().map(|order| order as i32);
        }
        let (a, b) = (a.real(bits).ok()??, b.real(bits).ok()??);
        if a.apart(&b) {
            return Some(if a.high.cmp(&b.low).is_lt() { -1 } else { 1 });
        }
    }
    None
}
