//! Either kind of socket, and who is at its other end.

use crate::io::{Connection, TcpStream, UnixStream};
use std::fmt;
use std::ops::Deref;

/// An accepted connection.
pub(super) enum Socket {
    /// On the unix socket.
    Unix(UnixStream),
    /// On the TCP port.
    Tcp(TcpStream),
}

impl Deref for Socket {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Self::Unix(stream) => stream,
            Self::Tcp(stream) => stream,
        }
    }
}

/// For the log.
impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(stream) => {
                let peer = stream.peer();
                write!(f, "uid {}, process {}", peer.uid, peer.pid)
            }
            Self::Tcp(stream) => stream.peer_addr().fmt(f),
        }
    }
}
