//! What the tasks of a connection share: the frames to be sent, and the streams that wait for
//! frames of the peer.

use crate::base::limits::{ADMIN_OUTBOX_BYTES, ADMIN_SEND_TIMEOUT};
use crate::base::local::Notify;
use crate::io::{Bytes, Connection, Parts, timeout};
use chainring_protocol::auth::Signer;
use chainring_protocol::frame::{Builder, HEADER_BYTES, Header, Kind};
use chainring_protocol::limits::{STREAM_CREDIT_MAX, STREAM_WINDOW};
use chainring_protocol::{Failure, Reply, ResultCode, TooLong};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::rc::Rc;

/// Frames up to this size are sent together.
const TOGETHER_BYTES: usize = 64 * 1024;

/// Shared by the tasks of one connection.
#[derive(Default)]
pub(super) struct Channel {
    /// Whole, signed frames.
    frames: RefCell<VecDeque<Vec<u8>>>,
    queued_bytes: Cell<usize>,
    signer: RefCell<Option<Signer>>,
    /// Something is to be sent, or was sent, or a request ended.
    changed: Notify,
    in_progress: Cell<usize>,
    streams: RefCell<BTreeMap<u32, Rc<Stream>>>,
    /// Nothing further will be queued.
    closed: Cell<bool>,
}

/// Frames of the peer for one upload or download.
#[derive(Default)]
pub(super) struct Stream {
    arrived: RefCell<VecDeque<Arrived>>,
    /// Data frames the peer may send (upload), or we may (download).
    credit: Cell<u32>,
    changed: Notify,
}

/// What came for an upload or a download.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// The next piece of an upload.
    Data(Vec<u8>),
    /// The end of an upload.
    End,
    /// The peer gave up, or is gone.
    Cancel,
}

/// The peer broke the rules of streams.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BrokenRule(pub(super) &'static str);

impl Channel {
    /// From now on every frame is signed.
    pub(super) fn sign_with(&self, signer: Signer) {
        *self.signer.borrow_mut() = Some(signer);
    }

    /// Nothing is signed any more: what is said now concerns somebody who is not let in.
    pub(super) fn stop_signing(&self) {
        *self.signer.borrow_mut() = None;
    }

    /// Makes and signs a frame whose body `body` appends. It must be queued before the next is made.
    pub(super) fn seal(
        &self,
        header: Header,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), TooLong>,
    ) -> Result<Vec<u8>, TooLong> {
        let mut bytes = Vec::new();
        let builder = Builder::new(&mut bytes);
        body(builder.out)?;
        builder.finish(header, self.signer.borrow_mut().as_mut())?;
        Ok(bytes)
    }

    /// Queues a frame whose body `body` appends.
    pub(super) fn send(
        &self,
        header: Header,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), TooLong>,
    ) -> Result<(), TooLong> {
        self.queue(self.seal(header, body)?);
        Ok(())
    }

    /// Queues a data frame; `bytes` has [`HEADER_BYTES`] free in front of the body.
    pub(super) fn send_data(&self, header: Header, bytes: Vec<u8>) {
        let mut out = bytes;
        let sealed = Builder::resume(&mut out, 0).finish(header, self.signer.borrow_mut().as_mut());
        debug_assert!(sealed.is_ok(), "a piece of a download is too long");
        self.queue(out);
    }

    /// Queues a whole frame.
    pub(super) fn queue(&self, bytes: Vec<u8>) {
        let mut queue = self.frames.borrow_mut();
        self.queued_bytes.set(self.queued_bytes.get() + bytes.len());
        match queue.back_mut() {
            Some(last) if last.len() + bytes.len() <= TOGETHER_BYTES => last.extend(bytes),
            _ => queue.push_back(bytes),
        }
        drop(queue);
        self.changed.notify();
    }

    /// Answers a request.
    pub(super) fn respond(&self, asked: Header, reply: Result<Reply, Failure>) {
        let header = Header::new(Kind::Response, asked.request, asked.opcode);
        let failure = match reply {
            Ok(reply) => match self.send(header, |out| reply.encode_body(out)) {
                Ok(()) => return,
                Err(TooLong(what)) => {
                    tracing::error!(opcode = asked.opcode, what, "a reply is too long");
                    Failure::new(ResultCode::InternalError, "the answer is too long")
                }
            },
            Err(failure) => failure,
        };
        self.send_failure(header, &failure);
    }

    /// Sends a response or an end that reports a failure.
    pub(super) fn send_failure(&self, header: Header, failure: &Failure) {
        let header = Header {
            result: failure.code.number(),
            ..header
        };
        let sent = self.send(header, |out| failure.encode_body(out));
        debug_assert!(sent.is_ok(), "failures are cut to fit");
    }

    /// Resolves when little enough waits to be sent.
    pub(super) async fn room(&self) {
        self.until(|| self.queued_bytes.get() < ADMIN_OUTBOX_BYTES || self.closed.get())
            .await;
    }

    /// Resolves when fewer than `count` requests are in progress.
    pub(super) async fn fewer_in_progress_than(&self, count: usize) {
        self.until(|| self.in_progress.get() < count).await;
    }

    async fn until(&self, done: impl Fn() -> bool) {
        loop {
            let ticket = self.changed.ticket();
            if done() {
                return;
            }
            self.changed.changed(ticket).await;
        }
    }

    /// Sends what is queued until [`Channel::close`], and then the rest.
    pub(super) async fn write_to(&self, socket: &Connection) -> io::Result<()> {
        loop {
            let ticket = self.changed.ticket();
            let next = self.frames.borrow_mut().pop_front();
            let Some(bytes) = next else {
                if self.closed.get() {
                    return Ok(());
                }
                self.changed.changed(ticket).await;
                continue;
            };
            let len = bytes.len();
            send_all(socket, bytes).await?;
            self.queued_bytes.set(self.queued_bytes.get() - len);
            self.changed.notify();
        }
    }

    /// Nothing further will be queued; the writer ends when the queue is empty.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.changed.notify();
    }

    /// Counts a request as in progress until the ticket is dropped.
    pub(super) fn begin(self: &Rc<Self>, asked: Header) -> Ticket {
        self.in_progress.set(self.in_progress.get() + 1);
        Ticket {
            channel: self.clone(),
            asked,
            owed: Some(Kind::Response),
        }
    }

    /// Makes room for the frames of a stream; `None` when there is one for that request.
    pub(super) fn open_stream(&self, request: u32) -> Option<Rc<Stream>> {
        let mut streams = self.streams.borrow_mut();
        if streams.contains_key(&request) {
            return None;
        }
        let stream = Rc::new(Stream::default());
        stream.credit.set(STREAM_WINDOW);
        streams.insert(request, stream.clone());
        Some(stream)
    }

    /// Streams that are open.
    pub(super) fn streams(&self) -> usize {
        self.streams.borrow().len()
    }

    /// Frames of the stream that still come are ignored.
    pub(super) fn close_stream(&self, request: u32) {
        self.streams.borrow_mut().remove(&request);
    }

    /// Whoever waits for frames of the peer waits in vain.
    pub(super) fn cancel_streams(&self) {
        for stream in std::mem::take(&mut *self.streams.borrow_mut()).into_values() {
            stream.arrive(Arrived::Cancel);
        }
    }

    /// Hands a frame to its stream, if there (still) is one.
    pub(super) fn deliver(&self, request: u32, frame: StreamFrame<'_>) -> Result<(), BrokenRule> {
        let Some(stream) = self.streams.borrow().get(&request).cloned() else {
            return Ok(());
        };
        match frame {
            StreamFrame::Data(body) => {
                let left = stream.credit.get().checked_sub(1);
                let left = left.ok_or(BrokenRule("data without credit"))?;
                stream.credit.set(left);
                stream.arrive(Arrived::Data(body.to_vec()));
            }
            StreamFrame::Credit(count) => stream.grant(count)?,
            StreamFrame::End => stream.arrive(Arrived::End),
            StreamFrame::Cancel => stream.arrive(Arrived::Cancel),
        }
        Ok(())
    }
}

/// A frame of the peer that belongs to a stream.
pub(super) enum StreamFrame<'a> {
    /// A piece.
    Data(&'a [u8]),
    /// Leave to send more.
    Credit(u32),
    /// The end.
    End,
    /// The end of all interest.
    Cancel,
}

impl Stream {
    fn arrive(&self, what: Arrived) {
        self.arrived.borrow_mut().push_back(what);
        self.changed.notify();
    }

    /// Adds credit.
    pub(super) fn grant(&self, count: u32) -> Result<(), BrokenRule> {
        let credit = self.credit.get().saturating_add(count);
        if credit > STREAM_CREDIT_MAX {
            return Err(BrokenRule("more credit than is allowed"));
        }
        self.credit.set(credit);
        self.changed.notify();
        Ok(())
    }

    /// The next frame of an upload.
    pub(super) async fn next(&self) -> Arrived {
        loop {
            let ticket = self.changed.ticket();
            if let Some(what) = self.arrived.borrow_mut().pop_front() {
                return what;
            }
            self.changed.changed(ticket).await;
        }
    }

    /// Waits for leave to send a data frame; `false` when the peer does not want any more.
    pub(super) async fn leave_to_send(&self) -> bool {
        loop {
            let ticket = self.changed.ticket();
            if self.arrived.borrow().contains(&Arrived::Cancel) {
                return false;
            }
            if let Some(left) = self.credit.get().checked_sub(1) {
                self.credit.set(left);
                return true;
            }
            self.changed.changed(ticket).await;
        }
    }
}

/// A request in progress. It is answered whatever becomes of its task.
pub(super) struct Ticket {
    channel: Rc<Channel>,
    asked: Header,
    /// The frame the peer still waits for.
    owed: Option<Kind>,
}

impl Ticket {
    /// Answers.
    pub(super) fn respond(mut self, reply: Result<Reply, Failure>) {
        self.owed = None;
        self.channel.respond(self.asked, reply);
    }

    /// Answers that a stream begins, which [`Ticket::end`] will end.
    pub(super) fn begin_stream(&mut self, reply: Reply) {
        self.owed = Some(Kind::End);
        self.channel.respond(self.asked, Ok(reply));
    }

    /// Ends the stream.
    pub(super) fn end(mut self, outcome: Result<(), Failure>) {
        self.owed = None;
        let header = Header::new(Kind::End, self.asked.request, self.asked.opcode);
        match outcome {
            Ok(()) => {
                let sent = self.channel.send(header, |_| Ok(()));
                debug_assert!(sent.is_ok(), "nothing always fits");
            }
            Err(failure) => self.channel.send_failure(header, &failure),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let channel = &self.channel;
        if let Some(kind) = self.owed {
            let failure = Failure::new(ResultCode::InternalError, "the request was given up");
            let header = Header::new(kind, self.asked.request, self.asked.opcode);
            channel.send_failure(header, &failure);
        }
        channel.close_stream(self.asked.request);
        channel.in_progress.set(channel.in_progress.get() - 1);
        channel.changed.notify();
    }
}

async fn send_all(socket: &Connection, bytes: Vec<u8>) -> io::Result<()> {
    let mut parts = Bytes::from(bytes);
    while parts.unsent().iter().any(|part| !part.is_empty()) {
        let sent = timeout(ADMIN_SEND_TIMEOUT, socket.send(parts)).await;
        let (sent, rest) = sent.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        parts = rest;
        match sent? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => parts.advance(count),
        }
    }
    Ok(())
}

/// A buffer for [`Channel::send_data`].
pub(super) fn data_frame() -> Vec<u8> {
    vec![0; HEADER_BYTES]
}
