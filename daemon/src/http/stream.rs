//! The seam to the transport. Operations own their buffers while they run, as io_uring wants it.

use crate::base::{AlignedBuf, SharedBytes};
use core::net::SocketAddr;
use std::future::Future;

/// A connection that failed. The kind is for people; the server only closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection failed: {0}")]
pub struct StreamError(pub std::io::ErrorKind);

/// A byte stream in both directions. A future that is dropped cancels its operation; buffers and
/// bytes under way are then lost, which the server does only when it gives the connection up.
pub trait Stream {
    /// Receives 1 to `max` bytes into `buf.whole_mut()[at..at + max]`; 0 means the peer is done
    /// sending. Leaves `buf.len()` alone.
    fn recv(
        &mut self,
        buf: AlignedBuf,
        at: usize,
        max: usize,
    ) -> impl Future<Output = (Result<usize, StreamError>, AlignedBuf)>;
    /// Sends some of [`Outgoing::unsent`] (at least one byte) in one vectored operation and returns
    /// how many bytes. The caller advances.
    fn send(
        &mut self,
        outgoing: Outgoing,
    ) -> impl Future<Output = (Result<usize, StreamError>, Outgoing)>;
    /// Ends the sending direction; receiving goes on.
    fn shutdown(&mut self) -> impl Future<Output = Result<(), StreamError>>;
    /// Who is at the other end.
    fn peer(&self) -> SocketAddr;
}

/// Bytes of a response body: owned, or a range of a shared buffer that is sent from where it lies.
#[derive(Clone, Debug)]
pub enum Chunk {
    /// Bytes of the program.
    Static(&'static [u8]),
    /// Owned bytes.
    Owned(Vec<u8>),
    /// Bytes that others may hold, too.
    Shared(SharedBytes),
}

impl Chunk {
    /// No bytes.
    pub const EMPTY: Self = Self::Static(b"");

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<SharedBytes> for Chunk {
    fn from(bytes: SharedBytes) -> Self {
        Self::Shared(bytes)
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(bytes)
    }
}

impl From<String> for Chunk {
    fn from(text: String) -> Self {
        Self::Owned(text.into_bytes())
    }
}

impl From<&[u8]> for Chunk {
    fn from(bytes: &[u8]) -> Self {
        Self::Owned(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Chunk {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Owned(bytes.to_vec())
    }
}

/// What is being sent: bytes the server made (a head, chunk framing), then bytes of the body.
#[derive(Debug)]
pub struct Outgoing {
    /// First part.
    pub head: Vec<u8>,
    /// Second part.
    pub body: Chunk,
    sent: usize,
}

impl Outgoing {
    /// Both parts, nothing sent yet.
    #[must_use]
    pub const fn new(head: Vec<u8>, body: Chunk) -> Self {
        Self {
            head,
            body,
            sent: 0,
        }
    }

    /// What remains of the two parts.
    #[must_use]
    pub fn unsent(&self) -> [&[u8]; 2] {
        let body = self.body.bytes();
        match self.head.get(self.sent..) {
            Some(head) => [head, body],
            None => [&[], body.get(self.sent - self.head.len()..).unwrap_or(&[])],
        }
    }

    /// Notes that `count` more bytes were sent.
    pub const fn advance(&mut self, count: usize) {
        self.sent += count;
    }

    /// Whether nothing remains.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.unsent().iter().all(|part| part.is_empty())
    }
}
