//! Characters into tokens, each with its place; what the grammar does not know is an error there.

use super::bounds::{DIGITS, TOKENS};
use super::lex_commands::{BLANKS, DROPPED, KNOWN, STYLES};
use super::lex_number::{groups_by_comma, number};
use super::tree::Literal;

#[derive(Debug, Clone, PartialEq)]
pub enum Tok {
    Number(Literal),
    /// A run of ASCII letters.
    Letters(String),
    /// A command, without its backslash.
    Command(String),
    /// The inside of \text{...} and its kin, where that is more than one letter or a numeral.
    Text(String),
    Sign(char),
    /// { and } of TeX; those of sets are commands.
    Open,
    Close,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub tok: Tok,
    /// Byte in the text.
    pub at: usize,
    /// Whether a blank stands before it.
    pub apart: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    pub at: usize,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Character,
    Command,
    Comment,
    Brackets,
    Expected,
    TooLarge,
    Adjacent,
    Mixed,
}

impl Broken {
    pub fn message(&self) -> String {
        let what = match self.why {
            Why::Character => "a character without a place in a formula",
            Why::Command => "an unknown command",
            Why::Comment => "text after a percent sign",
            Why::Brackets => "brackets that do not match",
            Why::Expected => "something is missing or too much",
            Why::TooLarge => "too long or too deep",
            Why::Adjacent => "two numbers side by side",
            Why::Mixed => "a mixed number with an improper fraction",
        };
        format!("{what} at byte {}", self.at)
    }
}

/// The tokens of a text; `grouped` says that a comma between digits outside brackets may separate thousands.
pub fn lex(text: &str, grouped: bool) -> Result<Vec<Token>, Broken> {
    let mut lexer = Lexer { text, at: 0, apart: false, digits: 0, depth: 0, grouped, tokens: Vec::new() };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    apart: bool,
    digits: usize,
    /// Of brackets inside which a comma separates elements.
    depth: usize,
    grouped: bool,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn fail<T>(&self, why: Why) -> Result<T, Broken> {
        Err(Broken { at: self.at, why })
    }

    fn push(&mut self, tok: Tok, length: usize) -> Result<(), Broken> {
        if self.tokens.len() >= TOKENS {
            return self.fail(Why::TooLarge);
        }
        self.tokens.push(Token { tok, at: self.at, apart: self.apart });
        self.at += length;
        self.apart = false;
        Ok(())
    }

    fn blank(&mut self, length: usize) {
        self.at += length;
        self.apart = true;
    }

    fn run(&mut self) -> Result<(), Broken> {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            let rest = &self.text[self.at..];
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b'~' => self.blank(1),
                b'0'..=b'9' => self.number()?,
                b'.' if rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => self.number()?,
                b'.' if rest.starts_with("...") => self.push(Tok::Command("ldots".into()), 3)?,
                b'a'..=b'z' | b'A'..=b'Z' => {
                    let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
                    self.push(Tok::Letters(rest[..length].into()), length)?;
                }
                b'\\' => self.command()?,
                b'{' if rest.starts_with("{,}") || rest.starts_with("{:}") => {
                    self.push(Tok::Sign(char::from(rest.as_bytes()[1])), 3)?
                }
                b'{' => self.push(Tok::Open, 1)?,
                b'}' => self.push(Tok::Close, 1)?,
                b'%' => {
                    if !rest[1..].trim_start().is_empty() && !rest[1..].trim_start().starts_with([',', '}', ')']) {
                        return self.fail(Why::Comment);
                    }
                    self.push(Tok::Sign('%'), 1)?;
                }
                b'*' if rest.starts_with("**") => self.push(Tok::Sign('^'), 2)?,
                b'<' | b'>' | b'!' if rest[1..].starts_with('=') => {
                    let name = match byte {
                        b'<' => "le",
                        b'>' => "ge",
                        _ => "ne",
                    };
                    self.push(Tok::Command(name.into()), 2)?;
                }
                b'(' | b'[' => {
                    self.depth += 1;
                    self.push(Tok::Sign(char::from(byte)), 1)?;
                }
                b')' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.push(Tok::Sign(char::from(byte)), 1)?;
                }
                b'+' | b'-' | b'*' | b'/' | b'^' | b'_' | b',' | b';' | b':' | b'|' | b'!' | b'=' | b'<' | b'>'
                | b'\'' | b'&' | b'?' | b'$' | b'.' => {
                    self.push(Tok::Sign(char::from(byte)), 1)?;
                }
                _ => return self.fail(Why::Character),
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Broken> {
        let commas = self.grouped && self.depth == 0 && groups_by_comma(&self.text[..self.at]);
        let Some((literal, length, digits)) = number(&self.text[self.at..], commas) else {
            return self.fail(Why::Expected);
        };
        self.digits += digits;
        if self.digits > DIGITS {
            return self.fail(Why::TooLarge);
        }
        self.push(Tok::Number(literal), length)
    }

    fn command(&mut self) -> Result<(), Broken> {
        let rest = &self.text[self.at + 1..];
        let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        if length == 0 {
            return match rest.as_bytes().first() {
                Some(b',' | b';' | b':' | b'!' | b' ' | b'>' | b'\n') => {
                    self.blank(2);
                    Ok(())
                }
                Some(b'{') => {
                    self.depth += 1;
                    self.push(Tok::Command("lbrace".into()), 2)
                }
                Some(b'}') => {
                    self.depth = self.depth.saturating_sub(1);
                    self.push(Tok::Command("rbrace".into()), 2)
                }
                Some(b'%') => self.push(Tok::Sign('%'), 2),
                Some(b'$') => self.push(Tok::Sign('$'), 2),
                Some(b'|') => self.push(Tok::Sign('|'), 2),
                Some(b'\\') => self.push(Tok::Command("\\".into()), 2),
                _ => self.fail(Why::Command),
            };
        }
        let name = &rest[..length];
        if DROPPED.contains(&name) {
            // \left. and \right. are no brackets at all.
            let dot = usize::from(matches!(name, "left" | "right") && rest[length..].starts_with('.'));
            self.at += 1 + length + dot;
            return Ok(());
        }
        if BLANKS.contains(&name) {
            self.blank(1 + length);
            return Ok(());
        }
        if STYLES.contains(&name) {
            return self.styled(length);
        }
        let greek = super::clean::GREEK.iter().any(|(_, other)| *other == name);
        if !greek && !KNOWN.contains(&name) {
            return self.fail(Why::Command);
        }
        if matches!(name, "lbrace" | "langle" | "lfloor" | "lceil") {
            self.depth += 1;
        } else if matches!(name, "rbrace" | "rangle" | "rfloor" | "rceil") {
            self.depth = self.depth.saturating_sub(1);
        }
        self.push(Tok::Command(name.into()), 1 + length)
    }

    /// \text{...}: a letter, a numeral or a function's name stands for itself, all else is words.
    fn styled(&mut self, name: usize) -> Result<(), Broken> {
        let rest = &self.text[self.at + 1 + name..];
        let blanks = rest.len() - rest.trim_start().len();
        let Some(inner) = rest[blanks..].strip_prefix('{') else {
            // \mathrm e
            self.at += 1 + name;
            return Ok(());
        };
        let Some(end) = inner.find(['{', '}', '\\', '$']) else { return self.fail(Why::Brackets) };
        let words = &inner[..end];
        let formula = inner.as_bytes()[end] != b'}';
        let bare = words.trim();
        let numeral = bare.bytes().any(|byte| byte.is_ascii_digit())
            && bare
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.' | b'-' | b'/' | b' ' | b'%' | b'='));
        let name_of_function = super::words::function(bare).is_some();
        let letter = bare.len() == 1 && bare.as_bytes()[0].is_ascii_alphabetic();
        if name_of_function && !formula {
            return self.push(Tok::Letters(bare.into()), 1 + name + blanks + 1 + end + 1);
        }
        // 5\text{ m}
        let after_value = self.tokens.last().is_some_and(|last| matches!(last.tok, Tok::Number(_) | Tok::Close));
        if letter
            && after_value
            && !formula
            && !matches!(bare, "e" | "i" | "C" | "F")
            && super::unit::named(bare).is_some()
        {
            return self.push(Tok::Text(bare.into()), 1 + name + blanks + 1 + end + 1);
        }
        if formula || numeral || letter {
            if formula && bare.len() > 1 {
                return self.fail(Why::Command);
            }
            self.at += 1 + name + blanks;
            self.apart |= letter && words.len() > 1;
            return Ok(());
        }
        let length = 1 + name + blanks + 1 + end + 1;
        if bare.is_empty() {
            self.blank(length);
            return Ok(());
        }
        self.push(Tok::Text(words.into()), length)
    }
}
