//! A bare responder: what a request costs before anything S3 is done for it.
//!
//! ```text
//! taskset -c 0 target/release/examples/bare_http 0 9090 &
//! taskset -c 1 wrk -c 32 -d 10 http://127.0.0.1:9090/100
//! ```
//!
//! With `floor` as a third argument nothing is parsed: whatever comes is answered with 100 bytes. The
//! difference is what this crate's HTTP costs.
//!
//! `GET /<n>` answers `n` bytes (at most 1 MiB) from one shared buffer; `PUT /x` reads the body into
//! an aligned buffer; `GET /quit` ends the process. The CPU time used per request is printed once a
//! second while there are any.

use chainringd::base::{AlignedBuf, SharedBytes};
use chainringd::http::{Chunk, Close, Exchange, Handler, Server, Stream};
use chainringd::io::{Bytes, Clock, RealClock, TcpListener, TcpStream, net, runtime};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

const BODY_MAX: usize = 1024 * 1024;

struct Bare {
    body: SharedBytes,
    requests: Cell<u64>,
}

impl Handler for Bare {
    async fn handle<S: Stream>(&self, exchange: &mut Exchange<'_, S>) -> Result<(), Close> {
        self.requests.set(self.requests.get() + 1);
        let path = exchange.raw_path();
        if exchange.method() == b"PUT" {
            let buf = AlignedBuf::with_capacity(BODY_MAX);
            let (read, _buf) = exchange.read_full(buf, 0, BODY_MAX).await;
            read?;
            return exchange.respond(200, &[("ETag", "\"0\"")], b"").await;
        }
        if path == b"/quit" {
            std::process::exit(0);
        }
        let digits = path.get(1..).unwrap_or(b"");
        let len = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok());
        let body = Chunk::Shared(self.body.slice(0..len.unwrap_or(100).min(BODY_MAX)));
        let fields = [("ETag", "\"0\""), ("Content-Type", "binary/octet-stream")];
        exchange.respond(200, &fields, body).await
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let cpu = arguments.next().map_or(Ok(0), |cpu| cpu.parse())?;
    let port = arguments.next().map_or(Ok(9090), |port| port.parse())?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut listeners = net::listen(address, 1)?;
    let listener = listeners.pop().ok_or("no listener")?;
    let handler = Rc::new(Bare {
        body: AlignedBuf::zeroed(BODY_MAX).into(),
        requests: Cell::new(0),
    });
    let is_floor = arguments.next().is_some_and(|mode| mode == "floor");
    let accept = accept(listener, handler, is_floor);
    runtime::run_on_core(cpu, accept)??;
    Ok(())
}

async fn accept(listener: TcpListener, handler: Rc<Bare>, is_floor: bool) -> std::io::Result<()> {
    let server = Server::new(RealClock);
    let timers = server.clone();
    runtime::spawn(async move { timers.run().await });
    runtime::spawn(report(handler.clone()));
    loop {
        let stream = listener.accept().await?;
        let (server, handler) = (server.clone(), handler.clone());
        if is_floor {
            runtime::spawn(floor(stream, handler));
            continue;
        }
        runtime::spawn(async move { server.serve(stream, &*handler).await });
    }
}

async fn floor(stream: TcpStream, handler: Rc<Bare>) {
    let mut answer = b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nETag: \"0\"\r\n\
        Content-Type: binary/octet-stream\r\nContent-Length: 100\r\n\r\n"
        .to_vec();
    answer.resize(answer.len() + 100, 0);
    let mut buf = AlignedBuf::with_capacity(8192);
    loop {
        let (received, returned) = stream.recv_into(buf, 0, 8192).await;
        buf = returned;
        if !matches!(received, Ok(1..)) {
            return;
        }
        handler.requests.set(handler.requests.get() + 1);
        if stream
            .send_all(Bytes::from(answer.clone()))
            .await
            .0
            .is_err()
        {
            return;
        }
    }
}

async fn report(handler: Rc<Bare>) {
    let mut before = (0, cpu_time());
    loop {
        RealClock.sleep(Duration::from_secs(1)).await;
        let now = (handler.requests.get(), cpu_time());
        let requests = now.0 - before.0;
        if requests > 0 {
            let cpu = (now.1 - before.1).as_secs_f64() * 1e6;
            println!(
                "{requests} requests/s, {:.2} us CPU each",
                cpu / requests as f64
            );
        }
        before = now;
    }
}

/// CPU time this process has used, user and system.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}
