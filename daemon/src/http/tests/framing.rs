//! Which byte streams are requests, and where one ends and the next begins.

use super::{ask, converse};
use proptest::prelude::*;

/// The framing error the server answers with, or "" when it accepts.
fn error_of(request: &str) -> String {
    let answer = ask(request);
    let error = answer.split("x-error: ").nth(1).unwrap_or("");
    error.lines().next().unwrap_or("").to_owned()
}

#[test]
fn s28_refuses_what_another_parser_might_frame_differently() {
    let with = |headers: &str| {
        format!("POST /x HTTP/1.1\r\nHost: h\r\n{headers}\r\n5\r\nhello\r\n0\r\n\r\n")
    };
    let cases = [
        (
            "LengthAndEncoding",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        ),
        (
            "LengthAndEncoding",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        ),
        (
            "BadContentLength",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
        ),
        (
            "BadContentLength",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
        ),
        ("BadContentLength", "Content-Length: 5, 5\r\n"),
        ("BadContentLength", "Content-Length: +5\r\n"),
        ("BadContentLength", "Content-Length: -5\r\n"),
        ("BadContentLength", "Content-Length: 0x5\r\n"),
        ("BadContentLength", "Content-Length: 5 5\r\n"),
        ("BadContentLength", "Content-Length:\r\n"),
        (
            "BadContentLength",
            "Content-Length: 18446744073709551616\r\n",
        ),
        (
            "BadTransferEncoding",
            "Transfer-Encoding: gzip, chunked\r\n",
        ),
        (
            "BadTransferEncoding",
            "Transfer-Encoding: chunked, identity\r\n",
        ),
        ("BadTransferEncoding", "Transfer-Encoding: identity\r\n"),
        ("BadTransferEncoding", "Transfer-Encoding: xchunked\r\n"),
        ("BadTransferEncoding", "Transfer-Encoding:\r\n"),
        (
            "BadTransferEncoding",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ),
        ("BadTransferEncoding", "Transfer-Encoding: \"chunked\"\r\n"),
        ("BadHead", "Transfer-Encoding : chunked\r\n"),
        ("BadHead", "Content-Length : 5\r\n"),
        ("BadHead", "Content-Length\t: 5\r\n"),
        ("BadHead", " Content-Length: 5\r\n"),
        ("BadHead", "X: a\r\n folded: b\r\n"),
        ("BadHead", "X: a\r\n\tfolded\r\n"),
        ("BadHead", "X: a\nY: b\r\n"),
        ("BadHead", "X: a\rY: b\r\n"),
        ("BadHead", "X: a\0b\r\n"),
        ("BadHead", "X\r\n"),
        ("BadHead", ": x\r\n"),
        ("BadHead", "X\u{e9}: x\r\n"),
        ("BadHost", "Host: h\r\n"),
        ("BadHost", "Host: other\r\n"),
    ];
    for (error, headers) in cases {
        assert_eq!(error_of(&with(headers)), error, "{headers:?}");
    }
    assert_eq!(error_of(&with("Transfer-Encoding: Chunked\r\n")), "");
    assert_eq!(
        error_of(&with("Expect: miracles\r\nTransfer-Encoding: chunked\r\n")),
        ""
    );
}

#[test]
fn s28_refuses_bad_request_lines() {
    let cases = [
        ("BadHead", "GET / HTTP/1.1\nHost: h\r\n\r\n"),
        ("BadHead", "GET / HTTP/1.1\r\nHost: h\n\r\n"),
        ("BadHead", "GET / HTTP/1.1\r\nHost: h\r\n\n"),
        ("BadHead", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadHead", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadHead", "GET /\r\nHost: h\r\n\r\n"),
        ("BadHead", " GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadHead", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadHead", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadHead", "\x16\x03\x01\x02"),
        ("UnsupportedVersion", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("UnsupportedVersion", "GET / HTTP/1.2\r\nHost: h\r\n\r\n"),
        ("BadTarget", "GET x HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadTarget", "GET * HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadTarget", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadTarget", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadTarget", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadHost", "GET / HTTP/1.1\r\n\r\n"),
        ("BadHost", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        ("BadHost", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
        ("BadHost", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        ("BadHost", "GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("BadHost", "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n"),
        (
            "BadTransferEncoding",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        ("", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("", "GET http://h/ HTTP/1.1\r\nHost: H\r\n\r\n"),
        ("", "GET /%2e?a=b?c HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
        ("", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ];
    for (error, request) in cases {
        assert_eq!(error_of(request), error, "{request:?}");
    }
}

#[test]
fn s28_a_framing_error_closes_the_connection() {
    let answer = ask("GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(
        answer,
        "HTTP/1.1 400 Bad Request\n\nConnection: close\nx-error: BadHead\nContent-Length: 0\n"
            .replace("\n\n", "\n")
    );
}

#[test]
fn s26_a_head_has_limits() {
    let many = format!(
        "GET / HTTP/1.1\r\nHost: h\r\n{}\r\n",
        "a: b\r\n".repeat(100)
    );
    assert_eq!(error_of(&many), "HeadTooLarge");
    let long = format!(
        "GET / HTTP/1.1\r\nHost: h\r\na: {}\r\n\r\n",
        "b".repeat(32 * 1024)
    );
    assert_eq!(error_of(&long), "HeadTooLarge");
    assert!(ask(long).starts_with("HTTP/1.1 431 "));
    let endless = "GET /".to_owned() + &"a".repeat(40_000);
    assert_eq!(error_of(&endless), "HeadTooLarge");
    let fits = format!(
        "GET / HTTP/1.1\r\nHost: h\r\na: {}\r\n\r\n",
        "b".repeat(31 * 1024)
    );
    assert_eq!(error_of(&fits), "");
    let by_thousands: Vec<_> = fits.as_bytes().chunks(1000).collect();
    assert_eq!(converse(by_thousands), converse([fits.as_bytes()]));
}

#[test]
fn requests_follow_each_other_on_a_connection() {
    let answers = ask(concat!(
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        "\r\n",
        "PUT /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\nT: t\r\n\r\n",
        "GET /c HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n",
        "GET /never HTTP/1.1\r\nHost: h\r\n\r\n",
    ));
    let bodies: Vec<_> = answers.lines().filter(|line| line.contains("? ")).collect();
    assert_eq!(
        bodies,
        [
            "POST /a? abcHTTP/1.1 200 OK",
            "PUT /b? defHTTP/1.1 200 OK",
            "GET /c? "
        ]
    );
    assert_eq!(answers.matches("Connection: close").count(), 1);
}

#[test]
fn http_10_closes_unless_asked_not_to() {
    let once = ask("GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
    assert!(once.contains("Connection: close") && !once.contains("/b"));
    let kept = ask("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
    assert!(kept.contains("Connection: keep-alive") && kept.contains("/b"));
}

/// Streams that between them meet every part of the loop.
pub(super) const STREAMS: [&str; 12] = [
    "GET /a?b HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\nHEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello worldGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /lines HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhe\nlo\n\norldGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;e\r\n world\r\n0\r\na: b\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /lines HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe\nlo\r\n6;e\r\n wo\nld\r\n0\r\na: b\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
    "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZ\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nBad : x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nX: y\n\r\n",
    "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello",
];

#[test]
fn a_split_at_any_place_changes_nothing() {
    for stream in STREAMS {
        let stream = stream.as_bytes();
        let whole = converse([stream]);
        for at in 1..stream.len() {
            let split = converse([&stream[..at], &stream[at..]]);
            assert_eq!(
                split.escape_ascii().to_string(),
                whole.escape_ascii().to_string(),
                "{} | {}",
                stream[..at].escape_ascii(),
                stream[at..].escape_ascii()
            );
        }
        assert_eq!(converse(stream.chunks(1)), whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        converse([bytes]);
    }

    /// Streams that are nearly right, damaged in one place and cut in two: no panic, and the cut
    /// changes nothing.
    #[test]
    fn damaged_streams_are_split_invariant(
        which in 0..STREAMS.len(),
        place in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"\r\n \t:;,0159af\0\x7f\xffX".to_vec()),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut stream = STREAMS[which].as_bytes().to_vec();
        let place = place.index(stream.len());
        stream[place] = byte;
        let cut = cut.index(stream.len());
        let whole = converse([&stream]);
        prop_assert_eq!(converse([&stream[..cut], &stream[cut..]]), whole);
    }
}
