//! What can go wrong with a log.

use crate::base::Location;
use crate::io::IoError;
use std::sync::Arc;

/// Why an operation on a log failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// The log was closed, or nobody runs its [`super::Log::run`] any more.
    #[error("the log is closed")]
    Closed,
    /// The bytes at a location are not what was written there.
    #[error("segment {segment:08x} is damaged at offset {offset}: {what}")]
    Corrupt {
        /// The segment's sequence number.
        segment: u32,
        /// Where in its file.
        offset: u32,
        /// In what way.
        what: &'static str,
    },
    /// There is a log already where one was to be created.
    #[error("there is a log in {0} already")]
    Exists(String),
    /// An argument the log cannot take: a programming error of the caller.
    #[error("invalid argument: {0}")]
    Invalid(&'static str),
    /// An operation of the disk failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// There is no log where one was to be opened.
    #[error("there is no log in {0}")]
    Missing(String),
    /// The device is full. Nothing was changed; small records may still be appended with
    /// [`super::Log::append_reserved`].
    #[error("no space left for another segment")]
    NoSpace,
    /// A write or flush failed earlier. Nothing is acknowledged any more, reads go on.
    #[error("the log stopped after a failed write: {0}")]
    Poisoned(Arc<str>),
    /// The caller of [`super::Log::open`] refused a record.
    #[error("record at {at:?} was refused: {reason}")]
    Refused {
        /// The record.
        at: Location,
        /// The caller's words.
        reason: String,
    },
    /// More bytes than a record, extent or segment can hold.
    #[error("{bytes} bytes exceed the limit of {max}")]
    TooLarge {
        /// Bytes asked for.
        bytes: usize,
        /// Most bytes possible.
        max: usize,
    },
    /// The segment is not part of the log (any more).
    #[error("the log has no segment {0:08x}")]
    Unknown(u32),
}
