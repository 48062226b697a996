//! Tests of the whole server over an in-memory connection, in virtual time. Rows of the project's
//! security list are named by their number (`s25_`, `s27_`, `s28_` ...).

mod body;
mod framing;
mod oracle;
mod response;
mod timeouts;

use super::memory::{MemoryStream, Peer, connection};
use super::{Answer, Close, Exchange, FramingError, Handler, Server, Stream};
use crate::base::AlignedBuf;
use crate::io::Clock;
use crate::io::sim::{SimClock, run, spawn};
use futures_util::future::select;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

const DATE: &str = "Date: Thu, 01 Jan 2026 00:00:00 GMT\n";

/// Says what it was asked, in the manner the path tells it to.
pub(super) struct Echo;

impl Handler for Echo {
    async fn handle<S: Stream>(&self, exchange: &mut Exchange<'_, S>) -> Result<(), Close> {
        let head = exchange.head();
        let query = head.raw_query().unwrap_or(b"");
        match head.raw_path() {
            b"/ignore" => exchange.respond(200, (), b"ignored").await,
            b"/lines" => {
                let body = read_by_lines(exchange).await?;
                exchange.respond(200, (), body).await
            }
            b"/stream" => {
                let length = std::str::from_utf8(query).unwrap().parse().ok();
                exchange.start(200, (), length).await?;
                for part in ["one ", "", "two ", "three"] {
                    exchange.write(part.as_bytes()).await?;
                }
                exchange.finish().await
            }
            b"/header" => {
                let value = percent_encoding::percent_decode(query).collect::<Vec<_>>();
                exchange.respond(200, &[("x-value", value)], b"body").await
            }
            b"/status" => {
                let status = std::str::from_utf8(query).unwrap().parse().unwrap();
                exchange.respond(status, (), b"body").await
            }
            b"/sleep" => {
                SimClock.sleep(Duration::from_secs(100)).await;
                exchange.respond(200, (), b"slept").await
            }
            b"/sleepy-reader" => {
                SimClock.sleep(Duration::from_secs(100)).await;
                let body = exchange.read_all(1 << 20).await?;
                exchange.respond(200, (), body).await
            }
            b"/impatient" => {
                exchange.start(200, (), Some(4)).await?;
                {
                    let write = pin!(exchange.write(b"body"));
                    let _ = select(write, pin!(SimClock.sleep(Duration::from_secs(1)))).await;
                }
                exchange.write(b"body").await
            }
            b"/silent" => Ok(()),
            b"/give-up" => Err(Close::Handler),
            b"/limited" => {
                let Ok(body) = exchange.read_all(10).await else {
                    return exchange.respond(413, (), b"").await;
                };
                exchange.respond(200, (), body).await
            }
            path => {
                let mut answer = [head.method(), b" ", path, b"?", query, b" "].concat();
                let mut buf = AlignedBuf::with_capacity(1 << 20);
                loop {
                    let (result, returned) = exchange.read_into(buf, 0, 1 << 20).await;
                    buf = returned;
                    let count = result?;
                    if count == 0 {
                        break;
                    }
                    answer.extend_from_slice(&buf.whole()[..count]);
                }
                assert_eq!(exchange.body_remaining(), Some(0));
                exchange.respond(200, (), answer).await
            }
        }
    }

    fn framing_error(&self, error: FramingError, _: core::net::SocketAddr) -> Answer {
        Answer {
            status: error.status(),
            fields: vec![("x-error", format!("{error:?}"))],
            body: Vec::new(),
        }
    }
}

/// Wraps each line of the body, whose line ends it needs to see whole, in brackets.
async fn read_by_lines<S: Stream>(exchange: &mut Exchange<'_, S>) -> Result<Vec<u8>, Close> {
    let mut all = Vec::new();
    loop {
        let buffered = exchange.buffered();
        if let Some(end) = buffered.iter().position(|b| *b == b'\n') {
            all.push(b'[');
            all.extend_from_slice(&buffered[..end]);
            all.push(b']');
            exchange.consume(end + 1);
        } else if !exchange.fill().await? {
            all.extend_from_slice(exchange.buffered());
            return Ok(all);
        }
    }
}

/// Serves `stream` with [`Echo`], with its own timers, until it ends.
async fn serve(stream: MemoryStream) {
    let server = Server::new(SimClock);
    let timers = server.clone();
    let timers = spawn(async move { timers.run().await });
    server.serve(stream, &Echo).await;
    timers.abort();
}

/// What a client gets that sends `pieces` and nothing more.
pub(super) fn converse<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Vec<u8> {
    run(1, async {
        let (stream, peer) = connection();
        for piece in pieces {
            peer.send(piece.as_ref());
        }
        peer.finish();
        serve(stream).await;
        assert!(peer.is_closed());
        peer.take_received()
    })
}

/// As [`converse`], as text without the dates.
pub(super) fn ask(request: impl AsRef<[u8]>) -> String {
    text(&converse([request]))
}

/// `bytes` as text, without carriage returns, dates and empty lines.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace('\r', "");
    text.replace(DATE, "").replace("\n\n", "\n")
}

/// Runs a client beside a server; the client decides when what happens.
fn with_client<F: Future>(client: impl FnOnce(Peer) -> F) -> F::Output {
    run(1, async {
        let (stream, peer) = connection();
        let server = spawn(serve(stream));
        let output = client(peer.clone()).await;
        peer.finish();
        peer.stall(false);
        server.join().await;
        output
    })
}

async fn sleep(seconds: u64) {
    SimClock.sleep(Duration::from_secs(seconds)).await;
}
