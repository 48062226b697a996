//! A connected socket, read and written by the ring of its core.

use super::buf::{Both, First, Window};
use crate::base::AlignedBuf;
use compio::buf::IntoInner;
use compio::driver::PollFirst;
use compio::driver::op::{Recv, RecvFlags, Send, SendFlags, SendVectored, ShutdownSocket};
use rustix::io::Errno;
use std::cell::Cell;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// Bytes [`Connection::recv`] asks for at most.
const RECV_BYTES: usize = 16 * 1024;

/// Something to send: at most two pieces, one after the other, that are sent from where they lie.
pub trait Parts: 'static {
    /// The pieces that are not sent yet. Either may be empty.
    fn unsent(&self) -> [&[u8]; 2];
    /// Notes that `count` bytes from the front of them were sent.
    fn advance(&mut self, count: usize);
}

/// A connected stream socket. Belongs to one core. Dropping it closes the connection.
///
/// A future of this type that is dropped asks the kernel to cancel its operation, but bytes may
/// have been received or sent all the same: then the connection can only be closed.
pub struct Connection {
    socket: Rc<OwnedFd>,
    /// Whether the last receive emptied the socket, so that trying again at once is in vain.
    drained: Cell<bool>,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self {
            socket: Rc::new(socket),
            drained: Cell::new(false),
        }
    }

    /// Receives 1 to `max` bytes directly into `buf.whole_mut()[at..at + max]` and says how many;
    /// 0 when the peer will send no more. Leaves the buffer's length alone.
    ///
    /// # Panics
    /// When that range is empty or not inside the buffer's capacity.
    pub async fn recv_into(
        &self,
        mut buf: AlignedBuf,
        at: usize,
        max: usize,
    ) -> (io::Result<usize>, AlignedBuf) {
        assert!(max > 0, "nothing to receive into");
        loop {
            let window = Window::new(buf, at, at + max, None);
            let mut op = Recv::new(self.socket.clone(), window, RecvFlags::empty());
            if self.drained.get() {
                op.poll_first();
            }
            let (result, extra) = compio::runtime::submit(op).with_extra().await;
            let (result, op) = result.into();
            self.drained.set(!extra.sock_nonempty().unwrap_or(true));
            buf = op.into_inner().buf;
            if !interrupted(&result) {
                return (result, buf);
            }
        }
    }

    /// Receives some bytes and appends them to `bytes`: for small, rare messages, as it copies.
    pub async fn recv(&self, mut bytes: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        let buf = AlignedBuf::with_capacity(RECV_BYTES);
        let (result, buf) = self.recv_into(buf, 0, RECV_BYTES).await;
        if let Ok(count) = result
            && let Some(received) = buf.whole().get(..count)
        {
            bytes.extend_from_slice(received);
        }
        (result, bytes)
    }

    /// Sends some of what `parts` has left, at least a byte, in one operation, without copying it
    /// first. Says how many bytes; the caller advances.
    pub async fn send<P: Parts>(&self, mut parts: P) -> (io::Result<usize>, P) {
        loop {
            let result;
            (result, parts) = self.send_once(parts).await;
            if !interrupted(&result) {
                return (result, parts);
            }
        }
    }

    async fn send_once<P: Parts>(&self, parts: P) -> (io::Result<usize>, P) {
        let [first, second] = parts.unsent();
        if !first.is_empty() && !second.is_empty() {
            let op = SendVectored::new(self.socket.clone(), Both(parts), SendFlags::NOSIGNAL);
            let (result, op) = compio::runtime::submit(op).await.into();
            return (result, op.into_inner().0);
        }
        if first.is_empty() && second.is_empty() {
            return (Ok(0), parts);
        }
        let op = Send::new(self.socket.clone(), First(parts), SendFlags::NOSIGNAL);
        let (result, op) = compio::runtime::submit(op).await.into();
        (result, op.into_inner().0)
    }

    /// Sends everything `parts` has left.
    pub async fn send_all<P: Parts>(&self, mut parts: P) -> (io::Result<()>, P) {
        while parts.unsent().iter().any(|part| !part.is_empty()) {
            let result;
            (result, parts) = self.send(parts).await;
            match result {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), parts),
                Ok(count) => parts.advance(count),
                Err(error) => return (Err(error), parts),
            }
        }
        (Ok(()), parts)
    }

    /// Ends the sending direction; receiving goes on.
    pub async fn shutdown(&self) -> io::Result<()> {
        let op = ShutdownSocket::new(self.socket.clone(), Shutdown::Write);
        match compio::runtime::submit(op).await.0 {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result.map(drop),
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if Rc::strong_count(&self.socket) > 1 {
            // An operation that was given up still holds the socket. Its cancellation may have
            // found no room in the ring; this ends it for sure.
            let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        }
    }
}

fn interrupted(result: &io::Result<usize>) -> bool {
    let errno = result.as_ref().err().and_then(Errno::from_io_error);
    errno == Some(Errno::INTR)
}

/// Plain bytes to send.
#[derive(Debug)]
pub struct Bytes {
    bytes: Vec<u8>,
    sent: usize,
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, sent: 0 }
    }
}

impl Parts for Bytes {
    fn unsent(&self) -> [&[u8]; 2] {
        [self.bytes.get(self.sent..).unwrap_or(&[]), &[]]
    }

    fn advance(&mut self, count: usize) {
        self.sent += count;
    }
}
