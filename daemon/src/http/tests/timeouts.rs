//! Slow clients, and the graceful end. Timeouts fire at most two ticks (a second) late.

use super::super::memory::connection;
use super::{Echo, Server, SimClock, Stream, sleep, spawn, text, with_client};
use crate::io::sim::run;

#[test]
fn s27_an_idle_connection_is_closed() {
    with_client(|peer| async move {
        peer.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        sleep(59).await;
        assert!(!peer.take_received().is_empty());
        assert!(!peer.is_closed());
        sleep(3).await;
        assert!(peer.is_closed());
        assert!(peer.take_received().is_empty());
    });
}

#[test]
fn s27_a_head_that_trickles_is_cut_off() {
    with_client(|peer| async move {
        sleep(30).await;
        for byte in "GET /aaaaa".bytes() {
            peer.send([byte]);
            sleep(1).await;
        }
        assert!(peer.take_received().is_empty());
        peer.send("a");
        sleep(1).await;
        let answer = text(&peer.take_received());
        assert!(
            answer.starts_with("HTTP/1.1 408 Request Timeout\n"),
            "{answer}"
        );
    });
}

#[test]
fn s27_empty_lines_do_not_keep_a_connection() {
    with_client(|peer| async move {
        for _ in 0..62 {
            peer.send("\r\n");
            sleep(1).await;
        }
        assert!(peer.is_closed());
    });
}

#[test]
fn s27_a_body_that_stops_is_cut_off() {
    with_client(|peer| async move {
        peer.send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell");
        sleep(29).await;
        assert!(peer.take_received().is_empty());
        sleep(3).await;
        let answer = text(&peer.take_received());
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\n"));
        assert!(answer.contains("x-error: BodyTimeout\n"));
    });
}

#[test]
fn s27_a_body_below_the_least_rate_is_cut_off() {
    let feed = |bytes_per_second: usize, seconds: usize| {
        with_client(move |peer| async move {
            peer.send("PUT /lines HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
            for _ in 0..seconds {
                peer.send("x\n".repeat(bytes_per_second / 2));
                sleep(1).await;
            }
            peer.is_shut_down()
        })
    };
    assert!(feed(900, 33));
    assert!(!feed(1200, 160));
}

#[test]
fn s27_time_we_take_is_not_held_against_the_client() {
    with_client(|peer| async move {
        peer.send("PUT /sleepy-reader HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
        sleep(120).await;
        peer.send("ok");
        sleep(1).await;
        assert!(text(&peer.take_received()).ends_with("ok"));
    });
    with_client(|peer| async move {
        peer.send("GET /sleep HTTP/1.1\r\nHost: h\r\n\r\n");
        sleep(101).await;
        assert!(text(&peer.take_received()).ends_with("slept"));
    });
}

#[test]
fn s27_a_client_that_does_not_read_is_cut_off() {
    with_client(|peer| async move {
        peer.stall(true);
        peer.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        sleep(29).await;
        assert!(!peer.is_closed());
        sleep(3).await;
        assert!(peer.is_closed());
    });
}

#[test]
fn s27_what_follows_a_request_waits_in_the_socket() {
    with_client(|peer| async move {
        peer.send("GET /sleep HTTP/1.1\r\nHost: h\r\n\r\n");
        for _ in 0..100 {
            peer.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        }
        sleep(99).await;
        assert_eq!(peer.pieces_left(), 100);
        sleep(2).await;
        let answers = text(&peer.take_received());
        assert_eq!(answers.matches("200 OK").count(), 101);
    });
}

#[test]
fn s27_the_connections_of_a_peer_are_counted() {
    run(1, async {
        let server = Server::new(SimClock);
        let (stream, peer) = connection();
        let from = stream.peer().ip();
        let serving = server.clone();
        let task = spawn(async move { serving.serve(stream, &Echo).await });
        assert_eq!(server.connections_from(from), 0);
        sleep(1).await;
        assert_eq!(server.connections_from(from), 1);
        peer.finish();
        task.join().await;
        assert_eq!(
            (server.connections(), server.connections_from(from)),
            (0, 0)
        );
    });
}

#[test]
fn a_closed_server_lets_requests_finish_and_idle_connections_go() {
    run(1, async {
        let server = Server::new(SimClock);
        let timers = server.clone();
        let timers = spawn(async move { timers.run().await });
        let mut peers = Vec::new();
        for _ in 0..3 {
            let (stream, peer) = connection();
            let server = server.clone();
            drop(spawn(async move { server.serve(stream, &Echo).await }));
            peers.push(peer);
        }
        let [idle, busy, partial] = &peers[..] else {
            unreachable!()
        };
        busy.send("GET /sleep HTTP/1.1\r\nHost: h\r\n\r\n");
        partial.send("GET /a HTTP/1.1\r\nHo");
        sleep(1).await;
        assert_eq!(server.connections(), 3);
        server.close();
        sleep(1).await;
        assert!(idle.is_closed());
        assert_eq!(server.connections(), 2);
        partial.send("st: h\r\n\r\n");
        partial.finish();
        busy.finish();
        sleep(1).await;
        assert!(text(&partial.take_received()).contains("Connection: close"));
        server.drained().await;
        let answer = text(&busy.take_received());
        assert!(answer.contains("Connection: close") && answer.ends_with("slept"));
        timers.join().await;

        let (stream, late) = connection();
        server.serve(stream, &Echo).await;
        assert!(late.is_closed());
    });
}
