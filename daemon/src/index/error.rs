//! What can go wrong in an index. Little: it is derived, and damage means rebuilding it.

use crate::io::IoError;

/// An index operation failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The disk failed. A checkpoint that was being written is given up; the one before it stays.
    #[error("index checkpoint: {0}")]
    Io(#[from] IoError),
}
