//! The line between the parts of a form (RFC 2046, 5.1.1).

use super::parameters::parameters;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::head::RequestHead;
use memchr::memmem::Finder;

/// Longest boundary (RFC 2046, 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// `CRLF--boundary`: ends a part. The first one of a form may lack its line end.
#[derive(Clone, Debug)]
pub struct Delimiter(Finder<'static>);

/// What is known of bytes of a part's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// So many are content; the delimiter follows.
    Found(usize),
    /// So many are content; what follows may be the beginning of the delimiter.
    Open(usize),
}

impl Delimiter {
    /// The delimiter of a boundary; `None` when it is none: 1 to 70 printable characters of ASCII,
    /// the last one no blank.
    #[must_use]
    pub fn new(boundary: &[u8]) -> Option<Self> {
        let fits = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len())
            && boundary.iter().all(|b| matches!(b, b' '..=b'~'))
            && boundary.last() != Some(&b' ');
        let bytes = [b"\r\n--", boundary].concat();
        fits.then(|| Self(Finder::new(&bytes).into_owned()))
    }

    /// The delimiter that the `Content-Type` of a request names.
    pub fn of_head<H: RequestHead>(head: &H) -> Result<Self> {
        let malformed = || S3Error::from(ErrorCode::MalformedPOSTRequest);
        if head.header_count("content-type") != 1 {
            return Err(malformed());
        }
        let value = head.header("content-type").unwrap_or_default();
        let found = parameters(value).ok_or_else(malformed)?;
        let boundary = found.get("boundary").ok_or_else(malformed)?;
        Self::new(boundary).ok_or_else(malformed)
    }

    /// Its bytes, line end included.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.needle()
    }

    /// Where it begins.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<usize> {
        self.0.find(bytes)
    }

    /// Looks for the end of a content, of which `bytes` is the part that nothing is known of yet.
    #[must_use]
    pub fn seek(&self, bytes: &[u8]) -> Sought {
        if let Some(at) = self.find(bytes) {
            return Sought::Found(at);
        }
        let needle = self.bytes();
        let first = bytes.len().saturating_sub(needle.len() - 1);
        let tail = bytes.get(first..).unwrap_or_default();
        // Its only carriage return is its first byte, so only the last one can begin it.
        let begun = memchr::memrchr(b'\r', tail)
            .filter(|at| tail.get(*at..).is_some_and(|end| needle.starts_with(end)));
        Sought::Open(begun.map_or(bytes.len(), |at| first + at))
    }
}
