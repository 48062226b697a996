//! The HTTP server over real sockets on a real ring, asked by a plain client in another thread.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test outside of `cfg(test)`"
)]

use chainringd::base::{AlignedBuf, SharedBytes};
use chainringd::http::{Chunk, Close, Exchange, Handler, Server, Stream};
use chainringd::io::{RealClock, net, runtime};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const LARGE: usize = 3 * 1024 * 1024;

/// PUT answers the length and the sum of the body, GET sends [`LARGE`] bytes from a shared buffer,
/// DELETE closes the server, anything else is refused unread.
struct Sums(Server<RealClock>);

impl Handler for Sums {
    async fn handle<S: Stream>(&self, exchange: &mut Exchange<'_, S>) -> Result<(), Close> {
        match exchange.method() {
            b"PUT" => {
                let mut buf = AlignedBuf::with_capacity(1024 * 1024);
                let (mut length, mut sum) = (0, 0u64);
                loop {
                    let (result, returned) = exchange.read_full(buf, 0, 1024 * 1024).await;
                    buf = returned;
                    let count = result?;
                    if count == 0 {
                        break;
                    }
                    length += count;
                    sum += buf[..count].iter().map(|b| u64::from(*b)).sum::<u64>();
                }
                let body = format!("{length} {sum}");
                exchange.respond(200, (), body).await
            }
            b"GET" => {
                exchange.start(200, (), Some(LARGE as u64)).await?;
                let bytes = SharedBytes::from(AlignedBuf::zeroed(LARGE / 3));
                for _ in 0..3 {
                    exchange.write(Chunk::Shared(bytes.clone())).await?;
                }
                exchange.finish().await
            }
            b"DELETE" => {
                self.0.close();
                exchange.respond(204, (), b"").await
            }
            _ => exchange.respond(403, (), b"no").await,
        }
    }
}

/// Runs `client` against a server; both must come to an end.
fn with_server(client: impl FnOnce(SocketAddr) + Send + 'static) {
    let mut listeners = net::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), 1).unwrap();
    let listener = listeners.pop().unwrap();
    let address = listener.local_addr();
    let client = std::thread::spawn(move || client(address));
    runtime::run(async move {
        let server = Server::new(RealClock);
        let (accepting, timers) = (server.clone(), server.clone());
        runtime::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let server = accepting.clone();
                runtime::spawn(async move {
                    let handler = Sums(server.clone());
                    server.serve(stream, &handler).await;
                });
            }
        });
        // Ends when the server was closed and its connections ended.
        timers.run().await;
    })
    .unwrap();
    client.join().unwrap();
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    stream
}

fn quit(address: SocketAddr) {
    let request = b"DELETE / HTTP/1.1\r\nHost: h\r\n\r\n";
    let answer = ask(&mut connect(address), request);
    assert!(answer.starts_with("HTTP/1.1 204 "));
}

/// Sends `request` and reads a response with its body.
fn ask(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).unwrap();
    read_response(stream)
}

fn read_response(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

#[test]
fn bodies_large_and_small_come_and_go() {
    with_server(|address| {
        let mut stream = connect(address);
        let body: Vec<u8> = (0..=250).cycle().take(LARGE).collect();
        let sum: u64 = body.iter().map(|b| u64::from(*b)).sum();
        for length in [0, 1, 5000, LARGE] {
            let head = format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
            let answer = ask(&mut stream, &[head.as_bytes(), &body[..length]].concat());
            assert!(answer.contains(&format!("\r\n\r\n{length} ")));
            if length == LARGE {
                assert!(answer.ends_with(&format!(" {sum}")));
            }
        }
        let head = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut chunked = head.as_bytes().to_vec();
        for chunk in body.chunks(70_000) {
            chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            chunked.extend_from_slice(chunk);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        assert!(ask(&mut stream, &chunked).ends_with(&format!("{LARGE} {sum}")));
        let answer = ask(&mut stream, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(answer.len() > LARGE);
        quit(address);
    });
}

#[test]
fn a_100_invites_the_body() {
    with_server(|address| {
        let mut stream = connect(address);
        let head = "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
        let invitation = ask(&mut stream, head.as_bytes());
        assert_eq!(invitation, "HTTP/1.1 100 Continue\r\n\r\n");
        assert!(ask(&mut stream, b"\x01\x01\x01").ends_with("\r\n\r\n3 3"));
        quit(address);
    });
}

#[test]
fn a_refusal_in_the_middle_of_a_body_can_be_read() {
    with_server(|address| {
        let mut stream = connect(address);
        let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // The server has answered and ended its side long before all of this is sent.
        for _ in 0..32 {
            stream.write_all(&[0; 64 * 1024]).unwrap();
        }
        let mut answer = String::new();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("no"));
        quit(address);
    });
}

#[test]
fn closing_the_server_closes_idle_connections() {
    with_server(|address| {
        let mut idle = connect(address);
        let mut used = connect(address);
        assert!(ask(&mut used, b"POST / HTTP/1.1\r\nHost: h\r\n\r\n").contains(" 403 "));
        quit(address);
        assert_eq!(idle.read(&mut [0]).unwrap(), 0);
        assert_eq!(used.read(&mut [0]).unwrap(), 0);
    });
}
