//! Headers that must not be overlooked.

use super::error::{ErrorCode, Result, S3Error};
use super::head::RequestHead;
use crate::store::meta::CannedAcl;

/// A header's value as text; what is not UTF-8 is not a value that any of these headers can have.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
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
        let Some(rest) = name.strip_prefix(b"x-amz-") else {
            continue;
        };
        // In almost every request.
        if matches!(rest, b"content-sha256" | b"date") {
            continue;
        }
        // Names are tokens of ASCII.
        match std::str::from_utf8(rest).unwrap_or_default() {
            "acl" => demands.acl = Some(canned_acl(value)?),
            "expected-bucket-owner" => demands.bucket_owner = Some(text(value)),
            "source-expected-bucket-owner" => demands.source_bucket_owner = Some(text(value)),
            "storage-class" => storage_class(value)?,
            "bucket-object-lock-enabled" if value.eq_ignore_ascii_case(b"false") => {}
            rest if unsupported(rest) => {
                return Err(S3Error::not_implemented(&format!("x-amz-{rest}")));
            }
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
}
