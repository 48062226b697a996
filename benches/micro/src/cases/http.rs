//! HTTP by itself: parsing a head, answering from memory.

use crate::counted::Counted;
use crate::replay::Replay;
use crate::sign;
use chainringd::base::{AlignedBuf, SharedBytes};
use chainringd::http::{Chunk, Close, Exchange, Handler, Server, Stream};
use chainringd::io::sim::{self, SimClock};

/// Answers 4 KiB whatever it is asked.
struct Canned(SharedBytes);

impl Handler for Canned {
    async fn handle<S: Stream>(&self, exchange: &mut Exchange<'_, S>) -> Result<(), Close> {
        let body = Chunk::Shared(self.0.clone());
        let fields = [("ETag", "\"0\""), ("Content-Type", "binary/octet-stream")];
        exchange.respond(200, &fields, body).await
    }
}

pub fn bare(calls: usize) {
    serve(
        b"GET /bucket/key HTTP/1.1\r\nHost: 127.0.0.1:9000\r\n\r\n",
        calls,
    );
}

pub fn signed(calls: usize) {
    let path = "/bucket/some/key/with/a/path/object-000123.bin";
    serve(&sign::head("GET", path, ""), calls);
}

fn serve(request: &[u8], calls: usize) {
    let handler = Canned(AlignedBuf::zeroed(4096).into());
    let server = Server::new(SimClock);
    sim::run(1, async {
        let (stream, _) = Replay::new(request, 20);
        server.serve(stream, &handler).await;
        let (stream, answers) = Replay::new(request, calls);
        Counted::new(server.serve(stream, &handler)).await;
        assert_eq!(answers.good.get(), calls);
    });
}
