//! The requests that hyper finds in a stream: the second opinion on framing.

use crate::http::Seen;
use hyper::body::{Body, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The client's side of the connection: all bytes are there, answers are thrown away.
struct Replay {
    bytes: Vec<u8>,
    at: usize,
}

impl Read for Replay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let end = self.bytes.len().min(self.at + buf.remaining());
        buf.put_slice(&self.bytes[self.at..end]);
        self.at = end;
        Poll::Ready(Ok(()))
    }
}

impl Write for Replay {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// All of a body; `None` when it is broken.
async fn collect(mut body: Incoming) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Some(data) = frame.ok()?.data_ref() {
            all.extend_from_slice(data);
        }
    }
    Some(all)
}

/// The requests whose bodies are whole.
pub fn hypers(stream: &[u8]) -> Vec<Seen> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let method = request.method().to_string();
            let target = request.uri().path_and_query();
            let target = target.map_or("", |target| target.as_str()).to_owned();
            if let Some(body) = collect(request.into_body()).await {
                seen.borrow_mut().push(Seen {
                    method,
                    target,
                    body,
                });
            }
            Ok::<_, Infallible>(hyper::Response::new(String::new()))
        }
    });
    let io = Replay {
        bytes: stream.to_vec(),
        at: 0,
    };
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.half_close(true).auto_date_header(false);
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut cx = Context::from_waker(Waker::noop());
    // Everything is there, so it is done after a few turns; a broken one may wait for ever.
    for _ in 0..1000 {
        if connection.as_mut().poll(&mut cx).is_ready() {
            break;
        }
    }
    seen.take()
}
