//! A request's body: its framing undone and every promise about it kept, as an incremental machine
//! that does no I/O.
//!
//! The caller shows [`Body::step`] what it has buffered. Framing is consumed from the buffer; for
//! content the machine answers [`Step::Data`], and the caller may receive that many bytes straight
//! into the buffer that will be written to disk, and shows them to [`Body::data`] in order. Nothing
//! may be acknowledged before [`Body::finish`] succeeded.

mod chunked;
mod digests;

pub use digests::Digested;

use super::checksum::{Source, declared, trailers};
use super::error::{ErrorCode, Result, S3Error};
use super::head::RequestHead;
use super::sigv4::Payload;
use crate::store::meta::ChecksumAlgorithm;
use chunked::Chunked;
use digests::{Digests, Expected};

/// How the transport delimits the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By `Content-Length`.
    Length(u64),
    /// By `Transfer-Encoding: chunked`: the length is not known beforehand.
    Chunked,
    /// Neither was sent.
    Absent,
}

/// Who computes the MD5 of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Md5By {
    /// The body does, if the client sent a `Content-MD5`.
    Body,
    /// The caller does, in any case, and gives it to [`Body::finish`].
    Caller,
}

/// What an operation wants of a body.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most bytes of content accepted.
    pub max: u64,
    /// Whether a missing `Content-Length` is an error, as for content, or means an empty body.
    pub length_required: bool,
    /// Who computes the MD5.
    pub md5: Md5By,
    /// Whether checksum headers speak about this body. Those of CompleteMultipartUpload do not.
    pub checksums: bool,
    /// Checksum to compute when the client declares none.
    pub default_checksum: Option<ChecksumAlgorithm>,
}

/// What the caller is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Receive more; keep what is buffered.
    Need,
    /// This many buffered bytes were framing: drop them, then step again.
    Consumed(usize),
    /// Up to this many bytes of content come next: take them from the buffer and the transport and
    /// show them to [`Body::data`], then step again.
    Data(u64),
    /// The body is complete.
    Done,
}

enum Framing {
    /// Content as it is; what remains of it, when known.
    Plain(Option<u64>),
    Chunked(Box<Chunked>),
}

/// A body under way.
pub struct Body {
    framing: Framing,
    digests: Digests,
    expected: Expected,
    /// Length of the content, when known beforehand.
    length: Option<u64>,
    received: u64,
    /// Bytes that the transport still brings, when known.
    wire_left: Option<u64>,
    max: u64,
    failed: bool,
}

impl Body {
    /// Prepares for the body of a request whose credentials were checked.
    pub fn new<H: RequestHead>(
        head: &H,
        payload: Payload,
        transport: Transport,
        options: Options,
    ) -> Result<Self> {
        let wire = match transport {
            Transport::Length(length) => Some(length),
            Transport::Chunked => None,
            Transport::Absent if options.length_required => {
                return Err(ErrorCode::MissingContentLength.into());
            }
            Transport::Absent => Some(0),
        };
        let declared = if options.checksums {
            declared(head)?
        } else {
            None
        };
        let in_trailer = declared
            .as_ref()
            .filter(|d| d.source == Source::Trailer)
            .map(|d| d.algorithm);
        let mut expected = Expected::new(head, declared)?;
        let (framing, length) = match payload {
            Payload::StreamingSigned { signer, trailer } => {
                let length = decoded_length(head, wire)?;
                let chunked = Chunked::new(length, Some(signer), trailer, in_trailer);
                (Framing::Chunked(Box::new(chunked)), Some(length))
            }
            Payload::StreamingUnsignedTrailer => {
                let length = decoded_length(head, wire)?;
                let chunked = Chunked::new(length, None, true, in_trailer);
                (Framing::Chunked(Box::new(chunked)), Some(length))
            }
            Payload::Sha256(hash) => {
                expected.sha256 = Some(hash);
                (Framing::Plain(wire), wire)
            }
            Payload::Unsigned => (Framing::Plain(wire), wire),
        };
        let takes_trailers = match &framing {
            Framing::Chunked(chunked) => chunked.takes_trailers(),
            Framing::Plain(_) => false,
        };
        if options.checksums && !takes_trailers && trailers(head).next().is_some() {
            return Err(S3Error::new(
                ErrorCode::InvalidRequest,
                "x-amz-trailer needs an x-amz-content-sha256 that ends in -TRAILER.",
            ));
        }
        if let Some(length) = length.filter(|length| *length > options.max) {
            return Err(too_large(length, options.max));
        }
        Ok(Self {
            framing,
            digests: Digests::new(&expected, options.md5, options.default_checksum),
            expected,
            length,
            received: 0,
            wire_left: wire,
            max: options.max,
            failed: false,
        })
    }

    /// Length of the content, when the head tells it.
    #[must_use]
    pub const fn length(&self) -> Option<u64> {
        self.length
    }

    /// Bytes of content so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Says what is next, given what is buffered (which may be nothing).
    pub fn step(&mut self, buffered: &[u8]) -> Result<Step> {
        let step = self.step_inner(buffered);
        self.failed |= step.is_err();
        step
    }

    fn step_inner(&mut self, buffered: &[u8]) -> Result<Step> {
        let step = match &mut self.framing {
            Framing::Plain(Some(0)) => Step::Done,
            Framing::Plain(Some(left)) => Step::Data(*left),
            // One byte more than allowed, so that an excess is seen.
            Framing::Plain(None) => Step::Data(self.max - self.received + 1),
            Framing::Chunked(chunked) => chunked.step(buffered, &mut self.expected)?,
        };
        match step {
            Step::Consumed(count) => self.take_wire(count as u64)?,
            // Without a length of the transport, only what is buffered can show an excess.
            Step::Done if self.wire_left.map_or(!buffered.is_empty(), |left| left > 0) => {
                return Err(S3Error::new(
                    ErrorCode::InvalidRequest,
                    "The body goes on after its last chunk.",
                ));
            }
            Step::Need
                if self
                    .wire_left
                    .is_some_and(|left| left <= buffered.len() as u64) =>
            {
                return Err(ErrorCode::IncompleteBody.into());
            }
            _ => {}
        }
        Ok(step)
    }

    /// Takes content: at most as many bytes as the last [`Step::Data`] said.
    pub fn data(&mut self, bytes: &[u8]) -> Result<()> {
        let result = self.data_inner(bytes);
        self.failed |= result.is_err();
        result
    }

    fn data_inner(&mut self, bytes: &[u8]) -> Result<()> {
        let count = bytes.len() as u64;
        self.take_wire(count)?;
        self.received += count;
        if self.received > self.max {
            return Err(too_large(self.received, self.max));
        }
        match &mut self.framing {
            Framing::Plain(None) => {}
            Framing::Plain(Some(left)) => {
                *left = left.checked_sub(count).ok_or(ErrorCode::InternalError)?;
            }
            Framing::Chunked(chunked) => chunked.data(bytes)?,
        }
        self.digests.update(bytes);
        Ok(())
    }

    fn take_wire(&mut self, count: u64) -> Result<()> {
        if let Some(left) = &mut self.wire_left {
            *left = left.checked_sub(count).ok_or(ErrorCode::IncompleteBody)?;
        }
        Ok(())
    }

    /// Ends the body, after [`Step::Done`] or when the transport has ended, and checks everything
    /// that was promised about it. `md5` is the caller's, where the options say so.
    pub fn finish(self, md5: Option<[u8; 16]>) -> Result<Digested> {
        let complete = match &self.framing {
            Framing::Plain(left) => left.unwrap_or(0) == 0,
            Framing::Chunked(chunked) => chunked.is_done(),
        };
        if !complete || self.failed {
            return Err(ErrorCode::IncompleteBody.into());
        }
        self.digests.finish(self.received, md5, &self.expected)
    }
}

fn too_large(size: u64, max: u64) -> S3Error {
    S3Error::from(ErrorCode::EntityTooLarge)
        .with("ProposedSize", size.to_string())
        .with("MaxSizeAllowed", max.to_string())
}

/// What `x-amz-decoded-content-length` says, without which a streamed body has no length.
fn decoded_length<H: RequestHead>(head: &H, wire: Option<u64>) -> Result<u64> {
    let name = "x-amz-decoded-content-length";
    let text = head
        .header_str(name)
        .filter(|_| head.header_count(name) == 1)
        .ok_or(ErrorCode::MissingContentLength)?;
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let length = text
        .parse()
        .ok()
        .filter(|length| digits && wire.is_none_or(|wire| *length <= wire));
    length.ok_or_else(|| S3Error::argument(name, text, "The decoded content length is not valid."))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
