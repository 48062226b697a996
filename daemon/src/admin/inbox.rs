//! Received bytes, until they are whole frames.

use crate::base::AlignedBuf;
use crate::io::Connection;
use chainring_protocol::frame::{Frame, FrameError, HEADER_BYTES, Header};
use std::io;
use std::ops::Range;

/// What an idle connection holds.
const BYTES_MIN: usize = 16 * 1024;

/// A receive buffer. It grows to hold a frame that is announced, which the frame's kind bounds, and
/// shrinks when that is gone.
pub(super) struct Inbox {
    buf: AlignedBuf,
    unread: Range<usize>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            buf: AlignedBuf::with_capacity(BYTES_MIN),
            unread: 0..0,
        }
    }

    fn bytes(&self) -> &[u8] {
        let bytes = self.buf.whole().get(self.unread.clone());
        bytes.unwrap_or_default()
    }

    /// The first whole frame. It stays until [`Inbox::consume`].
    pub(super) fn frame(&self) -> Result<Option<Frame<'_>>, FrameError> {
        Frame::parse(self.bytes())
    }

    /// Drops `len` bytes from the front.
    pub(super) fn consume(&mut self, len: usize) {
        self.unread.start = (self.unread.start + len).min(self.unread.end);
    }

    /// Receives more; `false` when the peer will send no more.
    pub(super) async fn receive(&mut self, socket: &Connection) -> io::Result<bool> {
        self.make_room();
        let buf = std::mem::replace(&mut self.buf, AlignedBuf::empty());
        let room = buf.capacity() - self.unread.end;
        let (result, buf) = socket.recv_into(buf, self.unread.end, room).await;
        self.buf = buf;
        let count = result?;
        self.unread.end += count;
        Ok(count > 0)
    }

    /// Moves what is unread to the front of a buffer that holds all of its frame and has room.
    fn make_room(&mut self) {
        let announced = self
            .bytes()
            .first_chunk::<HEADER_BYTES>()
            .and_then(|head| Header::parse(head).ok());
        let wanted = announced.map_or(0, |header| header.frame_bytes());
        let wanted = wanted.max(self.unread.len() + 1).max(BYTES_MIN);
        let len = self.unread.len();
        let oversized = self.buf.capacity() > 2 * wanted.next_multiple_of(BYTES_MIN);
        if self.buf.capacity() < wanted || oversized {
            let mut buf = AlignedBuf::with_capacity(wanted);
            buf.extend(self.bytes());
            self.buf = buf;
            self.unread = 0..len;
        } else if self.unread.start > 0 {
            let unread = self.unread.clone();
            self.buf.whole_mut().copy_within(unread, 0);
            self.unread = 0..len;
        }
    }
}
