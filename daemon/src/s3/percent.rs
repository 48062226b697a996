//! Percent-encoding, as S3 does it. Decoding happens exactly once, here; nothing decodes a result
//! of this module again.

use super::error::{ErrorCode, Result, S3Error};
use std::borrow::Cow;

/// Whether `+` stands for a blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// In a path it stands for itself.
    Itself,
    /// In a query it stands for a blank.
    Blank,
}

/// Decodes `%XX` once. A `%` without two hexadecimal digits is an error.
pub fn decode_bytes(raw: &[u8], plus: Plus) -> Result<Cow<'_, [u8]>> {
    let special = match plus {
        Plus::Itself => memchr::memchr(b'%', raw),
        Plus::Blank => memchr::memchr2(b'%', b'+', raw),
    };
    if special.is_none() {
        return Ok(Cow::Borrowed(raw));
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'%' => {
                let high = rest.next().copied().and_then(digit);
                let low = rest.next().copied().and_then(digit);
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(ErrorCode::InvalidURI.into());
                };
                out.push(high << 4 | low);
            }
            b'+' if plus == Plus::Blank => out.push(b' '),
            _ => out.push(byte),
        }
    }
    Ok(Cow::Owned(out))
}

/// Decodes `%XX` once into UTF-8. Overlong forms and surrogates are no UTF-8.
pub fn decode_str(raw: &[u8], plus: Plus) -> Result<Cow<'_, str>> {
    let not_utf8 = || {
        S3Error::new(
            ErrorCode::InvalidURI,
            "Couldn't parse the specified URI: it is not UTF-8.",
        )
    };
    match decode_bytes(raw, plus)? {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes)
            .map(Cow::Borrowed)
            .map_err(|_| not_utf8()),
        Cow::Owned(bytes) => String::from_utf8(bytes)
            .map(Cow::Owned)
            .map_err(|_| not_utf8()),
    }
}

/// Value of a hexadecimal digit.
#[must_use]
pub const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Whether S3 leaves a byte as it is when it encodes (RFC 3986's unreserved characters).
#[must_use]
pub fn is_unreserved(byte: u8) -> bool {
    UNRESERVED.get(usize::from(byte)).copied().unwrap_or(false)
}

static UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            table[byte as usize] =
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        }
        byte += 1;
    }
    table
};

/// Appends one byte as S3 encodes it.
pub fn push_encoded(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if is_unreserved(byte) {
        out.push(byte);
    } else {
        let digit = |d: u8| DIGITS.get(usize::from(d)).copied().unwrap_or(b'0');
        out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
    }
}

/// Appends text as `encoding-type=url` wants it: encoded, but for `/`.
pub fn push_url_encoded(out: &mut Vec<u8>, bytes: &[u8]) {
    if stays(bytes) {
        out.extend_from_slice(bytes);
        return;
    }
    for &byte in bytes {
        if byte == b'/' {
            out.push(byte);
        } else {
            push_encoded(out, byte);
        }
    }
}

/// Whether a path or key stays as it is when it is encoded, as most do.
#[must_use]
pub fn stays(bytes: &[u8]) -> bool {
    all(bytes, |byte| is_plain_in_key(*byte))
}

/// [`is_unreserved`], or `/`. Computed without a table, so that many bytes are judged at once.
const fn is_plain_in_key(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    let mark = (byte == b'-') | (byte == b'_') | (byte == b'.') | (byte == b'~') | (byte == b'/');
    letter | digit | mark
}

/// Whether `is` holds for all bytes. It looks at all of them, many at once.
pub fn all(bytes: &[u8], is: impl Fn(&u8) -> bool) -> bool {
    let every = |bytes: &[u8]| bytes.iter().fold(true, |so_far, byte| so_far & is(byte));
    match (bytes.as_chunks::<16>().0, bytes.last_chunk::<16>()) {
        // The last ones are looked at twice rather than one by one.
        (chunks, Some(last)) => chunks.iter().all(|chunk| every(chunk)) && every(last),
        _ => every(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decodes_once() {
        let decoded = decode_str(b"a%2525+b", Plus::Itself).unwrap();
        assert_eq!(decoded, "a%25+b");
        assert_eq!(decode_str(b"a+b%2B", Plus::Blank).unwrap(), "a b+");
    }

    #[test]
    fn refuses_broken_escapes_and_overlong_utf8() {
        for raw in ["%", "%4", "%zz", "a%2", "%c0%af", "%ed%a0%80", "%ff"] {
            let error = decode_str(raw.as_bytes(), Plus::Itself).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidURI, "{raw}");
        }
    }

    #[test]
    fn what_stays_in_a_key() {
        for byte in 0..=255 {
            let stays = is_unreserved(byte) || byte == b'/';
            assert_eq!(is_plain_in_key(byte), stays, "{byte}");
            for (len, at) in [(1, 0), (15, 14), (16, 0), (31, 16), (40, 20), (40, 39)] {
                let mut key = vec![b'a'; len];
                key[at] = byte;
                let mut out = Vec::new();
                push_url_encoded(&mut out, &key);
                assert_eq!(out == key, stays, "{byte} in {len} bytes");
            }
        }
    }

    proptest! {
        #[test]
        fn encoding_round_trips(bytes: Vec<u8>) {
            let mut encoded = Vec::new();
            push_url_encoded(&mut encoded, &bytes);
            let decoded = decode_bytes(&encoded, Plus::Blank).unwrap();
            prop_assert_eq!(&*decoded, &bytes[..]);
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes: Vec<u8>) {
            let _ = decode_str(&bytes, Plus::Blank);
        }
    }
}
