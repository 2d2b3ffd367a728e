//! JSON: brackets, quotes, commas and colons.

use super::{Broken, Cutter, Step};

enum Next {
    /// An element, or the end of a container that has none yet.
    First,
    Element,
    /// A comma, or the end of the container.
    Comma,
}

/// The steps that put `text` together; none if it is small, or no container.
pub fn json(text: &[u8], piece: usize) -> Result<Vec<Step>, Broken> {
    let mut cutter = Cutter::new(piece);
    let mut at = skip_blanks(text, 0);
    let mut next = Next::Element;
    loop {
        let byte = *text.get(at).ok_or(Broken::Ends)?;
        let map = cutter.innermost();
        match (&next, byte, map) {
            (Next::First | Next::Comma, b']', Some(false)) | (Next::First | Next::Comma, b'}', Some(true)) => {
                at += 1;
                cutter.close(at);
                next = Next::Comma;
            }
            (Next::Comma, b',', Some(_)) => {
                at += 1;
                next = Next::Element;
            }
            (Next::First | Next::Element, _, _) => {
                cutter.begin(at);
                if map == Some(true) {
                    at = key(text, at, &mut cutter)?;
                }
                match *text.get(at).ok_or(Broken::Ends)? {
                    opening @ (b'[' | b'{') => {
                        cutter.open(opening == b'{', at)?;
                        at += 1;
                        next = Next::First;
                    }
                    _ => {
                        at = scalar(text, at)?;
                        cutter.end(at);
                        next = Next::Comma;
                    }
                }
            }
            _ => return Err(Broken::At(at)),
        }
        at = skip_blanks(text, at);
        if cutter.innermost().is_none() {
            return if at == text.len() { Ok(cutter.done) } else { Err(Broken::At(at)) };
        }
    }
}

fn key(text: &[u8], start: usize, cutter: &mut Cutter) -> Result<usize, Broken> {
    if text[start] != b'"' {
        return Err(Broken::At(start));
    }
    let end = scalar(text, start)?;
    cutter.key(start..end);
    let colon = skip_blanks(text, end);
    match text.get(colon) {
        Some(b':') => Ok(skip_blanks(text, colon + 1)),
        Some(_) => Err(Broken::At(colon)),
        None => Err(Broken::Ends),
    }
}

/// The end of the text, number or word at `start`.
fn scalar(text: &[u8], start: usize) -> Result<usize, Broken> {
    if text[start] != b'"' {
        let rest = &text[start..];
        let length = rest.iter().position(|byte| b",:]}[{\" \t\r\n".contains(byte)).unwrap_or(rest.len());
        return if length == 0 { Err(Broken::At(start)) } else { Ok(start + length) };
    }
    let mut at = start + 1;
    loop {
        let rest = text.get(at..).ok_or(Broken::Ends)?;
        let step = rest.iter().position(|&byte| byte == b'"' || byte == b'\\').ok_or(Broken::Ends)?;
        if rest[step] == b'"' {
            return Ok(at + step + 1);
        }
        at += step + 2;
    }
}

fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}
