//! What stands in brackets: groups, tuples, intervals, sets, absolute values, matrices.

use super::bounds::ELEMENTS;
use super::lex::{Broken, Tok, Why};
use super::parse::Parser;
use super::tree::{Bracket, Function, Node};

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
}
