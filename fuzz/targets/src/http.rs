//! HTTP/1.1: however a stream is cut, we find the same requests and answer the same; and what we
//! find, hyper finds too.

use crate::hyper::hypers;
use chainringd::http::memory::connection;
use chainringd::http::{Answer, Close, Exchange, FramingError, Handler, Server, Stream};
use chainringd::io::sim::{SimClock, run};
use std::cell::RefCell;
use std::rc::Rc;

/// Longest body that the recorder reads.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A request as its receiver saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
}

#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Vec<Seen>>>);

impl Handler for Recorder {
    async fn handle<S: Stream>(&self, exchange: &mut Exchange<'_, S>) -> Result<(), Close> {
        let head = exchange.head();
        let mut target = head.raw_path().to_vec();
        if let Some(query) = head.raw_query() {
            target.push(b'?');
            target.extend_from_slice(query);
        }
        assert!(head.headers().count() <= 100);
        let seen = Seen {
            method: String::from_utf8_lossy(head.method()).into_owned(),
            target: String::from_utf8_lossy(&target).into_owned(),
            body: exchange.read_all(BODY_BYTES_MAX).await?,
        };
        self.0.borrow_mut().push(seen);
        exchange.respond(200, (), b"").await
    }

    fn framing_error(&self, error: FramingError, _: std::net::SocketAddr) -> Answer {
        Answer {
            status: error.status(),
            fields: Vec::new(),
            body: format!("{error:?}").into_bytes(),
        }
    }
}

/// The requests we find in a stream that arrives in these pieces, and what we answer.
fn ours<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<Seen>, String) {
    run(1, async {
        let recorder = Recorder::default();
        let (server, peer) = connection();
        for piece in pieces {
            peer.send(piece);
        }
        peer.finish();
        Server::new(SimClock).serve(server, &recorder).await;
        assert!(peer.is_closed(), "the connection is left open");
        // Whether a client is asked to go on depends on what of its body is there already.
        let answers = String::from_utf8_lossy(&peer.take_received()).into_owned();
        let answers = answers.replace("HTTP/1.1 100 Continue\r\n\r\n", "");
        (recorder.0.take(), answers)
    })
}

fn check(stream: &[u8], cut: usize) {
    let whole = ours([stream]);
    let (front, back) = stream.split_at(cut % (stream.len() + 1));
    assert_eq!(ours([front, back]), whole, "cut at {}", front.len());
    if stream.len() <= 300 {
        assert_eq!(ours(stream.chunks(1)), whole, "byte by byte");
    }
    let oracle = hypers(stream);
    if let Some(differs) = (0..whole.0.len()).find(|at| oracle.get(*at) != whole.0.get(*at)) {
        let found = &whole.0[differs];
        // hyper refuses some bytes in a target that cannot move a boundary.
        let odd = |byte: u8| !byte.is_ascii_graphic() || b"\"<>\\^`{|}".contains(&byte);
        assert!(
            found.target.bytes().any(odd),
            "we found {found:?}, hyper {:?}",
            oracle.get(differs)
        );
    }
}

/// A stream of requests.
pub fn head(data: &[u8]) {
    let (cut, stream) = data.split_first().unwrap_or((&0, &[]));
    check(stream, usize::from(*cut));
}

/// A chunked body, and a request behind it.
pub fn chunked(data: &[u8]) {
    let (cut, body) = data.split_first().unwrap_or((&0, &[]));
    let stream = [
        b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        body,
        b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n",
    ]
    .concat();
    check(&stream, usize::from(*cut) + 55);
}
