//! What stands in brackets: groups, tuples, intervals, sets, absolute values, matrices; and units behind a value.

use super::bounds::ELEMENTS;
use super::lex::{Broken, Tok, Why};
use super::parse::Parser;
use super::tree::{Bracket, Function, Node};
use super::unit::{Phrase, Unit, named, phrase};

impl Parser {
    pub fn bracketed(&mut self) -> Result<Node, Broken> {
        let Some(tok) = self.peek().cloned() else { return self.fail(Why::Expected) };
        self.at += 1;
        match tok {
            Tok::Open => self.group(),
            Tok::Sign('|') => self.absolute("|"),
            Tok::Sign('(') => self.between(Bracket::Round),
            Tok::Sign('[') => self.between(Bracket::Square),
            // ]a, b[ is open.
            Tok::Sign(']') => self.between(Bracket::Round),
            Tok::Command(name) => match &*name {
                "langle" => self.between(Bracket::Angle),
                "lbrace" => self.set(),
                "lfloor" => self.rounded(Function::Floor, "rfloor"),
                "lceil" => self.rounded(Function::Ceil, "rceil"),
                "lvert" => self.absolute("rvert"),
                "vert" => self.absolute("vert"),
                _ => self.environment(),
            },
            _ => self.fail(Why::Expected),
        }
    }

    /// Run with what surrounds the bracket forgotten.
    fn inside<T>(
        &mut self,
        set: bool,
        square: bool,
        run: impl FnOnce(&mut Parser) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        let before = (self.bars, self.in_set, self.in_square);
        (self.bars, self.in_set, self.in_square) = (0, set, square);
        let result = run(self);
        (self.bars, self.in_set, self.in_square) = before;
        result
    }

    /// { ... } of TeX, without the first brace.
    fn group(&mut self) -> Result<Node, Broken> {
        let node = self.inside(false, false, |parser| {
            let (mut elements, joiner) = parser.elements()?;
            if parser.take_command(&["over"]) {
                let under = parser.sum()?;
                let over = elements.remove(0);
                return if elements.is_empty() { Ok(over.over(under)) } else { parser.fail(Why::Expected) };
            }
            Ok(if elements.len() == 1 { elements.remove(0) } else { Node::List(elements, joiner) })
        })?;
        if self.peek() != Some(&Tok::Close) {
            return self.fail(Why::Brackets);
        }
        self.at += 1;
        Ok(node)
    }

    fn absolute(&mut self, close: &str) -> Result<Node, Broken> {
        let value = self.inside(false, false, |parser| {
            parser.bars = 1;
            parser.sum()
        })?;
        if self.take('|') || self.take_command(&[close]) {
            return Ok(Node::Fn(Function::Abs, vec![value]));
        }
        self.fail(Why::Brackets)
    }

    fn rounded(&mut self, function: Function, close: &str) -> Result<Node, Broken> {
        let value = self.inside(false, false, Parser::sum)?;
        if self.take_command(&[close]) { Ok(Node::Fn(function, vec![value])) } else { self.fail(Why::Brackets) }
    }

    /// Elements up to a closing bracket of any kind, for (0, 1] is an interval.
    fn between(&mut self, open: Bracket) -> Result<Node, Broken> {
        let turned = self.at > 0 && self.tokens[self.at - 1].tok == Tok::Sign(']');
        let square = turned || open == Bracket::Square;
        let (mut elements, _) = self.inside(false, square, Parser::elements)?;
        let close = match self.peek() {
            Some(Tok::Sign(')')) => Bracket::Round,
            Some(Tok::Sign(']')) => Bracket::Square,
            Some(Tok::Sign('[')) if square => Bracket::Round,
            Some(Tok::Command(name)) if name == "rangle" => Bracket::Angle,
            _ => return self.fail(Why::Brackets),
        };
        if (open == Bracket::Angle) != (close == Bracket::Angle) {
            return self.fail(Why::Brackets);
        }
        self.at += 1;
        let one = elements.len() == 1;
        if one && (open == Bracket::Round && close == Bracket::Round && !turned) {
            return Ok(elements.remove(0));
        }
        if one && matches!(elements[0], Node::Matrix(_)) {
            return Ok(elements.remove(0));
        }
        Ok(Node::Bracketed(open, elements, close))
    }

    fn set(&mut self) -> Result<Node, Broken> {
        if self.take_command(&["rbrace"]) {
            return Ok(Node::Empty);
        }
        let (mut elements, _) = self.inside(true, false, Parser::elements)?;
        if self.take(':') || self.take('|') || self.take_command(&["mid", "colon", "vert"]) {
            let conditions = self.inside(true, false, Parser::list)?;
            if !self.take_command(&["rbrace"]) || elements.len() != 1 {
                return self.fail(Why::Brackets);
            }
            return Ok(Node::Builder(Box::new(elements.remove(0)), Box::new(conditions)));
        }
        if self.take_command(&["rbrace"]) { Ok(Node::Set(elements)) } else { self.fail(Why::Brackets) }
    }

    /// \begin{pmatrix} ... \end{pmatrix}, without \begin.
    fn environment(&mut self) -> Result<Node, Broken> {
        let name = self.environment_name()?;
        if name == "array" && self.peek() == Some(&Tok::Open) {
            while self.peek().is_some_and(|tok| *tok != Tok::Close) {
                self.at += 1;
            }
            self.at += 1;
        }
        let rows = self.inside(false, false, Parser::rows)?;
        if !self.take_command(&["end"]) || self.environment_name()? != name {
            return self.fail(Why::Brackets);
        }
        match &*name {
            "vmatrix" => Ok(Node::Operator("determinant")),
            "pmatrix" | "bmatrix" | "matrix" | "array" | "smallmatrix" | "Bmatrix" => Ok(Node::Matrix(rows)),
            _ => Ok(Node::Operator("cases")),
        }
    }

    fn environment_name(&mut self) -> Result<String, Broken> {
        let name = match [0, 1, 2].map(|by| self.ahead(by)) {
            [Some(Tok::Open), Some(Tok::Text(name)), Some(Tok::Close)] => name.clone(),
            _ => return self.fail(Why::Expected),
        };
        self.at += 3;
        Ok(name)
    }

    fn rows(&mut self) -> Result<Vec<Vec<Node>>, Broken> {
        let mut rows = vec![Vec::new()];
        let mut count = 0;
        loop {
            count += 1;
            if count > ELEMENTS {
                return self.fail(Why::TooLarge);
            }
            let entry = self.deeper(Parser::chain)?;
            let last = rows.len() - 1;
            rows[last].push(entry);
            if self.take_command(&["\\"]) {
                if self.command() == Some("end") {
                    break;
                }
                rows.push(Vec::new());
            } else if !self.take('&') {
                break;
            }
        }
        Ok(rows)
    }

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
