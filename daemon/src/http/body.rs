//! The request body: what is buffered is handed out first, then large reads go straight from the
//! socket into the caller's buffer.

use super::chunked::Decoder;
use super::connection::{Connection, Failure};
use super::head::Framing;
use super::stream::{Chunk, Stream};
use super::timer::Patience;
use super::{BodyError, StreamError};
use crate::base::AlignedBuf;
use crate::base::limits::{HTTP_BUFFER_BYTES, HTTP_DRAIN_BYTES_MAX};
use std::io::ErrorKind;

/// Inside a small chunk a direct receive would cost more operations than the copy it saves.
const DIRECT_BYTES_MIN: u64 = 4096;
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// How the body ends.
#[derive(Debug)]
enum Kind {
    /// So many bytes are neither ready in the inbox nor handed out.
    Sized {
        left: u64,
    },
    Chunked(Decoder),
}

/// The state of the body of the request under way.
pub(super) struct Body {
    kind: Kind,
    /// The client waits for a 100 before it sends.
    wants_continue: bool,
    patience: Patience,
    failed: Option<BodyError>,
    /// Bytes that were received, framing not counted.
    received: u64,
}

impl Body {
    pub(super) const fn none() -> Self {
        Self {
            kind: Kind::Sized { left: 0 },
            wants_continue: false,
            patience: Patience::new(),
            failed: None,
            received: 0,
        }
    }

    pub(super) const fn new(framing: Framing, wants_continue: bool) -> Self {
        let kind = match framing {
            Framing::None => Kind::Sized { left: 0 },
            Framing::Length(left) => Kind::Sized { left },
            Framing::Chunked => Kind::Chunked(Decoder::new()),
        };
        Self {
            kind,
            wants_continue,
            ..Self::none()
        }
    }

    /// The error that ended the reading, if one did.
    pub(super) const fn failed(&self) -> Option<BodyError> {
        self.failed
    }

    /// Bytes of the body that were received.
    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// Whether all of the body was received; some of it may still be ready in the inbox.
    const fn is_received(&self) -> bool {
        match &self.kind {
            Kind::Sized { left } => *left == 0,
            Kind::Chunked(decoder) => decoder.is_done(),
        }
    }

    /// Bytes of data that come next without framing in between.
    const fn data_left(&self) -> u64 {
        match &self.kind {
            Kind::Sized { left } => *left,
            Kind::Chunked(decoder) => decoder.data_left(),
        }
    }

    fn took_data(&mut self, count: u64) {
        self.received += count;
        match &mut self.kind {
            Kind::Sized { left } => *left = left.saturating_sub(count),
            Kind::Chunked(decoder) => decoder.took_data(count),
        }
    }
}

impl<S: Stream> Connection<S> {
    /// Bytes of the body not handed out yet; `None` when it is chunked and its end not yet seen.
    pub(super) fn body_remaining(&self) -> Option<u64> {
        let ready = self.inbox.ready_len() as u64;
        match &self.body.kind {
            Kind::Sized { left } => Some(left.saturating_add(ready)),
            Kind::Chunked(decoder) => decoder.is_done().then_some(ready),
        }
    }

    /// Finds body in the raw bytes of the inbox and makes it ready.
    fn decode(&mut self) -> Result<(), BodyError> {
        if let Some(error) = self.body.failed {
            return Err(error);
        }
        while self.inbox.raw_len() > 0 && !self.body.is_received() {
            let raw_len = self.inbox.raw_len();
            let data = usize::try_from(self.body.data_left()).unwrap_or(usize::MAX);
            if data > 0 {
                let count = data.min(raw_len);
                self.inbox.make_ready(count);
                self.body.took_data(count as u64);
            } else if let Kind::Chunked(decoder) = &mut self.body.kind {
                match decoder.take_framing(self.inbox.raw()) {
                    Ok(count) => self.inbox.drop_raw(count),
                    Err(error) => return Err(self.fail_body(error.into())),
                }
            }
        }
        Ok(())
    }

    fn fail_body(&mut self, error: BodyError) -> BodyError {
        self.keep_alive = false;
        self.body.failed = Some(error);
        error
    }

    fn fail_receive(&mut self, failure: Failure) -> BodyError {
        self.fail_body(match failure {
            Failure::Expired => BodyError::TimedOut,
            Failure::Stream(error) => BodyError::Stream(error),
        })
    }

    /// Tells a client that waits for it to go on. Not when it already did.
    async fn invite(&mut self) -> Result<(), BodyError> {
        if !std::mem::take(&mut self.body.wants_continue) || !self.inbox.is_empty() {
            return Ok(());
        }
        // A response that was begun is itself the answer the client waits for.
        if self.sending.is_started() {
            return Ok(());
        }
        self.out.clear();
        let sent = self.send(Chunk::Static(CONTINUE)).await;
        // No part of the response's body.
        self.body_sent = 0;
        let gone = StreamError(ErrorKind::BrokenPipe);
        sent.map_err(|_| self.fail_body(BodyError::Stream(gone)))
    }

    /// Receives more into the inbox.
    async fn receive_body(&mut self) -> Result<(), BodyError> {
        self.invite().await?;
        self.body.patience.begin(&self.timer);
        let received = self.receive().await;
        let count = received.map_err(|failure| self.fail_receive(failure))?;
        self.body.patience.end(&self.timer, count);
        if count == 0 {
            return Err(self.fail_body(BodyError::Truncated));
        }
        Ok(())
    }

    /// Makes more body ready behind what is ready; `false` at the end of the body.
    pub(super) async fn fill(&mut self) -> Result<bool, BodyError> {
        let before = self.inbox.ready_len();
        loop {
            self.decode()?;
            if self.inbox.ready_len() > before {
                return Ok(true);
            }
            if self.body.is_received() {
                return Ok(false);
            }
            if before >= HTTP_BUFFER_BYTES {
                return Err(BodyError::TooLong);
            }
            self.receive_body().await?;
        }
    }

    /// See [`super::Exchange::read_into`].
    pub(super) async fn read_into(
        &mut self,
        mut buf: AlignedBuf,
        at: usize,
        max: usize,
    ) -> (Result<usize, BodyError>, AlignedBuf) {
        let room = buf.capacity().saturating_sub(at).min(max);
        loop {
            if self.inbox.ready_len() == 0
                && let Err(error) = self.decode()
            {
                return (Err(error), buf);
            }
            let ready = self.inbox.ready();
            let count = ready.len().min(room);
            if let (1.., Some(from), Some(to)) = (
                count,
                ready.get(..count),
                buf.whole_mut().get_mut(at..at + count),
            ) {
                to.copy_from_slice(from);
                self.inbox.consume(count);
                return (Ok(count), extended(buf, at + count));
            }
            if room == 0 || self.body.is_received() {
                return (Ok(0), buf);
            }
            let left = self.body.data_left();
            let is_small_chunk =
                left < DIRECT_BYTES_MIN && matches!(self.body.kind, Kind::Chunked(_));
            if !is_small_chunk {
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(room);
                return self.receive_direct(buf, at, count).await;
            }
            if let Err(error) = self.receive_body().await {
                return (Err(error), buf);
            }
        }
    }

    /// Receives data into `buf`. The inbox is empty.
    async fn receive_direct(
        &mut self,
        buf: AlignedBuf,
        at: usize,
        max: usize,
    ) -> (Result<usize, BodyError>, AlignedBuf) {
        if let Err(error) = self.invite().await {
            return (Err(error), buf);
        }
        if self.is_broken {
            let gone = StreamError(ErrorKind::BrokenPipe);
            return (Err(self.fail_body(BodyError::Stream(gone))), buf);
        }
        self.body.patience.begin(&self.timer);
        self.is_broken = true;
        let outcome = self.timer.guard(self.stream.recv(buf, at, max)).await;
        let Ok((result, buf)) = outcome else {
            self.is_broken = false;
            return (
                Err(self.fail_body(BodyError::TimedOut)),
                AlignedBuf::empty(),
            );
        };
        match result {
            Ok(count) => {
                self.is_broken = false;
                self.body.patience.end(&self.timer, count);
                self.body.took_data(count as u64);
                if count == 0 {
                    return (Err(self.fail_body(BodyError::Truncated)), buf);
                }
                (Ok(count), extended(buf, at + count))
            }
            Err(error) => (Err(self.fail_body(BodyError::Stream(error))), buf),
        }
    }

    /// Whether the rest of the body is known to be short enough to be read and thrown away. A
    /// client that waits for a 100 will not send it, or sends it after all: nobody can tell.
    pub(super) fn can_drain(&mut self) -> bool {
        if self.body.failed.is_some() || self.decode().is_err() {
            return false;
        }
        match &self.body.kind {
            _ if self.body.is_received() => true,
            _ if self.body.wants_continue && self.inbox.is_empty() => false,
            Kind::Sized { left } => *left <= HTTP_DRAIN_BYTES_MAX,
            Kind::Chunked(_) => false,
        }
    }

    /// Reads the rest of the body and throws it away; `false` when that cannot be done.
    pub(super) async fn drain(&mut self) -> bool {
        if !self.can_drain() {
            return false;
        }
        loop {
            self.inbox.consume(self.inbox.ready_len());
            match self.fill().await {
                Ok(true) => {}
                Ok(false) => return true,
                Err(_) => return false,
            }
        }
    }
}

fn extended(mut buf: AlignedBuf, end: usize) -> AlignedBuf {
    if buf.len() < end {
        buf.set_len(end);
    }
    buf
}
