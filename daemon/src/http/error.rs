//! What can go wrong on a connection, as narrow enums.

use super::StreamError;

/// Why a request cannot be read any further. Each closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A chunk of the chunked coding, or the trailers after the last one, are malformed or too long.
    #[error("malformed chunk")]
    BadChunk,
    /// `Content-Length` is not a number, or there is more than one.
    #[error("bad content-length")]
    BadContentLength,
    /// The request line or a header is malformed.
    #[error("malformed request head")]
    BadHead,
    /// `Host` is missing, repeated, malformed or contradicts an absolute target.
    #[error("missing or bad host")]
    BadHost,
    /// The target is neither a path nor an absolute URL (nor `*` with OPTIONS).
    #[error("bad request target")]
    BadTarget,
    /// A transfer coding that is not exactly `chunked`, or one in HTTP/1.0.
    #[error("bad transfer-encoding")]
    BadTransferEncoding,
    /// The body came too slowly and the handler did not answer.
    #[error("request body timed out")]
    BodyTimeout,
    /// Both `Transfer-Encoding` and `Content-Length`.
    #[error("transfer-encoding together with content-length")]
    LengthAndEncoding,
    /// The head did not arrive in time.
    #[error("request head timed out")]
    HeadTimeout,
    /// More headers or bytes of head than the limits allow.
    #[error("request head too large")]
    HeadTooLarge,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("http version not supported")]
    UnsupportedVersion,
}

impl FramingError {
    /// The status code to answer with.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadChunk
            | Self::BadContentLength
            | Self::BadHead
            | Self::BadHost
            | Self::BadTarget
            | Self::BadTransferEncoding
            | Self::LengthAndEncoding => 400,
            Self::BodyTimeout | Self::HeadTimeout => 408,
            Self::HeadTooLarge => 431,
            Self::UnsupportedVersion => 505,
        }
    }
}

/// Why no more of a request's body can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The chunked coding is broken. The connection closes after the response.
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// The client closed the connection before the end of the body.
    #[error("connection closed inside the body")]
    Truncated,
    /// The body came too slowly.
    #[error("body timed out")]
    TimedOut,
    /// More unconsumed bytes than the look-ahead buffer holds, or than the caller wanted to read.
    #[error("body too long")]
    TooLong,
    /// The connection failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Why a handler gives a connection up. Nothing more is sent on it, except the answer to a framing
/// error when no response was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Close {
    /// A header of the response has a name or value that must not be sent. The client got a bare
    /// 500 when the response was not begun yet.
    #[error("response header refused")]
    BadField,
    /// The request body could not be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The handler wants it so.
    #[error("closed by the handler")]
    Handler,
    /// The response was used out of order, or does not have the length it declared.
    #[error("response out of order or of wrong length")]
    Response,
    /// The client did not read the response in time.
    #[error("response timed out")]
    TimedOut,
    /// The connection failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
}
