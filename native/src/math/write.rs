//! A tree written back, every product and bracket spelled out, so that a person sees how a text was read.

use super::tree::{Bracket, Constant, Joiner, Node, Relation};

pub fn written(node: &Node) -> String {
    match node {
        Node::Lit(literal) if literal.value.over.sign() == num_bigint::Sign::Minus => format!("({})", literal.text),
        Node::Lit(literal) => literal.text.clone(),
        Node::Const(Constant::Pi) => "pi".into(),
        Node::Const(Constant::E) => "e".into(),
        Node::Const(Constant::I) => "i".into(),
        Node::Const(Constant::Infinity) => "infinity".into(),
        Node::Var(name) => name.clone(),
        Node::Neg(one) => format!("-{}", grouped(one)),
        Node::Add(all) => joined(all, " + "),
        Node::Mul(all) => all.iter().map(grouped).collect::<Vec<_>>().join("*"),
        Node::Div(a, b) => format!("{}/{}", grouped(a), grouped(b)),
        Node::Pow(a, b) => format!("{}^{}", grouped(a), grouped(b)),
        Node::Root(degree, of) => format!("root({}, {})", written(degree), written(of)),
        Node::Fn(function, all) => format!("{}({})", format!("{function:?}").to_lowercase(), joined(all, ", ")),
        Node::Call(name, all) => format!("{name}({})", joined(all, ", ")),
        Node::Factorial(one) => format!("{}!", grouped(one)),
        Node::Binom(a, b) => format!("binomial({}, {})", written(a), written(b)),
        Node::PlusMinus(a, b, turned) => format!("{} {} {}", written(a), if *turned { "-+" } else { "+-" }, grouped(b)),
        Node::Operator(name) => format!("[{name}]"),
        Node::Bracketed(open, all, close) => {
            let open = match open {
                Bracket::Round => "(",
                Bracket::Square => "[",
                Bracket::Angle => "<",
            };
            let close = match close {
                Bracket::Round => ")",
                Bracket::Square => "]",
                Bracket::Angle => ">",
            };
            format!("{open}{}{close}", joined(all, ", "))
        }
        Node::Set(all) => format!("{{{}}}", joined(all, ", ")),
        Node::Builder(name, conditions) => format!("{{{} : {}}}", written(name), written(conditions)),
        Node::List(all, Joiner::Or) => joined(all, " or "),
        Node::List(all, Joiner::And) => joined(all, " and "),
        Node::List(all, Joiner::Comma) => joined(all, ", "),
        Node::Chain(first, rest) => {
            let mut text = first.as_ref().map(|node| written(node)).unwrap_or_default();
            for (relation, node) in rest {
                text.push_str(&format!(" {} {}", sign(*relation), written(node)));
            }
            text.trim_start().to_owned()
        }
        Node::Union(all) => joined(all, " union "),
        Node::Without(a, b) => format!("{} without {}", written(a), written(b)),
        Node::Common(all) => joined(all, " and "),
        Node::Matrix(rows) => {
            format!("[{}]", rows.iter().map(|row| joined(row, ", ")).collect::<Vec<_>>().join("; "))
        }
        Node::Quantity(value, unit) => {
            let unit: Vec<String> = unit
                .dimensions
                .iter()
                .map(|(name, power)| {
                    let name = name.trim_start_matches(['\'', '$']);
                    if *power == 1 { name.to_owned() } else { format!("{name}^{power}") }
                })
                .chain((!unit.factor.is_one()).then(|| format!("times {}", unit.factor)))
                .collect();
            format!("{} {}", grouped(value), unit.join(" "))
        }
        Node::Percent(one) => format!("{} %", grouped(one)),
        Node::Degrees(one) => format!("{} degrees", grouped(one)),
        Node::Ratio(all) => joined(all, " : "),
        Node::Base(digits, base) => format!("{digits} in base {base}"),
        Node::Text(words) => format!("\"{}\"", words.trim()),
        Node::Empty => "{}".into(),
        Node::Reals => "reals".into(),
        Node::Dots => "...".into(),
    }
}

fn joined(all: &[Node], between: &str) -> String {
    all.iter().map(written).collect::<Vec<_>>().join(between)
}

fn grouped(node: &Node) -> String {
    match node {
        Node::Add(_)
        | Node::Mul(_)
        | Node::Div(..)
        | Node::Neg(_)
        | Node::Pow(..)
        | Node::PlusMinus(..)
        | Node::Chain(..) => {
            format!("({})", written(node))
        }
        other => written(other),
    }
}

fn sign(relation: Relation) -> &'static str {
    match relation {
        Relation::Equal => "=",
        Relation::NotEqual => "!=",
        Relation::Less => "<",
        Relation::LessEqual => "<=",
        Relation::Greater => ">",
        Relation::GreaterEqual => ">=",
        Relation::Approx => "~",
        Relation::In => "in",
    }
}
