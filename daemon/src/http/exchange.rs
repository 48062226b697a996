//! What a handler sees: one request and the response to it.

use super::connection::Connection;
use super::fields::Fields;
use super::head::{Head, Version};
use super::stream::{Chunk, Stream};
use super::{BodyError, Close, FramingError};
use crate::base::AlignedBuf;
use core::net::SocketAddr;
use std::future::Future;

/// Answers requests.
pub trait Handler {
    /// Answers one request. A request that was not answered when this returns is answered with a
    /// bare 500; a response that was begun and not finished, or an error, closes the connection.
    fn handle<S: Stream>(
        &self,
        exchange: &mut Exchange<'_, S>,
    ) -> impl Future<Output = Result<(), Close>>;

    /// The answer to a request of `peer` that could not be read. The connection closes after it.
    fn framing_error(&self, error: FramingError, _peer: SocketAddr) -> Answer {
        Answer {
            status: error.status(),
            fields: Vec::new(),
            body: Vec::new(),
        }
    }
}

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header fields, but those the server writes itself.
    pub fields: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// A request, and the response to it.
pub struct Exchange<'c, S> {
    head: Head<'c>,
    connection: &'c mut Connection<S>,
}

impl<'c, S: Stream> Exchange<'c, S> {
    pub(super) const fn new(head: Head<'c>, connection: &'c mut Connection<S>) -> Self {
        Self { head, connection }
    }

    /// The head. It does not borrow the exchange, so it stays usable while the body is read.
    #[must_use]
    pub const fn head(&self) -> Head<'c> {
        self.head
    }

    /// See [`Head::method`].
    #[must_use]
    pub fn method(&self) -> &'c [u8] {
        self.head.method()
    }

    /// See [`Head::raw_path`].
    #[must_use]
    pub fn raw_path(&self) -> &'c [u8] {
        self.head.raw_path()
    }

    /// See [`Head::raw_query`].
    #[must_use]
    pub fn raw_query(&self) -> Option<&'c [u8]> {
        self.head.raw_query()
    }

    /// See [`Head::version`].
    #[must_use]
    pub const fn version(&self) -> Version {
        self.head.version()
    }

    /// See [`Head::header`].
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'c [u8]> {
        self.head.header(name)
    }

    /// See [`Head::headers`].
    pub fn headers(&self) -> impl Iterator<Item = (&'c [u8], &'c [u8])> + use<'c, S> {
        self.head.headers()
    }

    /// See [`Head::content_length`].
    #[must_use]
    pub const fn content_length(&self) -> Option<u64> {
        self.head.content_length()
    }

    /// See [`Head::is_chunked`].
    #[must_use]
    pub const fn is_chunked(&self) -> bool {
        self.head.is_chunked()
    }

    /// The client's address: that of the connection, whatever headers say.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.connection.stream.peer()
    }

    /// Bytes of the body not yet consumed; `None` while that is unknown, in a chunked body.
    #[must_use]
    pub fn body_remaining(&self) -> Option<u64> {
        self.connection.body_remaining()
    }

    /// Body bytes that were received and not consumed.
    #[must_use]
    pub fn buffered(&self) -> &[u8] {
        self.connection.inbox.ready()
    }

    /// Consumes the first `count` bytes of [`Exchange::buffered`], or all when there are fewer.
    pub fn consume(&mut self, count: usize) {
        self.connection.inbox.consume(count);
    }

    /// Waits until [`Exchange::buffered`] has more bytes than now, then returns `true`; `false` at
    /// the end of the body. At least [`crate::base::limits::HTTP_BUFFER_BYTES`] can be buffered;
    /// beyond that it is [`BodyError::TooLong`], and the body can be read on once some are consumed.
    pub async fn fill(&mut self) -> Result<bool, BodyError> {
        self.connection.fill().await
    }

    /// Reads some bytes, at most `max`, into `buf.whole_mut()[at..]` and extends its length over
    /// them. What is buffered is copied and returned without waiting; otherwise the bytes are
    /// received directly into `buf`. 0 means the end of the body, or no room.
    ///
    /// When the body times out the buffer is lost and an empty one comes back.
    pub async fn read_into(
        &mut self,
        buf: AlignedBuf,
        at: usize,
        max: usize,
    ) -> (Result<usize, BodyError>, AlignedBuf) {
        self.connection.read_into(buf, at, max).await
    }

    /// [`Exchange::read_into`] until `max` bytes were read or the body ended.
    pub async fn read_full(
        &mut self,
        mut buf: AlignedBuf,
        at: usize,
        max: usize,
    ) -> (Result<usize, BodyError>, AlignedBuf) {
        let mut done = 0;
        loop {
            let (result, returned) = self.read_into(buf, at + done, max - done).await;
            buf = returned;
            match result {
                Ok(0) => return (Ok(done), buf),
                Ok(count) => done += count,
                Err(error) => return (Err(error), buf),
            }
        }
    }

    /// Reads the whole body, which must not be longer than `limit`.
    pub async fn read_all(&mut self, limit: usize) -> Result<Vec<u8>, BodyError> {
        let remaining = self.body_remaining().unwrap_or(0);
        let remaining = usize::try_from(remaining).unwrap_or(usize::MAX);
        if remaining > limit {
            return Err(BodyError::TooLong);
        }
        let mut all = Vec::with_capacity(remaining);
        loop {
            let bytes = self.buffered();
            if all.len() + bytes.len() > limit {
                return Err(BodyError::TooLong);
            }
            all.extend_from_slice(bytes);
            self.consume(usize::MAX);
            if !self.fill().await? {
                return Ok(all);
            }
        }
    }

    /// Answers with a whole body. The server adds `Date`, `Content-Length` and, where it must,
    /// `Connection`. The body is not sent after HEAD, nor with 204 and 304.
    pub async fn respond(
        &mut self,
        status: u16,
        fields: impl Fields,
        body: impl Into<Chunk>,
    ) -> Result<(), Close> {
        self.connection.respond(status, fields, body.into()).await
    }

    /// As [`Exchange::respond`], with a body in two parts that leave together. The first is copied,
    /// the second sent from where it lies.
    pub async fn respond_parts(
        &mut self,
        status: u16,
        fields: impl Fields,
        first: &[u8],
        rest: impl Into<Chunk>,
    ) -> Result<(), Close> {
        let rest = rest.into();
        self.connection
            .respond_parts(status, fields, first, rest)
            .await
    }

    /// Begins a response whose body follows with [`Exchange::write`]. `length` is its exact length;
    /// without one the body is sent in the chunked coding (to HTTP/1.0: until the connection
    /// closes). Nothing is sent yet: the head leaves with the first bytes of the body.
    pub async fn start(
        &mut self,
        status: u16,
        fields: impl Fields,
        length: Option<u64>,
    ) -> Result<(), Close> {
        self.connection.start(status, fields, length).await
    }

    /// Sends bytes of the body, from where they lie, and waits until the socket took them. More
    /// bytes than declared are an error.
    pub async fn write(&mut self, chunk: impl Into<Chunk>) -> Result<(), Close> {
        self.connection.write(chunk.into()).await
    }

    /// Ends the response. Fewer bytes than declared are an error: the connection then closes
    /// abruptly, so that the client notices.
    pub async fn finish(&mut self) -> Result<(), Close> {
        self.connection.finish().await
    }

    /// Bytes of the request's body that were received so far.
    #[must_use]
    pub const fn bytes_received(&self) -> u64 {
        self.connection.body.received()
    }

    /// Bytes of the response's body that were sent so far.
    #[must_use]
    pub const fn bytes_sent(&self) -> u64 {
        self.connection.body_sent
    }

    /// Whether a response was begun.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.connection.sending.is_started()
    }

    /// Closes the connection after this request; to be called before the response is begun.
    pub const fn close_after(&mut self) {
        self.connection.keep_alive = false;
    }
}
