//! The receive buffer of a connection. In front lie body bytes that are ready to be handed out,
//! behind them bytes as they came from the wire.
//!
//! ```text
//! |  free  |  ready (body, decoded)  |  raw (framing, body, next request)  |  free  |
//! 0        start                     start + ready                         end
//! ```

use crate::base::AlignedBuf;
use crate::base::limits::{HTTP_BUFFER_BYTES, HTTP_HEAD_BYTES_MAX};

/// See the module.
pub(super) struct Inbox {
    buf: AlignedBuf,
    start: usize,
    ready: usize,
    end: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            buf: AlignedBuf::with_capacity(HTTP_BUFFER_BYTES),
            start: 0,
            ready: 0,
            end: 0,
        }
    }

    pub(super) fn ready(&self) -> &[u8] {
        let end = self.start + self.ready;
        self.buf.whole().get(self.start..end).unwrap_or(&[])
    }

    pub(super) fn raw(&self) -> &[u8] {
        let start = self.start + self.ready;
        self.buf.whole().get(start..self.end).unwrap_or(&[])
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) const fn ready_len(&self) -> usize {
        self.ready
    }

    pub(super) const fn raw_len(&self) -> usize {
        self.end - self.start - self.ready
    }

    /// Throws ready bytes away: the reader has used them.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.ready);
        self.start += count;
        self.ready -= count;
    }

    /// The next `count` raw bytes are body.
    pub(super) fn make_ready(&mut self, count: usize) {
        self.ready += count.min(self.raw_len());
    }

    /// Throws the next `count` raw bytes away. Ready bytes in front of them move up, so that they
    /// stay in one piece with those that follow.
    pub(super) fn drop_raw(&mut self, count: usize) {
        let count = count.min(self.raw_len());
        if self.ready > 0 {
            let ready = self.start..self.start + self.ready;
            self.buf.whole_mut().copy_within(ready, self.start + count);
        }
        self.start += count;
    }

    /// Takes the buffer for receiving: returns it with the place and the room behind the bytes it
    /// holds. Room 0 means it is full. [`Inbox::put_back`] must follow.
    pub(super) fn take(&mut self) -> (AlignedBuf, usize, usize) {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.start > 0 && self.limit().saturating_sub(self.end) < HTTP_BUFFER_BYTES / 4 {
            self.buf.whole_mut().copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let room = self.limit().saturating_sub(self.end);
        let buf = std::mem::replace(&mut self.buf, AlignedBuf::empty());
        (buf, self.end, room)
    }

    /// Gives the buffer back with `received` new bytes behind the others.
    pub(super) fn put_back(&mut self, buf: AlignedBuf, received: usize) {
        self.buf = buf;
        self.end = (self.end + received).min(self.limit());
    }

    /// The buffer was lost to an operation that was cut off.
    pub(super) fn lose(&mut self) {
        *self = Self::new();
    }

    /// Forgets all bytes.
    pub(super) const fn clear(&mut self) {
        self.start = 0;
        self.ready = 0;
        self.end = 0;
    }

    /// Makes room for a longer head. Does nothing at the largest size.
    pub(super) fn grow(&mut self) {
        let wanted = (self.limit() * 2).min(HTTP_HEAD_BYTES_MAX);
        self.resize(wanted);
    }

    /// Goes back to the usual size when a long head made it larger and its bytes are used.
    pub(super) fn shrink(&mut self) {
        if self.limit() > HTTP_BUFFER_BYTES && self.end - self.start <= HTTP_BUFFER_BYTES {
            self.resize(HTTP_BUFFER_BYTES);
        }
    }

    fn resize(&mut self, capacity: usize) {
        let mut buf = AlignedBuf::with_capacity(capacity);
        buf.extend(self.buf.whole().get(self.start..self.end).unwrap_or(&[]));
        self.end -= self.start;
        self.start = 0;
        self.buf = buf;
    }

    /// The buffers of the pool may be larger than asked for; the limit on a head is not.
    fn limit(&self) -> usize {
        self.buf.capacity().min(HTTP_HEAD_BYTES_MAX)
    }
}
