//! What a text says, as it says it: the tree keeps how a number is written, and evaluates nothing.

use super::rational::Rational;
use super::unit::Unit;

/// How a numeral is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Integer,
    /// A point and so many places.
    Decimal(u32),
    /// A decimal times a power of ten; the places are those of the value, fewer than none too.
    Scientific(i64),
    Repeating,
    Mixed,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Literal {
    pub value: Rational,
    pub style: Style,
    /// Significant digits as written.
    pub digits: u32,
    /// Whether the last digit written is a zero.
    pub trailing_zero: bool,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constant {
    Pi,
    E,
    I,
    Infinity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    Sin,
    Cos,
    Tan,
    Cot,
    Sec,
    Csc,
    Arcsin,
    Arccos,
    Arctan,
    Arccot,
    Arcsec,
    Arccsc,
    Sinh,
    Cosh,
    Tanh,
    Exp,
    Ln,
    /// Without a base: e or 10.
    Log,
    /// Two arguments: the base, then what it is of.
    LogBase,
    Abs,
    Floor,
    Ceil,
    Max,
    Min,
    Gcd,
    Lcm,
    Sign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Approx,
    In,
}

impl Relation {
    pub fn turned(self) -> Relation {
        match self {
            Relation::Less => Relation::Greater,
            Relation::LessEqual => Relation::GreaterEqual,
            Relation::Greater => Relation::Less,
            Relation::GreaterEqual => Relation::LessEqual,
            other => other,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bracket {
    Round,
    Square,
    Angle,
}

/// What joins the elements of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joiner {
    Comma,
    And,
    Or,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Lit(Literal),
    Const(Constant),
    Var(String),
    Neg(Box<Node>),
    Add(Vec<Node>),
    Mul(Vec<Node>),
    Div(Box<Node>, Box<Node>),
    Pow(Box<Node>, Box<Node>),
    /// Degree, radicand.
    Root(Box<Node>, Box<Node>),
    Fn(Function, Vec<Node>),
    /// A function that nobody knows.
    Call(String, Vec<Node>),
    Factorial(Box<Node>),
    Binom(Box<Node>, Box<Node>),
    PlusMinus(Box<Node>, Box<Node>, bool),
    /// A sum over a range, an integral, a limit, a determinant, a remainder: never a value here.
    Operator(&'static str),
    /// Parentheses that were written: they matter to names and signs only, so most of them are gone.
    Bracketed(Bracket, Vec<Node>, Bracket),
    /// An interval whose square brackets are turned outwards, `]a, b[`, has round ones here.
    Set(Vec<Node>),
    /// {name : conditions}
    Builder(Box<Node>, Box<Node>),
    List(Vec<Node>, Joiner),
    /// The first member is absent where a sign of relation stands first.
    Chain(Option<Box<Node>>, Vec<(Relation, Node)>),
    Union(Vec<Node>),
    Without(Box<Node>, Box<Node>),
    Common(Vec<Node>),
    Matrix(Vec<Vec<Node>>),
    Quantity(Box<Node>, Unit),
    Percent(Box<Node>),
    Degrees(Box<Node>),
    Ratio(Vec<Node>),
    /// Digits, base.
    Base(String, u32),
    Text(String),
    Empty,
    Reals,
    Dots,
}

impl Node {
    pub fn int(value: i64) -> Node {
        Node::rational(Rational::int(value))
    }

    pub fn rational(value: Rational) -> Node {
        let text = value.to_string();
        Node::Lit(Literal { value, style: Style::Integer, digits: 0, trailing_zero: false, text })
    }

    pub fn minus(self, other: Node) -> Node {
        Node::Add(vec![self, Node::Neg(Box::new(other))])
    }

    pub fn times(self, other: Node) -> Node {
        Node::Mul(vec![self, other])
    }

    pub fn over(self, other: Node) -> Node {
        Node::Div(Box::new(self), Box::new(other))
    }

    pub fn children(&self) -> Vec<&Node> {
        use Node::*;
        match self {
            Lit(_) | Const(_) | Var(_) | Operator(_) | Base(..) | Text(_) | Empty | Reals | Dots => Vec::new(),
            Neg(a) | Factorial(a) | Quantity(a, _) | Percent(a) | Degrees(a) => vec![a],
            Div(a, b) | Pow(a, b) | Root(a, b) | Binom(a, b) | PlusMinus(a, b, _) | Builder(a, b) | Without(a, b) => {
                vec![a, b]
            }
            Add(all) | Mul(all) | Fn(_, all) | Call(_, all) | Bracketed(_, all, _) | Set(all) | List(all, _) => {
                all.iter().collect()
            }
            Union(all) | Common(all) | Ratio(all) => all.iter().collect(),
            Chain(first, rest) => first.iter().map(|node| &**node).chain(rest.iter().map(|(_, node)| node)).collect(),
            Matrix(rows) => rows.iter().flatten().collect(),
        }
    }

    /// Whether it or something in it is so.
    pub fn any(&self, test: &mut dyn FnMut(&Node) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|child| child.any(test))
    }

    pub fn size(&self) -> usize {
        1 + self.children().into_iter().map(Node::size).sum::<usize>()
    }

    /// Names of variables, sorted, each once; unknown functions are not among them.
    pub fn variables(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.any(&mut |node| {
            if let Node::Var(name) = node {
                names.push(name.clone());
            }
            false
        });
        names.sort();
        names.dedup();
        names
    }

    /// The tree with every variable of that name replaced.
    pub fn with(&self, name: &str, value: &Node) -> Node {
        self.map(&mut |node| match node {
            Node::Var(other) if other == name => Some(value.clone()),
            _ => None,
        })
    }

    /// The tree with everything replaced for which there is something else; what was replaced is not looked into.
    pub fn map(&self, change: &mut dyn FnMut(&Node) -> Option<Node>) -> Node {
        use Node::*;
        if let Some(other) = change(self) {
            return other;
        }
        let mut one = |node: &Node| Box::new(node.map(change));
        match self {
            Lit(_) | Const(_) | Var(_) | Operator(_) | Base(..) | Text(_) | Empty | Reals | Dots => self.clone(),
            Neg(a) => Neg(one(a)),
            Factorial(a) => Factorial(one(a)),
            Quantity(a, unit) => Quantity(one(a), unit.clone()),
            Percent(a) => Percent(one(a)),
            Degrees(a) => Degrees(one(a)),
            Div(a, b) => Div(one(a), one(b)),
            Pow(a, b) => Pow(one(a), one(b)),
            Root(a, b) => Root(one(a), one(b)),
            Binom(a, b) => Binom(one(a), one(b)),
            PlusMinus(a, b, turned) => PlusMinus(one(a), one(b), *turned),
            Builder(a, b) => Builder(one(a), one(b)),
            Without(a, b) => Without(one(a), one(b)),
            Add(all) => Add(many(all, change)),
            Mul(all) => Mul(many(all, change)),
            Fn(function, all) => Fn(*function, many(all, change)),
            Call(name, all) => Call(name.clone(), many(all, change)),
            Bracketed(open, all, close) => Bracketed(*open, many(all, change), *close),
            Set(all) => Set(many(all, change)),
            List(all, joiner) => List(many(all, change), *joiner),
            Union(all) => Union(many(all, change)),
            Common(all) => Common(many(all, change)),
            Ratio(all) => Ratio(many(all, change)),
            Chain(first, rest) => {
                let first = first.as_ref().map(|node| Box::new(node.map(change)));
                Chain(first, rest.iter().map(|(relation, node)| (*relation, node.map(change))).collect())
            }
            Matrix(rows) => Matrix(rows.iter().map(|row| many(row, change)).collect()),
        }
    }
}

fn many(all: &[Node], change: &mut dyn FnMut(&Node) -> Option<Node>) -> Vec<Node> {
    all.iter().map(|node| node.map(change)).collect()
}
