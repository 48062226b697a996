//! What the HTTP layer itself costs per request: no kernel, a stream in memory that is always ready
//! (but gives way once per receive, as a socket does). Prints the best of many rounds in ns.

use chainringd::base::{AlignedBuf, SharedBytes};
use chainringd::http::{Chunk, Close, Exchange, Handler, Outgoing, Server, Stream, StreamError};
use chainringd::io::sim::SimClock;
use core::net::{Ipv4Addr, SocketAddr};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

const REQUESTS: usize = 20_000;

const BARE: &[u8] = b"GET /100 HTTP/1.1\r\nHost: 127.0.0.1:9292\r\n\r\n";
const SIGNED: &[u8] = b"GET /bucket/some/key/with/a/path/object-000123.bin HTTP/1.1\r\n\
Host: 127.0.0.1:9000\r\nAccept-Encoding: identity\r\n\
User-Agent: Boto3/1.35.0 md/Botocore#1.35.0 ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.11\r\n\
X-Amz-Date: 20260101T000000Z\r\n\
X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n\
Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request, \
SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n\
amz-sdk-invocation-id: 01234567-89ab-cdef-0123-456789abcdef\r\namz-sdk-request: attempt=1\r\n\r\n";

struct Replay {
    request: &'static [u8],
    left: usize,
}

impl Stream for Replay {
    async fn recv(
        &mut self,
        mut buf: AlignedBuf,
        at: usize,
        _: usize,
    ) -> (Result<usize, StreamError>, AlignedBuf) {
        if self.left == 0 {
            return (Ok(0), buf);
        }
        self.left -= 1;
        let mut ready = false;
        poll_fn(|_| {
            if std::mem::replace(&mut ready, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        let end = at + self.request.len();
        if let Some(room) = buf.whole_mut().get_mut(at..end) {
            room.copy_from_slice(self.request);
        }
        (Ok(self.request.len()), buf)
    }

    async fn send(&mut self, outgoing: Outgoing) -> (Result<usize, StreamError>, Outgoing) {
        let [a, b] = outgoing.unsent();
        (Ok(a.len() + b.len()), outgoing)
    }

    async fn shutdown(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn peer(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 1))
    }
}

struct Bare(SharedBytes, usize);

impl Handler for Bare {
    async fn handle<S: Stream>(&self, exchange: &mut Exchange<'_, S>) -> Result<(), Close> {
        let body = Chunk::Shared(self.0.slice(0..self.1));
        let fields = [("ETag", "\"0\""), ("Content-Type", "binary/octet-stream")];
        exchange.respond(200, &fields, body).await
    }
}

fn main() {
    for (name, request, len) in [
        ("bare GET, 100 B", BARE, 100),
        ("bare GET, 4 KiB", BARE, 4096),
        ("signed GET, 100 B", SIGNED, 100),
        ("signed GET, 4 KiB", SIGNED, 4096),
    ] {
        let handler = Bare(AlignedBuf::zeroed(8192).into(), len);
        let server = Server::new(SimClock);
        let best = (0..200)
            .map(|_| {
                let stream = Replay {
                    request,
                    left: REQUESTS,
                };
                let since = Instant::now();
                let mut serving = pin!(server.serve(stream, &handler));
                let mut cx = Context::from_waker(Waker::noop());
                while serving.as_mut().poll(&mut cx).is_pending() {}
                since.elapsed()
            })
            .min();
        let each = best.unwrap_or(Duration::ZERO).as_secs_f64() * 1e9 / REQUESTS as f64;
        println!("{name}: {each:.0} ns");
    }
}
