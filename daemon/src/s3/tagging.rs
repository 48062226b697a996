//! Tags: limits, the `x-amz-tagging` header, and the form in which a bucket's tags are kept.

use super::error::{ErrorCode, Result, S3Error};
use super::percent::{Plus, decode_str};
use super::query::split;
use crate::base::codec::{Put, Reader};
use crate::base::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use crate::store::meta::Pair;

/// Most tags of a bucket.
const BUCKET_TAGS_MAX: usize = 50;

/// Checks the tags of an object.
pub fn of_object(tags: Vec<Pair>) -> Result<Vec<Pair>> {
    if tags.len() > TAGS_MAX {
        return Err(S3Error::new(
            ErrorCode::InvalidTag,
            format!("Object tags cannot be greater than {TAGS_MAX}"),
        ));
    }
    check(tags)
}

/// Checks the tags of a bucket.
pub fn of_bucket(tags: Vec<Pair>) -> Result<Vec<Pair>> {
    if tags.len() > BUCKET_TAGS_MAX {
        return Err(S3Error::new(
            ErrorCode::InvalidTag,
            format!("Bucket tags cannot be greater than {BUCKET_TAGS_MAX}"),
        ));
    }
    check(tags)
}

fn check(tags: Vec<Pair>) -> Result<Vec<Pair>> {
    for (at, (key, value)) in tags.iter().enumerate() {
        let long = key.chars().count() > TAG_KEY_CHARS_MAX;
        if key.is_empty() || long || !key.chars().all(allowed) {
            return Err(invalid("The TagKey you have provided is invalid", key));
        }
        if value.chars().count() > TAG_VALUE_CHARS_MAX || !value.chars().all(allowed) {
            return Err(invalid("The TagValue you have provided is invalid", key));
        }
        if key.starts_with("aws:") {
            let message = "System tags cannot be added/updated by requester";
            return Err(invalid(message, key));
        }
        if tags.iter().take(at).any(|(other, _)| other == key) {
            return Err(invalid(
                "Cannot provide multiple Tags with the same key",
                key,
            ));
        }
    }
    Ok(tags)
}

/// Letters, digits and blanks of any script, and `_ . : / = + - @`.
fn allowed(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

fn invalid(message: &'static str, key: &str) -> S3Error {
    S3Error::new(ErrorCode::InvalidTag, message).with("TagKey", key)
}

/// Reads an `x-amz-tagging` header: `key=value&...`, encoded as a query is.
pub fn of_header(value: &[u8]) -> Result<Vec<Pair>> {
    let malformed = |_| {
        S3Error::new(
            ErrorCode::InvalidArgument,
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query \
             parameters without tag name duplicates.",
        )
    };
    let mut tags = Vec::new();
    for (name, value) in split(value) {
        let name = decode_str(name, Plus::Blank)
            .map_err(malformed)?
            .into_owned();
        let value = decode_str(value, Plus::Blank)
            .map_err(malformed)?
            .into_owned();
        tags.push((name, value));
    }
    // S3 shows the tags of a header in the order of their keys.
    tags.sort();
    of_object(tags)
}

/// Encodes tags for a bucket's property.
#[must_use]
pub fn encode(tags: &[Pair]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_varint(tags.len() as u64);
    for (key, value) in tags {
        out.put_str(key);
        out.put_str(value);
    }
    out
}

/// Inverse of [`encode`].
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Vec<Pair>> {
    let mut reader = Reader::new(bytes);
    let mut tags = Vec::new();
    for _ in 0..reader.varint().ok()? {
        tags.push((reader.str().ok()?.to_owned(), reader.str().ok()?.to_owned()));
    }
    reader.finish().ok()?;
    Some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_a_header() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            of_header(b"f&b%20c=d+e&a=1").unwrap(),
            [pair("a", "1"), pair("b c", "d e"), pair("f", "")]
        );
        assert_eq!(
            of_header(b"a=1&a=2").unwrap_err().code,
            ErrorCode::InvalidTag
        );
    }

    #[test]
    fn limits_hold() {
        let many = |n: usize| (0..n).map(|i| (format!("k{i}"), String::new())).collect();
        assert!(of_object(many(10)).is_ok());
        assert_eq!(of_object(many(11)).unwrap_err().code, ErrorCode::InvalidTag);
        assert!(of_bucket(many(50)).is_ok());
        assert_eq!(of_bucket(many(51)).unwrap_err().code, ErrorCode::InvalidTag);
        for (key, value) in [("aws:x", ""), ("a\u{1}", ""), ("a", "<b>")] {
            let tags = vec![(key.to_owned(), value.to_owned())];
            assert_eq!(of_object(tags).unwrap_err().code, ErrorCode::InvalidTag);
        }
        let long = |k: usize, v: usize| vec![("k".repeat(k), "v".repeat(v))];
        assert!(of_object(long(128, 256)).is_ok());
        assert_eq!(
            of_object(long(129, 0)).unwrap_err().code,
            ErrorCode::InvalidTag
        );
        assert_eq!(
            of_object(long(1, 257)).unwrap_err().code,
            ErrorCode::InvalidTag
        );
        assert_eq!(
            of_object(long(0, 1)).unwrap_err().code,
            ErrorCode::InvalidTag
        );
    }

    #[test]
    fn properties_round_trip() {
        let tags = vec![("a".to_owned(), "1".to_owned())];
        assert_eq!(decode(&encode(&tags)), Some(tags));
        assert_eq!(decode(&[200]), None);
    }
}
