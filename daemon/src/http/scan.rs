//! Where a request head ends.

use super::FramingError;
use super::bytes::is_token;
use crate::base::limits::HTTP_HEAD_BYTES_MAX;

/// A method has fewer bytes than this.
const METHOD_BYTES_MAX: usize = 24;

/// Refuses what cannot be a method, as soon as that is seen; however much has come, the same is
/// refused.
pub(super) fn expect_method(bytes: &[u8]) -> Result<(), FramingError> {
    let first = bytes.get(..METHOD_BYTES_MAX).unwrap_or(bytes);
    let method_end = first.iter().find(|b| !is_token(**b));
    match method_end {
        Some(b' ') => Ok(()),
        None if first.len() < METHOD_BYTES_MAX => Ok(()),
        _ => Err(FramingError::BadHead),
    }
}

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
        if bytes.len() >= HTTP_HEAD_BYTES_MAX {
            return Err(FramingError::HeadTooLarge);
        }
        Ok(None)
    }
}
