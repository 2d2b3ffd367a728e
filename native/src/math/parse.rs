//! Tokens into a tree: lists, relations, unions and sums. One pass, depth counted, nothing guessed.

use super::bounds::{DEPTH, ELEMENTS};
use super::letters;
use super::lex::{Broken, Tok, Token, Why, lex};
use super::tree::{Joiner, Node, Relation};

pub struct Parser {
    pub tokens: Vec<Token>,
    pub at: usize,
    depth: usize,
    /// Open bars of absolute values: another bar closes.
    pub bars: usize,
    /// Inside the braces of a set a bar or a colon comes before its conditions.
    pub in_set: bool,
    /// Inside square brackets a turned one may close.
    pub in_square: bool,
    length: usize,
}

/// The tree of a text; `grouped` as in `lex`.
pub fn parse(text: &str, grouped: bool) -> Result<Node, Broken> {
    let tokens = letters::decided(lex(text, grouped)?);
    let mut parser = Parser { tokens, at: 0, depth: 0, bars: 0, in_set: false, in_square: false, length: text.len() };
    let mut node = parser.list()?;
    if parser.take_command(&["over"]) {
        node = node.over(parser.sum()?);
    }
    if parser.at < parser.tokens.len() { parser.fail(Why::Expected) } else { Ok(node) }
}

impl Parser {
    pub fn fail<T>(&self, why: Why) -> Result<T, Broken> {
        Err(Broken { at: self.tokens.get(self.at).map_or(self.length, |token| token.at), why })
    }

    pub fn peek(&self) -> Option<&Tok> {
        self.tokens.get(self.at).map(|token| &token.tok)
    }

    pub fn ahead(&self, by: usize) -> Option<&Tok> {
        self.tokens.get(self.at + by).map(|token| &token.tok)
    }

    pub fn sign(&self, sign: char) -> bool {
        self.peek() == Some(&Tok::Sign(sign))
    }

    pub fn take(&mut self, sign: char) -> bool {
        let there = self.sign(sign);
        self.at += usize::from(there);
        there
    }

    pub fn command(&self) -> Option<&str> {
        match self.peek() {
            Some(Tok::Command(name)) => Some(name),
            _ => None,
        }
    }

    pub fn take_command(&mut self, names: &[&str]) -> bool {
        let there = self.command().is_some_and(|name| names.contains(&name));
        self.at += usize::from(there);
        there
    }

    /// Run one level deeper.
    pub fn deeper<T>(&mut self, run: impl FnOnce(&mut Parser) -> Result<T, Broken>) -> Result<T, Broken> {
        if self.depth >= DEPTH {
            return self.fail(Why::TooLarge);
        }
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        result
    }

    /// The elements up to whatever is no element, joined as they are.
    pub fn list(&mut self) -> Result<Node, Broken> {
        let (mut elements, joiner) = self.elements()?;
        if elements.len() == 1 {
            return Ok(elements.remove(0));
        }
        Ok(Node::List(elements, joiner))
    }

    pub fn elements(&mut self) -> Result<(Vec<Node>, Joiner), Broken> {
        let mut elements = vec![self.deeper(Parser::chain)?];
        let mut joiner = Joiner::Comma;
        loop {
            let comma = self.take(',') || self.take(';');
            if let Some(word) = self.joining_word() {
                joiner = word;
            } else if !comma {
                return Ok((elements, joiner));
            }
            if elements.len() >= ELEMENTS {
                return self.fail(Why::TooLarge);
            }
            elements.push(self.deeper(Parser::chain)?);
        }
    }

    fn joining_word(&mut self) -> Option<Joiner> {
        let joiner = match self.peek()? {
            Tok::Letters(word) | Tok::Text(word) => match word.trim() {
                "and" => Joiner::And,
                "or" => Joiner::Or,
                _ => return None,
            },
            Tok::Command(name) if matches!(&**name, "land" | "wedge") => Joiner::And,
            Tok::Command(name) if matches!(&**name, "lor" | "vee") => Joiner::Or,
            _ => return None,
        };
        self.at += 1;
        Some(joiner)
    }

    fn relation(&mut self) -> Option<Relation> {
        let relation = match self.peek()? {
            Tok::Sign('=') => Relation::Equal,
            Tok::Sign('<') => Relation::Less,
            Tok::Sign('>') => Relation::Greater,
            Tok::Command(name) => match &**name {
                "lt" => Relation::Less,
                "gt" => Relation::Greater,
                "le" | "leq" | "leqslant" => Relation::LessEqual,
                "ge" | "geq" | "geqslant" => Relation::GreaterEqual,
                "ne" | "neq" => Relation::NotEqual,
                "approx" => Relation::Approx,
                "in" => Relation::In,
                _ => return None,
            },
            Tok::Letters(name) if name == "in" => Relation::In,
            _ => return None,
        };
        self.at += 1;
        Some(relation)
    }

    pub fn chain(&mut self) -> Result<Node, Broken> {
        let mut rest = Vec::new();
        let first = match self.relation() {
            Some(relation) => {
                rest.push((relation, self.union()?));
                None
            }
            None => Some(self.union()?),
        };
        while let Some(relation) = self.relation() {
            if rest.len() >= ELEMENTS {
                return self.fail(Why::TooLarge);
            }
            rest.push((relation, self.union()?));
        }
        match (first, rest.is_empty()) {
            (Some(only), true) => Ok(only),
            (first, _) => Ok(Node::Chain(first.map(Box::new), rest)),
        }
    }

    fn union(&mut self) -> Result<Node, Broken> {
        let mut left = self.ratio()?;
        for _ in 0..ELEMENTS {
            let cup = self.take_command(&["cup"])
                || matches!(self.peek(), Some(Tok::Letters(name)) if name == "union") && {
                    self.at += 1;
                    true
                };
            if cup {
                let right = self.ratio()?;
                left = match left {
                    Node::Union(mut parts) => {
                        parts.push(right);
                        Node::Union(parts)
                    }
                    other => Node::Union(vec![other, right]),
                };
            } else if self.take_command(&["cap"]) {
                let right = self.ratio()?;
                left = match left {
                    Node::Common(mut parts) => {
                        parts.push(right);
                        Node::Common(parts)
                    }
                    other => Node::Common(vec![other, right]),
                };
            } else if !matches!(left, Node::Without(..)) && self.take_command(&["setminus", "backslash"]) {
                left = Node::Without(Box::new(left), Box::new(self.ratio()?));
            } else {
                return Ok(left);
            }
        }
        self.fail(Why::TooLarge)
    }

    fn ratio(&mut self) -> Result<Node, Broken> {
        let first = self.quantity()?;
        if self.in_set || !(self.sign(':') || self.command() == Some("colon")) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take(':') || self.take_command(&["colon"]) {
            parts.push(self.quantity()?);
            if parts.len() > 8 {
                return self.fail(Why::TooLarge);
            }
        }
        Ok(Node::Ratio(parts))
    }

    pub fn sum(&mut self) -> Result<Node, Broken> {
        let mut terms = vec![self.term()?];
        loop {
            if self.take('+') {
                let term = self.term()?;
                terms.push(term);
            } else if self.take('-') {
                let term = self.product()?;
                terms.push(Node::Neg(Box::new(term)));
            } else if let Some(turned) = self.plus_minus() {
                let left = sum_of(std::mem::take(&mut terms));
                let right = self.product()?;
                if left.any(&mut |node| matches!(node, Node::PlusMinus(..))) {
                    return self.fail(Why::Expected);
                }
                terms.push(Node::PlusMinus(Box::new(left), Box::new(right), turned));
            } else {
                return Ok(sum_of(terms));
            }
        }
    }

    fn plus_minus(&mut self) -> Option<bool> {
        if self.take_command(&["pm"]) { Some(false) } else { self.take_command(&["mp"]).then_some(true) }
    }

    /// A product with signs before it.
    pub fn term(&mut self) -> Result<Node, Broken> {
        if self.take('-') {
            return Ok(Node::Neg(Box::new(self.deeper(Parser::term)?)));
        }
        if self.take('+') {
            if self.sign('-') || self.sign('+') {
                return self.fail(Why::Expected);
            }
            return self.deeper(Parser::term);
        }
        if let Some(turned) = self.plus_minus() {
            let value = self.product()?;
            return Ok(Node::PlusMinus(Box::new(Node::int(0)), Box::new(value), turned));
        }
        self.product()
    }
}

fn sum_of(mut terms: Vec<Node>) -> Node {
    if terms.len() == 1 { terms.remove(0) } else { Node::Add(terms) }
}
