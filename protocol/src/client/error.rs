//! Why a client's request did not succeed.

use crate::auth::BadTag;
use crate::codec::{Malformed, TooLong};
use crate::frame::FrameError;
use crate::result_code::Failure;
use std::io;

/// Why a request did not succeed. After anything but [`ClientError::Refused`],
/// [`ClientError::Source`] and [`ClientError::TooLong`] the connection is of no further use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The daemon accepts authenticated clients only.
    #[error("this address needs a login: an access key and its secret")]
    AuthenticationRequired,
    /// The peer does not offer authentication, so it is not a daemon to be trusted.
    #[error("the other side does not authenticate itself")]
    AuthenticationNotOffered,
    /// The tag of a frame is wrong: the other side does not know the secret.
    #[error(transparent)]
    BadTag(#[from] BadTag),
    /// The bytes are no frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The connection failed.
    #[error("the connection to the daemon failed: {0}")]
    Io(#[from] io::Error),
    /// A reply does not have the form it should have.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The daemon refused, or failed.
    #[error(transparent)]
    Refused(#[from] Failure),
    /// What was to be uploaded could not be read.
    #[error("{0}")]
    Source(io::Error),
    /// A request is over a limit of the protocol and was not sent.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The daemon breaks the rules of the protocol.
    #[error("the daemon sent {0}")]
    Unexpected(&'static str),
}
