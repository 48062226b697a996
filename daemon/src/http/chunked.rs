//! The chunked transfer coding (RFC 9112, 7.1), stricter than it: nothing but an extension may
//! follow the size, line ends are CR LF, everything has a limit. Works byte by byte on the framing,
//! so a split of the stream cannot change its result; data between the framing is only counted.

use super::FramingError;
use super::bytes::{is_text, is_token};
use crate::base::limits::{
    HTTP_CHUNK_BYTES_MAX, HTTP_CHUNK_EXTENSION_BYTES_MAX, HTTP_TRAILER_BYTES_MAX,
};

/// Most digits of a chunk size, leading zeros included.
const SIZE_DIGITS_MAX: u8 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size { digits: u8, value: u64 },
    Extension { len: usize, size: u64 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Done,
}

/// Where in a chunked body the reader is.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    state: State,
    trailer_bytes: usize,
}

impl Decoder {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Size {
                digits: 0,
                value: 0,
            },
            trailer_bytes: 0,
        }
    }

    /// Bytes of data that come next, before any framing.
    pub(super) const fn data_left(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            _ => 0,
        }
    }

    /// Whether the last chunk and its trailers were read.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Notes that `count` bytes of data, at most [`Decoder::data_left`], were taken.
    pub(super) fn took_data(&mut self, count: u64) {
        if let State::Data { left } = self.state {
            let left = left.saturating_sub(count);
            self.state = if left == 0 {
                State::DataCr
            } else {
                State::Data { left }
            };
        }
    }

    /// Reads framing from the front of `raw` up to the next data, the end of the body, or the end
    /// of `raw`; returns how many bytes that were.
    pub(super) fn take_framing(&mut self, raw: &[u8]) -> Result<usize, FramingError> {
        for (at, &byte) in raw.iter().enumerate() {
            if matches!(self.state, State::Data { .. } | State::Done) {
                return Ok(at);
            }
            self.state = self.step(byte).ok_or(FramingError::BadChunk)?;
        }
        Ok(raw.len())
    }

    /// The state after `byte`; `None` when it must not come here.
    fn step(&mut self, byte: u8) -> Option<State> {
        match (self.state, byte) {
            (State::Size { digits, value }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16)?;
                let value = (value << 4) | u64::from(digit);
                (digits < SIZE_DIGITS_MAX && value <= HTTP_CHUNK_BYTES_MAX).then_some(State::Size {
                    digits: digits + 1,
                    value,
                })
            }
            (State::Size { digits: 1.., value }, b';') => Some(State::Extension {
                len: 1,
                size: value,
            }),
            (State::Size { digits: 1.., value }, b'\r') => Some(State::SizeEnd { size: value }),
            (State::Extension { size, .. }, b'\r') => Some(State::SizeEnd { size }),
            (State::Extension { len, size }, _) => (len < HTTP_CHUNK_EXTENSION_BYTES_MAX
                && is_text(byte))
            .then_some(State::Extension { len: len + 1, size }),
            (State::SizeEnd { size: 0 }, b'\n') => Some(State::TrailerStart),
            (State::SizeEnd { size }, b'\n') => Some(State::Data { left: size }),
            (State::DataCr, b'\r') => Some(State::DataLf),
            (State::DataLf, b'\n') => Some(State::Size {
                digits: 0,
                value: 0,
            }),
            (State::TrailerStart, b'\r') => Some(State::EndLf),
            (State::EndLf, b'\n') => Some(State::Done),
            _ => self.step_trailer(byte),
        }
    }

    fn step_trailer(&mut self, byte: u8) -> Option<State> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > HTTP_TRAILER_BYTES_MAX {
            return None;
        }
        match (self.state, byte) {
            (State::TrailerStart, _) if is_token(byte) => Some(State::TrailerName),
            (State::TrailerName, b':') => Some(State::TrailerValue),
            (State::TrailerName, _) if is_token(byte) => Some(State::TrailerName),
            (State::TrailerValue, b'\r') => Some(State::TrailerLf),
            (State::TrailerValue, _) if is_text(byte) => Some(State::TrailerValue),
            (State::TrailerLf, b'\n') => Some(State::TrailerStart),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Decodes all of `raw`, which arrives cut at `cuts`.
    fn decode(raw: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, bool, usize), FramingError> {
        let mut decoder = Decoder::new();
        let mut data = Vec::new();
        let mut at = 0;
        for &end in cuts.iter().chain([&raw.len()]) {
            while at < end && !decoder.is_done() {
                let left = usize::try_from(decoder.data_left()).unwrap().min(end - at);
                if left > 0 {
                    data.extend_from_slice(&raw[at..at + left]);
                    decoder.took_data(left as u64);
                    at += left;
                } else {
                    at += decoder.take_framing(&raw[at..end])?;
                }
            }
        }
        Ok((data, decoder.is_done(), at))
    }

    #[test]
    fn decodes_at_every_split() {
        let raw = b"5\r\nhello\r\n6;a=\"b\"\r\n world\r\n0\r\nx-a: b\r\ny:\r\n\r\nGET";
        for cut in 0..raw.len() {
            let (data, done, used) = decode(raw, &[cut]).unwrap();
            assert_eq!(data, b"hello world");
            assert!(done);
            assert_eq!(used, raw.len() - 3);
        }
    }

    #[test]
    fn s28_rejects_loose_chunks() {
        let extension = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(64));
        let trailers = format!("0\r\nx: {}\r\n\r\n", "y".repeat(HTTP_TRAILER_BYTES_MAX));
        let bad: [&[u8]; 18] = [
            b"\r\n",
            b"g\r\n",
            b"-1\r\n",
            b"0x1\r\na",
            b" 1\r\na",
            b"1 \r\na",
            b"1\na\r\n",
            b"1\r\nab\r\n",
            b"1\r\na\n",
            b"1\r\na\r\r",
            b"ffffffffffffffff\r\n",
            b"00000000000000001\r\na",
            b"140000001\r\n",
            b"1;\0\r\na",
            b"0\r\n folded\r\n\r\n",
            b"0\r\nname : x\r\n\r\n",
            extension.as_bytes(),
            trailers.as_bytes(),
        ];
        for raw in bad {
            assert_eq!(
                decode(raw, &[]),
                Err(FramingError::BadChunk),
                "{}",
                raw.escape_ascii()
            );
        }
        let longest = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(63));
        assert_eq!(decode(longest.as_bytes(), &[]).unwrap().0, b"a");
    }

    proptest! {
        #[test]
        fn splits_do_not_matter(raw in prop::collection::vec(
            prop::sample::select(b"0123;\r\n\r\n:ab ".to_vec()), 0..60), cut in 0usize..60) {
            let cut = cut.min(raw.len());
            prop_assert_eq!(decode(&raw, &[cut]), decode(&raw, &[]));
        }
    }
}
