//! Bytes that no client of ours sends.

use super::{Daemon, with_daemon};
use chainring_protocol::frame::{Builder, Frame, HEADER_BYTES, Header, Kind};
use chainring_protocol::message::{
    Authenticate, BucketName, Hello, KeyPut, StatusGet, VolumeInfoGet,
};
use chainring_protocol::{Call, Failure, Opcode, ResultCode};
use proptest::prelude::*;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

fn frame(kind: Kind, request: u32, opcode: u16, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let builder = Builder::new(&mut out);
    builder.out.extend_from_slice(body);
    builder
        .finish(Header::new(kind, request, opcode), None)
        .unwrap();
    out
}

fn ask<C: Call>(request: u32, call: &C) -> Vec<u8> {
    let body = call.to_bytes().unwrap();
    frame(Kind::Request, request, C::OPCODE.number(), &body)
}

fn hello(version_min: u8, version_max: u8) -> Vec<u8> {
    let hello = Hello {
        version_min,
        version_max,
        nonce: [0; 32],
        key_id: String::new(),
        software: "raw".to_owned(),
        act_as: None,
    };
    ask(0, &hello)
}

/// Sends `bytes`, says that there is no more, and returns the daemon's frames: request, opcode,
/// result and text of a failure.
fn answers(daemon: &Daemon, bytes: &[u8]) -> Vec<(u32, u16, ResultCode, String)> {
    let mut stream = daemon.stream();
    // The daemon may have closed the connection by now.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    let mut rest = &received[..];
    let mut answers = Vec::new();
    while let Some(frame) = Frame::parse(rest).unwrap() {
        let header = frame.header;
        let result = ResultCode::from_number(header.result).unwrap();
        let text = match result {
            ResultCode::Ok => String::new(),
            _ => {
                Failure::from_frame(header.result, frame.body())
                    .unwrap()
                    .message
            }
        };
        answers.push((header.request, header.opcode, result, text));
        rest = &rest[frame.bytes().len()..];
    }
    assert!(rest.is_empty());
    answers
}

fn still_serves(daemon: &Daemon) {
    daemon.client().call(&StatusGet {}).unwrap();
}

#[test]
fn bytes_that_are_no_frames_are_answered_and_end_the_connection() {
    with_daemon(|daemon| {
        let good = ask(7, &StatusGet {});
        let with = |at: usize, byte: u8| {
            let mut bytes = [hello(1, 1), good.clone()].concat();
            let start = bytes.len() - good.len();
            bytes[start + at] = byte;
            [bytes, ask(8, &StatusGet {})].concat()
        };
        let cases = [
            (with(0, b'X'), 0, ResultCode::InvalidRequest, "protocol"),
            (
                with(4, 2),
                7,
                ResultCode::NotSupportedOperation,
                "version 2",
            ),
            (with(5, 9), 7, ResultCode::InvalidRequest, "kind"),
            (with(6, 8), 7, ResultCode::InvalidRequest, "reserved"),
            (with(18, 2), 7, ResultCode::InvalidRequest, "131072"),
            (with(5, 2), 7, ResultCode::InvalidRequest, "response"),
        ];
        for (bytes, request, code, text) in cases {
            let answers = answers(&daemon, &bytes);
            assert_eq!(answers.len(), 2, "hello and the end: {answers:?}");
            let last = &answers[1];
            assert_eq!((last.0, last.2), (request, code), "{last:?}");
            assert!(last.3.contains(text), "{last:?}");
        }
        let http = answers(&daemon, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(http.len(), 1);
        assert_eq!(http[0].2, ResultCode::InvalidRequest);
        still_serves(&daemon);
    });
}

#[test]
fn a_bad_body_is_answered_and_the_connection_goes_on() {
    with_daemon(|daemon| {
        let bytes = [
            ask(1, &StatusGet {}),
            hello(2, 9),
            hello(1, 200),
            hello(1, 1),
            frame(Kind::Request, 2, 0x7777, b"from the future"),
            frame(Kind::Request, 3, Opcode::StatusGet.number(), b"surplus"),
            frame(Kind::Request, 4, Opcode::VolumeCreate.number(), &[200]),
            ask(5, &Authenticate {}),
            // Of streams that there are not.
            frame(Kind::Data, 9, Opcode::KeyPut.number(), b"data"),
            frame(Kind::End, 9, Opcode::KeyPut.number(), b""),
            frame(Kind::Cancel, 9, Opcode::KeyGet.number(), b""),
            frame(Kind::Credit, 9, Opcode::KeyGet.number(), &[1, 0, 0, 0]),
            ask(6, &StatusGet {}),
        ]
        .concat();
        let codes: Vec<_> = answers(&daemon, &bytes)
            .into_iter()
            .map(|(request, _, code, _)| (request, code))
            .collect();
        assert_eq!(
            codes,
            [
                (1, ResultCode::InvalidRequest),
                (0, ResultCode::NotSupportedOperation),
                (0, ResultCode::Ok),
                (0, ResultCode::InvalidRequest),
                (2, ResultCode::NotSupportedOperation),
                (3, ResultCode::InvalidRequest),
                (4, ResultCode::InvalidRequest),
                (5, ResultCode::InvalidRequest),
                (6, ResultCode::Ok),
            ]
        );
    });
}

#[test]
fn whoever_breaks_the_rules_of_streams_is_cut_off() {
    with_daemon(|daemon| {
        drop(daemon.with_bucket());
        let put = |request| {
            let put = KeyPut {
                bucket: BucketName::new("s3v", "bucket"),
                key: "k".to_owned(),
                size: None,
                content_type: None,
            };
            ask(request, &put)
        };
        let data = |request| frame(Kind::Data, request, Opcode::KeyPut.number(), b"x");
        let credit = |count: u32| {
            let body = count.to_le_bytes();
            frame(Kind::Credit, 1, Opcode::KeyGet.number(), &body)
        };

        // In one write, so that nothing can have been granted between them.
        let flood = [hello(1, 1), put(1), data(1).repeat(5)].concat();
        let got = answers(&daemon, &flood);
        assert!(got.iter().any(|a| a.3 == "data without credit"), "{got:?}");

        let greedy = [hello(1, 1), put(1), credit(61)].concat();
        let got = answers(&daemon, &greedy);
        assert!(got.iter().any(|a| a.3.contains("more credit")), "{got:?}");

        let many = [hello(1, 1), put(1), put(1), put(2), put(3), put(4), put(5)].concat();
        let got = answers(&daemon, &many);
        let refused = got.iter().filter(|a| a.3.contains("at most 4 streams"));
        assert_eq!(refused.count(), 2, "the second of 1, and 5: {got:?}");
        still_serves(&daemon);
    });
}

/// A conversation cut at every position: the daemon notices, and answers what was whole.
#[test]
fn a_conversation_may_stop_anywhere() {
    with_daemon(|daemon| {
        let name = "s3v".to_owned();
        let whole = [hello(1, 1), ask(1, &VolumeInfoGet { name })].concat();
        let first = hello(1, 1).len();
        for cut in 0..=whole.len() {
            let expected = usize::from(cut >= first) + usize::from(cut == whole.len());
            assert_eq!(answers(&daemon, &whole[..cut]).len(), expected, "{cut}");
        }
    });
}

/// And split at every position it is the same conversation.
#[test]
fn a_conversation_may_come_in_pieces() {
    with_daemon(|daemon| {
        let whole = [hello(1, 1), ask(1, &StatusGet {})].concat();
        let mut stream: UnixStream = daemon.stream();
        for byte in &whole {
            stream.write_all(&[*byte]).unwrap();
        }
        let mut head = [0; HEADER_BYTES];
        stream.read_exact(&mut head).unwrap();
        let header = Header::parse(&head).unwrap();
        assert_eq!((header.kind, header.result), (Kind::Response, 0));
    });
}

#[test]
fn rubbish_never_stops_the_daemon() {
    with_daemon(|daemon| {
        let bytes = prop::collection::vec(any::<u8>(), 0..200);
        let opcode = prop::sample::select(Opcode::ALL);
        let strategy = prop::collection::vec((1u8..=6, opcode, 0u32..4, bytes), 1..20);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases: 64,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let outcome = runner.run(&strategy, |frames| {
            let mut stream = daemon.stream();
            let mut bytes = hello(1, 1);
            for (kind, opcode, request, mut body) in frames {
                let kind = match kind {
                    1 => Kind::Request,
                    2 => Kind::Response,
                    3 => Kind::Data,
                    4 => Kind::End,
                    5 => Kind::Credit,
                    _ => Kind::Cancel,
                };
                body.truncate(kind.body_bytes_max() as usize);
                bytes.extend(frame(kind, request, opcode.number(), &body));
            }
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(Shutdown::Write);
            stream.read_to_end(&mut Vec::new()).unwrap();
            Ok(())
        });
        outcome.unwrap();
        still_serves(&daemon);
    });
}
