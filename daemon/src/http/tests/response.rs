//! What is sent for what a handler answers.

use super::super::memory::connection;
use super::{ask, converse, serve, sleep, text, with_client};
use crate::io::sim::run;

fn get(path: &str) -> String {
    ask(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"))
}

#[test]
fn a_response_has_a_date_and_a_length() {
    assert_eq!(
        converse(["GET /ignore HTTP/1.1\r\nHost: h\r\n\r\n"]),
        b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 7\r\n\r\nignored"
    );
}

#[test]
fn s25_a_header_value_cannot_break_the_response() {
    assert!(get("/header?plain").contains("x-value: plain\n"));
    for bad in ["a%0d%0ax: y", "a%0ab", "a%0db", "a%00b", "%1b"] {
        let bad = bad.replace(' ', "%20");
        assert_eq!(
            get(&format!("/header?{bad}")),
            "HTTP/1.1 500 Internal Server Error\nConnection: close\nContent-Length: 0\n"
        );
    }
}

#[test]
fn head_204_and_304_have_no_body() {
    let head = ask("HEAD /ignore HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(head.ends_with("Content-Length: 7\n"));
    let head = ask("HEAD /stream?13 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(head.ends_with("Content-Length: 13\n"));
    let head = ask("HEAD /stream? HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(head, "HTTP/1.1 200 OK\n");
    assert_eq!(get("/status?204"), "HTTP/1.1 204 No Content\n");
    assert_eq!(get("/status?304"), "HTTP/1.1 304 Not Modified\n");
    assert!(get("/status?418").starts_with("HTTP/1.1 418 \n"));
}

#[test]
fn a_stream_has_the_declared_length_or_is_chunked() {
    assert!(get("/stream?13").ends_with("Content-Length: 13\none two three"));
    assert!(
        get("/stream?").ends_with("Transfer-Encoding: chunked\n4\none \n4\ntwo \n5\nthree\n0\n")
    );
    let old = ask("GET /stream? HTTP/1.0\r\n\r\n");
    assert!(old.ends_with("Connection: close\none two three"));
}

#[test]
fn a_response_of_another_length_than_declared_ends_abruptly() {
    run(1, async {
        for length in ["14", "9"] {
            let (stream, peer) = connection();
            peer.send(format!("GET /stream?{length} HTTP/1.1\r\nHost: h\r\n\r\n"));
            serve(stream).await;
            assert!(peer.is_closed() && !peer.is_shut_down());
            assert!(!text(&peer.take_received()).contains("Connection: close"));
        }
    });
}

#[test]
fn head_and_first_chunk_leave_together() {
    run(1, async {
        let (stream, peer) = connection();
        peer.send("GET /stream?13 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        peer.finish();
        serve(stream).await;
        assert_eq!(peer.sends(), 3);
    });
}

#[test]
fn short_sends_are_continued() {
    let requests = "GET /stream? HTTP/1.1\r\nHost: h\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n";
    let whole = converse([requests]);
    for max in 1..20 {
        let pieces = run(1, async {
            let (stream, peer) = connection();
            peer.limit_sends(max);
            peer.send(requests);
            peer.finish();
            serve(stream).await;
            peer.take_received()
        });
        assert_eq!(pieces, whole);
    }
}

#[test]
fn a_handler_that_does_not_answer_is_answered_for() {
    assert_eq!(
        get("/silent"),
        "HTTP/1.1 500 Internal Server Error\nConnection: close\nContent-Length: 0\n"
    );
    assert_eq!(get("/give-up"), "");
}

#[test]
fn after_an_abandoned_write_nothing_more_is_sent() {
    with_client(|peer| async move {
        peer.stall(true);
        peer.send("GET /impatient HTTP/1.1\r\nHost: h\r\n\r\n");
        sleep(2).await;
        assert!(peer.is_closed() && !peer.is_shut_down());
        assert!(peer.take_received().is_empty());
    });
}
