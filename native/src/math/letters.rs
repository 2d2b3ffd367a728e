//! Runs of letters: names of functions, words, units, or a product of variables of one letter each.

use super::lex::{Tok, Token};
use super::{unit, words};

/// Runs that are one name, besides those of functions.
const NAMES: [&str; 16] = [
    "sqrt", "pi", "infinity", "infty", "inf", "and", "or", "mod", "alpha", "beta", "gamma", "theta", "lambda", "cbrt",
    "union", "in",
];
const SHORT_WORDS: [&str; 26] = [
    "is", "of", "an", "the", "to", "if", "not", "all", "dne", "yes", "no", "as", "at", "for", "per", "by", "are",
    "ago", "one", "two", "six", "ten", "DNE", "but", "day", "cup",
];
const PREFIXES: [&str; 9] = ["sin", "cos", "tan", "cot", "sec", "csc", "ln", "log", "exp"];

/// The tokens with every run of letters decided; words that follow each other become one text.
pub fn decided(tokens: Vec<Token>) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len() + 8);
    for token in tokens {
        let Tok::Letters(run) = &token.tok else {
            out.push(token);
            continue;
        };
        let run = run.clone();
        let after_value = out.last().is_some_and(|last| matches!(last.tok, Tok::Number(_) | Tok::Close));
        if run.len() == 1
            || words::function(&run).is_some_and(|_| !(run == "min" && after_value))
            || NAMES.contains(&&*run)
        {
            let lower = if run == "Pi" { "pi".to_owned() } else { run };
            out.push(Token { tok: Tok::Letters(lower), ..token });
        } else if is_word(&run, after_value) {
            match out.last_mut() {
                Some(Token { tok: Tok::Text(words), .. }) if token.apart => {
                    words.push(' ');
                    words.push_str(&run);
                }
                _ => out.push(Token { tok: Tok::Text(run), ..token }),
            }
        } else if let Some(name) =
            PREFIXES.iter().find(|name| run.strip_prefix(**name).is_some_and(|rest| rest.len() == 1))
        {
            out.push(Token { tok: Tok::Letters((*name).to_owned()), ..token.clone() });
            single(&run[name.len()..], Token { at: token.at + name.len(), apart: false, ..token }, &mut out);
        } else {
            single(&run, token, &mut out);
        }
    }
    out
}

fn single(run: &str, token: Token, out: &mut Vec<Token>) {
    for (index, letter) in run.chars().enumerate() {
        let apart = token.apart && index == 0;
        out.push(Token { tok: Tok::Letters(letter.to_string()), at: token.at + index, apart });
    }
}

fn is_word(run: &str, after_value: bool) -> bool {
    if SHORT_WORDS.contains(&run) {
        return true;
    }
    if run.len() < 4 {
        return after_value && run != "xy" && unit::named(run).is_some();
    }
    // abcd, wxyz: variables.
    !run.as_bytes().windows(2).all(|pair| pair[1] == pair[0] + 1)
}
