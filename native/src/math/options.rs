//! What an item declares about its reference, and the verdict's words.

use super::decide::{Decision, Domain, How};
use super::lex::{Broken, Why};

/// Declared types, by the names that items use; what is not declared is seen from the reference.
pub const TYPES: [&str; 26] = [
    "integer",
    "rational",
    "mixed",
    "decimal",
    "percent",
    "scientific",
    "constant",
    "complex",
    "expression",
    "equation",
    "inequality",
    "interval",
    "set",
    "list",
    "tuple",
    "matrix",
    "quantity",
    "money",
    "angle",
    "time",
    "ratio",
    "base",
    "choice",
    "yesno",
    "text",
    "family",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decimals {
    Exact,
    Rounded,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// One of `TYPES`.
    pub kind: Option<String>,
    pub variable: Option<String>,
    /// Names that stand for any integer.
    pub parameters: Vec<String>,
    /// Letter and text of each option.
    pub choices: Vec<(String, String)>,
    pub ordered: bool,
    pub percent: bool,
    pub decimals: Option<Decimals>,
    pub positive: bool,
    pub question: Option<String>,
}

impl Options {
    pub fn domain(&self) -> Domain {
        if self.positive { Domain::Positive } else { Domain::Real }
    }

    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    Different,
    WrongType,
    NoAnswer,
    SeveralAnswers,
    Unparsable(String),
    Unevaluated,
    Restated,
    TooLarge,
}

impl Reason {
    pub fn text(&self) -> String {
        match self {
            Reason::Different => "different".into(),
            Reason::WrongType => "wrong type".into(),
            Reason::NoAnswer => "no answer".into(),
            Reason::SeveralAnswers => "several answers".into(),
            Reason::Unparsable(why) => format!("unparsable: {why}"),
            Reason::Unevaluated => "unevaluated".into(),
            Reason::Restated => "restated".into(),
            Reason::TooLarge => "too large".into(),
        }
    }

    pub fn of(broken: &Broken) -> Reason {
        if broken.why == Why::TooLarge { Reason::TooLarge } else { Reason::Unparsable(broken.message()) }
    }
}

/// The answer's standing; `Open` is decided by the sizes of both trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    Correct(How),
    Incorrect(Reason),
    Open,
}

impl From<Decision> for Judged {
    fn from(decision: Decision) -> Judged {
        match decision {
            Decision::Equal(how) => Judged::Correct(how),
            Decision::Different(_) | Decision::NoValue => Judged::Incorrect(Reason::Different),
            Decision::TooLarge => Judged::Incorrect(Reason::TooLarge),
            Decision::PositiveOnly | Decision::Open => Judged::Open,
        }
    }
}

impl Judged {
    pub fn is_correct(&self) -> bool {
        matches!(self, Judged::Correct(_))
    }

    pub fn is_incorrect(&self) -> bool {
        matches!(self, Judged::Incorrect(_))
    }

    pub fn different() -> Judged {
        Judged::Incorrect(Reason::Different)
    }

    pub fn wrong_type() -> Judged {
        Judged::Incorrect(Reason::WrongType)
    }

    /// Correct if all are, incorrect if one is; the weakest evidence is told.
    pub fn all(parts: impl IntoIterator<Item = Judged>) -> Judged {
        let mut whole = Judged::Correct(How::Literal);
        for part in parts {
            match (&whole, part) {
                (_, Judged::Incorrect(reason)) => return Judged::Incorrect(reason),
                (Judged::Open, _) | (_, Judged::Open) => whole = Judged::Open,
                (Judged::Correct(so_far), Judged::Correct(how)) => {
                    whole = Judged::Correct(if how == How::Literal { *so_far } else { how });
                }
                (Judged::Incorrect(_), Judged::Correct(_)) => {}
            }
        }
        whole
    }

    /// The first unless it is incorrect and the other is better.
    pub fn or(self, other: impl FnOnce() -> Judged) -> Judged {
        if !self.is_incorrect() {
            return self;
        }
        let other = other();
        if other.is_incorrect() { self } else { other }
    }
}
