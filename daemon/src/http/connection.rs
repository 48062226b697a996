//! A connection's transport with everything that lives as long as it: buffers, timer, and the state
//! of the request under way. `body.rs` and `response.rs` add the two directions to it.

use super::body::Body;
use super::head::{HeadIndex, Version, lower_names};
use super::inbox::Inbox;
use super::response::Sending;
use super::scan::Scan;
use super::stream::{Chunk, Outgoing, Stream};
use super::timer::{Expired, Patience, Timer};
use super::{Close, FramingError, StreamError};
use crate::base::limits::{
    HTTP_HEAD_TIMEOUT, HTTP_IDLE_TIMEOUT, HTTP_LINGER_BYTES_MAX, HTTP_LINGER_TIMEOUT,
};
use std::io::ErrorKind;

/// Most capacity an idle connection keeps for the next head and response head.
const KEEP_BYTES_MAX: usize = 4096;

/// What came of waiting for a request.
pub(super) enum Next {
    Request,
    Refuse(FramingError),
    Close,
}

/// Why the transport brought nothing.
pub(super) enum Failure {
    Expired,
    Stream(StreamError),
}

impl From<Expired> for Failure {
    fn from(_: Expired) -> Self {
        Self::Expired
    }
}

/// See the module.
pub(super) struct Connection<S> {
    pub(super) stream: S,
    pub(super) timer: Timer,
    pub(super) inbox: Inbox,
    /// What is sent next: a response head or chunk framing.
    pub(super) out: Vec<u8>,
    /// An operation on the stream began and did not end, because it failed or because its future
    /// was dropped. Then nobody knows what was sent or received: nothing more may be.
    pub(super) is_broken: bool,
    pub(super) body: Body,
    pub(super) sending: Sending,
    /// Bytes of the response's body that the transport took.
    pub(super) body_sent: u64,
    pub(super) send_patience: Patience,
    pub(super) version: Version,
    pub(super) is_head_method: bool,
    /// Whether another request may follow, as far as is known.
    pub(super) keep_alive: bool,
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(stream: S, timer: Timer) -> Self {
        Self {
            stream,
            timer,
            inbox: Inbox::new(),
            out: Vec::new(),
            is_broken: false,
            body: Body::none(),
            sending: Sending::NotStarted,
            body_sent: 0,
            send_patience: Patience::new(),
            version: Version::Http11,
            is_head_method: false,
            keep_alive: false,
        }
    }

    /// Waits for a request and reads its head into `head`, indexed by `index`.
    pub(super) async fn read_head(&mut self, head: &mut Vec<u8>, index: &mut HeadIndex) -> Next {
        let mut scan = Scan::default();
        let mut is_started = false;
        self.reset();
        self.timer.arm_idle(HTTP_IDLE_TIMEOUT);
        loop {
            // Some old clients send an empty line after a body (RFC 9112, 2.2).
            while self.inbox.raw().starts_with(b"\r\n") && scan.is_fresh() {
                self.inbox.drop_raw(2);
            }
            let raw = self.inbox.raw();
            if !raw.is_empty() && raw != b"\r" {
                match index.parse(raw, &mut scan) {
                    Ok(Some(length)) => {
                        head.clear();
                        head.shrink_to(KEEP_BYTES_MAX);
                        head.extend_from_slice(raw.get(..length).unwrap_or(raw));
                        lower_names(head, index);
                        self.inbox.drop_raw(length);
                        self.begin_request(head, index);
                        return Next::Request;
                    }
                    Ok(None) => {}
                    Err(error) => return Next::Refuse(error),
                }
            }
            if !is_started && !self.inbox.is_empty() {
                is_started = true;
                self.timer.arm(HTTP_HEAD_TIMEOUT);
            }
            match self.receive().await {
                Ok(0) | Err(Failure::Stream(_)) => return Next::Close,
                Err(Failure::Expired) if is_started => {
                    return Next::Refuse(FramingError::HeadTimeout);
                }
                Err(Failure::Expired) => return Next::Close,
                Ok(_) => {}
            }
        }
    }

    fn reset(&mut self) {
        self.inbox.shrink();
        self.out.shrink_to(KEEP_BYTES_MAX);
        self.body = Body::none();
        self.sending = Sending::NotStarted;
        self.body_sent = 0;
        self.version = Version::Http11;
        self.is_head_method = false;
        self.keep_alive = false;
    }

    fn begin_request(&mut self, head: &[u8], index: &HeadIndex) {
        self.timer.disarm();
        self.body = Body::new(index.framing, index.expects_continue);
        self.send_patience = Patience::new();
        self.version = index.version;
        self.is_head_method = head.starts_with(b"HEAD ");
        self.keep_alive = index.keep_alive;
    }

    /// Receives into the inbox. The timer must be armed.
    pub(super) async fn receive(&mut self) -> Result<usize, Failure> {
        self.check_intact().map_err(Failure::Stream)?;
        let (mut buf, mut at, mut room) = self.inbox.take();
        if room == 0 {
            self.inbox.put_back(buf, 0);
            self.inbox.grow();
            (buf, at, room) = self.inbox.take();
        }
        self.is_broken = true;
        let outcome = self.timer.guard(self.stream.recv(buf, at, room)).await;
        self.is_broken = false;
        let Ok((result, buf)) = outcome else {
            self.inbox.lose();
            return Err(Failure::Expired);
        };
        self.inbox.put_back(buf, *result.as_ref().unwrap_or(&0));
        if result.is_err() {
            self.is_broken = true;
        }
        result.map_err(Failure::Stream)
    }

    /// Sends [`Connection::out`], then `body`, all of it.
    pub(super) async fn send(&mut self, body: Chunk) -> Result<(), Close> {
        self.check_intact()?;
        let mut outgoing = Outgoing::new(std::mem::take(&mut self.out), body);
        let mut of_head = outgoing.head.len();
        self.is_broken = true;
        while !outgoing.is_done() {
            self.send_patience.begin(&self.timer);
            let outcome = self.timer.guard(self.stream.send(outgoing)).await;
            let (result, returned) = outcome.map_err(|Expired| Close::TimedOut)?;
            outgoing = returned;
            let sent = result?;
            if sent == 0 {
                return Err(StreamError(ErrorKind::WriteZero).into());
            }
            outgoing.advance(sent);
            self.body_sent += sent.saturating_sub(of_head) as u64;
            of_head = of_head.saturating_sub(sent);
            self.send_patience.end(&self.timer, sent);
        }
        self.is_broken = false;
        self.out = outgoing.head;
        self.out.clear();
        Ok(())
    }

    fn check_intact(&self) -> Result<(), StreamError> {
        if self.is_broken {
            Err(StreamError(ErrorKind::BrokenPipe))
        } else {
            Ok(())
        }
    }

    /// Says goodbye so that the peer can read the last answer: closing with unread bytes in the
    /// socket would send a reset, which may overtake the answer.
    pub(super) async fn linger(mut self) {
        if self.is_broken {
            return;
        }
        self.timer.arm(HTTP_LINGER_TIMEOUT);
        let ended = self.timer.guard(self.stream.shutdown()).await;
        let mut discarded = 0;
        while matches!(ended, Ok(Ok(()))) && discarded < HTTP_LINGER_BYTES_MAX {
            self.inbox.clear();
            match self.receive().await {
                Ok(count @ 1..) => discarded += count,
                Ok(0) | Err(_) => return,
            }
        }
    }
}
