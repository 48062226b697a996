//! Sized newtypes for everything that has a number.

use std::fmt;

/// A shard of the key space. Fixed when the store is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u16);

/// A bucket's number. Given once, never reused, so that a re-created bucket of the same name is a
/// different bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketId(pub u64);

/// A version of an object. [`VersionId::NULL`] is the only version of an object in a bucket that
/// never had versioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(pub u64);

impl VersionId {
    /// The version named `null` in S3.
    pub const NULL: Self = Self(0);
}

/// A multipart upload. Random, so that it cannot be guessed from another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(pub u128);

impl UploadId {
    /// As clients see it: 32 hexadecimal digits for the upload, 16 for its bucket.
    #[must_use]
    pub fn shown(self, bucket: BucketId) -> String {
        format!("{:032x}{:016x}", self.0, bucket.0)
    }

    /// Inverse of [`UploadId::shown`]. The bucket says where to look, not what may be done there; it
    /// may be missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<(Self, Option<BucketId>)> {
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let (upload, bucket) = text.split_at_checked(32)?;
        let upload = u128::from_str_radix(upload, 16).ok().map(Self)?;
        match bucket.len() {
            0 => Some((upload, None)),
            16 => {
                let bucket = u64::from_str_radix(bucket, 16).ok().map(BucketId)?;
                Some((upload, Some(bucket)))
            }
            _ => None,
        }
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }
}

/// Where a record of a log starts: the segment's sequence number and the byte offset inside the
/// segment. Ordered as the log is ordered, so it also serves as the log sequence number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Sequence number of the segment, starting at 1. 0 means "nowhere".
    pub segment: u32,
    /// Byte offset of the record's header inside the segment file.
    pub offset: u32,
}

impl Location {
    /// Before every record.
    pub const ZERO: Self = Self {
        segment: 0,
        offset: 0,
    };

    /// One number, ordered as locations are.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        ((self.segment as u64) << 32) | self.offset as u64
    }

    /// Inverse of [`Location::to_u64`].
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a u64")]
    pub const fn from_u64(value: u64) -> Self {
        Self {
            segment: (value >> 32) as u32,
            offset: value as u32,
        }
    }
}
