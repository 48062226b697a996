//! A closed loop over many connections on one thread: the next request follows the answer.

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// Nothing for so long is a server that hangs.
const PATIENCE: Duration = Duration::from_secs(3);

struct Connection {
    stream: TcpStream,
    /// Of the request under way.
    sent: usize,
    received: Vec<u8>,
    /// Length of an answer; the same every time.
    expected: Option<usize>,
}

/// A load on a server.
pub struct Client {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    request: Vec<u8>,
}

/// A request for the canned body.
pub fn get() -> Vec<u8> {
    b"GET /bucket/object HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: closed-loop\r\n\r\n".to_vec()
}

/// A body to be written.
pub fn put() -> Vec<u8> {
    let mut request =
        b"PUT /bucket/object HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4096\r\n\r\n".to_vec();
    request.resize(request.len() + crate::canned::BODY, b'y');
    request
}

impl Client {
    /// Connects, and sends the first request on every connection.
    pub fn start(port: u16, connections: usize, request: Vec<u8>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut made = Vec::new();
        for n in 0..connections {
            let mut stream = TcpStream::from_std(connect(address)?);
            poll.registry().register(
                &mut stream,
                Token(n),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            made.push(Connection {
                stream,
                sent: 0,
                received: Vec::with_capacity(16 * 1024),
                expected: None,
            });
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(connections),
            connections: made,
            request,
        })
    }

    /// Goes on for so long; returns how many answers came.
    pub fn run(&mut self, duration: Duration) -> io::Result<u64> {
        let end = Instant::now() + duration;
        let (mut answers, mut last) = (0, Instant::now());
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(answers);
            }
            if now - last > PATIENCE {
                return Err(io::Error::new(ErrorKind::TimedOut, "no answer any more"));
            }
            let wait = (end - now).min(Duration::from_millis(100));
            match self.poll.poll(&mut self.events, Some(wait)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &self.events {
                if let Some(connection) = self.connections.get_mut(event.token().0)
                    && connection.advance(&self.request)?
                {
                    answers += 1;
                    last = now;
                }
            }
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<std::net::TcpStream> {
    let stream = std::net::TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Connection {
    /// Sends and receives what goes. Whether an answer became complete; the next request is under way
    /// then.
    fn advance(&mut self, request: &[u8]) -> io::Result<bool> {
        self.send(request)?;
        let mut buf = [0; 16 * 1024];
        let mut complete = false;
        loop {
            match self.stream.read(&mut buf) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.received
                        .extend_from_slice(buf.get(..count).unwrap_or_default());
                    if self.is_complete()? {
                        complete = true;
                        self.received.clear();
                        self.sent = 0;
                        self.send(request)?;
                    }
                    // Less than there was room for: there is no more at the moment.
                    if count < buf.len() {
                        return Ok(complete);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(complete),
                Err(error) => return Err(error),
            }
        }
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        while let Some(rest) = request.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn is_complete(&mut self) -> io::Result<bool> {
        let expected = match self.expected {
            Some(expected) => expected,
            None => match length(&self.received)? {
                Some(length) => *self.expected.insert(length),
                None => return Ok(false),
            },
        };
        if self.received.len() > expected {
            return Err(wrong());
        }
        let complete = self.received.len() == expected;
        if complete && !self.received.starts_with(b"HTTP/1.1 200 OK\r\n") {
            return Err(wrong());
        }
        Ok(complete)
    }
}

fn wrong() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "a wrong answer")
}

/// Bytes of an answer, as soon as its head is there.
fn length(received: &[u8]) -> io::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(received) {
        Ok(httparse::Status::Complete(start)) => {
            let mut headers = response.headers.iter();
            let length = headers
                .find(|header| header.name.eq_ignore_ascii_case("content-length"))
                .and_then(|header| str::from_utf8(header.value).ok()?.parse::<usize>().ok());
            length.map(|length| Some(start + length)).ok_or_else(wrong)
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(wrong()),
    }
}
