//! `aws-chunked`, the framing inside the body:
//!
//! ```text
//! hex-size[;chunk-signature=64 hex] CRLF  data CRLF      any number of times
//! 0[;chunk-signature=64 hex] CRLF
//! [name:value CRLF]  [x-amz-trailer-signature:64 hex CRLF]   with a trailer
//! CRLF
//! ```

use super::Step;
use super::digests::Expected;
use crate::s3::checksum::by_header;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::percent::digit;
use crate::s3::sigv4::ChunkSigner;
use crate::store::meta::ChecksumAlgorithm;
use sha2::{Digest, Sha256};

/// Longest line of framing, with its end.
const LINE_BYTES_MAX: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The head of a chunk is next.
    ChunkHead,
    /// This many bytes of a chunk's data are next.
    Data(u64),
    /// The line end after a chunk's data is next.
    DataEnd,
    /// A line of the trailer, or the empty line that ends it, is next.
    Trailer,
    /// Only the empty line that ends the body may come.
    End,
    Done,
}

/// Decodes the framing and checks its signatures.
pub(super) struct Chunked {
    state: State,
    /// Content bytes still to come.
    remaining: u64,
    signer: Option<Box<ChunkSigner>>,
    /// Hash and signature of the chunk under way, when signed.
    chunk: Option<(Sha256, Vec<u8>)>,
    takes_trailers: bool,
    /// The checksum that the head promised a trailer for.
    promised: Option<ChecksumAlgorithm>,
    /// The trailer's lines as they are signed.
    trailer: Vec<u8>,
}

impl Chunked {
    pub fn new(
        length: u64,
        signer: Option<Box<ChunkSigner>>,
        takes_trailers: bool,
        promised: Option<ChecksumAlgorithm>,
    ) -> Self {
        Self {
            state: State::ChunkHead,
            remaining: length,
            signer,
            chunk: None,
            takes_trailers,
            promised,
            trailer: Vec::new(),
        }
    }

    pub const fn takes_trailers(&self) -> bool {
        self.takes_trailers
    }

    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub fn step(&mut self, buffered: &[u8], expected: &mut Expected) -> Result<Step> {
        match self.state {
            State::Data(left) => return Ok(Step::Data(left)),
            State::Done => return Ok(Step::Done),
            _ => {}
        }
        let Some((line, used)) = line(buffered)? else {
            return Ok(Step::Need);
        };
        match self.state {
            State::ChunkHead => self.chunk_head(line)?,
            State::DataEnd if line.is_empty() => self.state = State::ChunkHead,
            State::DataEnd => return Err(malformed("A chunk is longer than its size.")),
            State::Trailer => self.trailer_line(line, expected)?,
            State::End if line.is_empty() => self.state = State::Done,
            State::End | State::Data(_) | State::Done => {
                return Err(malformed("The body goes on after its end."));
            }
        }
        Ok(Step::Consumed(used))
    }

    pub fn data(&mut self, bytes: &[u8]) -> Result<()> {
        let State::Data(left) = self.state else {
            return Err(ErrorCode::InternalError.into());
        };
        let count = bytes.len() as u64;
        let left = left.checked_sub(count).ok_or(ErrorCode::InternalError)?;
        self.remaining -= count;
        if let Some((hash, _)) = &mut self.chunk {
            hash.update(bytes);
        }
        self.state = State::Data(left);
        if left == 0 {
            self.check_chunk()?;
            self.state = State::DataEnd;
        }
        Ok(())
    }

    /// Checks the signature of the chunk that has just come in whole.
    fn check_chunk(&mut self) -> Result<()> {
        if let (Some(signer), Some((hash, signature))) = (&mut self.signer, self.chunk.take()) {
            signer.check_chunk(&hash.finalize().into(), &signature)?;
        }
        Ok(())
    }

    fn chunk_head(&mut self, line: &[u8]) -> Result<()> {
        let (size, extension) = match line.iter().position(|b| *b == b';') {
            Some(at) => line.split_at(at),
            None => (line, &b""[..]),
        };
        let size = parse_size(size)?;
        let signature = extension.strip_prefix(b";chunk-signature=");
        match (&self.signer, signature) {
            (Some(_), Some(signature)) => {
                self.chunk = Some((Sha256::new(), signature.to_vec()));
            }
            (Some(_), None) => return Err(ErrorCode::SignatureDoesNotMatch.into()),
            (None, _) if extension.is_empty() => {}
            (None, _) => return Err(malformed("An unsigned chunk has an extension.")),
        }
        if size > self.remaining {
            return Err(malformed(
                "The chunks hold more than x-amz-decoded-content-length says.",
            ));
        }
        if size > 0 {
            self.state = State::Data(size);
            return Ok(());
        }
        if self.remaining > 0 {
            return Err(ErrorCode::IncompleteBody.into());
        }
        self.check_chunk()?;
        self.state = if self.takes_trailers {
            State::Trailer
        } else {
            State::End
        };
        Ok(())
    }

    fn trailer_line(&mut self, line: &[u8], expected: &mut Expected) -> Result<()> {
        let bad = || S3Error::from(ErrorCode::MalformedTrailerError);
        if line.is_empty() {
            let missing = self.promised.is_some() && expected.trailer.is_none();
            if missing || self.signer.is_some() {
                return Err(bad());
            }
            self.state = State::Done;
            return Ok(());
        }
        let line = std::str::from_utf8(line).map_err(|_| bad())?;
        let (name, value) = line.split_once(':').ok_or_else(bad)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if name == "x-amz-trailer-signature" {
            let signer = self.signer.as_mut().ok_or_else(bad)?;
            if self.promised.is_some() && expected.trailer.is_none() {
                return Err(bad());
            }
            signer.check_trailer(&Sha256::digest(&self.trailer).into(), value.as_bytes())?;
            self.state = State::End;
            return Ok(());
        }
        if self.promised.is_none() || by_header(&name) != self.promised {
            return Err(bad());
        }
        if expected.trailer.replace(value.to_owned()).is_some() {
            return Err(bad());
        }
        self.trailer
            .extend_from_slice(format!("{name}:{value}\n").as_bytes());
        Ok(())
    }
}

fn malformed(message: &'static str) -> S3Error {
    S3Error::new(ErrorCode::InvalidRequest, message)
}

/// The first line and its length with the line end, or `None` when the end is not there yet.
fn line(buffered: &[u8]) -> Result<Option<(&[u8], usize)>> {
    let end = buffered
        .windows(2)
        .take(LINE_BYTES_MAX)
        .position(|pair| pair == b"\r\n");
    match end {
        Some(at) => Ok(buffered.get(..at).map(|line| (line, at + 2))),
        None if buffered.len() > LINE_BYTES_MAX => {
            Err(malformed("A line of the aws-chunked framing is too long."))
        }
        None => Ok(None),
    }
}

fn parse_size(text: &[u8]) -> Result<u64> {
    if text.is_empty() || text.len() > 16 {
        return Err(ErrorCode::InvalidChunkSizeError.into());
    }
    text.iter().try_fold(0, |size: u64, byte| {
        let digit = digit(*byte).ok_or(ErrorCode::InvalidChunkSizeError)?;
        Ok(size << 4 | u64::from(digit))
    })
}
