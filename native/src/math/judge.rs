//! One answer's tree against a typed reference.

use super::bounds::{Stop, spend};
use super::classify::classify;
use super::decide::{How, decide};
use super::literal::{evaluated, has_i, has_operator, long_decimal, numeral, rounds_to, same_operators, towers};
use super::options::{Judged, Options, Reason};
use super::rational::Rational;
use super::reference::{Kind, Reference};
use super::several;
use super::tree::{Node, Relation};
use super::unit::Unit;
use super::{range, relation, rest};

/// A literal of more digits than this may be answered by a closed form with sums.
const LONG_LITERAL: usize = 15;

pub struct Judge<'a> {
    pub reference: &'a Reference,
    pub options: &'a Options,
}

impl Judge<'_> {
    pub fn judge(&self, answer: &Node) -> Judged {
        if has_operator(answer) {
            return Judged::Incorrect(Reason::Unevaluated);
        }
        if towers(answer) {
            return Judged::Incorrect(Reason::TooLarge);
        }
        let reference = &self.reference.node;
        if answer == reference {
            return Judged::Correct(How::Literal);
        }
        match &self.reference.kind {
            Kind::Set(all) => several::set(all, answer, self),
            Kind::List(all) => several::list(all, answer, self),
            Kind::Tuple(all) => several::tuple(all, answer, self),
            Kind::Pair(all, ranges) => several::pair(all, ranges, answer, self),
            Kind::Named(values) => several::named(values, answer, self),
            Kind::Matrix(rows) => several::matrix(rows, answer, self),
            Kind::Range(ranges, name) => match several::whole(answer) {
                _ if matches!(answer, Node::Set(_)) && !ranges.0.is_empty() && !several::is_points(ranges) => {
                    Judged::wrong_type()
                }
                whole => match range::read(&whole, name.as_deref()) {
                    Some(read) => read.same(ranges),
                    None => Judged::wrong_type(),
                },
            },
            Kind::Equation => relation::equation(reference, answer, self),
            Kind::Inequality => relation::inequality(reference, answer, self),
            Kind::Ratio(parts) => rest::ratio(parts, answer, self),
            Kind::Base(digits, base) => rest::base(digits, *base, answer),
            Kind::Undefined => match answer {
                Node::Text(words) if super::words::is_undefined(words) => Judged::Correct(How::Text),
                _ => Judged::different(),
            },
            Kind::Infinite(negative) => rest::infinite(*negative, answer),
            Kind::Choice(_) | Kind::YesNo(_) | Kind::Time(_) | Kind::Text(_) | Kind::Prose(_) => Judged::wrong_type(),
            _ => match self.single(answer) {
                Ok(value) => self.value(&value),
                Err(reason) => Judged::Incorrect(reason),
            },
        }
    }

    /// The one value of an answer: the last of a chain whose members agree.
    pub fn single(&self, answer: &Node) -> Result<Node, Reason> {
        match answer {
            Node::Chain(first, rest) => self.chain(first.as_deref(), rest),
            Node::List(..) | Node::PlusMinus(..) => Err(Reason::SeveralAnswers),
            Node::Set(_) | Node::Bracketed(..) | Node::Union(_) | Node::Builder(..) | Node::Matrix(_) | Node::Empty => {
                Err(Reason::WrongType)
            }
            Node::Without(..) | Node::Common(_) | Node::Reals | Node::Ratio(_) | Node::Text(_) | Node::Dots => {
                Err(Reason::WrongType)
            }
            other if other.any(&mut |node| matches!(node, Node::PlusMinus(..))) => Err(Reason::SeveralAnswers),
            other => Ok(other.clone()),
        }
    }

    fn chain(&self, first: Option<&Node>, rest: &[(Relation, Node)]) -> Result<Node, Reason> {
        if rest.iter().any(|(relation, _)| !matches!(relation, Relation::Equal | Relation::Approx)) {
            return Err(Reason::WrongType);
        }
        let Some(first) = first else {
            // Only approximately: for a reference that is a rounded decimal itself.
            return match (&rest, &self.reference.kind) {
                ([(Relation::Approx, value)], Kind::Number(_, Some(_))) => Ok(value.clone()),
                ([(Relation::Equal, value)], _) => Ok(value.clone()),
                _ => Err(Reason::WrongType),
            };
        };
        let mut members: Vec<&Node> = vec![first];
        let mut approximate = None;
        for (index, (relation, member)) in rest.iter().enumerate() {
            if *relation == Relation::Approx {
                if index + 1 < rest.len() {
                    return Err(Reason::SeveralAnswers);
                }
                approximate = Some(member);
            } else {
                members.push(member);
            }
        }
        if members.len() == 1 && self.is_name(first) {
            // x \approx 5
            return Err(Reason::WrongType);
        }
        let names = members.iter().take_while(|member| self.is_name(member)).count().min(members.len() - 1);
        for name in &members[..names] {
            if let Node::Var(name) = name {
                let wanted = self.options.variable.as_ref().or(self.reference.name.as_ref());
                if wanted.is_some_and(|wanted| wanted != name) {
                    return Err(Reason::WrongType);
                }
            }
        }
        let (last, values) = members[names..].split_last().ok_or(Reason::NoAnswer)?;
        for value in values {
            if !decide(value, last, self.options.domain()).is_equal() {
                return Err(Reason::SeveralAnswers);
            }
        }
        if let Some(shown) = approximate {
            let written = numeral(shown).ok_or(Reason::SeveralAnswers)?;
            if rounds_to(last, &written.value, written.places.unwrap_or(0)) != Some(true) {
                return Err(Reason::SeveralAnswers);
            }
        }
        Ok((*last).clone())
    }

    /// What may stand before a value without being one.
    fn is_name(&self, node: &Node) -> bool {
        let expected = self.reference.node.variables();
        match node {
            Node::Text(_) => true,
            Node::Var(name) => !expected.contains(name),
            Node::Call(..) => true,
            other => {
                expected.is_empty()
                    && other.any(&mut |node| matches!(node, Node::Var(_) | Node::Call(..) | Node::Text(_)))
            }
        }
    }

    /// A single value against a reference that is one.
    pub fn value(&self, answer: &Node) -> Judged {
        let reference = &self.reference.node;
        match &self.reference.kind {
            Kind::Quantity => rest::quantity(reference, answer, self),
            Kind::Angle => rest::angle(reference, answer, self),
            Kind::Percent(of) => self.percent(of, answer),
            Kind::Family(free) => relation::family(reference, free, answer, self),
            Kind::Number(..) | Kind::Constant | Kind::Complex | Kind::Expression => {
                let literal = matches!(self.reference.kind, Kind::Number(..));
                match answer {
                    // A unit that the reference lacks.
                    Node::Quantity(value, unit) if unit_may_go(unit) => self.bare(value),
                    Node::Degrees(value) if literal => self.bare(value),
                    Node::Percent(_) | Node::Base(..) | Node::Quantity(..) => Judged::wrong_type(),
                    other => self.bare(other),
                }
            }
            _ => Judged::wrong_type(),
        }
    }

    fn bare(&self, answer: &Node) -> Judged {
        let reference = &self.reference.node;
        let free = answer.any(&mut |node| matches!(node, Node::Var(_) | Node::Call(..)));
        match &self.reference.kind {
            Kind::Number(numeral, places) => {
                if free {
                    return Judged::wrong_type();
                }
                self.number(&numeral.value, *places, answer)
            }
            Kind::Constant | Kind::Complex => {
                if free {
                    return Judged::wrong_type();
                }
                let complex = matches!(self.reference.kind, Kind::Complex);
                if has_i(answer) && !complex && !has_i(reference) && numeral(answer).is_some() {
                    return Judged::wrong_type();
                }
                let decision = decide(answer, reference, self.options.domain());
                if decision.is_different()
                    && let Some(judged) = long_decimal(answer, reference)
                {
                    return judged;
                }
                if !decision.is_different() && !same_operators(answer, reference, complex) {
                    return Judged::Incorrect(Reason::Unevaluated);
                }
                decision.into()
            }
            _ => decide(answer, reference, self.options.domain()).into(),
        }
    }

    /// Against a literal number.
    pub fn number(&self, value: &Rational, places: Option<i64>, answer: &Node) -> Judged {
        let reference = Node::rational(value.clone());
        let long = value.over.to_string().len() > LONG_LITERAL;
        if evaluated(answer, long) {
            let decision = decide(answer, &reference, self.options.domain());
            if !decision.is_different() {
                return decision.into();
            }
            let written = numeral(answer);
            return match (places, written.as_ref().and_then(|numeral| numeral.places)) {
                // A decimal needs two more places to show that it rounds to the reference.
                (Some(places), Some(shown)) if shown < places + 2 => Judged::different(),
                (Some(places), _) => self.rounded(value, places, answer),
                (None, _) => long_decimal(answer, &reference).unwrap_or_else(Judged::different),
            };
        }
        match places {
            Some(places) => self.rounded(value, places, answer),
            None => {
                // What is equal but not computed has a reason of its own; what is not need not be looked at.
                Judged::Incorrect(Reason::Unevaluated)
            }
        }
    }

    fn rounded(&self, value: &Rational, places: i64, answer: &Node) -> Judged {
        match rounds_to(answer, value, places) {
            Some(true) => Judged::Correct(How::Separated),
            Some(false) => Judged::different(),
            None => Judged::different(),
        }
    }

    fn percent(&self, reference: &Node, answer: &Node) -> Judged {
        let (bare, signed) = match answer {
            Node::Percent(value) => (&**value, true),
            Node::Quantity(..) | Node::Degrees(_) => return Judged::wrong_type(),
            other => (other, false),
        };
        let same = self.element(reference, bare);
        // The share itself, of a reference that has the sign.
        if signed || same.is_correct() || !matches!(self.reference.node, Node::Percent(_)) {
            return same;
        }
        let share = match numeral(reference) {
            Some(numeral) => numeral.value.div(&Rational::int(100)).map(Node::rational),
            None => Ok::<Node, Stop>(reference.clone().over(Node::int(100))),
        };
        match share {
            Ok(share) => same.or(|| self.element(&share, bare)),
            Err(_) => same,
        }
    }

    /// A part of a reference against the part of an answer that should be the same.
    pub fn element(&self, reference: &Node, answer: &Node) -> Judged {
        if matches!((reference, answer), (Node::Dots, Node::Dots)) {
            return Judged::Correct(How::Literal);
        }
        self.part(reference).map_or(Judged::Open, |part| part.judge(answer))
    }

    /// What judges answers to a part of the reference; None if there is no judging it.
    pub fn part(&self, reference: &Node) -> Option<Part> {
        let options = Options { percent: false, kind: None, variable: None, ..self.options.clone() };
        let kind = classify(reference, &options, false).ok()?;
        Some(Part { reference: Reference { kind, node: reference.clone(), name: None, text: String::new() }, options })
    }
}

/// An element of a set, an entry of a matrix, a value that has a name.
pub struct Part {
    reference: Reference,
    options: Options,
}

impl Part {
    pub fn judge(&self, answer: &Node) -> Judged {
        if spend(1_000).is_err() {
            return Judged::Incorrect(Reason::TooLarge);
        }
        Judge { reference: &self.reference, options: &self.options }.judge(answer)
    }
}

fn unit_may_go(unit: &Unit) -> bool {
    unit.dimensions.iter().all(|(name, _)| name != "percentage")
}
