//! Headers that are stored with an object, and headers that must not be overlooked.

use super::error::{ErrorCode, Result, S3Error};
use super::head::RequestHead;
use crate::base::limits::USER_METADATA_BYTES_MAX;
use crate::store::meta::{CannedAcl, ContentHeader, Pair};

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

/// A header's value as text. What is not UTF-8 is taken for Latin-1, the older custom.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().map(|b| char::from(*b)).collect(),
    }
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
        let name = name.to_ascii_lowercase();
        let Some(name) = name.strip_prefix(USER_PREFIX) else {
            continue;
        };
        let value = text(value);
        match out.iter_mut().find(|(known, _)| known == name) {
            Some((_, joined)) => {
                joined.push(',');
                joined.push_str(&value);
            }
            None => out.push((name.to_owned(), value)),
        }
    }
    let size: usize = out.iter().map(|(n, v)| n.len() + v.len()).sum();
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

/// What the headers demand beside the operation itself. Each must be honoured by the operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// The canned ACL asked for.
    pub acl: Option<CannedAcl>,
    /// Id that the bucket's owner must have (`x-amz-expected-bucket-owner`).
    pub bucket_owner: Option<String>,
    /// Id that the owner of a copy's source bucket must have.
    pub source_bucket_owner: Option<String>,
}

/// Reads [`Demands`] and refuses every header that we know to change the meaning of a request and
/// do not support. To overlook, say, an encryption header would store in the clear what the client
/// wanted encrypted.
pub fn demands<H: RequestHead>(head: &H) -> Result<Demands> {
    let mut demands = Demands::default();
    for (name, value) in head.headers() {
        let name = name.to_ascii_lowercase();
        let Some(rest) = name.strip_prefix("x-amz-") else {
            continue;
        };
        match rest {
            "acl" => demands.acl = Some(canned_acl(value)?),
            "expected-bucket-owner" => demands.bucket_owner = Some(text(value)),
            "source-expected-bucket-owner" => demands.source_bucket_owner = Some(text(value)),
            "storage-class" => storage_class(value)?,
            "bucket-object-lock-enabled" if value.eq_ignore_ascii_case(b"false") => {}
            _ if unsupported(rest) => return Err(S3Error::not_implemented(&name)),
            _ => {}
        }
    }
    Ok(demands)
}

fn unsupported(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "bucket-object-lock-enabled",
        "mfa",
        "object-ownership",
        "rename-source",
        "website-redirect-location",
        "write-offset-bytes",
    ];
    const PREFIXES: &[&str] = &[
        "copy-source-server-side-encryption",
        "grant-",
        "object-lock-",
        "server-side-encryption",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn storage_class(value: &[u8]) -> Result<()> {
    const KNOWN: &[&[u8]] = &[
        b"DEEP_ARCHIVE",
        b"EXPRESS_ONEZONE",
        b"FSX_ONTAP",
        b"FSX_OPENZFS",
        b"GLACIER",
        b"GLACIER_IR",
        b"INTELLIGENT_TIERING",
        b"ONEZONE_IA",
        b"OUTPOSTS",
        b"REDUCED_REDUNDANCY",
        b"SNOW",
        b"STANDARD_IA",
    ];
    match value {
        b"STANDARD" => Ok(()),
        known if KNOWN.contains(&known) => {
            let class = format!("The storage class {}", text(value));
            Err(S3Error::not_implemented(&class))
        }
        _ => Err(ErrorCode::InvalidStorageClass.into()),
    }
}

/// Parses the value of `x-amz-acl`.
pub fn canned_acl(value: &[u8]) -> Result<CannedAcl> {
    match value {
        b"private" => Ok(CannedAcl::Private),
        b"public-read" => Ok(CannedAcl::PublicRead),
        b"public-read-write" => Ok(CannedAcl::PublicReadWrite),
        b"authenticated-read" => Ok(CannedAcl::AuthenticatedRead),
        b"bucket-owner-read" => Ok(CannedAcl::BucketOwnerRead),
        b"bucket-owner-full-control" => Ok(CannedAcl::BucketOwnerFullControl),
        b"aws-exec-read" | b"log-delivery-write" => {
            let acl = format!("The canned ACL {}", text(value));
            Err(S3Error::not_implemented(&acl))
        }
        _ => Err(S3Error::argument(
            "x-amz-acl",
            text(value),
            "Invalid Argument",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::head::PlainHead;

    fn put() -> PlainHead {
        PlainHead::new("PUT", "/b/k")
    }

    #[test]
    fn content_headers() {
        let head = put()
            .with("Content-Type", "text/plain")
            .with("Cache-Control", "")
            .with("EXPIRES", "tomorrow");
        let expected = [
            (ContentHeader::Type, "text/plain".to_owned()),
            (ContentHeader::Expires, "tomorrow".to_owned()),
        ];
        assert_eq!(content(&head), expected);
    }

    #[test]
    fn aws_chunked_is_no_encoding_of_the_content() {
        for (sent, stored) in [
            ("gzip", Some("gzip")),
            ("deflate, gzip", Some("deflate, gzip")),
            ("gzip, aws-chunked", Some("gzip")),
            ("aws-chunked,gzip", Some("gzip")),
            ("aws-chunked", None),
            ("aws-chunked, aws-chunked", None),
        ] {
            let headers = content(&put().with("Content-Encoding", sent));
            assert_eq!(headers.first().map(|h| h.1.as_str()), stored, "{sent}");
        }
    }

    #[test]
    fn metadata_is_collected_and_limited() {
        let head = put()
            .with("X-Amz-Meta-Colour", "bl\u{e5}")
            .with("x-amz-meta-empty", "")
            .with("x-amz-meta-colour", "green")
            .with("x-amz-meta-old", b"\xe5")
            .with("x-amz-acl", "private");
        let pairs = user_metadata(&head).unwrap();
        let of = |name: &str| &pairs.iter().find(|p| p.0 == name).unwrap().1;
        assert_eq!(of("colour"), "bl\u{e5},green");
        assert_eq!((of("empty").as_str(), of("old").as_str()), ("", "\u{e5}"));
        assert_eq!(pairs.len(), 3);
        let just = put().with("x-amz-meta-a", "a".repeat(2047));
        user_metadata(&just).unwrap();
        let error = user_metadata(&just.with("x-amz-meta-b", "")).unwrap_err();
        assert_eq!(error.code, ErrorCode::MetadataTooLarge);
    }

    #[test]
    fn headers_that_change_the_meaning_are_refused() {
        for (name, value) in [
            ("x-amz-server-side-encryption", "AES256"),
            ("X-Amz-Server-Side-Encryption-Customer-Key", "k"),
            ("x-amz-copy-source-server-side-encryption-customer-key", "k"),
            ("x-amz-object-lock-mode", "GOVERNANCE"),
            ("x-amz-bucket-object-lock-enabled", "true"),
            ("x-amz-website-redirect-location", "/x"),
            ("x-amz-grant-read", "id=1"),
            ("x-amz-storage-class", "GLACIER"),
            ("x-amz-mfa", "1 2"),
            ("x-amz-write-offset-bytes", "0"),
            ("x-amz-acl", "log-delivery-write"),
        ] {
            let error = demands(&put().with(name, value)).unwrap_err();
            assert_eq!(error.code, ErrorCode::NotImplemented, "{name}");
        }
        for (name, value, code) in [
            ("x-amz-storage-class", "x", ErrorCode::InvalidStorageClass),
            ("x-amz-acl", "public-ready", ErrorCode::InvalidArgument),
        ] {
            let error = demands(&put().with(name, value)).unwrap_err();
            assert_eq!(error.code, code);
        }
    }

    #[test]
    fn headers_that_are_fine() {
        let head = put()
            .with("x-amz-storage-class", "STANDARD")
            .with("x-amz-bucket-object-lock-enabled", "False")
            .with("x-amz-bypass-governance-retention", "true")
            .with("x-amz-acl", "public-read")
            .with("x-amz-meta-server-side-encryption", "x")
            .with("x-amz-expected-bucket-owner", "me");
        let demands = demands(&head).unwrap();
        assert_eq!(demands.acl, Some(CannedAcl::PublicRead));
        assert_eq!(demands.bucket_owner.as_deref(), Some("me"));
    }

    #[test]
    fn directives() {
        let of = |value: &str| {
            let head = put().with("x-amz-metadata-directive", value);
            directive(&head, "x-amz-metadata-directive")
        };
        assert_eq!(of("COPY").unwrap(), Directive::Copy);
        assert_eq!(of("REPLACE").unwrap(), Directive::Replace);
        assert_eq!(of("replace").unwrap_err().code, ErrorCode::InvalidArgument);
    }
}
