//! Characters into the few that the grammar has, and what stands around an answer taken away.

use unicode_normalization::UnicodeNormalization;

/// What is written with other characters, in commands and ASCII; everything else goes through NFKC.
const CHARACTERS: [(char, &str); 62] = [
    ('\u{2212}', "-"),
    ('\u{2013}', "-"),
    ('\u{2010}', "-"),
    ('\u{2011}', "-"),
    ('√', "\\sqrt "),
    ('∞', "\\infty "),
    ('∪', "\\cup "),
    ('∩', "\\cap "),
    ('∈', "\\in "),
    ('∖', "\\setminus "),
    ('≤', "\\le "),
    ('≥', "\\ge "),
    ('⩽', "\\le "),
    ('⩾', "\\ge "),
    ('≠', "\\ne "),
    ('≈', "\\approx "),
    ('±', "\\pm "),
    ('∓', "\\mp "),
    ('×', "\\times "),
    ('·', "\\cdot "),
    ('⋅', "\\cdot "),
    ('∙', "\\cdot "),
    ('∗', "*"),
    ('÷', "\\div "),
    ('°', "^\\circ "),
    ('º', "^\\circ "),
    ('∅', "\\emptyset "),
    ('ø', "\\emptyset "),
    ('ℝ', "\\mathbb{R}"),
    ('∧', "\\land "),
    ('∨', "\\lor "),
    ('⟨', "\\langle "),
    ('⟩', "\\rangle "),
    ('⌊', "\\lfloor "),
    ('⌋', "\\rfloor "),
    ('⌈', "\\lceil "),
    ('⌉', "\\rceil "),
    ('…', "\\ldots "),
    ('∣', "|"),
    ('′', "'"),
    ('’', "'"),
    ('⁄', "/"),
    ('∕', "/"),
    ('²', "^2"),
    ('³', "^3"),
    ('¹', "^1"),
    ('⁰', "^0"),
    ('⁴', "^4"),
    ('⁵', "^5"),
    ('⁶', "^6"),
    ('⁷', "^7"),
    ('⁸', "^8"),
    ('⁹', "^9"),
    ('ⁿ', "^n"),
    ('€', "\\euro "),
    ('£', "\\pounds "),
    ('¥', "\\yen "),
    ('₀', "_0"),
    ('₁', "_1"),
    ('₂', "_2"),
    ('₃', "_3"),
    ('\u{a0}', " "),
];

pub const GREEK: [(char, &str); 34] = [
    ('α', "alpha"),
    ('β', "beta"),
    ('γ', "gamma"),
    ('δ', "delta"),
    ('ε', "epsilon"),
    ('ζ', "zeta"),
    ('η', "eta"),
    ('θ', "theta"),
    ('ι', "iota"),
    ('κ', "kappa"),
    ('λ', "lambda"),
    ('μ', "mu"),
    ('ν', "nu"),
    ('ξ', "xi"),
    ('π', "pi"),
    ('ρ', "rho"),
    ('σ', "sigma"),
    ('τ', "tau"),
    ('υ', "upsilon"),
    ('φ', "phi"),
    ('χ', "chi"),
    ('ψ', "psi"),
    ('ω', "omega"),
    ('Γ', "Gamma"),
    ('Δ', "Delta"),
    ('Θ', "Theta"),
    ('Λ', "Lambda"),
    ('Ξ', "Xi"),
    ('Π', "Pi"),
    ('Σ', "Sigma"),
    ('Υ', "Upsilon"),
    ('Φ', "Phi"),
    ('Ψ', "Psi"),
    ('Ω', "Omega"),
];

/// The text in the grammar's characters; those that have no place in it stay, and the lexer refuses them.
pub fn characters(text: &str) -> String {
    let text = text.trim_matches(|c: char| c.is_whitespace() || invisible(c));
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        write(character, true, &mut plain);
    }
    plain
}

fn write(character: char, fold: bool, to: &mut String) {
    if character.is_ascii() {
        to.push(character);
    } else if let Some((_, plain)) = CHARACTERS.iter().find(|(other, _)| *other == character) {
        to.push_str(plain);
    } else if let Some((_, name)) = GREEK.iter().find(|(other, _)| *other == character) {
        to.push('\\');
        to.push_str(name);
        to.push(' ');
    } else if fold {
        let folded: Vec<char> = std::iter::once(character).nfkc().collect();
        // A fraction of one character is one number, so that 1¾ is a mixed one.
        if let Some(line) = folded.iter().position(|&c| c == '\u{2044}') {
            let (over, under): (String, String) =
                (folded[..line].iter().collect(), folded[line + 1..].iter().collect());
            to.push_str(&format!("\\frac{{{over}}}{{{under}}}"));
        } else {
            folded.into_iter().for_each(|c| write(c, false, to));
        }
    } else {
        to.push(character);
    }
}

fn invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

const LEAD_INS: [&str; 7] =
    ["the final answer is", "the answer is", "final answer is", "final answer", "answer is", "answer", "therefore"];
const LAYERS: usize = 5;

/// Without a sentence around it: lead-in words, Markdown, one pair of maths delimiters, boxes, one full stop.
pub fn undressed(text: &str) -> &str {
    let mut text = text;
    for _ in 0..LAYERS {
        let before = text.len();
        text = blanks(text);
        text = blanks(without_lead_in(text));
        if !text.ends_with("..") && !text.ends_with("dots.") {
            text = blanks(text.strip_suffix(['.', ';', ',']).filter(|text| !text.ends_with('\\')).unwrap_or(text));
        }
        for mark in ["**", "__"] {
            text = text.strip_prefix(mark).unwrap_or(text);
            text = text.strip_suffix(mark).unwrap_or(text);
        }
        for (open, close) in [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")] {
            let inner = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
            // "\\$" at the end is a sign of money, and "$5$ or $6$" is not one pair.
            if let Some(inner) = inner.filter(|inner| !inner.contains(open) && !inner.ends_with('\\')) {
                text = inner;
                break;
            }
        }
        for command in ["\\boxed", "\\fbox"] {
            if let Some(inner) = text.strip_prefix(command).and_then(|rest| whole_group(blanks(rest))) {
                text = inner;
            }
        }
        if text.len() == before {
            break;
        }
    }
    text
}

/// Without blanks around it, TeX's too.
pub fn blanks(mut text: &str) -> &str {
    const TEX: [&str; 6] = ["~", "\\,", "\\;", "\\:", "\\!", "\\ "];
    loop {
        let before = text.len();
        text = text.trim();
        for blank in TEX {
            text = text.strip_prefix(blank).unwrap_or(text);
            text = text.strip_suffix(blank.trim_end()).filter(|_| blank != "\\ ").unwrap_or(text);
        }
        if text.len() == before {
            return text;
        }
    }
}

fn without_lead_in(text: &str) -> &str {
    // \text{the answer is } 204
    if let Some((words, rest)) = text.strip_prefix("\\text{").and_then(|inner| inner.split_once('}')) {
        let words = words.trim().trim_end_matches([':', ',']);
        if LEAD_INS.iter().any(|other| other.eq_ignore_ascii_case(words)) && !rest.trim().is_empty() {
            return rest;
        }
    }
    for words in LEAD_INS {
        let Some(head) = text.get(..words.len()).filter(|head| head.eq_ignore_ascii_case(words)) else { continue };
        let rest = &text[head.len()..];
        let after = rest.trim_start().trim_start_matches([':', ',']);
        if after.len() < rest.len() && !after.trim().is_empty() {
            return after;
        }
    }
    text
}

/// What is in the braces, if the text is one group.
fn whole_group(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut depth = 0_usize;
    let mut escaped = false;
    for byte in inner.bytes() {
        match byte {
            b'{' if !escaped => depth += 1,
            b'}' if !escaped => depth = depth.checked_sub(1)?,
            _ => {}
        }
        escaped = byte == b'\\' && !escaped;
    }
    (depth == 0).then_some(inner)
}
