//! A connection in memory, for tests of this layer and of those above it: whoever holds the
//! [`Peer`] is the client, and decides in which pieces the server receives its bytes.

use super::stream::{Outgoing, Stream, StreamError};
use crate::base::AlignedBuf;
use core::net::{Ipv4Addr, SocketAddr};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::rc::Rc;
use std::task::{Poll, Waker};

#[derive(Default)]
struct Pipe {
    /// What the client sent and the server did not receive. One receive takes from one piece only.
    pieces: VecDeque<Vec<u8>>,
    client_is_done: bool,
    sent: Vec<u8>,
    sends: usize,
    server_is_done: bool,
    server_is_gone: bool,
    send_max: Option<usize>,
    is_stalled: bool,
    direct_receives: usize,
    waker: Option<Waker>,
}

/// The server's end.
pub struct MemoryStream(Rc<RefCell<Pipe>>);

/// The client's end.
#[derive(Clone)]
pub struct Peer(Rc<RefCell<Pipe>>);

/// A connection: the server's end and the client's.
#[must_use]
pub fn connection() -> (MemoryStream, Peer) {
    let pipe = Rc::new(RefCell::new(Pipe::default()));
    (MemoryStream(pipe.clone()), Peer(pipe))
}

impl Peer {
    /// Sends `bytes` as one piece.
    pub fn send(&self, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        self.change(|pipe| {
            if !bytes.is_empty() {
                pipe.pieces.push_back(bytes);
            }
        });
    }

    /// Sends nothing more.
    pub fn finish(&self) {
        self.change(|pipe| pipe.client_is_done = true);
    }

    /// Takes what the server has sent.
    #[must_use]
    pub fn take_received(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().sent)
    }

    /// Number of send operations so far.
    #[must_use]
    pub fn sends(&self) -> usize {
        self.0.borrow().sends
    }

    /// Number of pieces the server has not received any byte of.
    #[must_use]
    pub fn pieces_left(&self) -> usize {
        self.0.borrow().pieces.len()
    }

    /// Number of receives into buffers of at least 64 KiB, which are not the server's own.
    #[must_use]
    pub fn direct_receives(&self) -> usize {
        self.0.borrow().direct_receives
    }

    /// Lets each send operation of the server take at most `max` bytes.
    pub fn limit_sends(&self, max: usize) {
        self.0.borrow_mut().send_max = Some(max);
    }

    /// Stops (or goes on) taking bytes from the server.
    pub fn stall(&self, is_stalled: bool) {
        self.change(|pipe| pipe.is_stalled = is_stalled);
    }

    /// Whether the server ended its sending direction.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.0.borrow().server_is_done
    }

    /// Whether the server dropped the connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.borrow().server_is_gone
    }

    fn change(&self, change: impl FnOnce(&mut Pipe)) {
        let mut pipe = self.0.borrow_mut();
        change(&mut pipe);
        if let Some(waker) = pipe.waker.take() {
            waker.wake();
        }
    }
}

impl Stream for MemoryStream {
    async fn recv(
        &mut self,
        mut buf: AlignedBuf,
        at: usize,
        max: usize,
    ) -> (Result<usize, StreamError>, AlignedBuf) {
        let count = poll_fn(|cx| {
            let mut pipe = self.0.borrow_mut();
            if buf.capacity() >= 64 * 1024 {
                pipe.direct_receives += 1;
            }
            let Some(mut piece) = pipe.pieces.pop_front() else {
                if pipe.client_is_done {
                    return Poll::Ready(0);
                }
                pipe.waker = Some(cx.waker().clone());
                return Poll::Pending;
            };
            let room = buf.whole_mut().get_mut(at..).unwrap_or_default();
            let count = piece.len().min(max).min(room.len());
            let rest = piece.split_off(count);
            for (to, from) in room.iter_mut().zip(piece) {
                *to = from;
            }
            if !rest.is_empty() {
                pipe.pieces.push_front(rest);
            }
            Poll::Ready(count)
        })
        .await;
        (Ok(count), buf)
    }

    async fn send(&mut self, outgoing: Outgoing) -> (Result<usize, StreamError>, Outgoing) {
        let result = poll_fn(|cx| {
            let mut pipe = self.0.borrow_mut();
            if pipe.server_is_done {
                return Poll::Ready(Err(StreamError(ErrorKind::BrokenPipe)));
            }
            if pipe.is_stalled {
                pipe.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let bytes = outgoing.unsent().concat();
            let count = bytes.len().min(pipe.send_max.unwrap_or(usize::MAX));
            pipe.sent.extend(bytes.into_iter().take(count));
            pipe.sends += 1;
            Poll::Ready(Ok(count))
        })
        .await;
        (result, outgoing)
    }

    async fn shutdown(&mut self) -> Result<(), StreamError> {
        self.0.borrow_mut().server_is_done = true;
        Ok(())
    }

    fn peer(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 1))
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        self.0.borrow_mut().server_is_gone = true;
    }
}
