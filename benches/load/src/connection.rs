//! One keep-alive connection: at most one request in flight, never blocks.

use crate::request::Prepared;
use crate::response::{Response, Wrong};
use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The socket.
    #[error("{0}")]
    Socket(#[from] std::io::Error),
    /// The server closed it in the middle of an answer.
    #[error("closed by the server before the answer was complete")]
    Closed,
    /// The answer.
    #[error(transparent)]
    Wrong(#[from] Wrong),
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
struct Flight {
    request: usize,
    /// Bytes of head and body that are sent.
    sent: usize,
    /// When it was to be sent; its latency counts from here.
    due: Instant,
}

/// A complete, right answer.
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// When the request was to be sent.
    pub due: Instant,
    /// Bytes of the answer's body.
    pub length: u64,
}

/// A connection to the server.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    flight: Option<Flight>,
    response: Response,
}

impl Connection {
    /// Connects, which blocks, and registers with the poll.
    pub fn open(server: SocketAddr, registry: &Registry, token: Token) -> std::io::Result<Self> {
        let stream = std::net::TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        stream.register(registry, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            flight: None,
            response: Response::default(),
        })
    }

    /// When the request in flight was due.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.flight.map(|flight| flight.due)
    }

    /// Sends as much of a request as the socket takes. There must be none in flight.
    pub fn start(
        &mut self,
        prepared: &Prepared,
        request: usize,
        due: Instant,
    ) -> Result<(), Broken> {
        debug_assert!(self.flight.is_none());
        self.flight = Some(Flight {
            request,
            sent: 0,
            due,
        });
        self.send(prepared)
    }

    /// Sends more, after the socket became writable.
    pub fn send(&mut self, prepared: &Prepared) -> Result<(), Broken> {
        let Some(flight) = &mut self.flight else {
            return Ok(());
        };
        let head: &[u8] = prepared.heads.get(flight.request).map_or(&[], |h| h);
        loop {
            let head_left = head.get(flight.sent..).unwrap_or_default();
            let body_sent = flight.sent.saturating_sub(head.len());
            let body_left = prepared.body.get(body_sent..).unwrap_or_default();
            if head_left.is_empty() && body_left.is_empty() {
                return Ok(());
            }
            let slices = [IoSlice::new(head_left), IoSlice::new(body_left)];
            match self.stream.write_vectored(&slices) {
                Ok(sent) => flight.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Receives what there is, after the socket became readable.
    pub fn receive(
        &mut self,
        prepared: &Prepared,
        buffer: &mut [u8],
    ) -> Result<Option<Finished>, Broken> {
        let room = buffer.len();
        let mut finished = None;
        loop {
            let got = match self.stream.read(buffer) {
                Ok(0) => return Err(Broken::Closed),
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(finished),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let bytes = buffer.get(..got).unwrap_or_default();
            let Some(flight) = self.flight else {
                return Err(Wrong::Excess(got).into());
            };
            if let Some(length) = self.response.take(bytes, &prepared.expected)? {
                self.flight = None;
                let due = flight.due;
                finished = Some(Finished { due, length });
            }
            // A short read has emptied the socket: the next bytes raise a new event.
            if got < room {
                return Ok(finished);
            }
        }
    }
}
