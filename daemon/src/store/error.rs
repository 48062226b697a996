//! What can go wrong with an object operation.

use crate::base::codec::Malformed;
use crate::index::IndexError;
use crate::log::LogError;

/// Why an operation on a shard failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The bucket is being deleted or is gone.
    #[error("the bucket no longer exists")]
    BucketGone,
    /// A part named by a complete request is missing or has another ETag.
    #[error("part {0} does not exist or has changed")]
    InvalidPart(u32),
    /// No object has this key.
    #[error("no such key")]
    NoSuchKey,
    /// The upload was completed, aborted or never existed.
    #[error("no such upload")]
    NoSuchUpload,
    /// A condition of the request does not hold.
    #[error("a condition of the request does not hold")]
    PreconditionFailed,
    /// What is to be written would be more than the quota of the bucket or of its volume allows.
    #[error("the quota of the bucket or of its volume is exceeded")]
    QuotaExceeded,
    /// The names could not be read.
    #[error(transparent)]
    Names(#[from] crate::namespace::ReadError),
    /// A record cannot be decoded although its checksum is right.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A checkpoint of the index could not be written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The core that owns the shard is stopping.
    #[error("the shard is stopping")]
    Stopping,
}
