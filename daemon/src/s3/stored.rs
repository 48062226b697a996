//! Headers that are stored with an object, and where a copy takes them from.

use super::error::{ErrorCode, Result, S3Error};
use super::head::RequestHead;
use crate::base::limits::USER_METADATA_BYTES_MAX;
use crate::store::meta::{ContentHeader, Pair};

/// Content type of an object that was stored without one.
pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// The content headers that are stored, by name.
pub const CONTENT_HEADERS: [(&str, ContentHeader); 6] = [
    ("content-type", ContentHeader::Type),
    ("content-encoding", ContentHeader::Encoding),
    ("content-language", ContentHeader::Language),
    ("content-disposition", ContentHeader::Disposition),
    ("cache-control", ContentHeader::CacheControl),
    ("expires", ContentHeader::Expires),
];

/// Prefix of user metadata.
const USER_PREFIX: &str = "x-amz-meta-";

/// A header's value as text: each byte a character (Latin-1), so that [`bytes`] gives back what the
/// client sent, whatever encoding it had in mind.
fn text(value: &[u8]) -> String {
    value.iter().map(|b| char::from(*b)).collect()
}

/// Inverse of `text`. A character that no header byte became is replaced.
#[must_use]
pub fn bytes(value: &str) -> Vec<u8> {
    value
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect()
}

/// The content headers to store with an object. Empty ones count as absent; `aws-chunked` is the
/// framing of the request, not the content's encoding.
#[must_use]
pub fn content<H: RequestHead>(head: &H) -> Vec<(ContentHeader, String)> {
    let mut out = Vec::new();
    for (name, header) in CONTENT_HEADERS {
        let Some(value) = head.header(name) else {
            continue;
        };
        let mut value = text(value);
        if header == ContentHeader::Encoding {
            let codings: Vec<&str> = value
                .split(',')
                .map(str::trim)
                .filter(|coding| !coding.is_empty() && *coding != "aws-chunked")
                .collect();
            value = codings.join(", ");
        }
        if !value.is_empty() {
            out.push((header, value));
        }
    }
    out
}

/// The user metadata to store with an object: names in lower case without `x-amz-meta-`, values of
/// equal names joined by a comma. At most 2 KiB of names and values.
pub fn user_metadata<H: RequestHead>(head: &H) -> Result<Vec<Pair>> {
    let mut out: Vec<Pair> = Vec::new();
    for (name, value) in head.headers() {
        let Some(name) = name.strip_prefix(USER_PREFIX.as_bytes()) else {
            continue;
        };
        // Names are tokens of ASCII.
        let (name, value) = (std::str::from_utf8(name).unwrap_or_default(), text(value));
        match out.iter_mut().find(|(known, _)| known == name) {
            Some((_, joined)) => {
                joined.push(',');
                joined.push_str(&value);
            }
            None => out.push((name.to_owned(), value)),
        }
    }
    let size: usize = out.iter().map(|(n, v)| n.len() + v.chars().count()).sum();
    if size > USER_METADATA_BYTES_MAX {
        return Err(S3Error::from(ErrorCode::MetadataTooLarge)
            .with("Size", size.to_string())
            .with("MaxSizeAllowed", USER_METADATA_BYTES_MAX.to_string()));
    }
    Ok(out)
}

/// Whether a copy or its tags come from the source or from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// From the source.
    Copy,
    /// From the request.
    Replace,
}

/// What `x-amz-metadata-directive` or `x-amz-tagging-directive` says.
pub fn directive<H: RequestHead>(head: &H, name: &'static str) -> Result<Directive> {
    match head.header(name) {
        None | Some(b"COPY") => Ok(Directive::Copy),
        Some(b"REPLACE") => Ok(Directive::Replace),
        Some(value) => Err(S3Error::argument(
            name,
            text(value),
            "Unknown metadata directive.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::head::PlainHead;

    #[test]
    fn aws_chunked_is_framing_not_encoding() {
        let coded = |value: &str| {
            content(&PlainHead::new("PUT", "/b/k").with("Content-Encoding", value)).pop()
        };
        assert_eq!(coded("aws-chunked"), None);
        assert_eq!(
            coded("gzip, aws-chunked"),
            Some((ContentHeader::Encoding, "gzip".into()))
        );
    }

    #[test]
    fn any_bytes_come_back() {
        let all: Vec<u8> = (1..=255).collect();
        assert_eq!(bytes(&text(&all)), all);
    }

    #[test]
    fn user_metadata_is_bounded() {
        let head = |len: usize| PlainHead::new("PUT", "/b/k").with("X-Amz-Meta-A", "v".repeat(len));
        assert_eq!(user_metadata(&head(2047)).unwrap().len(), 1);
        assert_eq!(
            user_metadata(&head(2048)).unwrap_err().code,
            ErrorCode::MetadataTooLarge
        );
    }
}
