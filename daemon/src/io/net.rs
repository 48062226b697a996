//! TCP: one listener per core on the same port, and the connections it accepts.

use super::connection::Connection;
use super::runtime;
use compio::buf::IntoInner;
use compio::driver::op::Accept;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections the kernel completes before they are accepted.
const BACKLOG: i32 = 1024;
/// How long accepting pauses when the process or the system is out of files or memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// How long a port may stay taken by sockets of a process that is gone.
const LEFTOVER_PATIENCE: Duration = Duration::from_secs(2);
const LEFTOVER_POLL: Duration = Duration::from_millis(5);

/// A listener of one core. The kernel spreads connections over all listeners of the port.
pub struct TcpListener {
    socket: Arc<OwnedFd>,
    local: SocketAddr,
}

/// `count` listeners on one port, to be moved to the cores. Port 0 picks a free one. Fails when
/// somebody else listens there, even a second daemon of ours.
pub fn listen(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    // Sockets that share a port ask for it before they are bound. So nobody notices that another
    // daemon shares it, too, unless somebody tries without.
    drop(bind_alone(address)?);
    let mut listeners: Vec<TcpListener> = Vec::with_capacity(count);
    for _ in 0..count {
        let address = listeners.first().map_or(address, TcpListener::local_addr);
        let socket = bind(address, true)?;
        rustix::net::listen(&socket, BACKLOG)?;
        let local = SocketAddr::try_from(rustix::net::getsockname(&socket)?)?;
        let socket = Arc::new(socket);
        listeners.push(TcpListener { socket, local });
    }
    Ok(listeners)
}

/// Binds without sharing. A process that has just ended may have its sockets still in the kernel's
/// hands, which look like somebody else's for a moment.
fn bind_alone(address: SocketAddr) -> io::Result<OwnedFd> {
    let start = Instant::now();
    loop {
        match bind(address, false) {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && start.elapsed() < LEFTOVER_PATIENCE =>
            {
                std::thread::sleep(LEFTOVER_POLL);
            }
            result => return result,
        }
    }
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, shared)?;
    // Accepted sockets inherit these.
    sockopt::set_tcp_nodelay(&socket, true)?;
    sockopt::set_socket_keepalive(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

impl TcpListener {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The next connection. Goes on after whatever concerns one connection only, and after a pause
    /// when files or memory have run out; other errors are final.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        Ok(self.accept_for_any().await?.attach())
    }

    /// As [`TcpListener::accept`], of a connection that may be given to another core.
    pub async fn accept_for_any(&self) -> io::Result<Accepted> {
        loop {
            let (result, op) = compio::runtime::submit(Accept::new(self.socket.clone()))
                .await
                .into();
            if let Err(error) = result {
                recover(error).await?;
                continue;
            }
            let (socket, peer) = op.into_inner();
            // Not an address of IP only when the peer was gone before it was asked for.
            if let Some(peer) = peer.as_socket() {
                let socket = socket.into();
                return Ok(Accepted { socket, peer });
            }
        }
    }
}

/// Returns when accepting makes sense again.
pub(super) async fn recover(error: io::Error) -> io::Result<()> {
    match Errno::from_io_error(&error) {
        Some(
            Errno::CONNABORTED
            | Errno::INTR
            | Errno::AGAIN
            | Errno::PROTO
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NOPROTOOPT
            | Errno::OPNOTSUPP
            | Errno::NONET
            | Errno::PERM,
        ) => Ok(()),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
            tracing::warn!(%error, "cannot accept connections for the moment");
            runtime::sleep(EXHAUSTED_PAUSE).await;
            Ok(())
        }
        _ => Err(error),
    }
}

/// A TCP connection that no core uses yet.
pub struct Accepted {
    socket: OwnedFd,
    peer: SocketAddr,
}

impl Accepted {
    /// The same, for the core that this is called on.
    #[must_use]
    pub fn attach(self) -> TcpStream {
        TcpStream {
            connection: Connection::new(self.socket),
            peer: self.peer,
        }
    }
}

/// An accepted TCP connection.
pub struct TcpStream {
    connection: Connection,
    peer: SocketAddr,
}

impl TcpStream {
    /// Who is at the other end.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }
}

impl Deref for TcpStream {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

#[cfg(test)]
#[path = "net_tests.rs"]
mod tests;
