//! Products and what is in them: juxtaposition, fractions by a slash, mixed numbers, powers.

use super::bounds::TOKENS;
use super::lex::{Broken, Tok, Why};
use super::parse::Parser;
use super::rational::Rational;
use super::tree::{Literal, Node, Style};
use super::unit::Unit;

const OVER: [&str; 4] = ["frac", "dfrac", "tfrac", "cfrac"];

impl Parser {
    pub fn product(&mut self) -> Result<Node, Broken> {
        let (mut over, mut under) = (Vec::new(), Vec::new());
        let first = match self.mixed()? {
            Some(mixed) => mixed,
            None => self.power()?,
        };
        over.push(first);
        loop {
            if over.len() + under.len() > TOKENS {
                return self.fail(Why::TooLarge);
            }
            if self.take('*') || self.take_command(&["cdot", "times", "ast"]) {
                let factor = self.signed_power()?;
                over.push(factor);
            } else if self.take('/') || self.take_command(&["div"]) {
                let factor = self.signed_power()?;
                under.push(factor);
            } else if self.begins_factor() {
                if matches!(self.peek(), Some(Tok::Number(_))) {
                    return self.fail(Why::Adjacent);
                }
                let factor = self.power()?;
                over.push(factor);
            } else if self.command().is_some_and(|name| matches!(name, "bmod" | "pmod" | "mod"))
                || matches!(self.peek(), Some(Tok::Letters(name)) if name == "mod")
            {
                self.skip_operator();
                return Ok(Node::Operator("remainder"));
            } else {
                break;
            }
        }
        if let ([Node::Degrees(value), Node::Var(scale)], true) = (&over[..], under.is_empty()) {
            let name = match &**scale {
                "C" => "celsius",
                "F" => "fahrenheit",
                _ => "",
            };
            if !name.is_empty() {
                return Ok(Node::Quantity(value.clone(), Unit::base(name)));
            }
        }
        let over = if over.len() == 1 { over.remove(0) } else { Node::Mul(over) };
        match under.len() {
            0 => Ok(over),
            1 => Ok(over.over(under.remove(0))),
            _ => Ok(over.over(Node::Mul(under))),
        }
    }

    /// A factor after an explicit sign of multiplication: it may have a sign of its own.
    fn signed_power(&mut self) -> Result<Node, Broken> {
        if self.take('-') {
            return Ok(Node::Neg(Box::new(self.deeper(Parser::power)?)));
        }
        match self.mixed()? {
            Some(mixed) => Ok(mixed),
            None => self.power(),
        }
    }

    /// Whether a factor follows without a sign of multiplication.
    pub fn begins_factor(&self) -> bool {
        match self.peek() {
            Some(Tok::Number(_)) => true,
            Some(Tok::Letters(name)) => !matches!(&**name, "and" | "or" | "mod" | "union" | "in"),
            Some(Tok::Open) => true,
            Some(Tok::Sign('(')) => true,
            Some(Tok::Sign('[')) => !self.in_square,
            Some(Tok::Sign('|')) => self.bars == 0 && !self.in_set,
            Some(Tok::Command(name)) => match &**name {
                "frac" | "dfrac" | "tfrac" | "cfrac" => !self.fraction_of_units(),
                "lvert" | "vert" => self.bars == 0 && !self.in_set,
                other => super::parse_atom::is_atom(other),
            },
            _ => false,
        }
    }

    /// 1\frac{1}{2}, 1 1/2: an integer and a proper fraction of integers. An improper one is an error, never a product.
    fn mixed(&mut self) -> Result<Option<Node>, Broken> {
        let Some(Tok::Number(whole)) = self.peek() else { return Ok(None) };
        if whole.style != Style::Integer {
            return Ok(None);
        }
        if matches!(self.ahead(1), Some(Tok::Command(name)) if OVER.contains(&&**name)) {
            let Some((over, under, end)) = self.integers_at(self.at + 2) else { return Ok(None) };
            let whole = whole.clone();
            self.at = end;
            return self.joined(&whole, &over, &under).map(Some);
        }
        let [Some(Tok::Number(over)), Some(Tok::Sign('/')), Some(Tok::Number(under))] =
            [self.ahead(1), self.ahead(2), self.ahead(3)]
        else {
            return Ok(None);
        };
        let (whole, over, under) = (whole.clone(), over.clone(), under.clone());
        if !self.tokens[self.at + 1].apart {
            return Ok(None);
        }
        self.at += 4;
        self.joined(&whole, &over, &under).map(Some)
    }

    /// The two arguments of a fraction if both are numerals, and where they end.
    fn integers_at(&self, mut at: usize) -> Option<(Literal, Literal, usize)> {
        let mut found = Vec::with_capacity(2);
        while found.len() < 2 {
            match [0, 1, 2].map(|by| self.tokens.get(at + by).map(|token| &token.tok)) {
                [Some(Tok::Open), Some(Tok::Number(literal)), Some(Tok::Close)] => {
                    found.push(literal.clone());
                    at += 3;
                }
                [Some(Tok::Number(literal)), ..]
                    if literal.style == Style::Integer && literal.text.len() <= 2 - found.len() =>
                {
                    found.extend(literal.text.bytes().map(digit));
                    at += 1;
                }
                _ => return None,
            }
        }
        let [over, under] = <[Literal; 2]>::try_from(found).ok()?;
        Some((over, under, at))
    }

    fn joined(&self, whole: &Literal, over: &Literal, under: &Literal) -> Result<Node, Broken> {
        let integers = [over, under].iter().all(|literal| literal.style == Style::Integer);
        let part = over.value.div(&under.value);
        match part {
            Ok(part) if integers && part.over < part.under && !part.is_zero() => {
                let Ok(value) = whole.value.add(&part) else { return self.fail(Why::TooLarge) };
                let text = format!("{} {}/{}", whole.text, over.text, under.text);
                Ok(Node::Lit(Literal { value, style: Style::Mixed, digits: 0, trailing_zero: false, text }))
            }
            _ => self.fail(Why::Mixed),
        }
    }

    pub fn power(&mut self) -> Result<Node, Broken> {
        let mut base = self.atom()?;
        for _ in 0..super::bounds::DEPTH {
            if self.take('!') {
                base = Node::Factorial(Box::new(base));
            } else if self.sign('^') {
                self.at += 1;
                if self.degree_sign() {
                    base = Node::Degrees(Box::new(base));
                    continue;
                }
                let exponent = self.deeper(Parser::exponent)?;
                base = Node::Pow(Box::new(base), Box::new(exponent));
            } else if self.take_command(&["degree"]) {
                base = Node::Degrees(Box::new(base));
            } else {
                return Ok(base);
            }
        }
        self.fail(Why::TooLarge)
    }

    fn degree_sign(&mut self) -> bool {
        if self.take_command(&["circ", "degree"]) {
            return true;
        }
        let braced = matches!(
            (self.peek(), self.ahead(1), self.ahead(2)),
            (Some(Tok::Open), Some(Tok::Command(name)), Some(Tok::Close)) if name == "circ"
        );
        self.at += if braced { 3 } else { 0 };
        braced
    }

    /// One token, or a group; a tower is read from its top.
    pub fn exponent(&mut self) -> Result<Node, Broken> {
        if self.take('-') {
            return Ok(Node::Neg(Box::new(self.deeper(Parser::exponent)?)));
        }
        if self.take('+') {
            return self.deeper(Parser::exponent);
        }
        let base = self.atom()?;
        if self.sign('^') {
            self.at += 1;
            let exponent = self.deeper(Parser::exponent)?;
            return Ok(Node::Pow(Box::new(base), Box::new(exponent)));
        }
        Ok(if self.take('!') { Node::Factorial(Box::new(base)) } else { base })
    }

    /// \frac with two arguments in braces, or of one token, a digit each.
    pub fn fraction(&mut self) -> Result<Node, Broken> {
        if let Some(name) = self.derivative() {
            return Ok(Node::Var(name));
        }
        let over = self.argument()?;
        let under = self.argument()?;
        Ok(over.over(under))
    }

    /// dy/dx is compared as written.
    fn derivative(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut at = self.at;
        for part in 0..2 {
            if self.tokens.get(at)?.tok != Tok::Open || self.tokens.get(at + 1)?.tok != Tok::Letters("d".into()) {
                return None;
            }
            let Tok::Letters(of) = &self.tokens.get(at + 2)?.tok else { return None };
            if self.tokens.get(at + 3)?.tok != Tok::Close {
                return None;
            }
            name.push_str(if part == 0 { "d" } else { "/d" });
            name.push_str(of);
            at += 4;
        }
        self.at = at;
        Some(name)
    }

    /// A group in braces, or one token: of a numeral its first digit.
    pub fn argument(&mut self) -> Result<Node, Broken> {
        let token = match self.peek() {
            Some(Tok::Number(literal)) => literal.clone(),
            _ => return self.deeper(Parser::atom),
        };
        if token.text.len() > 1 && token.text.bytes().all(|byte| byte.is_ascii_digit()) {
            let first = digit(token.text.as_bytes()[0]);
            let rest = &token.text[1..];
            let value = Rational::from(super::rational::natural_of(rest));
            self.tokens[self.at].at += 1;
            self.tokens[self.at].tok = Tok::Number(Literal { value, text: rest.into(), ..token });
            return Ok(Node::Lit(first));
        }
        self.at += 1;
        Ok(Node::Lit(token))
    }
}

/// The numeral of one ASCII digit.
fn digit(byte: u8) -> Literal {
    let value = Rational::int(i64::from(byte.wrapping_sub(b'0')));
    Literal { value, style: Style::Integer, digits: 1, trailing_zero: false, text: char::from(byte).to_string() }
}
