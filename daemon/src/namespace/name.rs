//! Names of volumes, buckets, links and users: short, checked, kept inline so that a look-up
//! allocates nothing.

use crate::namespace::error::NamespaceError;
use std::fmt;

/// Most bytes of any name.
pub const NAME_BYTES_MAX: usize = 63;
/// Fewest bytes of a volume or bucket name.
const NAME_BYTES_MIN: usize = 3;

/// The volume that S3 shows to access keys of no tenant. Always there.
pub const S3_VOLUME: &str = "s3v";

/// At most 63 bytes of ASCII text. Reads like a `&str`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name {
    len: u8,
    bytes: [u8; NAME_BYTES_MAX],
}

impl Name {
    /// No text: what stands where a name is not known.
    pub const EMPTY: Self = Self {
        len: 0,
        bytes: [0; NAME_BYTES_MAX],
    };

    /// Takes `text` over when it is short enough and printable ASCII. Says nothing about whether it
    /// may name a volume, a bucket or a user.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        Self::from_bytes(text.as_bytes())
    }

    /// As [`Name::new`].
    #[must_use]
    pub(crate) fn from_bytes(text: &[u8]) -> Option<Self> {
        let len = u8::try_from(text.len()).ok()?;
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        // No early end: so it is done for many bytes at once.
        let graphic = text.iter().fold(true, |all, b| all & b.is_ascii_graphic());
        graphic.then_some(Self { len, bytes })
    }

    /// A valid volume name, or the error that says it is none.
    pub fn volume(text: &str) -> Result<Self, NamespaceError> {
        valid(text).ok_or_else(|| NamespaceError::InvalidVolumeName(shorten(text)))
    }

    /// A valid bucket or link name, or the error that says it is none.
    pub fn bucket(text: &str) -> Result<Self, NamespaceError> {
        valid(text).ok_or_else(|| NamespaceError::InvalidBucketName(shorten(text)))
    }

    /// A valid user name, or the error that says it is none.
    pub fn user(text: &str) -> Result<Self, NamespaceError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@$+=".contains(&b);
        Self::new(text)
            .filter(|name| !name.is_empty() && name.bytes().all(allowed))
            .ok_or_else(|| NamespaceError::InvalidUserName(shorten(text)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or(&[]);
        std::str::from_utf8(bytes).unwrap_or("")
    }

    /// The text's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

/// The rules of Apache Ozone, which are those of S3 for buckets.
fn valid(text: &str) -> Option<Name> {
    let name = Name::new(text).filter(|_| text.len() >= NAME_BYTES_MIN)?;
    let outer = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    let forbidden = ["..", "-.", ".-"].iter().any(|pair| text.contains(pair));
    let address = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let fine = outer(text.bytes().next())
        && outer(text.bytes().next_back())
        && text.bytes().all(inner)
        && !forbidden
        && !address;
    fine.then_some(name)
}

/// What an error quotes of a name somebody sent: not more than anybody wants to read.
fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

impl std::ops::Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_and_bucket_names_follow_ozone() {
        let long = "a".repeat(63);
        for good in ["abc", "a.b", "a-b", "1a2", "s3v", "x--y", "a1.2", &long] {
            assert_eq!(Name::bucket(good).expect(good), *good);
            assert_eq!(Name::volume(good).expect(good), *good);
        }
        let longer = "a".repeat(64);
        for bad in [
            "",
            "ab",
            &longer,
            "-ab",
            "ab-",
            ".ab",
            "ab.",
            "a..b",
            "a-.b",
            "a.-b",
            "Abc",
            "a_b",
            "a/b",
            "192.168.0.1",
            "123",
            "1.2",
            "a b",
            "abc\0",
            "äbc",
            "a\nb",
        ] {
            assert!(
                matches!(Name::bucket(bad), Err(NamespaceError::InvalidBucketName(_))),
                "{bad:?}"
            );
            assert!(
                matches!(Name::volume(bad), Err(NamespaceError::InvalidVolumeName(_))),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn user_names() {
        for good in ["a", "Hadoop", "tenant$user", "x@y.example"] {
            assert_eq!(Name::user(good).expect(good), *good);
        }
        for bad in ["", "a b", "a/b", "a,b", "ü", &"u".repeat(64)] {
            assert!(Name::user(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn order_is_the_order_of_the_text() {
        let (a, b) = (Name::new("a").unwrap(), Name::new("aa").unwrap());
        assert!(a < b && b < Name::new("b").unwrap());
    }
}
