//! A function's arguments, powers and bases.

use super::bounds::ELEMENTS;
use super::lex::{Broken, Tok, Why};
use super::parse::Parser;
use super::tree::{Bracket, Function, Node};
use super::words;

impl Parser {
    /// ( argument {, argument} )
    pub fn arguments(&mut self) -> Result<Vec<Node>, Broken> {
        match self.bracketed()? {
            Node::Bracketed(Bracket::Round, all, Bracket::Round) => Ok(all),
            Node::Bracketed(..) => self.fail(Why::Brackets),
            one => Ok(vec![one]),
        }
    }

    /// What stands behind a function's name.
    pub fn applied(&mut self, function: Function, decimal: bool) -> Result<Node, Broken> {
        let mut function = function;
        let mut base = decimal.then(|| Node::int(10));
        let mut exponent = None;
        for _ in 0..2 {
            if function == Function::Log && base.is_none() && self.take('_') {
                base = Some(self.deeper(Parser::argument)?);
            } else if exponent.is_none() && self.sign('^') {
                self.at += 1;
                exponent = Some(self.deeper(Parser::exponent)?);
            }
        }
        if let (Some(power), Some(inverse)) = (&exponent, inverse(function))
            && matches!(power, Node::Neg(one) if matches!(&**one, Node::Lit(one) if one.value.is_one()))
        {
            (function, exponent) = (inverse, None);
        }
        let mut arguments = if self.sign('(') { self.arguments()? } else { vec![self.bare_argument()?] };
        let expected = match function {
            Function::Max | Function::Min | Function::Gcd | Function::Lcm => 1..=ELEMENTS,
            _ => 1..=1,
        };
        if !expected.contains(&arguments.len()) {
            return self.fail(Why::Expected);
        }
        if let Some(base) = base {
            (function, arguments) = (Function::LogBase, vec![base, arguments.remove(0)]);
        }
        let value = Node::Fn(function, arguments);
        Ok(match exponent {
            Some(exponent) => Node::Pow(Box::new(value), Box::new(exponent)),
            None => value,
        })
    }

    /// The factors that follow, up to a sign or another function.
    pub fn bare_argument(&mut self) -> Result<Node, Broken> {
        if self.take('-') {
            return Ok(Node::Neg(Box::new(self.deeper(Parser::bare_argument)?)));
        }
        let mut factors = vec![self.power()?];
        while self.begins_factor() && !self.at_function() && !matches!(self.peek(), Some(Tok::Sign('('))) {
            if matches!(self.peek(), Some(Tok::Number(_))) {
                return self.fail(Why::Adjacent);
            }
            let factor = self.power()?;
            factors.push(factor);
        }
        Ok(if factors.len() == 1 { factors.remove(0) } else { Node::Mul(factors) })
    }

    pub fn at_function(&self) -> bool {
        match self.peek() {
            Some(Tok::Letters(name) | Tok::Command(name)) => words::function(name).is_some(),
            _ => false,
        }
    }
}

fn inverse(function: Function) -> Option<Function> {
    Some(match function {
        Function::Sin => Function::Arcsin,
        Function::Cos => Function::Arccos,
        Function::Tan => Function::Arctan,
        Function::Cot => Function::Arccot,
        Function::Sec => Function::Arcsec,
        Function::Csc => Function::Arccsc,
        _ => return None,
    })
}
