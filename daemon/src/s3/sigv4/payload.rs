//! What a signature says about the body, and the chain of signatures of a body in signed chunks.

use super::key::{SigningKey, hex, parse_hash, parse_signature, same};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::head::RequestHead;
use std::rc::Rc;

/// SHA-256 of nothing: the hash of the headers that a chunk could have, but never has.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The same as bytes.
pub(super) const EMPTY_HASH: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// How a body is to be read and checked.
#[derive(Debug)]
pub enum Payload {
    /// It must have this SHA-256.
    Sha256([u8; 32]),
    /// Nothing is promised about it.
    Unsigned,
    /// It comes in chunks (`aws-chunked`), each signed; with `trailer`, a signed trailer follows.
    StreamingSigned {
        /// Verifies the chunks; starts from the signature of the head.
        signer: Box<ChunkSigner>,
        /// Whether a trailer with a checksum follows.
        trailer: bool,
    },
    /// It comes in unsigned chunks; a trailer with a checksum follows.
    StreamingUnsignedTrailer,
}

/// What `x-amz-content-sha256` says.
pub(super) enum Mode {
    Sha256([u8; 32]),
    Unsigned,
    StreamingSigned { trailer: bool },
    StreamingUnsignedTrailer,
}

impl Mode {
    pub fn parse(text: &[u8]) -> Result<Self> {
        match text {
            b"UNSIGNED-PAYLOAD" => Ok(Self::Unsigned),
            // That of nothing, which every GET has.
            _ if text == EMPTY_SHA256.as_bytes() => Ok(Self::Sha256(EMPTY_HASH)),
            b"STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(Self::StreamingUnsignedTrailer),
            b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Ok(Self::StreamingSigned { trailer: false }),
            b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => {
                Ok(Self::StreamingSigned { trailer: true })
            }
            _ if text.starts_with(b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD") => {
                Err(S3Error::not_implemented(&String::from_utf8_lossy(text)))
            }
            _ => parse_hash(text).map(Self::Sha256).ok_or_else(|| {
                S3Error::argument(
                    "x-amz-content-sha256",
                    String::from_utf8_lossy(text),
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, \
                     STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, \
                     STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
                )
            }),
        }
    }
}

/// The header's value, which must be ASCII.
pub(super) fn ascii(value: &[u8]) -> Result<&[u8]> {
    if value.is_ascii() {
        return Ok(value);
    }
    Err(S3Error::argument(
        "x-amz-content-sha256",
        "",
        "x-amz-content-sha256 is not ASCII.",
    ))
}

impl Payload {
    pub(super) fn new(mode: Mode, signer: impl FnOnce() -> ChunkSigner) -> Self {
        match mode {
            Mode::Sha256(hash) => Self::Sha256(hash),
            Mode::Unsigned => Self::Unsigned,
            Mode::StreamingUnsignedTrailer => Self::StreamingUnsignedTrailer,
            Mode::StreamingSigned { trailer } => Self::StreamingSigned {
                signer: Box::new(signer()),
                trailer,
            },
        }
    }

    /// The mode of a request without credentials. It can promise a hash or a trailer, but it has no
    /// key to sign chunks with.
    pub(super) fn of_anonymous<H: RequestHead>(head: &H) -> Result<Self> {
        let Some(value) = head.header("x-amz-content-sha256") else {
            return Ok(Self::Unsigned);
        };
        match Mode::parse(ascii(value)?)? {
            Mode::Sha256(hash) => Ok(Self::Sha256(hash)),
            Mode::Unsigned => Ok(Self::Unsigned),
            Mode::StreamingUnsignedTrailer => Ok(Self::StreamingUnsignedTrailer),
            Mode::StreamingSigned { .. } => Err(ErrorCode::AccessDenied.into()),
        }
    }

    /// Whether an empty body keeps what was promised about it.
    #[must_use]
    pub fn allows_nothing(&self) -> bool {
        match self {
            Self::Sha256(hash) => *hash == EMPTY_HASH,
            Self::Unsigned => true,
            Self::StreamingSigned { .. } | Self::StreamingUnsignedTrailer => false,
        }
    }

    /// Whether the body is framed as `aws-chunked`.
    #[must_use]
    pub const fn is_streaming(&self) -> bool {
        matches!(
            self,
            Self::StreamingSigned { .. } | Self::StreamingUnsignedTrailer
        )
    }
}

/// The payload of a presigned request that left the body unsigned. A hash sent beside it is checked
/// all the same; a header that would change the framing is not covered by the signature, so refused.
pub(super) fn of_presigned_unsigned<H: RequestHead>(head: &H) -> Result<Payload> {
    let Some(value) = head.header("x-amz-content-sha256") else {
        return Ok(Payload::Unsigned);
    };
    match Mode::parse(ascii(value)?)? {
        Mode::Sha256(hash) => Ok(Payload::Sha256(hash)),
        Mode::Unsigned => Ok(Payload::Unsigned),
        Mode::StreamingSigned { .. } | Mode::StreamingUnsignedTrailer => Err(S3Error::new(
            ErrorCode::AccessDenied,
            "There were headers present in the request which were not signed",
        )
        .with("HeadersNotSigned", "x-amz-content-sha256")),
    }
}

/// Verifies the signatures of chunks, each of which covers the one before it.
#[derive(Debug)]
pub struct ChunkSigner {
    key: Rc<SigningKey>,
    /// `\nDATE\nSCOPE\n`, which stands in every string to sign.
    middle: String,
    previous: String,
}

impl ChunkSigner {
    pub(super) fn new(key: Rc<SigningKey>, amz_date: &str, scope: &str, seed: &[u8; 32]) -> Self {
        Self {
            key,
            middle: format!("\n{amz_date}\n{scope}\n"),
            previous: hex(seed),
        }
    }

    /// Checks the signature (hexadecimal, as received) of a chunk whose data has this SHA-256.
    pub fn check_chunk(&mut self, sha256: &[u8; 32], signature: &[u8]) -> Result<()> {
        self.check(
            &["AWS4-HMAC-SHA256-PAYLOAD", EMPTY_SHA256, "\n", &hex(sha256)],
            signature,
        )
    }

    /// Checks the signature of a trailer whose canonical lines have this SHA-256.
    pub fn check_trailer(&mut self, sha256: &[u8; 32], signature: &[u8]) -> Result<()> {
        self.check(&["AWS4-HMAC-SHA256-TRAILER", &hex(sha256)], signature)
    }

    fn check(&mut self, parts: &[&str], signature: &[u8]) -> Result<()> {
        let (algorithm, rest) = parts.split_first().unwrap_or((&"", &[]));
        let mut signed: Vec<&[u8]> = vec![
            algorithm.as_bytes(),
            self.middle.as_bytes(),
            self.previous.as_bytes(),
            b"\n",
        ];
        signed.extend(rest.iter().map(|part| part.as_bytes()));
        let expected = self.key.sign(&signed);
        let matches = parse_signature(signature).is_some_and(|given| same(&given, &expected));
        if !matches {
            return Err(ErrorCode::SignatureDoesNotMatch.into());
        }
        self.previous = hex(&expected);
        Ok(())
    }
}
