//! The transport in production: a TCP connection on the core's ring.

use super::stream::{Outgoing, Stream, StreamError};
use crate::base::AlignedBuf;
use crate::io::{Parts, TcpStream};
use core::net::SocketAddr;

impl Stream for TcpStream {
    async fn recv(
        &mut self,
        buf: AlignedBuf,
        at: usize,
        max: usize,
    ) -> (Result<usize, StreamError>, AlignedBuf) {
        let (result, buf) = self.recv_into(buf, at, max).await;
        (result.map_err(failed), buf)
    }

    async fn send(&mut self, outgoing: Outgoing) -> (Result<usize, StreamError>, Outgoing) {
        let (result, outgoing) = (**self).send(outgoing).await;
        (result.map_err(failed), outgoing)
    }

    async fn shutdown(&mut self) -> Result<(), StreamError> {
        (**self).shutdown().await.map_err(failed)
    }

    fn peer(&self) -> SocketAddr {
        self.peer_addr()
    }
}

impl Parts for Outgoing {
    fn unsent(&self) -> [&[u8]; 2] {
        Self::unsent(self)
    }

    fn advance(&mut self, count: usize) {
        Self::advance(self, count);
    }
}

fn failed(error: std::io::Error) -> StreamError {
    StreamError(error.kind())
}
