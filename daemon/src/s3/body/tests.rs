//! Tests of bodies: framing at every split, and that nothing can be changed unnoticed.

use super::*;
use crate::base::Timestamp;
use crate::base::md5::Md5;
use crate::s3::checksum::{Hasher, header};
use crate::s3::head::PlainHead;
use crate::s3::query::Query;
use crate::s3::sigv4::Verifier;
use crate::s3::time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

const OPTIONS: Options = Options {
    max: 1 << 20,
    length_required: true,
    md5: Md5By::Caller,
    checksums: true,
    default_checksum: None,
};

/// Drives a body over `wire`, showing at most `window` bytes at a time, as a caller does.
fn run(mut body: Body, wire: &[u8], window: usize) -> Result<(Vec<u8>, Digested)> {
    let (mut at, mut shown) = (0, 0);
    let mut content = Vec::new();
    loop {
        match body.step(&wire[at..at + shown])? {
            Step::Need if at + shown == wire.len() => break,
            Step::Need => shown = (shown + window).min(wire.len() - at),
            Step::Consumed(count) => {
                assert!(count <= shown);
                at += count;
                shown -= count;
            }
            Step::Data(left) => {
                let take = usize::try_from(left)
                    .unwrap()
                    .min(window)
                    .min(wire.len() - at);
                if take == 0 {
                    break;
                }
                body.data(&wire[at..at + take])?;
                content.extend_from_slice(&wire[at..at + take]);
                at += take;
                shown = shown.saturating_sub(take);
            }
            Step::Done => break,
        }
    }
    let md5 = Md5::digest(&content);
    Ok((content, body.finish(Some(md5))?))
}

fn plain(head: &PlainHead, payload: Payload, bytes: &[u8]) -> Result<Digested> {
    let body = Body::new(
        head,
        payload,
        Transport::Length(bytes.len() as u64),
        OPTIONS,
    )?;
    let (content, digested) = run(body, bytes, 7)?;
    assert_eq!(content, bytes);
    Ok(digested)
}

fn code<T>(result: Result<T>) -> ErrorCode {
    result.err().expect("an error").code
}

fn checksum_of(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> String {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    STANDARD.encode(hasher.finish())
}

fn put() -> PlainHead {
    PlainHead::new("PUT", "/b/k")
}

#[test]
fn a_plain_body() {
    let digested = plain(&put(), Payload::Unsigned, b"bar").unwrap();
    assert_eq!(digested.length, 3);
    let md5 = STANDARD.encode(digested.md5.unwrap());
    assert_eq!(md5, "N7UdGUp1E+RbVvZSTy1R8g==");
    let head = put().with("Content-MD5", md5);
    plain(&head, Payload::Unsigned, b"bar").unwrap();
    assert_eq!(
        code(plain(&head, Payload::Unsigned, b"baz")),
        ErrorCode::BadDigest
    );
    assert_eq!(plain(&put(), Payload::Unsigned, b"").unwrap().length, 0);
}

#[test]
fn content_md5_must_be_an_md5() {
    for value in ["", "YWJyYWNhZGFicmE=", "AWS HAHAHA", "x"] {
        let head = put().with("Content-MD5", value);
        assert_eq!(
            code(plain(&head, Payload::Unsigned, b"bar")),
            ErrorCode::InvalidDigest
        );
    }
}

#[test]
fn the_payload_hash_is_checked() {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(b"bar").into();
    plain(&put(), Payload::Sha256(hash), b"bar").unwrap();
    let other = plain(&put(), Payload::Sha256(hash), b"baz");
    assert_eq!(code(other), ErrorCode::XAmzContentSHA256Mismatch);
}

#[test]
fn checksums_in_headers() {
    for algorithm in super::super::checksum::ALGORITHMS {
        let value = checksum_of(algorithm, b"bar");
        let head = put().with(header(algorithm), &value);
        let checksum = plain(&head, Payload::Unsigned, b"bar")
            .unwrap()
            .checksum
            .unwrap();
        assert_eq!(checksum.algorithm, algorithm);
        assert_eq!(super::super::checksum::encode(&checksum, 0), value);
        for (bytes, value) in [(b"baz", value.as_str()), (b"bar", "bad")] {
            let head = put().with(header(algorithm), value);
            assert_eq!(
                code(plain(&head, Payload::Unsigned, bytes)),
                ErrorCode::BadDigest
            );
        }
    }
    let options = Options {
        checksums: false,
        ..OPTIONS
    };
    let head = put().with("x-amz-checksum-sha256", "x-3");
    Body::new(&head, Payload::Unsigned, Transport::Length(0), options).unwrap();
}

#[test]
fn lengths() {
    let new = |transport, options| Body::new(&put(), Payload::Unsigned, transport, options);
    assert_eq!(
        code(new(Transport::Absent, OPTIONS)),
        ErrorCode::MissingContentLength
    );
    let xml = Options {
        length_required: false,
        max: 10,
        ..OPTIONS
    };
    assert_eq!(
        run(new(Transport::Absent, xml).unwrap(), b"", 1).unwrap().0,
        b""
    );
    assert_eq!(
        code(new(Transport::Length(11), xml)),
        ErrorCode::EntityTooLarge
    );
    let short = run(new(Transport::Length(4), OPTIONS).unwrap(), b"bar", 2);
    assert_eq!(code(short), ErrorCode::IncompleteBody);
    let chunked = || new(Transport::Chunked, xml).unwrap();
    assert_eq!(run(chunked(), b"0123456789", 3).unwrap().1.length, 10);
    assert_eq!(
        code(run(chunked(), b"0123456789a", 3)),
        ErrorCode::EntityTooLarge
    );
}

/// Frames content as chunks with a checksum in the trailer.
fn unsigned(content: &[u8], chunk: usize, algorithm: ChecksumAlgorithm) -> (PlainHead, Vec<u8>) {
    let mut wire = Vec::new();
    for piece in content.chunks(chunk) {
        wire.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        wire.extend_from_slice(piece);
        wire.extend_from_slice(b"\r\n");
    }
    let (name, value) = (header(algorithm), checksum_of(algorithm, content));
    wire.extend_from_slice(format!("0\r\n{name}:{value}\r\n\r\n").as_bytes());
    let head = put()
        .with("x-amz-decoded-content-length", content.len().to_string())
        .with("x-amz-trailer", name);
    (head, wire)
}

fn run_unsigned(head: &PlainHead, wire: &[u8], window: usize) -> Result<Vec<u8>> {
    let transport = Transport::Length(wire.len() as u64);
    let body = Body::new(head, Payload::StreamingUnsignedTrailer, transport, OPTIONS)?;
    run(body, wire, window).map(|(content, _)| content)
}

#[test]
fn s04_no_byte_of_an_unsigned_stream_can_be_changed() {
    let content = b"hello, aws-chunked world";
    let (head, wire) = unsigned(content, 9, ChecksumAlgorithm::Crc32c);
    assert_eq!(run_unsigned(&head, &wire, 5).unwrap(), content);
    for at in 0..wire.len() {
        for bit in 0..8 {
            let mut changed = wire.clone();
            changed[at] ^= 1 << bit;
            // The case of hexadecimal digits and of a trailer's name means nothing.
            let text = String::from_utf8_lossy(&wire);
            let framing = text.find("x-amz").is_some_and(|start| at >= start);
            let name_or_digit = !content.contains(&wire[at]) || framing;
            if bit == 5 && name_or_digit && changed[at].eq_ignore_ascii_case(&wire[at]) {
                continue;
            }
            match run_unsigned(&head, &changed, 5) {
                Err(_) => {}
                // Blanks around a trailer's parts mean nothing either.
                Ok(content) => panic!("byte {at} bit {bit}: {content:?}"),
            }
        }
    }
    for end in 0..wire.len() {
        assert!(run_unsigned(&head, &wire[..end], 5).is_err());
    }
    let longer = [&wire[..], b"x"].concat();
    assert_eq!(
        code(run_unsigned(&head, &longer, 5)),
        ErrorCode::InvalidRequest
    );
}

#[test]
fn s04_nothing_follows_a_stream_of_unknown_length() {
    let (head, wire) = unsigned(b"bar", 3, ChecksumAlgorithm::Crc32);
    let run_chunked = |wire: &[u8]| {
        let payload = Payload::StreamingUnsignedTrailer;
        run(
            Body::new(&head, payload, Transport::Chunked, OPTIONS).unwrap(),
            wire,
            1000,
        )
    };
    assert_eq!(run_chunked(&wire).unwrap().0, b"bar");
    let longer = [&wire[..], b"x"].concat();
    assert_eq!(code(run_chunked(&longer)), ErrorCode::InvalidRequest);
}

#[test]
fn s04_the_decoded_length_is_exact() {
    let (head, wire) = unsigned(b"0123456789", 4, ChecksumAlgorithm::Crc32);
    for (length, expected) in [
        ("9", ErrorCode::InvalidRequest),
        ("11", ErrorCode::IncompleteBody),
        ("", ErrorCode::InvalidArgument),
        ("-1", ErrorCode::InvalidArgument),
        ("+10", ErrorCode::InvalidArgument),
        ("99999999", ErrorCode::InvalidArgument),
    ] {
        let mut head = head.clone();
        head.set("x-amz-decoded-content-length", length);
        assert_eq!(code(run_unsigned(&head, &wire, 3)), expected, "{length}");
    }
    let mut none = head.clone();
    none.headers
        .retain(|h| h.0 != "x-amz-decoded-content-length");
    assert_eq!(
        code(run_unsigned(&none, &wire, 3)),
        ErrorCode::MissingContentLength
    );
    let twice = head.with("x-amz-decoded-content-length", "10");
    assert_eq!(
        code(run_unsigned(&twice, &wire, 3)),
        ErrorCode::MissingContentLength
    );
}

#[test]
fn s04_trailers_are_those_that_were_promised() {
    let (head, wire) = unsigned(b"bar", 3, ChecksumAlgorithm::Crc32);
    let text = String::from_utf8(wire).unwrap();
    let value = checksum_of(ChecksumAlgorithm::Crc32, b"bar");
    let line = format!("x-amz-checksum-crc32:{value}\r\n");
    for other in [
        String::new(),
        format!("{line}{line}"),
        "x-amz-checksum-sha1:AAAA\r\n".to_owned(),
        format!("{line}x-amz-meta-a:b\r\n"),
        format!("{line}x-amz-trailer-signature:{}\r\n", "0".repeat(64)),
        "no colon\r\n".to_owned(),
    ] {
        let wire = text.replace(&line, &other);
        let result = run_unsigned(&head, wire.as_bytes(), 50);
        assert_eq!(code(result), ErrorCode::MalformedTrailerError, "{other}");
    }
    let wrong = text.replace(&value, "AAAAAA==");
    assert_eq!(
        code(run_unsigned(&head, wrong.as_bytes(), 50)),
        ErrorCode::BadDigest
    );
    // Without a promise there is nothing to come, and that is fine.
    let mut none = head.clone();
    none.headers.retain(|h| h.0 != "x-amz-trailer");
    run_unsigned(&none, text.replace(&line, "").as_bytes(), 50).unwrap();
    assert!(run_unsigned(&none, text.as_bytes(), 50).is_err());
    // A promise that the framing cannot keep is an error.
    assert_eq!(
        code(plain(&head, Payload::Unsigned, b"bar")),
        ErrorCode::InvalidRequest
    );
}

#[test]
fn framing_is_bounded() {
    let (head, _) = unsigned(b"bar", 3, ChecksumAlgorithm::Crc32);
    for wire in [
        vec![b'0'; 4096],
        b"00000000000000003\r\nbar\r\n".to_vec(),
        b"fffffffffffffffff\r\n".to_vec(),
        b"\r\n".to_vec(),
        b"-3\r\nbar\r\n".to_vec(),
        b"0x3\r\nbar\r\n".to_vec(),
        b"3;a=b\r\nbar\r\n".to_vec(),
        b"3 \r\nbar\r\n".to_vec(),
        b"3\nbar\n".to_vec(),
        b"2\r\nbar\r\n".to_vec(),
        [b"3\r\nbar\r\n0\r\n".to_vec(), vec![b'a'; 4096]].concat(),
    ] {
        assert!(run_unsigned(&head, &wire, 4096).is_err());
    }
}

const DATE: &str = "20130524T000000Z";
const SIZE: usize = 66560;

/// The streaming example of the S3 API reference: head, payload and the three chunks.
fn example(trailer: bool) -> (PlainHead, Payload, Vec<u8>) {
    let (mode, extra, seed, signatures) = if trailer {
        (
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            ";x-amz-trailer",
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
            [
                "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
            ],
        )
    } else {
        (
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "",
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
            [
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            ],
        )
    };
    let mut head = PlainHead::new("PUT", "/examplebucket/chunkObject.txt")
        .with("Host", "s3.amazonaws.com")
        .with("x-amz-content-sha256", mode)
        .with("x-amz-date", DATE)
        .with("x-amz-storage-class", "REDUCED_REDUNDANCY")
        .with("Content-Encoding", "aws-chunked")
        .with("x-amz-decoded-content-length", SIZE.to_string());
    let length = if trailer { "" } else { "content-length;" };
    head = if trailer {
        head.with("x-amz-trailer", "x-amz-checksum-crc32c")
    } else {
        head.with("Content-Length", "66824")
    };
    head = head.with(
        "Authorization",
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=content-encoding;{length}host;x-amz-content-sha256;x-amz-date;\
             x-amz-decoded-content-length;x-amz-storage-class{extra},Signature={seed}"
        ),
    );
    let mut wire = Vec::new();
    for (len, signature) in [65536, 1024, 0].into_iter().zip(signatures) {
        wire.extend_from_slice(format!("{len:x};chunk-signature={signature}\r\n").as_bytes());
        wire.resize(wire.len() + len, b'a');
        if len > 0 || !trailer {
            wire.extend_from_slice(b"\r\n");
        }
    }
    if trailer {
        wire.extend_from_slice(
            b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:\
              d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
        );
    }
    let payload = payload_of(&head);
    (head, payload, wire)
}

fn payload_of(head: &PlainHead) -> Payload {
    let now: Timestamp = time::parse_amz(DATE).unwrap();
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    Verifier::new("us-east-1")
        .verify(head, &Query::default(), now, |_| Some(((), secret)))
        .unwrap()
        .take_payload()
}

fn run_example(head: &PlainHead, wire: &[u8], window: usize) -> Result<usize> {
    let transport = Transport::Length(wire.len() as u64);
    let body = Body::new(head, payload_of(head), transport, OPTIONS)?;
    run(body, wire, window).map(|(content, _)| content.len())
}

#[test]
fn the_published_streams() {
    for trailer in [false, true] {
        let (head, payload, wire) = example(trailer);
        if !trailer {
            assert_eq!(wire.len(), 66824);
        }
        let transport = Transport::Length(wire.len() as u64);
        let body = Body::new(&head, payload, transport, OPTIONS).unwrap();
        assert_eq!(body.length(), Some(SIZE as u64));
        let (content, digested) = run(body, &wire, 4096).unwrap();
        assert!(content.len() == SIZE && content.iter().all(|b| *b == b'a'));
        assert_eq!(digested.checksum.is_some(), trailer);
    }
}

#[test]
fn s04_no_byte_of_a_signed_stream_can_be_changed() {
    for trailer in [false, true] {
        let (head, _, wire) = example(trailer);
        // All of the framing, and some of the data between.
        let second = 65536 + 90;
        let positions = (0..120)
            .chain((120..second).step_by(9973))
            .chain((second..second + 120).step_by(3))
            .chain((wire.len() - 260..wire.len()).step_by(2));
        for at in positions {
            // Not bit 5: the case of a size's hexadecimal digits means nothing.
            let bit = [0, 1, 3, 6][at % 4];
            let mut changed = wire.clone();
            changed[at] ^= 1 << bit;
            assert!(run_example(&head, &changed, 70_000).is_err(), "{at} {bit}");
        }
        // Chunks in another order, and without the last.
        let first = wire.iter().position(|b| *b == b'\n').unwrap() + 1 + 65536 + 2;
        let second = first + 5 + 81 + 1024 + 2;
        let swapped = [&wire[first..second], &wire[..first], &wire[second..]].concat();
        assert_eq!(
            code(run_example(&head, &swapped, 4096)),
            ErrorCode::SignatureDoesNotMatch
        );
        assert_eq!(
            code(run_example(&head, &wire[..second], 4096)),
            ErrorCode::IncompleteBody
        );
    }
}

#[test]
fn s04_a_signed_trailer_cannot_be_left_unsigned() {
    let (head, _, wire) = example(true);
    let text = String::from_utf8(wire).unwrap();
    let (start, rest) = text.split_once("x-amz-trailer-signature").unwrap();
    let (_, end) = rest.split_once("\r\n").unwrap();
    let unsigned = format!("{start}{end}");
    let error = code(run_example(&head, unsigned.as_bytes(), 4096));
    assert_eq!(error, ErrorCode::MalformedTrailerError);
    let no_chunk_signature = text.replacen(";chunk-signature=b474", ";x=b474", 1);
    let error = code(run_example(&head, no_chunk_signature.as_bytes(), 4096));
    assert_eq!(error, ErrorCode::SignatureDoesNotMatch);
}

proptest! {
    #[test]
    fn every_split_gives_the_same_content(
        content: Vec<u8>, chunk in 1usize..40, window in 1usize..300,
    ) {
        let (head, wire) = unsigned(&content, chunk, ChecksumAlgorithm::Crc64Nvme);
        prop_assert_eq!(run_unsigned(&head, &wire, window).unwrap(), content);
    }

    #[test]
    fn any_bytes_never_panic(wire: Vec<u8>, window in 1usize..300, length in 0u64..40) {
        let head = put().with("x-amz-decoded-content-length", length.to_string());
        let _ = run_unsigned(&head, &wire, window);
    }
}
