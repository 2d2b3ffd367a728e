//! SHA-256 digests, and readers that compute them on the way.

use std::fmt;
use std::io::{self, Read};

use assay_shared::fault::Result;
use sha2::{Digest as _, Sha256};

use super::refuse;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// From `sha256:` and 64 small hexadecimal digits, as the OCI specification writes it.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or_default().as_bytes();
        let mut digest = [0; 32];
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        if digits.len() == 64 {
            let bytes = digits.chunks_exact(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?));
            if digest.iter_mut().zip(bytes).all(|(place, byte)| byte.map(|byte| *place = byte).is_some()) {
                return Ok(Self(digest));
            }
        }
        refuse(format!("digest {text:?}: expected sha256: and 64 hexadecimal digits"))
    }

    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

/// Hashes and counts what is read through it.
pub struct Hashing<R> {
    inner: R,
    state: Sha256,
    bytes: u64,
    most: u64,
}

impl<R: Read> Hashing<R> {
    /// More than `most` bytes are an error.
    pub fn new(inner: R, most: u64) -> Self {
        Self { inner, state: Sha256::new(), bytes: 0, most }
    }

    /// Reads what is left, and says what all of it was.
    pub fn finish(mut self) -> io::Result<(Digest, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((Digest(self.state.finalize().into()), self.bytes))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        if self.bytes > self.most {
            return Err(io::Error::other(format!("more than {} bytes", self.most)));
        }
        self.state.update(&buffer[..count]);
        Ok(count)
    }
}
