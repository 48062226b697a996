//! `Range` and `x-amz-copy-source-range` (RFC 9110 section 14, and what S3 makes of it).

use super::error::{ErrorCode, Result, S3Error};
use std::ops::Range;

/// What a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requested {
    /// Everything: there is no header, or one that S3 ignores.
    Whole,
    /// These bytes.
    Bytes(Range<u64>),
}

/// Reads a `Range` header for an object of `size` bytes. Several ranges, other units and malformed
/// headers are ignored; a range that begins behind the end is `InvalidRange`.
pub fn parse(header: Option<&[u8]>, size: u64) -> Result<Requested> {
    let Some((first, last)) = header.and_then(split) else {
        return Ok(Requested::Whole);
    };
    let bytes = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(count)) if first.is_empty() => {
            if count == 0 {
                return Err(unsatisfiable(size));
            }
            size.saturating_sub(count)..size
        }
        _ => return Ok(Requested::Whole),
    };
    if bytes.start >= size {
        return Err(unsatisfiable(size));
    }
    Ok(Requested::Bytes(bytes))
}

/// Reads `x-amz-copy-source-range` for a source of `size` bytes: both ends are needed and must be
/// inside.
pub fn copy_source(header: Option<&[u8]>, size: u64) -> Result<Range<u64>> {
    let Some(header) = header else {
        return Ok(0..size);
    };
    let shown = || String::from_utf8_lossy(header).into_owned();
    let ends = split(header).and_then(|(a, b)| Some((number(a)?, number(b)?)));
    let Some((first, last)) = ends.filter(|(first, last)| first <= last) else {
        return Err(S3Error::argument(
            "x-amz-copy-source-range",
            shown(),
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first \
             and last are the zero-based offsets of the first and last bytes to copy",
        ));
    };
    if last >= size {
        return Err(S3Error::new(
            ErrorCode::InvalidRange,
            format!("Range specified is not valid for source object of size: {size}"),
        ));
    }
    Ok(first..last + 1)
}

fn split(header: &[u8]) -> Option<(&[u8], &[u8])> {
    let (unit, rest) = header.split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let rest = rest.trim_ascii();
    let dash = rest.iter().position(|b| *b == b'-')?;
    Some((
        rest.get(..dash)?.trim_ascii(),
        rest.get(dash + 1..)?.trim_ascii(),
    ))
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits)
        .ok()?
        .parse()
        .ok()
        .or(Some(u64::MAX))
}

fn unsatisfiable(size: u64) -> S3Error {
    S3Error::from(ErrorCode::InvalidRange).with("ActualObjectSize", size.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_s3_reads_them() {
        let bytes = |range| Ok(Requested::Bytes(range));
        for (header, size, expected) in [
            ("bytes=0-0", 10, bytes(0..1)),
            ("bytes=4-7", 10, bytes(4..8)),
            ("bytes=4-", 10, bytes(4..10)),
            ("bytes=-3", 10, bytes(7..10)),
            ("bytes=-30", 10, bytes(0..10)),
            ("bytes=4-99999999999999999999999", 10, bytes(4..10)),
            ("Bytes=1-2", 10, bytes(1..3)),
            ("bytes=7-4", 10, Ok(Requested::Whole)),
            ("bytes=1-2,4-5", 10, Ok(Requested::Whole)),
            ("items=1-2", 10, Ok(Requested::Whole)),
            ("bytes=a-b", 10, Ok(Requested::Whole)),
            ("bytes=-", 10, Ok(Requested::Whole)),
            ("bytes=10-", 10, Err(unsatisfiable(10))),
            ("bytes=-0", 10, Err(unsatisfiable(10))),
            ("bytes=0-", 0, Err(unsatisfiable(0))),
            ("bytes=-5", 0, Err(unsatisfiable(0))),
        ] {
            assert_eq!(parse(Some(header.as_bytes()), size), expected, "{header}");
        }
        assert_eq!(parse(None, 3), Ok(Requested::Whole));
    }

    #[test]
    fn a_copy_needs_both_ends_inside() {
        assert_eq!(copy_source(None, 5), Ok(0..5));
        assert_eq!(copy_source(Some(b"bytes=0-4"), 5), Ok(0..5));
        let code = |header: &[u8]| copy_source(Some(header), 5).unwrap_err().code;
        assert_eq!(code(b"bytes=0-5"), ErrorCode::InvalidRange);
        for header in [
            &b"bytes=0-"[..],
            b"bytes=-3",
            b"0-3",
            b"bytes=3-1",
            b"bytes=hello-world",
        ] {
            assert_eq!(code(header), ErrorCode::InvalidArgument);
        }
    }
}
