//! A bare responder that writes what is PUT to a log and answers when it is on stable media: what a
//! durable PUT costs before authentication, hashes, index and everything else of S3.
//!
//! ```text
//! taskset -c 0 target/release/examples/bare_log 0 9091 /tmp/bare-log
//! ```
//!
//! The folder must exist and not hold a log yet. Bodies of up to 32 KiB are copied into the batch of
//! the group commit, longer ones (at most 1 MiB) are extents written from the buffer they were
//! received into; both as the daemon does it.

use chainringd::base::AlignedBuf;
use chainringd::base::limits::{EXTENT_BODY_MAX, EXTENT_HEAD, INLINE_BODY_MAX, SEGMENT_BYTES};
use chainringd::http::{Close, Exchange, Handler, Server, Stream};
use chainringd::io::{RealClock, UringDisk, net, runtime};
use chainringd::log::{Durability, Log, LogConfig, LogError};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;

const NO_FIELDS: [(&str, &str); 0] = [];

type Error = Box<dyn std::error::Error>;

struct Bare(Log<UringDisk, RealClock>);

impl Handler for Bare {
    async fn handle<S: Stream>(&self, exchange: &mut Exchange<'_, S>) -> Result<(), Close> {
        let length = exchange
            .body_remaining()
            .and_then(|length| usize::try_from(length).ok());
        let stored = match length {
            Some(length) if length <= INLINE_BODY_MAX => {
                let buf = AlignedBuf::with_capacity(length);
                let (read, buf) = exchange.read_full(buf, 0, length).await;
                read?;
                self.small(&buf).await
            }
            Some(length) if length <= EXTENT_BODY_MAX => {
                let buf = AlignedBuf::with_capacity(EXTENT_HEAD + length);
                let (read, buf) = exchange.read_full(buf, EXTENT_HEAD, length).await;
                read?;
                self.large(buf).await
            }
            _ => return exchange.respond(400, &NO_FIELDS, b"").await,
        };
        let status = if stored.is_ok() { 200 } else { 500 };
        exchange.respond(status, &[("ETag", "\"0\"")], b"").await
    }
}

impl Bare {
    async fn small(&self, body: &[u8]) -> Result<(), LogError> {
        self.0.append(1, &[body]).await?;
        self.0.commit().await
    }

    async fn large(&self, buf: AlignedBuf) -> Result<(), LogError> {
        let (extent, _buf) = self.0.append_extent(0, buf).await;
        self.0.append(2, &[&extent?.len.to_le_bytes()]).await?;
        self.0.commit().await
    }
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().ok_or("usage: bare_log CPU PORT FOLDER");
    let cpu = argument()?.parse()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, argument()?.parse()?));
    let folder = PathBuf::from(argument()?);
    runtime::run_on_core(cpu, serve(address, folder))?
}

async fn serve(address: SocketAddr, folder: PathBuf) -> Result<(), Error> {
    let config = LogConfig {
        dir: "log".to_owned(),
        store: [7; 16],
        shard: 0,
        segment_bytes: SEGMENT_BYTES,
        durability: Durability::Strict,
    };
    let log = Log::create(UringDisk::open(&folder)?, RealClock, config).await?;
    runtime::spawn_vital("log", log.run());
    let listener = net::listen(address, 1)?.pop().ok_or("no listener")?;
    let handler = Rc::new(Bare(log));
    let server = Server::new(RealClock);
    let timers = server.clone();
    runtime::spawn(async move { timers.run().await });
    loop {
        let stream = listener.accept().await?;
        let (server, handler) = (server.clone(), handler.clone());
        runtime::spawn(async move { server.serve(stream, &*handler).await });
    }
}
