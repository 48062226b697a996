//! `aws-chunked` bodies: what is accepted is what was signed, or what the trailer's checksum is of.

use crate::canonical::{ACCESS_KEY, DATE, NOW, SCOPE, SECRET, authorize, sha256, sign};
use crate::edits::apply;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chainringd::base::Timestamp;
use chainringd::s3::body::{Body, Digested, Md5By, Options, Step, Transport};
use chainringd::s3::head::PlainHead;
use chainringd::s3::query::Query;
use chainringd::s3::sigv4::{Payload, Verifier};

const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const EMPTY: &[u8] = b"";

/// What is uploaded: chunks of different sizes, two of which are alike in length.
fn pieces() -> [Vec<u8>; 3] {
    [vec![b'a'; 70], (0..64).collect(), (64..128).collect()]
}

fn crc32(content: &[u8]) -> String {
    STANDARD.encode(crc32fast::hash(content).to_be_bytes())
}

/// A request for such an upload and the signature of its head.
fn request(mode: &str, decoded: usize) -> (PlainHead, String) {
    let mut head = PlainHead::new("PUT", "/bucket/key")
        .with("host", "h")
        .with("x-amz-date", DATE)
        .with("x-amz-content-sha256", mode)
        .with("x-amz-decoded-content-length", decoded.to_string());
    if mode.ends_with("TRAILER") {
        head = head.with("x-amz-trailer", "x-amz-checksum-crc32");
    }
    let seed = authorize(&mut head, mode).unwrap();
    (head, seed)
}

/// The frames of a signed body.
fn signed_frames(seed: &str, trailer: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut previous = seed.to_owned();
    let [a, b, c] = pieces();
    for piece in [&a[..], &b, &c, EMPTY] {
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{DATE}\n{SCOPE}\n{previous}\n{}\n{}",
            sha256(EMPTY),
            sha256(piece)
        );
        previous = sign(&text);
        let line = format!("{:x};chunk-signature={previous}\r\n", piece.len());
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(piece);
        if !piece.is_empty() || !trailer {
            out.extend_from_slice(b"\r\n");
        }
    }
    if trailer {
        let value = crc32(&pieces().concat());
        let hash = sha256(format!("x-amz-checksum-crc32:{value}\n").as_bytes());
        let text = format!("AWS4-HMAC-SHA256-TRAILER\n{DATE}\n{SCOPE}\n{previous}\n{hash}");
        let lines = format!(
            "x-amz-checksum-crc32:{value}\r\nx-amz-trailer-signature:{}\r\n\r\n",
            sign(&text)
        );
        out.extend_from_slice(lines.as_bytes());
    }
    out
}

/// The frames of an unsigned body.
fn unsigned_frames() -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces() {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(&piece);
        out.extend_from_slice(b"\r\n");
    }
    let value = crc32(&pieces().concat());
    out.extend_from_slice(format!("0\r\nx-amz-checksum-crc32:{value}\r\n\r\n").as_bytes());
    out
}

fn body(head: &PlainHead, length: usize) -> Option<Body> {
    let lookup = |key: &str| (key == ACCESS_KEY).then_some(((), SECRET));
    let verifier = Verifier::new("us-east-1");
    let mut authenticated = verifier
        .verify(head, &Query::default(), Timestamp(NOW), lookup)
        .unwrap();
    let payload = authenticated.take_payload();
    assert!(!matches!(payload, Payload::Unsigned | Payload::Sha256(_)));
    let options = Options {
        max: 1 << 20,
        length_required: true,
        md5: Md5By::Body,
        checksums: true,
        default_checksum: None,
    };
    Body::new(head, payload, Transport::Length(length as u64), options).ok()
}

/// Feeds a body of which `step` bytes arrive at a time; the content, if it is accepted.
fn accepted(head: &PlainHead, wire: &[u8], step: usize) -> Option<(Vec<u8>, Digested)> {
    let mut body = body(head, wire.len())?;
    let (mut at, mut have, mut content) = (0, 0, Vec::new());
    loop {
        match body.step(&wire[at..have]).ok()? {
            Step::Consumed(count) => {
                assert!(count > 0 && at + count <= have, "more than there is");
                at += count;
            }
            Step::Data(left) if have > at => {
                let count = usize::try_from(left).unwrap().min(have - at);
                body.data(&wire[at..at + count]).ok()?;
                content.extend_from_slice(&wire[at..at + count]);
                at += count;
            }
            Step::Data(_) | Step::Need => {
                if have == wire.len() {
                    return None;
                }
                have = wire.len().min(have + step);
            }
            Step::Done => break,
        }
    }
    assert_eq!(at, wire.len(), "accepted before its end");
    let digested = body.finish(None).ok()?;
    Some((content, digested))
}

/// The same at once and byte by byte.
fn both(head: &PlainHead, wire: &[u8]) -> Option<Vec<u8>> {
    let whole = accepted(head, wire, wire.len().max(1));
    assert_eq!(accepted(head, wire, 1), whole, "cut differently");
    whole.map(|(content, digested)| {
        assert_eq!(digested.length, content.len() as u64);
        content
    })
}

/// Signed chunks, with or without a trailer, edited.
pub fn signed(data: &[u8]) {
    let (kind, script) = data.split_first().unwrap_or((&0, &[]));
    let trailer = kind % 2 == 1;
    let content = pieces().concat();
    let (head, seed) = request(if trailer { SIGNED_TRAILER } else { SIGNED }, content.len());
    let wire = signed_frames(&seed, trailer);
    let edited = apply(&wire, script);
    match both(&head, &edited) {
        Some(found) => assert_eq!(found, content, "nobody signed this"),
        None => assert_ne!(edited, wire, "what is right is refused"),
    }
}

/// Unsigned chunks with a trailer: edits of a right body, or anything.
pub fn unsigned(data: &[u8]) {
    let (kind, rest) = data.split_first().unwrap_or((&0, &[]));
    let wire = if kind.is_multiple_of(2) {
        apply(&unsigned_frames(), rest)
    } else {
        rest.to_vec()
    };
    let decoded = match kind {
        0..128 => pieces().concat().len(),
        _ => usize::from(kind - 128),
    };
    let (head, _) = request(UNSIGNED_TRAILER, decoded);
    if let Some(found) = both(&head, &wire) {
        assert_eq!(found.len(), decoded, "another length than was announced");
        let trailer = String::from_utf8_lossy(&wire).to_ascii_lowercase();
        let crc = crc32(&found).to_ascii_lowercase();
        assert!(
            trailer.contains(&crc),
            "another checksum than the trailer's"
        );
    } else {
        assert!(wire != unsigned_frames() || decoded != pieces().concat().len());
    }
}
