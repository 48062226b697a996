//! The server of one core: its connections, their timers, and the loop over requests.

use super::connection::{Connection, Next};
use super::exchange::{Answer, Exchange, Handler};
use super::head::{Head, HeadIndex};
use super::response::Sending;
use super::stream::Stream;
use super::timer::Timers;
use super::{BodyError, Close, FramingError};
use crate::base::limits::HTTP_TICK;
use crate::io::Clock;
use core::net::IpAddr;
use std::rc::Rc;

/// The HTTP side of one core. Clones share it.
#[derive(Clone)]
pub struct Server<C> {
    clock: C,
    timers: Rc<Timers>,
}

/// How a request left the connection.
enum After {
    NextRequest,
    Linger,
    Abort,
}

impl<C: Clock> Server<C> {
    /// A server without connections.
    #[must_use]
    pub fn new(clock: C) -> Self {
        let timers = Timers::new(clock.monotonic(), clock.now());
        Self { clock, timers }
    }

    /// Drives the timers of all connections; ends when the server was closed and the last
    /// connection ended. The owner spawns it: without it nothing times out and the date stands.
    pub async fn run(&self) {
        while !(self.timers.is_closing() && self.timers.count() == 0) {
            self.clock.sleep(HTTP_TICK).await;
            self.timers.tick(self.clock.monotonic(), self.clock.now());
        }
    }

    /// Begins the graceful end: idle connections close, requests under way are finished and their
    /// connections closed after them.
    pub fn close(&self) {
        self.timers.close();
    }

    /// Resolves when there is no connection.
    pub async fn drained(&self) {
        loop {
            let ticket = self.timers.ended.ticket();
            if self.timers.count() == 0 {
                return;
            }
            self.timers.ended.changed(ticket).await;
        }
    }

    /// Number of connections being served.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.timers.count()
    }

    /// Number of connections being served that come from one address: for a limit on it.
    #[must_use]
    pub fn connections_from(&self, peer: IpAddr) -> usize {
        self.timers.count_from(peer)
    }

    /// Serves a connection until it ends.
    pub async fn serve<S: Stream, H: Handler>(&self, stream: S, handler: &H) {
        let timer = self.timers.register(stream.peer().ip());
        let mut connection = Connection::new(stream, timer);
        let mut head = Vec::new();
        let mut index = HeadIndex::default();
        loop {
            let after = match connection.read_head(&mut head, &mut index).await {
                Next::Close => After::Abort,
                Next::Refuse(error) => connection.refuse(handler, error).await,
                Next::Request => {
                    let head = Head::new(&head, &index);
                    let mut exchange = Exchange::new(head, &mut connection);
                    let result = handler.handle(&mut exchange).await;
                    connection.settle(handler, result).await
                }
            };
            match after {
                After::NextRequest => {}
                After::Linger => return connection.linger().await,
                After::Abort => return,
            }
        }
    }
}

impl<S: Stream> Connection<S> {
    /// Answers a request that cannot be read.
    async fn refuse<H: Handler>(&mut self, handler: &H, error: FramingError) -> After {
        let answer = handler.framing_error(error, self.stream.peer());
        self.answer(answer).await
    }

    async fn answer(&mut self, answer: Answer) -> After {
        self.timer.disarm();
        self.keep_alive = false;
        let sent = self.respond(answer.status, &answer.fields, answer.body.into());
        match sent.await {
            Ok(()) | Err(Close::BadField) => After::Linger,
            Err(_) => After::Abort,
        }
    }

    /// Decides what follows a request that its handler is done with.
    async fn settle<H: Handler>(&mut self, handler: &H, result: Result<(), Close>) -> After {
        if self.is_broken {
            return After::Abort;
        }
        match (self.sending, result) {
            (Sending::NotStarted, result) => match (self.body.failed(), result) {
                (Some(BodyError::Framing(error)), _) => self.refuse(handler, error).await,
                (Some(BodyError::TimedOut), _) => {
                    self.refuse(handler, FramingError::BodyTimeout).await
                }
                (_, Err(_)) => After::Abort,
                (_, Ok(())) => {
                    tracing::error!("a handler did not answer its request");
                    let bare = Answer {
                        status: 500,
                        fields: Vec::new(),
                        body: Vec::new(),
                    };
                    self.answer(bare).await
                }
            },
            (Sending::Done, Err(_)) => After::Linger,
            (_, Err(_)) => After::Abort,
            (_, Ok(())) => {
                // The handler may have left the end of the response to us.
                if self.finish().await.is_err() {
                    After::Abort
                } else if self.keep_alive && self.drain().await {
                    After::NextRequest
                } else {
                    After::Linger
                }
            }
        }
    }
}
