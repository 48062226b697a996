//! Frames: a fixed header, a body, and on authenticated connections a tag.
//!
//! ```text
//! 0        4  5  6  7  8        12    14    16       20
//! | "CHNR" |v |k |f |0 | request |opcod|resul| body len | body ... | tag (32, if signed) |
//! ```
//!
//! There is no checksum: a unix socket delivers bytes as they were sent, and over TCP every frame
//! carries a tag. See [`crate::auth`].

use crate::VERSION;
use crate::auth::Signer;
use crate::codec::TooLong;
use crate::limits::{
    DATA_BYTES_MAX, END_BYTES_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, TAG_BYTES,
};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 20;
/// The first bytes of every frame.
pub const MAGIC: [u8; 4] = *b"CHNR";

const FLAG_SIGNED: u8 = 1;

/// What a frame is to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Opens a request; the body is the request's message.
    Request = 1,
    /// Answers a request; the body is the reply's message, or a failure's text.
    Response = 2,
    /// A piece of a stream.
    Data = 3,
    /// Ends a stream. From the daemon it carries the outcome.
    End = 4,
    /// Lets the other side send that many more data frames (the body is a `u32`).
    Credit = 5,
    /// The client gives up a stream.
    Cancel = 6,
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Request,
            2 => Self::Response,
            3 => Self::Data,
            4 => Self::End,
            5 => Self::Credit,
            6 => Self::Cancel,
            _ => return None,
        })
    }

    /// Most body bytes of a frame of this kind.
    #[must_use]
    pub const fn body_bytes_max(self) -> u32 {
        match self {
            Self::Request => REQUEST_BYTES_MAX,
            Self::Response => RESPONSE_BYTES_MAX,
            Self::Data => DATA_BYTES_MAX,
            Self::End => END_BYTES_MAX,
            Self::Credit => 4,
            Self::Cancel => 0,
        }
    }
}

/// A frame's header, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame is to its request.
    pub kind: Kind,
    /// Whether a tag follows the body.
    pub signed: bool,
    /// Chosen by the client, unique among its requests in flight.
    pub request: u32,
    /// What is asked for. Kept as a number: an unknown one is answered, not dropped.
    pub opcode: u16,
    /// The outcome; 0 but in a response or an end.
    pub result: u16,
    /// Bytes of the body.
    pub body_len: u32,
}

/// Bytes that are no frame of this protocol. The connection cannot go on, since nobody knows where
/// the next frame starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct FrameError {
    /// The request to answer; 0 when not even that could be read.
    pub request: u32,
    /// The opcode to answer with, likewise.
    pub opcode: u16,
    /// What is wrong.
    pub fault: FrameFault,
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// Not our magic: another protocol altogether.
    #[error("not the chainring admin protocol")]
    Magic,
    /// A version this crate does not speak.
    #[error("admin protocol version {0} is not supported, this side speaks version {VERSION}")]
    Version(u8),
    /// An undefined kind of frame.
    #[error("unknown kind of frame: {0}")]
    Kind(u8),
    /// Undefined flags, or something in a field that must be zero.
    #[error("a reserved field of the frame is not zero")]
    Reserved,
    /// The body is longer than its kind allows.
    #[error("a body of {len} bytes is over the limit of {max}")]
    BodyTooLong {
        /// What the header says.
        len: u32,
        /// What is allowed.
        max: u32,
    },
}

impl Header {
    /// A header of an unsigned frame. [`Builder::finish`] fills in length and flags.
    #[must_use]
    pub const fn new(kind: Kind, request: u32, opcode: u16) -> Self {
        Self {
            kind,
            signed: false,
            request,
            opcode,
            result: 0,
            body_len: 0,
        }
    }

    /// Checks everything a header says about itself.
    pub fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, FrameError> {
        let [m0, m1, m2, m3, version, kind, flags, reserved, rest @ ..] = *bytes;
        let [r0, r1, r2, r3, o0, o1, s0, s1, l0, l1, l2, l3] = rest;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(FrameError {
                request: 0,
                opcode: 0,
                fault: FrameFault::Magic,
            });
        }
        let request = u32::from_le_bytes([r0, r1, r2, r3]);
        let opcode = u16::from_le_bytes([o0, o1]);
        let result = u16::from_le_bytes([s0, s1]);
        let body_len = u32::from_le_bytes([l0, l1, l2, l3]);
        let error = |fault| FrameError {
            request,
            opcode,
            fault,
        };

        if version != VERSION {
            return Err(error(FrameFault::Version(version)));
        }
        let kind = Kind::from_byte(kind).ok_or_else(|| error(FrameFault::Kind(kind)))?;
        let has_result = matches!(kind, Kind::Response | Kind::End);
        if flags & !FLAG_SIGNED != 0 || reserved != 0 || (result != 0 && !has_result) {
            return Err(error(FrameFault::Reserved));
        }
        if body_len > kind.body_bytes_max() {
            return Err(error(FrameFault::BodyTooLong {
                len: body_len,
                max: kind.body_bytes_max(),
            }));
        }
        Ok(Self {
            kind,
            signed: flags & FLAG_SIGNED != 0,
            request,
            opcode,
            result,
            body_len,
        })
    }

    /// The header's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let [m0, m1, m2, m3] = MAGIC;
        let [r0, r1, r2, r3] = self.request.to_le_bytes();
        let [o0, o1] = self.opcode.to_le_bytes();
        let [s0, s1] = self.result.to_le_bytes();
        let [l0, l1, l2, l3] = self.body_len.to_le_bytes();
        let (kind, flags) = (self.kind as u8, u8::from(self.signed) * FLAG_SIGNED);
        [
            m0, m1, m2, m3, VERSION, kind, flags, 0, r0, r1, r2, r3, o0, o1, s0, s1, l0, l1, l2, l3,
        ]
    }

    /// Bytes of the body.
    #[must_use]
    pub const fn body_bytes(&self) -> usize {
        self.body_len as usize
    }

    /// Bytes of the whole frame.
    #[must_use]
    pub const fn frame_bytes(&self) -> usize {
        HEADER_BYTES + self.body_bytes() + if self.signed { TAG_BYTES } else { 0 }
    }
}

/// A whole frame, as it lies in a receive buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The header.
    pub header: Header,
    /// All of it: header, body and tag.
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The first frame of `buffer`, or `None` when more bytes have to come first. The caller goes
    /// on after [`Frame::len`] bytes.
    pub fn parse(buffer: &'a [u8]) -> Result<Option<Self>, FrameError> {
        let Some(head) = buffer.first_chunk() else {
            return match buffer {
                [] => Ok(None),
                _ if MAGIC.starts_with(buffer) || buffer.starts_with(&MAGIC) => Ok(None),
                _ => Err(FrameError {
                    request: 0,
                    opcode: 0,
                    fault: FrameFault::Magic,
                }),
            };
        };
        let header = Header::parse(head)?;
        Ok(buffer
            .get(..header.frame_bytes())
            .map(|bytes| Self { header, bytes }))
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        let end = HEADER_BYTES + self.header.body_bytes();
        self.bytes.get(HEADER_BYTES..end).unwrap_or_default()
    }

    /// What the tag covers: header and body.
    #[must_use]
    pub fn covered(&self) -> &'a [u8] {
        let end = HEADER_BYTES + self.header.body_bytes();
        self.bytes.get(..end).unwrap_or_default()
    }

    /// The tag of a signed frame.
    #[must_use]
    pub fn tag(&self) -> Option<&'a [u8; TAG_BYTES]> {
        let start = HEADER_BYTES + self.header.body_bytes();
        self.bytes.get(start..)?.first_chunk()
    }

    /// The whole frame's bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// Appends a frame to a buffer: room for the header first, then whatever the caller appends to
/// [`Builder::out`] is the body, and [`Builder::finish`] writes the header and the tag.
#[derive(Debug)]
pub struct Builder<'a> {
    /// Where the body goes.
    pub out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Builder<'a> {
    /// Begins a frame at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        Self { out, start }
    }

    /// Takes up a frame at `start` of `out`, where [`HEADER_BYTES`] were left free and the body
    /// follows.
    pub const fn resume(out: &'a mut Vec<u8>, start: usize) -> Self {
        Self { out, start }
    }

    /// Completes the frame. A body over its kind's limit is an error, and the frame is taken back.
    pub fn finish(self, header: Header, signer: Option<&mut Signer>) -> Result<(), TooLong> {
        let body = self.out.len().saturating_sub(self.start + HEADER_BYTES);
        let Some(body_len) = u32::try_from(body)
            .ok()
            .filter(|&len| len <= header.kind.body_bytes_max())
        else {
            self.out.truncate(self.start);
            return Err(TooLong("a message"));
        };
        let header = Header {
            body_len,
            signed: signer.is_some(),
            ..header
        };
        let frame = self.out.get_mut(self.start..).unwrap_or_default();
        if let Some(head) = frame.first_chunk_mut() {
            *head = header.to_bytes();
        }
        if let Some(signer) = signer {
            let tag = signer.sign(frame);
            self.out.extend_from_slice(&tag);
        }
        Ok(())
    }

    /// Takes the frame back.
    pub fn abandon(self) {
        self.out.truncate(self.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(kind: Kind, request: u32, opcode: u16, result: u16) -> Header {
        Header {
            result,
            ..Header::new(kind, request, opcode)
        }
    }

    fn fault(bytes: &[u8]) -> FrameFault {
        Frame::parse(bytes).unwrap_err().fault
    }

    #[test]
    fn each_bad_field_is_named() {
        let good = header(Kind::Request, 7, 0x0101, 0).to_bytes();
        let with = |at: usize, byte: u8| {
            let mut bytes = good;
            bytes[at] = byte;
            bytes
        };
        assert_eq!(fault(b"GET "), FrameFault::Magic);
        assert_eq!(fault(b"CHNX"), FrameFault::Magic);
        assert_eq!(Frame::parse(b"CHN"), Ok(None));
        assert_eq!(fault(&with(4, 2)), FrameFault::Version(2));
        assert_eq!(fault(&with(5, 0)), FrameFault::Kind(0));
        assert_eq!(fault(&with(5, 7)), FrameFault::Kind(7));
        assert_eq!(fault(&with(6, 2)), FrameFault::Reserved);
        assert_eq!(fault(&with(7, 1)), FrameFault::Reserved);
        assert_eq!(fault(&with(14, 1)), FrameFault::Reserved);
        assert_eq!(
            fault(&with(19, 0xff)),
            FrameFault::BodyTooLong {
                len: 0xff00_0000,
                max: REQUEST_BYTES_MAX
            }
        );
        let error = Frame::parse(&with(4, 9)).unwrap_err();
        assert_eq!((error.request, error.opcode), (7, 0x0101));
    }

    #[test]
    fn a_body_over_the_limit_is_not_built() {
        let mut out = b"before".to_vec();
        let builder = Builder::new(&mut out);
        builder.out.extend_from_slice(&[0; 65_537]);
        assert!(
            builder
                .finish(header(Kind::Request, 1, 1, 0), None)
                .is_err()
        );
        assert_eq!(out, b"before");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            if let Ok(Some(frame)) = Frame::parse(&bytes) {
                prop_assert!(frame.bytes().len() <= bytes.len());
            }
        }

        #[test]
        fn arbitrary_headers_never_panic(tail: [u8; 15], body: Vec<u8>) {
            let mut bytes = MAGIC.to_vec();
            bytes.push(VERSION);
            bytes.extend(tail);
            bytes.extend(body);
            if let Ok(Some(frame)) = Frame::parse(&bytes) {
                prop_assert_eq!(frame.header.frame_bytes(), frame.bytes().len());
                prop_assert_eq!(frame.tag().is_some(), frame.header.signed);
            }
        }

        #[test]
        fn frames_round_trip_and_every_truncation_waits(
            request: u32, opcode: u16, result: u16, signed: bool,
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut out = Vec::new();
            let builder = Builder::new(&mut out);
            builder.out.extend_from_slice(&body);
            let mut signer = signed.then(|| Signer::new([7; 32]));
            builder.finish(header(Kind::Response, request, opcode, result), signer.as_mut()).unwrap();
            for cut in 0..out.len() {
                prop_assert_eq!(Frame::parse(&out[..cut]), Ok(None));
            }
            let frame = Frame::parse(&out).unwrap().unwrap();
            prop_assert_eq!(frame.body(), &body);
            prop_assert_eq!(frame.header.request, request);
            prop_assert_eq!(frame.header.opcode, opcode);
            prop_assert_eq!(frame.header.result, result);
            prop_assert_eq!(frame.header.signed, signed);
            prop_assert_eq!(frame.bytes().len(), out.len());
        }
    }
}
