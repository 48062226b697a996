//! Accepting admin connections, and how many there may be.

use super::backend::Backend;
use super::connection::serve;
use super::socket::Socket;
use crate::base::limits::{ADMIN_CONNECTIONS_MAX, ADMIN_LOGINS_MAX, ADMIN_LOGINS_PER_PEER_MAX};
use crate::base::local::Notify;
use crate::io::{TcpListener, UnixListener, spawn};
use futures_util::future::{Either, select};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;

/// The admin side of a daemon: its connections, whichever listener they came from. Clones share it.
pub struct Server<B>(Rc<Inner<B>>);

struct Inner<B> {
    backend: B,
    stop: Rc<Stop>,
    open: Cell<usize>,
    ended: Notify,
}

/// Tells every connection that the daemon stops.
#[derive(Default)]
pub(super) struct Stop {
    begun: Cell<bool>,
    changed: Notify,
}

impl<B> Clone for Server<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B: Backend> Server<B> {
    /// A server that carries out requests with `backend`.
    #[must_use]
    pub fn new(backend: B) -> Self {
        Self(Rc::new(Inner {
            backend,
            stop: Rc::default(),
            open: Cell::new(0),
            ended: Notify::new(),
        }))
    }

    /// Serves the unix socket until it fails or [`Server::close`] is called.
    pub async fn serve_unix(&self, listener: UnixListener) -> io::Result<()> {
        let connections = Places::new(ADMIN_CONNECTIONS_MAX);
        let accepting = async {
            loop {
                let place = connections.take().await;
                let socket = Socket::Unix(listener.accept().await?);
                self.begin(socket, || {}, place);
            }
        };
        self.until_closed(accepting).await
    }

    /// Serves the TCP port, likewise. Connections that are not logged in have few places and little
    /// time, so that they cannot keep out those that are; and few of the places are one address's.
    pub async fn serve_tcp(&self, listener: TcpListener) -> io::Result<()> {
        let connections = Places::new(ADMIN_CONNECTIONS_MAX);
        let logins = Places::new(ADMIN_LOGINS_MAX);
        let peers = Peers::default();
        let accepting = async {
            loop {
                let place = connections.take().await;
                let login = logins.take().await;
                let stream = listener.accept().await?;
                // One address too often: closed without a word, which costs us nothing.
                if let Some(of_peer) = peers.enter(stream.peer_addr().ip()) {
                    self.begin(Socket::Tcp(stream), || drop((login, of_peer)), place);
                }
            }
        };
        self.until_closed(accepting).await
    }

    /// Accepts nobody any more, and ends every connection once it has nothing in progress.
    pub fn close(&self) {
        self.0.stop.begun.set(true);
        self.0.stop.changed.notify();
    }

    /// Resolves when no connection is left.
    pub async fn drained(&self) {
        loop {
            let ticket = self.0.ended.ticket();
            if self.0.open.get() == 0 {
                return;
            }
            self.0.ended.changed(ticket).await;
        }
    }

    async fn until_closed(
        &self,
        accepting: impl Future<Output = io::Result<()>>,
    ) -> io::Result<()> {
        match select(pin!(accepting), pin!(self.0.stop.begun())).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => Ok(()),
        }
    }

    fn begin(&self, socket: Socket, logged_in: impl FnOnce() + 'static, place: Place) {
        let open = Open::new(self.clone());
        spawn(async move {
            let inner = &open.0.0;
            serve(socket, &open.0, &inner.stop, logged_in).await;
            drop((place, open));
        });
    }
}

impl<B> Server<B> {
    pub(super) fn backend(&self) -> &B {
        &self.0.backend
    }
}

impl Stop {
    /// Resolves when the daemon stops.
    pub(super) async fn begun(&self) {
        loop {
            let ticket = self.changed.ticket();
            if self.begun.get() {
                return;
            }
            self.changed.changed(ticket).await;
        }
    }
}

/// Counts a connection as open, also when its task panics.
struct Open<B>(Server<B>);

impl<B> Open<B> {
    fn new(server: Server<B>) -> Self {
        server.0.open.set(server.0.open.get() + 1);
        Self(server)
    }
}

impl<B> Drop for Open<B> {
    fn drop(&mut self) {
        let inner = &self.0.0;
        inner.open.set(inner.open.get() - 1);
        inner.ended.notify();
    }
}

/// How many connections of each address have not logged in yet.
#[derive(Clone, Default)]
struct Peers(Rc<RefCell<HashMap<IpAddr, usize>>>);

/// One of them, until this is dropped.
struct OfPeer(Peers, IpAddr);

impl Peers {
    /// Counts one more of an address, unless there are enough of it.
    fn enter(&self, peer: IpAddr) -> Option<OfPeer> {
        let mut counts = self.0.borrow_mut();
        let count = counts.entry(peer).or_default();
        if *count >= ADMIN_LOGINS_PER_PEER_MAX {
            return None;
        }
        *count += 1;
        Some(OfPeer(self.clone(), peer))
    }
}

impl Drop for OfPeer {
    fn drop(&mut self) {
        let mut counts = self.0.0.borrow_mut();
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

/// A number of places for connections; who finds none waits to be accepted.
#[derive(Clone)]
struct Places(Rc<Free>);

struct Free {
    count: Cell<usize>,
    freed: Notify,
}

/// A place that is taken until this is dropped.
struct Place(Rc<Free>);

impl Places {
    fn new(count: usize) -> Self {
        Self(Rc::new(Free {
            count: Cell::new(count),
            freed: Notify::new(),
        }))
    }

    async fn take(&self) -> Place {
        loop {
            let ticket = self.0.freed.ticket();
            if let Some(left) = self.0.count.get().checked_sub(1) {
                self.0.count.set(left);
                return Place(self.0.clone());
            }
            self.0.freed.changed(ticket).await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() + 1);
        self.0.freed.notify();
    }
}
