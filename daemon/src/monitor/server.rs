//! Answers `GET /metrics`, and nothing else.

use super::text::CONTENT_TYPE;
use super::{page, sample};
use crate::base::limits::METRICS_CONNECTIONS_MAX;
use crate::http::{Close, Exchange, Handler, Server, Stream};
use crate::io::{Clock, Disk, TcpListener, spawn, spawn_vital};
use crate::shard::Core;
use std::future::Future;
use std::rc::Rc;

/// The endpoint for metrics, on one core.
pub struct Monitor<C> {
    server: Server<C>,
}

struct Metrics<D: Disk, C: Clock>(Rc<Core<D, C>>);

impl<C: Clock> Monitor<C> {
    /// Serves whoever connects to `listener`, in the background, until `core` stops.
    pub fn start<D: Disk>(core: &Rc<Core<D, C>>, listener: TcpListener) -> Self {
        let server = Server::new(core.clock().clone());
        let ticking = server.clone();
        spawn_vital("timers of metrics", async move { ticking.run().await });
        spawn(accept(core.clone(), server.clone(), listener));
        Self { server }
    }

    /// Accepts nobody any more.
    pub fn close(&self) {
        self.server.close();
    }

    /// Resolves when no connection is left.
    pub fn drained(&self) -> impl Future<Output = ()> {
        self.server.drained()
    }
}

async fn accept<D: Disk, C: Clock>(core: Rc<Core<D, C>>, server: Server<C>, listener: TcpListener) {
    let metrics = Rc::new(Metrics(core));
    loop {
        match listener.accept().await {
            // One more is closed at once. Nobody needs that many.
            Ok(_) if server.connections() >= METRICS_CONNECTIONS_MAX => {
                tracing::debug!("too many connections for metrics, one was refused");
            }
            Ok(stream) => {
                let (server, metrics) = (server.clone(), metrics.clone());
                spawn(async move { server.serve(stream, &*metrics).await });
            }
            Err(error) => {
                // The store can be served without being watched, so the daemon goes on.
                tracing::error!(%error, "the port for metrics takes no connections any more");
                return;
            }
        }
    }
}

impl<D: Disk, C: Clock> Handler for Metrics<D, C> {
    async fn handle<S: Stream>(&self, exchange: &mut Exchange<'_, S>) -> Result<(), Close> {
        let plain = ("Content-Type", "text/plain; charset=utf-8");
        if exchange.raw_path() != b"/metrics" {
            let fields = [plain];
            return exchange
                .respond(404, &fields, b"metrics are at /metrics\n")
                .await;
        }
        if !matches!(exchange.method(), b"GET" | b"HEAD") {
            let fields = [plain, ("Allow", "GET, HEAD")];
            return exchange.respond(405, &fields, b"GET only\n").await;
        }
        let page = page::render(&sample::collect(&self.0).await);
        let fields = [("Content-Type", CONTENT_TYPE)];
        exchange.respond(200, &fields, page).await
    }
}
