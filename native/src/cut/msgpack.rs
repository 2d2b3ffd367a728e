//! MessagePack: headers and lengths.

use super::{Broken, Cutter, Step};

enum Value {
    Scalar { end: usize },
    Container { map: bool, count: usize, end: usize },
}

/// The steps that put `text` together; none if it is small, or no container.
pub fn msgpack(text: &[u8], piece: usize) -> Result<Vec<Step>, Broken> {
    let mut cutter = Cutter::new(piece);
    // Elements that are still to come, of each container that is open.
    let mut left: Vec<usize> = Vec::new();
    let mut at = 0;
    loop {
        cutter.begin(at);
        if cutter.innermost() == Some(true) {
            let Value::Scalar { end } = value(text, at)? else { return Err(Broken::At(at)) };
            cutter.key(at..end);
            at = end;
        }
        match value(text, at)? {
            Value::Container { map, count, end } => {
                cutter.open(map, at)?;
                left.push(count);
                at = end;
            }
            Value::Scalar { end } => {
                cutter.end(end);
                at = end;
                if let Some(left) = left.last_mut() {
                    *left -= 1;
                }
            }
        }
        while left.last() == Some(&0) {
            left.pop();
            cutter.close(at);
            if let Some(left) = left.last_mut() {
                *left -= 1;
            }
        }
        if left.is_empty() {
            return if at == text.len() { Ok(cutter.done) } else { Err(Broken::At(at)) };
        }
    }
}

fn value(text: &[u8], at: usize) -> Result<Value, Broken> {
    let tag = *text.get(at).ok_or(Broken::Ends)?;
    let low = |mask: u8| usize::from(tag & mask);
    let scalar = |size: usize| {
        let end = at.checked_add(size).filter(|&end| end <= text.len()).ok_or(Broken::Ends)?;
        Ok(Value::Scalar { end })
    };
    // A length of `bytes` bytes after the tag.
    let length = |bytes: usize| {
        let digits = text.get(at + 1..at + 1 + bytes).ok_or(Broken::Ends)?;
        Ok::<usize, Broken>(digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)))
    };
    let container = |map: bool, count: usize, header: usize| {
        // A count that the text cannot hold would only be found out at its end.
        if count > text.len() - at { Err(Broken::Ends) } else { Ok(Value::Container { map, count, end: at + header }) }
    };
    match tag {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => scalar(1),
        0x80..=0x8f => container(true, low(0x0f), 1),
        0x90..=0x9f => container(false, low(0x0f), 1),
        0xa0..=0xbf => scalar(1 + low(0x1f)),
        0xc1 => Err(Broken::At(at)),
        0xc4 | 0xd9 => scalar(2 + length(1)?),
        0xc5 | 0xda => scalar(3 + length(2)?),
        0xc6 | 0xdb => scalar(5 + length(4)?),
        0xc7 => scalar(3 + length(1)?),
        0xc8 => scalar(4 + length(2)?),
        0xc9 => scalar(6 + length(4)?),
        0xcc | 0xd0 => scalar(2),
        0xcd | 0xd1 => scalar(3),
        0xca | 0xce | 0xd2 => scalar(5),
        0xcb | 0xcf | 0xd3 => scalar(9),
        0xd4..=0xd8 => scalar(2 + (1 << (tag - 0xd4))),
        0xdc => container(false, length(2)?, 3),
        0xdd => container(false, length(4)?, 5),
        0xde => container(true, length(2)?, 3),
        0xdf => container(true, length(4)?, 5),
    }
}
