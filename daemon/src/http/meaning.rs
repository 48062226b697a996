//! What the headers of a request say about its connection and the extent of its body.

use super::FramingError;

/// The headers that concern the connection, as they are met.
#[derive(Default)]
pub(super) struct Seen<'a> {
    pub(super) host: Option<&'a [u8]>,
    pub(super) length: Option<u64>,
    pub(super) is_chunked: bool,
    pub(super) closes: bool,
    pub(super) keeps_alive: bool,
    pub(super) expects_continue: bool,
}

impl<'a> Seen<'a> {
    /// Takes note of a header.
    pub(super) fn note(&mut self, name: &str, value: &'a [u8]) -> Result<(), FramingError> {
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => {
                let earlier = self.host.replace(value);
                if earlier.is_some() {
                    return Err(FramingError::BadHost);
                }
            }
            6 if name.eq_ignore_ascii_case("expect") => {
                // Other expectations may be ignored (RFC 9110 section 10.1.1), as S3 does.
                self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
            }
            10 if name.eq_ignore_ascii_case("connection") => {
                for token in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                    self.closes |= token.eq_ignore_ascii_case(b"close");
                    self.keeps_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if name.eq_ignore_ascii_case("content-length") => {
                let length = parse_length(value).ok_or(FramingError::BadContentLength)?;
                if self.length.replace(length).is_some() {
                    return Err(FramingError::BadContentLength);
                }
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                // A second header would be a list, of which `chunked` must not be but the last.
                if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(FramingError::BadTransferEncoding);
                }
                self.is_chunked = true;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Digits and nothing else, within 64 bits.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |length, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        length.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
