//! Where a request head ends.

use super::FramingError;
use super::bytes::is_token;
use crate::base::limits::HTTP_HEAD_BYTES_MAX;

/// Longest method that is worth waiting for the end of.
const METHOD_BYTES_MAX: usize = 24;

/// Looks for the end of a head in bytes that arrive piecemeal, each looked at once.
#[derive(Debug, Default)]
pub(super) struct Scan {
    seen: usize,
    line: usize,
}

impl Scan {
    /// Whether nothing was looked at yet.
    pub(super) const fn is_fresh(&self) -> bool {
        self.seen == 0
    }

    /// The length of the head at the front of `bytes`, empty line included; `None` when its end is
    /// not there yet. `bytes` must only have grown since the last call.
    pub(super) fn find_end(&mut self, bytes: &[u8]) -> Result<Option<usize>, FramingError> {
        while let Some(found) = bytes
            .get(self.seen..)
            .and_then(|b| memchr::memchr(b'\n', b))
        {
            let at = self.seen + found;
            let line = bytes.get(self.line..at).unwrap_or(&[]);
            self.seen = at + 1;
            self.line = self.seen;
            match line {
                b"\r" => return Ok(Some(self.seen)),
                [.., b'\r'] => {}
                _ => return Err(FramingError::BadHead),
            }
        }
        self.seen = bytes.len();
        let first = bytes
            .get(..bytes.len().min(METHOD_BYTES_MAX))
            .unwrap_or(&[]);
        let method_end = first.iter().position(|b| !is_token(*b));
        match method_end.and_then(|at| bytes.get(at)) {
            Some(b' ') => {}
            None if first.len() < METHOD_BYTES_MAX => {}
            _ => return Err(FramingError::BadHead),
        }
        if bytes.len() >= HTTP_HEAD_BYTES_MAX {
            return Err(FramingError::HeadTooLarge);
        }
        Ok(None)
    }
}
