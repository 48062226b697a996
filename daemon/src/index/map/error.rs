//! What can go wrong with the mapped index.

/// A failed operation on the mapped index. The log is the truth: whatever this says, a rebuild
/// from the log repairs it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The operating system refused.
    #[error("{operation}: {message}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The system's words.
        message: String,
    },
    /// A page does not hold what was written to it.
    #[error("page {page} is damaged: {what}")]
    Damaged {
        /// The page.
        page: u32,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A key or a value is longer than a page can hold.
    #[error("key of {key} or value of {value} bytes is too long")]
    TooLong {
        /// Bytes of the key.
        key: usize,
        /// Bytes of the value.
        value: usize,
    },
    /// The file has as many pages as it may have.
    #[error("the index has {0} pages, the most it may have")]
    Full(u32),
    /// An index that must be rebuilt from the log.
    #[error("the index must be rebuilt: {0}")]
    Unusable(&'static str),
    /// There is no file.
    #[error("there is no index")]
    Missing,
    /// Another process has the file.
    #[error("the index file is in use")]
    InUse,
}

impl MapError {
    pub(super) fn io(operation: &'static str, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::WouldBlock {
            return Self::InUse;
        }
        if error.kind() == std::io::ErrorKind::NotFound {
            return Self::Missing;
        }
        Self::Io {
            operation,
            message: error.to_string(),
        }
    }
}
