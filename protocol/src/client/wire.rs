//! Frames in and out of a stream, with one buffer each way.

use super::ClientError;
use crate::auth::{BadTag, Session};
use crate::frame::{Builder, Frame, Header};
use std::io::{self, Read, Write};
use std::ops::Range;

const RECEIVE_BYTES_MIN: usize = 16 * 1024;

/// A stream of frames.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    /// Frames to be sent.
    out: Vec<u8>,
    /// What was received; only `unread` of it counts.
    received: Vec<u8>,
    /// Bytes received and not yet handed out.
    unread: Range<usize>,
    /// The frame handed out last, in `received`.
    frame: Range<usize>,
    /// The body of that frame, in `received`.
    body: Range<usize>,
    /// Once there is a session, every frame is signed.
    pub(super) session: Option<Session>,
}

impl<S> Wire<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self {
            stream,
            out: Vec::new(),
            received: Vec::new(),
            unread: 0..0,
            frame: 0..0,
            body: 0..0,
            session: None,
        }
    }

    /// What the frames go through.
    pub(super) const fn stream(&self) -> &S {
        &self.stream
    }

    /// Adds a frame to what the next flush sends. `body` appends the body.
    pub(super) fn queue(
        &mut self,
        header: Header,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let builder = Builder::new(&mut self.out);
        if let Err(error) = body(builder.out) {
            builder.abandon();
            return Err(error);
        }
        let signer = self.session.as_mut().map(|session| &mut session.client);
        Ok(builder.finish(header, signer)?)
    }

    /// The frames that the next flush sends.
    pub(super) fn queued(&self) -> &[u8] {
        &self.out
    }

    /// The bytes of the frame received last.
    pub(super) fn frame(&self) -> &[u8] {
        self.received.get(self.frame.clone()).unwrap_or_default()
    }

    /// The body of the frame received last.
    pub(super) fn body(&self) -> &[u8] {
        self.received.get(self.body.clone()).unwrap_or_default()
    }
}

impl<S: Read + Write> Wire<S> {
    /// Sends what was queued.
    pub(super) fn flush(&mut self) -> Result<(), ClientError> {
        if !self.out.is_empty() {
            self.stream.write_all(&self.out)?;
            self.stream.flush()?;
            self.out.clear();
        }
        Ok(())
    }

    /// Waits for the next frame and checks its tag.
    pub(super) fn receive(&mut self) -> Result<Header, ClientError> {
        loop {
            let unread = self.received.get(self.unread.clone()).unwrap_or_default();
            if let Some(frame) = Frame::parse(unread)? {
                match (&mut self.session, frame.tag()) {
                    (None, None) => {}
                    (Some(session), Some(tag)) => session.daemon.verify(frame.covered(), tag)?,
                    // Without a tag the daemon can say only that it does not let us in; whoever
                    // else says it can do no more harm than by closing the connection.
                    (Some(_), None) if frame.header.result != 0 => {
                        super::check(frame.header.result, frame.body())?;
                    }
                    _ => return Err(BadTag.into()),
                }
                let (header, len) = (frame.header, frame.bytes().len());
                self.frame = self.unread.start..self.unread.start + len;
                let body = self.unread.start + crate::frame::HEADER_BYTES;
                self.body = body..body + header.body_bytes();
                self.unread.start += len;
                return Ok(header);
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> Result<(), ClientError> {
        let unread = self.received.get(self.unread.clone()).unwrap_or_default();
        // The header's length was checked, so this is bounded by the longest frame.
        let wanted = unread
            .first_chunk()
            .and_then(|head| Header::parse(head).ok())
            .map_or(0, |header| header.frame_bytes());
        if self.unread.start > 0 {
            let len = self.unread.len();
            self.received.copy_within(self.unread.clone(), 0);
            self.unread = 0..len;
        }
        if self.received.len() < wanted.max(RECEIVE_BYTES_MIN) {
            self.received.resize(wanted.max(RECEIVE_BYTES_MIN), 0);
        }
        let room = self.received.get_mut(self.unread.end..).unwrap_or_default();
        match self.stream.read(room) {
            Ok(0) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the daemon closed it",
            ))?,
            Ok(count) => self.unread.end += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => Err(error)?,
        }
        Ok(())
    }
}
