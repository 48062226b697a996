//! A client in memory that asks the same over and over and looks at every answer.

use chainringd::base::AlignedBuf;
use chainringd::http::{Outgoing, Stream, StreamError};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

/// What the client got.
#[derive(Default)]
pub struct Answers {
    /// Answers that began with `200 OK`.
    pub good: Cell<usize>,
    /// Bytes, heads included.
    pub bytes: Cell<usize>,
}

/// The server's end of the connection.
pub struct Replay<'r> {
    request: &'r [u8],
    left: usize,
    answers: Rc<Answers>,
}

impl<'r> Replay<'r> {
    /// A client that sends `request` so many times, and what it will have got.
    pub fn new(request: &'r [u8], times: usize) -> (Self, Rc<Answers>) {
        let answers = Rc::new(Answers::default());
        let replay = Self {
            request,
            left: times,
            answers: answers.clone(),
        };
        (replay, answers)
    }
}

impl Stream for Replay<'_> {
    async fn recv(
        &mut self,
        mut buf: AlignedBuf,
        at: usize,
        max: usize,
    ) -> (Result<usize, StreamError>, AlignedBuf) {
        if self.left == 0 {
            return (Ok(0), buf);
        }
        let count = self.request.len();
        let room = buf.whole_mut().get_mut(at..at + count);
        room.filter(|_| count <= max)
            .expect("the server takes a whole request at once")
            .copy_from_slice(self.request);
        self.left -= 1;
        (Ok(count), buf)
    }

    async fn send(&mut self, outgoing: Outgoing) -> (Result<usize, StreamError>, Outgoing) {
        let [head, body] = outgoing.unsent();
        let good = usize::from(head.starts_with(b"HTTP/1.1 200 OK\r\n"));
        let count = head.len() + body.len();
        self.answers.good.set(self.answers.good.get() + good);
        self.answers.bytes.set(self.answers.bytes.get() + count);
        (Ok(count), outgoing)
    }

    async fn shutdown(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn peer(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 1))
    }
}
