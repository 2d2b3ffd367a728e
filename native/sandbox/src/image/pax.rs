//! PAX extended headers: records of `LENGTH KEY=VALUE\n`, whose values may hold any byte.

use assay_shared::fault::Result;

use super::refuse;

/// What the next entry's extended header says in place of its plain one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Extended {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
}

impl Extended {
    /// Adds the records of one header; keys that are not known here (times, extended attributes) say nothing to us.
    pub fn add(&mut self, mut records: &[u8]) -> Result<()> {
        while !records.is_empty() {
            let Some((key, value, rest)) = first_record(records) else {
                return refuse("an extended header that is not one");
            };
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(number(value)?),
                b"uid" => self.uid = Some(number(value)?),
                b"gid" => self.gid = Some(number(value)?),
                key if key.starts_with(b"GNU.sparse.") => return refuse("a sparse file"),
                _ => {}
            }
            records = rest;
        }
        Ok(())
    }
}

/// Key, value and what follows.
fn first_record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = records.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&records[..blank]).ok()?.parse().ok()?;
    let body = records.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], &records[length..]))
}

fn number(value: &[u8]) -> Result<u64> {
    match std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
        Some(number) => Ok(number),
        None => refuse(format!("number {:?} in an extended header", String::from_utf8_lossy(value))),
    }
}
