//! Which bucket and key a request is about, parsed once from the raw target. Everything that needs
//! to know (authorization, routing, storage, logs) uses the same [`ResourcePath`].

use super::error::{ErrorCode, Result, S3Error};
use super::keys::AskedKey;
use super::percent::{Plus, decode_str};
use crate::base::limits::KEY_BYTES_MAX;
use std::borrow::Cow;
use std::net::Ipv4Addr;

/// What a request is about. A key is any UTF-8 of 1 to 1,024 bytes and is never a file path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourcePath<'a> {
    /// The service itself: list the buckets.
    Service,
    /// A bucket.
    Bucket {
        /// A valid bucket name.
        bucket: Cow<'a, str>,
    },
    /// An object.
    Object {
        /// A valid bucket name.
        bucket: Cow<'a, str>,
        /// The decoded key.
        key: Cow<'a, str>,
    },
}

/// How deep a resource lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The service.
    Service,
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

impl<'a> ResourcePath<'a> {
    /// Parses a raw path and the `Host` header. A host that is a name below one of `domains` means
    /// virtual-host style; any other means path style.
    pub fn parse(raw_path: &'a [u8], host: &[u8], domains: &[String]) -> Result<Self> {
        let path = raw_path.strip_prefix(b"/").unwrap_or(raw_path);
        if let Some(bucket) = virtual_bucket(host, domains) {
            check_bucket_name(&bucket)?;
            return Self::build(Cow::Owned(bucket), path);
        }
        if path.is_empty() {
            return Ok(Self::Service);
        }
        let (bucket, key) = match path.iter().position(|b| *b == b'/') {
            Some(at) => (
                path.get(..at).unwrap_or_default(),
                path.get(at + 1..).unwrap_or_default(),
            ),
            None => (path, &b""[..]),
        };
        let bucket = decode_str(bucket, Plus::Itself)?;
        check_bucket_name(&bucket)?;
        Self::build(bucket, key)
    }

    fn build(bucket: Cow<'a, str>, raw_key: &'a [u8]) -> Result<Self> {
        if raw_key.is_empty() {
            return Ok(Self::Bucket { bucket });
        }
        let key = decode_str(raw_key, Plus::Itself)?;
        check_key(&key)?;
        Ok(Self::Object { bucket, key })
    }

    /// The object of a form, whose key stands in a field: good for the same as one of a path.
    pub fn of_form(bucket: &'a str, key: &'a str) -> Result<Self> {
        check_key(key)?;
        Ok(Self::Object {
            bucket: Cow::Borrowed(bucket),
            key: Cow::Borrowed(key),
        })
    }

    /// How deep it lies.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Service => Level::Service,
            Self::Bucket { .. } => Level::Bucket,
            Self::Object { .. } => Level::Object,
        }
    }

    /// The bucket, if there is one.
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        match self {
            Self::Service => None,
            Self::Bucket { bucket } | Self::Object { bucket, .. } => Some(bucket),
        }
    }

    /// The key, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<AskedKey<'_>> {
        match self {
            Self::Object { key, .. } => Some(AskedKey::new(key)),
            Self::Service | Self::Bucket { .. } => None,
        }
    }

    /// The `Resource` of an error.
    #[must_use]
    pub fn resource(&self) -> String {
        match self {
            Self::Service => "/".to_owned(),
            Self::Bucket { bucket } => format!("/{bucket}"),
            Self::Object { bucket, key } => format!("/{bucket}/{key}"),
        }
    }
}

/// The bucket that the host names, lower-cased, or `None` for path style.
fn virtual_bucket(host: &[u8], domains: &[String]) -> Option<String> {
    if domains.is_empty() {
        return None;
    }
    let host = std::str::from_utf8(host).ok()?;
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    domains.iter().find_map(|domain| {
        let at = name.len().checked_sub(domain.len())?;
        let (bucket, end) = name.split_at_checked(at)?;
        let bucket = bucket.strip_suffix('.')?;
        (end.eq_ignore_ascii_case(domain) && !bucket.is_empty())
            .then(|| bucket.to_ascii_lowercase())
    })
}

/// Checks a bucket's name against S3's rules: 3 to 63 of `a-z`, `0-9`, `.`, `-`; letter or digit at
/// both ends, also of what stands between dots; no IPv4 address; none of the reserved prefixes and
/// suffixes.
pub fn check_bucket_name(name: &str) -> Result<()> {
    let bytes = name.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    let plain = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    // Most names hold none of what the other rules are about.
    if (3..=63).contains(&bytes.len())
        && bytes.iter().all(plain)
        && ends
            .iter()
            .all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && !name.contains("--")
        && !name.starts_with("sthree-")
        && !name.ends_with("-s3alias")
    {
        return Ok(());
    }
    let valid = (3..=63).contains(&bytes.len())
        && bytes.iter().all(|b| plain(b) || *b == b'.')
        && ends
            .iter()
            .all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && !["..", ".-", "-."].iter().any(|pair| name.contains(pair))
        && name.parse::<Ipv4Addr>().is_err()
        && !["xn--", "sthree-"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]
            .iter()
            .any(|suffix| name.ends_with(suffix));
    if valid {
        Ok(())
    } else {
        Err(S3Error::from(ErrorCode::InvalidBucketName).with("BucketName", name))
    }
}

/// Checks a decoded key: 1 to 1,024 bytes, nothing else.
pub fn check_key(key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(S3Error::new(
            ErrorCode::InvalidArgument,
            "An object key must not be empty.",
        ));
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(S3Error::from(ErrorCode::KeyTooLongError)
            .with("Size", key.len().to_string())
            .with("MaxSizeAllowed", KEY_BYTES_MAX.to_string()));
    }
    Ok(())
}

/// The source of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// A valid bucket name.
    pub bucket: String,
    key: String,
    /// The version asked for, if any.
    pub version: Option<String>,
}

impl CopySource {
    /// The decoded key.
    #[must_use]
    pub fn key(&self) -> AskedKey<'_> {
        AskedKey::new(&self.key)
    }

    /// Parses `x-amz-copy-source`: `[/]bucket/key[?versionId=id]`, percent-encoded.
    pub fn parse(raw: &[u8]) -> Result<Self> {
        let invalid = |message: &'static str| {
            S3Error::argument("x-amz-copy-source", String::from_utf8_lossy(raw), message)
        };
        if raw.starts_with(b"arn:") {
            return Err(S3Error::not_implemented("An ARN as x-amz-copy-source"));
        }
        let (path, version) = split_version(raw);
        let decoded =
            decode_str(path, Plus::Itself).map_err(|_| invalid("Invalid copy source encoding."))?;
        let path = decoded.strip_prefix('/').unwrap_or(&decoded);
        let (bucket, key) = path
            .split_once('/')
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            .ok_or_else(|| {
                invalid(
                    "Copy Source must mention the source bucket and key: \
                     sourcebucket/sourcekey",
                )
            })?;
        check_bucket_name(bucket)?;
        check_key(key)?;
        let version = match version {
            Some(raw) => Some(decode_str(raw, Plus::Itself)?.into_owned()),
            None => None,
        };
        if version.as_deref() == Some("") {
            return Err(invalid("Version id cannot be the empty string"));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version,
        })
    }
}

/// Splits the last `?versionId=...` off. A key's own `?` may stand unencoded.
fn split_version(raw: &[u8]) -> (&[u8], Option<&[u8]>) {
    const MARK: &[u8] = b"?versionId=";
    raw.windows(MARK.len())
        .rposition(|window| window == MARK)
        .and_then(|at| {
            let version = raw.get(at + MARK.len()..)?;
            Some((raw.get(..at)?, Some(version)))
        })
        .unwrap_or((raw, None))
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
