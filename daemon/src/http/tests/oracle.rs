//! The same byte streams through hyper: what we accept, hyper must accept too, with the same bodies
//! and the same boundaries between requests. Two parsers that disagree about those are how requests
//! are smuggled. Where we refuse what hyper accepts, [`STRICTER`] says why.

use super::super::memory::connection;
use super::framing::STREAMS;
use super::{Close, Exchange, Handler, Server, SimClock, Stream, run};
use hyper::body::{Body, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use proptest::prelude::*;
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A request as its receiver saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    method: String,
    target: String,
    body: Vec<u8>,
}

#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Vec<Seen>>>);

impl Handler for Recorder {
    async fn handle<S: Stream>(&self, exchange: &mut Exchange<'_, S>) -> Result<(), Close> {
        let head = exchange.head();
        let query = head.raw_query();
        let target = [
            head.raw_path(),
            query.map_or(b"", |_| b"?"),
            query.unwrap_or(b""),
        ]
        .concat();
        let seen = Seen {
            method: String::from_utf8_lossy(head.method()).into_owned(),
            target: String::from_utf8_lossy(&target).into_owned(),
            body: exchange.read_all(1 << 20).await?,
        };
        self.0.borrow_mut().push(seen);
        exchange.respond(200, (), b"").await
    }
}

/// The requests we find in `stream`.
fn ours(stream: &[u8]) -> Vec<Seen> {
    run(1, async {
        let recorder = Recorder::default();
        let (server, peer) = connection();
        peer.send(stream);
        peer.finish();
        Server::new(SimClock).serve(server, &recorder).await;
        recorder.0.take()
    })
}

/// The client's side of hyper's connection: all bytes are there, answers are thrown away.
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

/// The requests hyper finds in `stream`.
fn hypers(stream: &[u8]) -> Vec<Seen> {
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

/// What hyper accepts and we refuse, and why.
const STRICTER: [(&str, &str); 15] = [
    (
        "a repeated Content-Length is refused even when it is the same",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
    ),
    (
        "no other coding may come before chunked: we could not undo it",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "Transfer-Encoding overrides Content-Length by the RFC, but not in every server before us",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("Host is required", "GET / HTTP/1.1\r\n\r\n"),
    (
        "Host may come once",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ),
    ("Host must be a host", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
    ("Host must not be empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    (
        "an absolute target must name the host that Host names",
        "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
    ),
    (
        "a bare LF ends no line of a head",
        "GET / HTTP/1.1\nHost: h\n\n",
    ),
    (
        "an empty line before a request ends in CR LF too",
        "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    ),
    (
        "a chunk extension has at most 64 bytes",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n0\r\n\r\n",
    ),
    (
        "no space follows a chunk size",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n",
    ),
    (
        "a target has no fragment",
        "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
    ),
    (
        "CONNECT is for proxies",
        "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
    ),
    (
        "the scheme of a target is http or https",
        "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
    ),
];

#[test]
fn s28_where_we_are_stricter_than_hyper() {
    for (why, stream) in STRICTER {
        assert_eq!(ours(stream.as_bytes()), [], "{why}");
        assert_eq!(hypers(stream.as_bytes()).len(), 1, "{why}");
    }
}

#[test]
fn s28_elsewhere_we_agree_with_hyper() {
    let more = [
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n0A\r\n0123456789\r\n00\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na : b\r\n\r\n",
        "GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\nGET http://h HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%zz?%00&&=;~ HTTP/1.1\r\nHost: h\r\nX:y\r\nX:  \r\n\r\nDELETE / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    ];
    // A bare LF in a head is among the streams, too; see STRICTER.
    let streams = STREAMS.iter().filter(|stream| !stream.contains("y\n\r\n"));
    for stream in streams.chain(&more) {
        assert_eq!(
            ours(stream.as_bytes()),
            hypers(stream.as_bytes()),
            "{stream:?}"
        );
    }
}

/// The one thing hyper refuses and we do not. No boundary depends on it: where a target ends is
/// clear, and what its bytes mean is for the layer above to say.
#[test]
fn hyper_refuses_three_bytes_in_a_query() {
    for byte in ["\"", "<", ">"] {
        let stream = format!("GET /a?{byte} HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(ours(stream.as_bytes()).len(), 1);
        assert_eq!(hypers(stream.as_bytes()), []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Nearly right streams, damaged in two places: the requests we find are the first that hyper
    /// finds.
    #[test]
    fn s28_we_accept_nothing_that_hyper_frames_differently(
        which in 0..STREAMS.len(),
        damage in prop::collection::vec((
            any::<prop::sample::Index>(),
            prop::sample::select(vec![
                "\r", "\n", "\r\n", " ", "\t", ":", ";", ",", "0", "1", "5", "f", "\0", "X", "?", "#", "\u{e9}", "%", "|", "\x7f",
                "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n",
            ]),
            any::<bool>(),
        ), 0..3),
    ) {
        let mut stream = STREAMS[which].as_bytes().to_vec();
        for (place, bytes, is_insert) in damage {
            let place = place.index(stream.len());
            let end = if is_insert { place } else { stream.len().min(place + bytes.len()) };
            stream.splice(place..end, bytes.bytes());
        }
        let found = ours(&stream);
        let oracle = hypers(&stream);
        prop_assert!(
            oracle.starts_with(&found),
            "{}: we found {found:?}, hyper {oracle:?}",
            stream.escape_ascii()
        );
    }
}
