//! Atoms: names, commands, roots, operators.

use super::lex::{Broken, Tok, Why};
use super::parse::Parser;
use super::tree::{Constant, Node, Style};
use super::{clean, words};

/// Letters that stand for a function if a parenthesis follows.
const CALLED: [&str; 6] = ["f", "g", "h", "F", "G", "H"];
const OPERATORS: [(&str, &str); 11] = [
    ("sum", "sum"),
    ("prod", "product"),
    ("int", "integral"),
    ("iint", "integral"),
    ("iiint", "integral"),
    ("oint", "integral"),
    ("lim", "limit"),
    ("det", "determinant"),
    ("sup", "supremum"),
    ("inf", "infimum"),
    ("partial", "derivative"),
];

/// Whether a command begins an atom; the fraction has a rule of its own.
pub fn is_atom(name: &str) -> bool {
    clean::GREEK.iter().any(|(_, other)| *other == name)
        || words::function(name).is_some()
        || OPERATORS.iter().any(|(other, _)| *other == name)
        || matches!(
            name,
            "sqrt"
                | "binom"
                | "dbinom"
                | "tbinom"
                | "infty"
                | "infin"
                | "vec"
                | "hat"
                | "bar"
                | "overline"
                | "tilde"
                | "lfloor"
                | "lceil"
                | "langle"
                | "begin"
                | "varepsilon"
                | "varphi"
                | "vartheta"
                | "ell"
                | "hbar"
                | "varrho"
                | "angle"
                | "triangle"
                | "overrightarrow"
                | "boxed"
                | "fbox"
                | "underline"
                | "mathbb"
        )
}

impl Parser {
    pub fn atom(&mut self) -> Result<Node, Broken> {
        let Some(tok) = self.peek().cloned() else { return self.fail(Why::Expected) };
        match tok {
            Tok::Number(literal) => {
                self.at += 1;
                if self.sign('_') && literal.style == Style::Integer {
                    return self.based(&literal.text);
                }
                Ok(Node::Lit(literal))
            }
            Tok::Letters(name) => {
                self.at += 1;
                self.named(&name)
            }
            Tok::Text(words) => {
                self.at += 1;
                Ok(Node::Text(words))
            }
            Tok::Open | Tok::Sign('(' | '[' | ']' | '|') => self.deeper(Parser::bracketed),
            Tok::Command(name) => self.commanded(&name),
            _ => self.fail(Why::Expected),
        }
    }

    fn named(&mut self, name: &str) -> Result<Node, Broken> {
        match name {
            "pi" => Ok(Node::Const(Constant::Pi)),
            "e" if !self.sign('_') => Ok(Node::Const(Constant::E)),
            "i" if !self.sign('_') => Ok(Node::Const(Constant::I)),
            "infinity" | "infty" | "inf" => Ok(Node::Const(Constant::Infinity)),
            "sqrt" => self.root(),
            "cbrt" => {
                let value = self.deeper(Parser::atom)?;
                Ok(Node::Root(Box::new(Node::int(3)), Box::new(value)))
            }
            "and" | "or" | "mod" | "union" | "in" => self.fail(Why::Expected),
            _ => match words::function(name) {
                Some(function) => self.deeper(|parser| parser.applied(function, name == "lg")),
                None => self.variable(name.to_owned()),
            },
        }
    }

    /// A name with its index and primes, or a call of an unknown function.
    fn variable(&mut self, mut name: String) -> Result<Node, Broken> {
        if self.take('_') {
            let index = self.index()?;
            name = format!("{name}_{index}");
        }
        while self.take('\'') || self.take_command(&["prime"]) {
            name.push('\'');
            if name.len() > 64 {
                return self.fail(Why::TooLarge);
            }
        }
        let letter = name.trim_end_matches('\'');
        if CALLED.contains(&letter) && self.sign('(') && !self.tokens[self.at].apart {
            let arguments = self.deeper(Parser::arguments)?;
            return Ok(Node::Call(name, arguments));
        }
        Ok(Node::Var(name))
    }

    /// The text of an index: digits, a letter, or what is in braces.
    fn index(&mut self) -> Result<String, Broken> {
        let braced = self.peek() == Some(&Tok::Open);
        self.at += usize::from(braced);
        let mut index = String::new();
        loop {
            match self.peek() {
                Some(Tok::Number(literal)) => index.push_str(&literal.text),
                Some(Tok::Letters(name) | Tok::Text(name) | Tok::Command(name)) => index.push_str(name.trim()),
                Some(Tok::Sign(sign)) if braced => index.push(*sign),
                Some(Tok::Close) if braced => break,
                _ => return self.fail(Why::Expected),
            }
            self.at += 1;
            if !braced {
                return Ok(index);
            }
            if index.len() > 64 {
                return self.fail(Why::TooLarge);
            }
        }
        self.at += 1;
        if index.is_empty() { self.fail(Why::Expected) } else { Ok(index) }
    }

    /// Digits, then _ and their base.
    fn based(&mut self, digits: &str) -> Result<Node, Broken> {
        self.at += 1;
        let index = self.index()?;
        let base = index.parse().ok().or_else(|| words::number(&index)?.to_i64()?.try_into().ok());
        match base {
            Some(base) if (2..=36).contains(&base) => Ok(Node::Base(digits.to_owned(), base)),
            _ => self.fail(Why::Expected),
        }
    }

    fn commanded(&mut self, name: &str) -> Result<Node, Broken> {
        self.at += 1;
        if let Some((_, kind)) = OPERATORS.iter().find(|(other, _)| *other == name) {
            self.skip_operator();
            return Ok(Node::Operator(kind));
        }
        match name {
            "frac" | "dfrac" | "tfrac" | "cfrac" => self.deeper(Parser::fraction),
            "sqrt" => self.root(),
            "binom" | "dbinom" | "tbinom" => {
                let over = self.deeper(Parser::argument)?;
                let under = self.deeper(Parser::argument)?;
                Ok(Node::Binom(Box::new(over), Box::new(under)))
            }
            "infty" | "infin" => Ok(Node::Const(Constant::Infinity)),
            "emptyset" | "varnothing" => Ok(Node::Empty),
            "ldots" | "dots" | "cdots" => Ok(Node::Dots),
            "pi" => Ok(Node::Const(Constant::Pi)),
            "mathbb" => match self.deeper(Parser::atom)? {
                Node::Var(name) if name == "R" => Ok(Node::Reals),
                Node::Var(name) => Ok(Node::Var(format!("\\mathbb{name}"))),
                _ => self.fail(Why::Expected),
            },
            "vec" | "hat" | "bar" | "overline" | "tilde" | "overrightarrow" | "underline" => {
                let of = self.deeper(Parser::atom)?;
                let mut letters = String::new();
                let plain = !of.any(&mut |node| {
                    if let Node::Var(name) = node {
                        letters.push_str(name);
                    }
                    !matches!(node, Node::Var(_) | Node::Mul(_))
                });
                if plain { self.variable(format!("\\{name}{letters}")) } else { self.fail(Why::Expected) }
            }
            "boxed" | "fbox" => self.deeper(Parser::atom),
            "angle" | "triangle" => Ok(Node::Var(format!("\\{name}"))),
            "lbrace" | "langle" | "lfloor" | "lceil" | "lvert" | "vert" | "begin" => {
                self.at -= 1;
                self.deeper(Parser::bracketed)
            }
            "varepsilon" | "varphi" | "vartheta" | "ell" | "hbar" | "varrho" => {
                let plain = name.strip_prefix("var").unwrap_or(name);
                self.variable(plain.to_owned())
            }
            _ => match words::function(name) {
                Some(function) => self.deeper(|parser| parser.applied(function, name == "lg")),
                None if clean::GREEK.iter().any(|(_, other)| *other == name) => self.variable(name.to_owned()),
                None => {
                    self.at -= 1;
                    self.fail(Why::Expected)
                }
            },
        }
    }

    fn root(&mut self) -> Result<Node, Broken> {
        let degree = if self.take('[') {
            let degree = self.deeper(Parser::sum)?;
            if !self.take(']') {
                return self.fail(Why::Brackets);
            }
            degree
        } else {
            Node::int(2)
        };
        let value = self.deeper(Parser::atom)?;
        Ok(Node::Root(Box::new(degree), Box::new(value)))
    }

    /// Past everything that a sum, an integral or a limit may hold: to the end of the element.
    pub fn skip_operator(&mut self) {
        let mut depth = 0_usize;
        while let Some(tok) = self.peek() {
            match tok {
                Tok::Open | Tok::Sign('(' | '[') => depth += 1,
                Tok::Close | Tok::Sign(')' | ']') if depth == 0 => return,
                Tok::Close | Tok::Sign(')' | ']') => depth -= 1,
                Tok::Sign(',' | ';' | '=' | '&') | Tok::Text(_) if depth == 0 => return,
                Tok::Command(name)
                    if depth == 0 && matches!(&**name, "rbrace" | "rangle" | "approx" | "\\" | "end") =>
                {
                    return;
                }
                _ => {}
            }
            self.at += 1;
        }
    }
}
