//! Finds the end of a chunked body. Some servers send listings so.

use crate::response::Wrong;

/// Where in the body the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the line with the length of a chunk.
    Length,
    /// Behind its `;`.
    Extension,
    /// In a chunk of which so many bytes are left, the line end behind it included.
    Data(u64),
    /// At the beginning of a line behind the last chunk.
    Trailer,
    /// In such a line.
    TrailerField,
    /// Behind it all.
    End,
}

/// A chunked body that is being received.
#[derive(Debug)]
pub struct Chunked {
    at: At,
    /// The length in the line, as far as it was received.
    size: u64,
    /// Bytes of the body so far, chunk lengths not counted.
    pub length: u64,
}

impl Default for Chunked {
    fn default() -> Self {
        Self {
            at: At::Length,
            size: 0,
            length: 0,
        }
    }
}

/// Longer chunks are taken for nonsense.
const CHUNK_MAX: u64 = 1 << 40;

impl Chunked {
    /// Whether all of it was received.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.at == At::End
    }

    /// Takes what was received; returns how much of it belongs to the body.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, Wrong> {
        let mut used = 0;
        while let Some(byte) = bytes.get(used).copied().filter(|_| self.at != At::End) {
            used += match self.at {
                At::Data(left) => {
                    let got = left.min(u64::try_from(bytes.len() - used).unwrap_or(left));
                    self.at = match left - got {
                        0 => At::Length,
                        left => At::Data(left),
                    };
                    usize::try_from(got).unwrap_or(1)
                }
                _ => {
                    self.line(byte)?;
                    1
                }
            };
        }
        Ok(used)
    }

    /// Takes a byte that is not of a chunk's data.
    fn line(&mut self, byte: u8) -> Result<(), Wrong> {
        self.at = match (self.at, byte) {
            (At::Length | At::Extension, b'\n') => {
                let size = std::mem::take(&mut self.size);
                self.length += size;
                match size {
                    0 => At::Trailer,
                    size => At::Data(size + 2),
                }
            }
            (At::Length, b';') => At::Extension,
            (At::Length, b'\r') => At::Length,
            (At::Length, digit) => {
                let digit = char::from(digit).to_digit(16);
                let digit = digit.ok_or_else(|| Wrong::Unreadable("a chunk length".to_owned()))?;
                self.size = self.size * 16 + u64::from(digit);
                if self.size > CHUNK_MAX {
                    return Err(Wrong::Unreadable("an endless chunk".to_owned()));
                }
                At::Length
            }
            (At::Trailer, b'\n') => At::End,
            (At::Trailer, b'\r') => At::Trailer,
            (At::TrailerField, b'\n') => At::Trailer,
            (At::Trailer, _) => At::TrailerField,
            (at, _) => at,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"5\r\nhello\r\n1A;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nA: b\r\n\r\n";

    #[test]
    fn split_anywhere() {
        for at in 0..BODY.len() {
            let mut body = Chunked::default();
            let (first, second) = BODY.split_at(at);
            assert_eq!(body.take(first).unwrap(), first.len());
            assert!(!body.is_complete());
            assert_eq!(body.take(second).unwrap(), second.len());
            assert!(body.is_complete());
            assert_eq!(body.length, 31);
        }
    }

    #[test]
    fn what_follows_is_not_of_the_body() {
        let mut body = Chunked::default();
        let bytes = [BODY, b"HTTP"].concat();
        assert_eq!(body.take(&bytes).unwrap(), BODY.len());
        assert!(Chunked::default().take(b"zz\r\n").is_err());
        assert!(Chunked::default().take(b"fffffffffffffffff\r\n").is_err());
    }
}
