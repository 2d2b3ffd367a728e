//! What stands behind and before a value: signs of money, units, percent, degrees.

use super::lex::{Broken, Tok, Why};
use super::parse::Parser;
use super::tree::Node;
use super::unit::{Phrase, Unit, named, phrase};

impl Parser {
    /// Whether a fraction whose parts are units begins here.
    pub fn fraction_of_units(&self) -> bool {
        matches!((self.ahead(1), self.ahead(2)), (Some(Tok::Open), Some(Tok::Text(words))) if named(words.trim()).is_some())
    }

    /// A sum with what stands before and behind it: a sign of money, units, percent, degrees.
    pub fn quantity(&mut self) -> Result<Node, Broken> {
        let mut whole = self.one_quantity()?;
        // 2 hours 30 minutes
        while let Node::Quantity(_, unit) = &whole {
            let unit = unit.clone();
            if !matches!(self.peek(), Some(Tok::Number(_))) {
                break;
            }
            let more = self.deeper(Parser::one_quantity)?;
            let Node::Quantity(value, other) = more else { return self.fail(Why::Expected) };
            let Node::Quantity(first, _) = whole else { return self.fail(Why::Expected) };
            let Ok(ratio) = other.factor.div(&unit.factor) else { return self.fail(Why::TooLarge) };
            if other.dimensions != unit.dimensions {
                return self.fail(Why::Expected);
            }
            let value = Node::Add(vec![*first, value.times(Node::rational(ratio))]);
            whole = Node::Quantity(Box::new(value), unit);
        }
        Ok(whole)
    }

    fn one_quantity(&mut self) -> Result<Node, Broken> {
        let start = self.at;
        let negative = self.take('-');
        if let Some(unit) = self.money() {
            let value = self.term()?;
            let value = if negative { Node::Neg(Box::new(value)) } else { value };
            let scaled = match self.words() {
                Some(Phrase::Times(factor)) => value.times(Node::rational(factor)),
                _ => value,
            };
            return Ok(Node::Quantity(Box::new(scaled), unit));
        }
        self.at = start;
        let value = self.sum()?;
        self.dressed(value)
    }

    fn dressed(&mut self, value: Node) -> Result<Node, Broken> {
        if let Some(unit) = self.money() {
            return Ok(Node::Quantity(Box::new(value), unit));
        }
        if self.take('%') {
            return Ok(Node::Percent(Box::new(value)));
        }
        if self.command().is_some_and(|name| name == "frac") && self.fraction_of_units() {
            self.at += 1;
            let over = self.unit_group()?;
            let under = self.unit_group()?;
            let unit = under.power(-1).and_then(|under| over.times(&under));
            return unit.map_or_else(|_| self.fail(Why::TooLarge), |unit| Ok(Node::Quantity(Box::new(value), unit)));
        }
        match self.words() {
            None => Ok(value),
            Some(Phrase::Percent) => Ok(Node::Percent(Box::new(value))),
            Some(Phrase::Degrees) => Ok(Node::Degrees(Box::new(value))),
            Some(Phrase::Times(factor)) => {
                let value = match value {
                    Node::Lit(literal) => match literal.value.mul(&factor) {
                        Ok(value) => Node::rational(value),
                        Err(_) => return self.fail(Why::TooLarge),
                    },
                    other => other.times(Node::rational(factor)),
                };
                self.dressed(value)
            }
            Some(Phrase::Unit(unit)) => {
                let unit = self.compound(unit)?;
                Ok(Node::Quantity(Box::new(value), unit))
            }
        }
    }

    fn money(&mut self) -> Option<Unit> {
        let name = match self.peek()? {
            Tok::Sign('$') => "$usd",
            Tok::Command(name) => match &**name {
                "euro" => "$eur",
                "pounds" => "$gbp",
                "yen" => "$jpy",
                _ => return None,
            },
            _ => return None,
        };
        self.at += 1;
        Some(Unit::base(name))
    }

    fn words(&mut self) -> Option<Phrase> {
        let Tok::Text(words) = self.peek()? else { return None };
        let found = phrase(words)?;
        self.at += 1;
        Some(found)
    }

    fn unit_group(&mut self) -> Result<Unit, Broken> {
        // A letter of its own is braced twice: \text{h} is a group.
        let mut at = self.at;
        while self.tokens.get(at).is_some_and(|token| token.tok == Tok::Open) {
            at += 1;
        }
        let opened = at - self.at;
        let unit = match self.tokens.get(at).map(|token| &token.tok) {
            Some(Tok::Text(words)) => named(words.trim()),
            Some(Tok::Letters(name)) => named(name),
            _ => None,
        };
        let closed = (1..=opened).all(|by| self.tokens.get(at + by).is_some_and(|token| token.tok == Tok::Close));
        match unit {
            Some(unit) if opened > 0 && closed => {
                self.at = at + 1 + opened;
                Ok(unit)
            }
            _ => self.fail(Why::Expected),
        }
    }

    /// Powers and further units behind a first one.
    fn compound(&mut self, first: Unit) -> Result<Unit, Broken> {
        let mut whole = self.unit_power(first)?;
        for _ in 0..8 {
            let under = match self.peek() {
                Some(Tok::Sign('/')) => true,
                Some(Tok::Command(name)) if name == "cdot" => false,
                _ => break,
            };
            let Some(Tok::Text(words)) = self.ahead(1) else { break };
            let Some(Phrase::Unit(unit)) = phrase(words) else { break };
            self.at += 2;
            let unit = self.unit_power(unit)?;
            let joined = if under { unit.power(-1) } else { Ok(unit) }.and_then(|unit| whole.times(&unit));
            whole = match joined {
                Ok(joined) => joined,
                Err(_) => return self.fail(Why::TooLarge),
            };
        }
        Ok(whole)
    }

    fn unit_power(&mut self, unit: Unit) -> Result<Unit, Broken> {
        if !self.take('^') {
            return Ok(unit);
        }
        let power = match self.deeper(Parser::exponent)? {
            Node::Lit(literal) => literal.value.to_i64(),
            Node::Neg(one) => match *one {
                Node::Lit(literal) => literal.value.neg().to_i64(),
                _ => None,
            },
            _ => None,
        };
        match power.map(|power| unit.power(power)) {
            Some(Ok(unit)) => Ok(unit),
            _ => self.fail(Why::Expected),
        }
    }
}
