//! Reading request bodies, and what becomes of those that nobody reads.

use super::super::memory::connection;
use super::{ask, converse, serve, sleep, text, with_client};
use crate::io::sim::run;

#[test]
fn large_bodies_are_received_into_the_callers_buffer() {
    run(1, async {
        let (stream, peer) = connection();
        let body = "x".repeat(300_000);
        peer.send(format!(
            "PUT /big HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        for piece in body.as_bytes().chunks(100_000) {
            peer.send(piece);
        }
        peer.finish();
        serve(stream).await;
        assert_eq!(peer.direct_receives(), 3);
        assert!(text(&peer.take_received()).ends_with(&body));
    });
}

#[test]
fn large_chunks_are_received_into_the_callers_buffer() {
    run(1, async {
        let (stream, peer) = connection();
        let body = "x".repeat(200_000);
        peer.send("PUT /big HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        peer.send(format!("{:x}\r\n", body.len()));
        peer.send(body.clone());
        peer.send("\r\n3\r\nend\r\n0\r\n\r\n");
        peer.finish();
        serve(stream).await;
        assert_eq!(peer.direct_receives(), 1);
        assert!(text(&peer.take_received()).ends_with(&format!("{body}end")));
    });
}

#[test]
fn a_100_is_sent_when_the_body_is_wanted_and_not_yet_there() {
    with_client(|peer| async move {
        peer.send(
            "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n",
        );
        sleep(1).await;
        assert_eq!(text(&peer.take_received()), "HTTP/1.1 100 Continue\n");
        peer.send("ok");
        sleep(1).await;
        let answer = text(&peer.take_received());
        assert!(answer.starts_with("HTTP/1.1 200 OK\n") && answer.ends_with("PUT /a? ok"));
        assert!(!answer.contains("Connection: close"));
    });
}

#[test]
fn no_100_for_a_body_that_is_there_or_empty() {
    let request =
        "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok";
    assert!(!ask(request).contains("100 Continue"));
    let request = "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n";
    assert!(!ask(request).contains("100 Continue"));
    let request = "PUT /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    assert!(!ask(request).contains("100 Continue"));
}

#[test]
fn a_rejected_expectation_closes_and_a_short_unread_body_does_not() {
    let head = |more: &str| format!("PUT /ignore HTTP/1.1\r\nHost: h\r\n{more}\r\n\r\n");
    let expecting = head("Expect: 100-continue\r\nContent-Length: 2");
    assert!(ask(expecting).contains("Connection: close"));

    let next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    let short = "x".repeat(256 * 1024);
    let pieces = [head("Content-Length: 262144"), short, next.to_owned()];
    assert!(text(&converse(&pieces)).contains("/next"));

    let long = "x".repeat(256 * 1024 + 8 * 1024);
    let pieces = [head("Content-Length: 270336"), long, next.to_owned()];
    let answer = text(&converse(&pieces));
    assert!(answer.contains("Connection: close") && !answer.contains("/next"));

    let chunked = head("Transfer-Encoding: chunked");
    let answer = text(&converse([
        chunked.clone() + "1\r\nx\r\n0\r\n\r\n",
        next.to_owned(),
    ]));
    assert!(answer.contains("/next"));
    let answer = text(&converse([
        chunked + "1\r\nx\r\n",
        "0\r\n\r\n".to_owned(),
        next.to_owned(),
    ]));
    assert!(answer.contains("Connection: close") && !answer.contains("/next"));
}

#[test]
fn s26_a_body_over_the_handlers_limit_is_not_read() {
    let declared = "PUT /limited HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world";
    assert!(ask(declared).starts_with("HTTP/1.1 413 "));
    let chunked = "PUT /limited HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    assert!(ask(chunked).starts_with("HTTP/1.1 413 "));
}

#[test]
fn the_look_ahead_is_bounded() {
    let body = "x".repeat(40_000);
    let request = format!("PUT /lines HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n{body}");
    assert_eq!(ask(request), "");
}

#[test]
fn a_truncated_body_is_not_answered() {
    assert_eq!(
        ask("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell"),
        ""
    );
}

#[test]
fn s27_the_peer_is_given_time_to_read_the_last_answer() {
    with_client(|peer| async move {
        peer.send("PUT /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
        sleep(1).await;
        assert!(peer.is_shut_down() && !peer.is_closed());
        peer.send("more");
        sleep(1).await;
        assert_eq!(peer.pieces_left(), 0);
        assert!(!peer.is_closed());
        sleep(6).await;
        assert!(peer.is_closed());
    });
    with_client(|peer| async move {
        peer.send("PUT /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
        for _ in 0..5000 {
            peer.send(vec![0; 1024]);
        }
        sleep(1).await;
        assert!(peer.is_closed());
        assert!(peer.pieces_left() > 0);
    });
}
