//! Accepting admin connections, and how many there may be.

use super::backend::Backend;
use super::connection::serve;
use super::socket::Socket;
use crate::base::limits::{ADMIN_CONNECTIONS_MAX, ADMIN_LOGINS_MAX};
use crate::base::local::Notify;
use crate::io::{TcpListener, UnixListener, spawn};
use std::cell::Cell;
use std::io;
use std::rc::Rc;

/// Serves the unix socket until it fails.
pub async fn serve_unix<B: Backend>(listener: UnixListener, backend: Rc<B>) -> io::Result<()> {
    let connections = Places::new(ADMIN_CONNECTIONS_MAX);
    loop {
        let place = connections.take().await;
        let socket = Socket::Unix(listener.accept().await?);
        let backend = backend.clone();
        spawn(async move {
            serve(socket, backend, || {}).await;
            drop(place);
        });
    }
}

/// Serves the TCP port until it fails. Connections that are not logged in have few places and little
/// time, so that they cannot keep out those that are.
pub async fn serve_tcp<B: Backend>(listener: TcpListener, backend: Rc<B>) -> io::Result<()> {
    let connections = Places::new(ADMIN_CONNECTIONS_MAX);
    let logins = Places::new(ADMIN_LOGINS_MAX);
    loop {
        let place = connections.take().await;
        let login = logins.take().await;
        let socket = Socket::Tcp(listener.accept().await?);
        let backend = backend.clone();
        spawn(async move {
            serve(socket, backend, || drop(login)).await;
            drop(place);
        });
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
