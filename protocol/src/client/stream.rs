//! Uploads and downloads: memory stays at a few pieces, whatever the object's size, and either side
//! can stop the other by granting no further credit.

use super::{Client, ClientError, check};
use crate::codec::Codec;
use crate::frame::{Header, Kind};
use crate::limits::{DATA_BYTES_MAX, STREAM_CREDIT_MAX, STREAM_WINDOW};
use crate::message::{KeyGet, KeyInfo, KeyPut};
use crate::operation::{Call, Opcode};
use std::io::{self, Read, Write};

/// A key being written. Nothing is written without [`Upload::finish`].
#[derive(Debug)]
pub struct Upload<'c, S> {
    client: &'c mut Client<S>,
    request: u32,
    credit: u32,
    ended: bool,
}

/// A key being read.
#[derive(Debug)]
pub struct Download<'c, S> {
    client: &'c mut Client<S>,
    request: u32,
    info: KeyInfo,
    received: u64,
    /// Pieces handed out that the daemon was not yet thanked for.
    consumed: u32,
    ended: bool,
}

impl<S: Read + Write> Client<S> {
    /// Begins to write a key.
    pub fn upload(&mut self, call: &KeyPut) -> Result<Upload<'_, S>, ClientError> {
        let request = self.open(call)?;
        Ok(Upload {
            client: self,
            request,
            credit: STREAM_WINDOW,
            ended: false,
        })
    }

    /// Begins to read a key.
    pub fn download(&mut self, call: &KeyGet) -> Result<Download<'_, S>, ClientError> {
        let pending = self.submit(call)?;
        let request = pending.request;
        let info = self.wait(pending)?;
        Ok(Download {
            client: self,
            request,
            info,
            received: 0,
            consumed: 0,
            ended: false,
        })
    }
}

impl<S: Read + Write> Upload<'_, S> {
    /// Sends the next piece of `source`, and returns its length; 0 when the source is at its end.
    pub fn send_from(&mut self, source: &mut impl Read) -> Result<u64, ClientError> {
        self.wait_for_credit()?;
        let mut sent = 0;
        let header = Header::new(Kind::Data, self.request, KeyPut::OPCODE.number());
        self.client.wire.queue(header, |out| {
            sent = source
                .take(u64::from(DATA_BYTES_MAX))
                .read_to_end(out)
                .map_err(ClientError::Source)?;
            Ok(())
        })?;
        self.credit -= 1;
        // A last, short piece waits for the end, so that a small object is one write.
        if sent as u64 == u64::from(DATA_BYTES_MAX) {
            self.client.wire.flush()?;
        }
        Ok(sent as u64)
    }

    /// Ends the upload and waits until the object is durable.
    pub fn finish(mut self) -> Result<KeyInfo, ClientError> {
        let header = Header::new(Kind::End, self.request, KeyPut::OPCODE.number());
        self.client.wire.queue(header, |_| Ok(()))?;
        self.ended = true;
        let (result, body) = self.client.answer(self.request)?;
        check(result, &body)?;
        Ok(KeyInfo::from_bytes(&body)?)
    }

    fn wait_for_credit(&mut self) -> Result<(), ClientError> {
        while self.credit == 0 {
            self.client.wire.flush()?;
            let header = self.client.next_of(self.request)?;
            let body = self.client.wire.body();
            match header.kind {
                Kind::Credit => {
                    self.credit = self.credit.saturating_add(u32::from_bytes(body)?);
                    if self.credit > STREAM_CREDIT_MAX {
                        return Err(ClientError::Unexpected("more credit than is allowed"));
                    }
                }
                Kind::Response => {
                    self.ended = true;
                    check(header.result, body)?;
                    return Err(ClientError::Unexpected("an answer before the end"));
                }
                _ => return Err(ClientError::Unexpected("a frame that fits no upload")),
            }
        }
        Ok(())
    }
}

impl<S: Read + Write> Download<'_, S> {
    /// The object.
    pub const fn info(&self) -> &KeyInfo {
        &self.info
    }

    /// The next piece; `None` at the end, once the daemon said that all of it was good.
    pub fn next_piece(&mut self) -> Result<Option<&[u8]>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        if self.consumed > 0 {
            let header = Header::new(Kind::Credit, self.request, Opcode::KeyGet.number());
            let count = std::mem::take(&mut self.consumed);
            self.client
                .wire
                .queue(header, |out| Ok(count.encode(out)?))?;
            self.client.wire.flush()?;
        }
        let header = self.client.next_of(self.request)?;
        match header.kind {
            Kind::Data => {
                self.consumed = 1;
                self.received += u64::from(header.body_len);
                Ok(Some(self.client.wire.body()))
            }
            Kind::End => {
                self.ended = true;
                check(header.result, self.client.wire.body())?;
                if self.received == self.info.size {
                    Ok(None)
                } else {
                    Err(ClientError::Unexpected(
                        "another number of bytes than it said",
                    ))
                }
            }
            _ => Err(ClientError::Unexpected("a frame that fits no download")),
        }
    }

    /// Writes what is left to `sink`, telling `progress` of each piece.
    pub fn copy_to(
        &mut self,
        sink: &mut impl Write,
        mut progress: impl FnMut(u64),
    ) -> Result<(), DownloadError> {
        while let Some(piece) = self.next_piece()? {
            sink.write_all(piece).map_err(DownloadError::Sink)?;
            progress(piece.len() as u64);
        }
        sink.flush().map_err(DownloadError::Sink)
    }
}

/// Why a download did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The daemon's side.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Where it was to be written.
    #[error("{0}")]
    Sink(io::Error),
}

/// Gives the upload up; the cancel goes out with the next request, or the connection ends.
impl<S> Drop for Upload<'_, S> {
    fn drop(&mut self) {
        if !self.ended {
            self.client.abandoned.insert(self.request);
            self.client.cancel(self.request, Opcode::KeyPut);
        }
    }
}

/// Gives up what was not read; the daemon stops when its credit ends, or the cancel arrives.
impl<S> Drop for Download<'_, S> {
    fn drop(&mut self) {
        if !self.ended {
            self.client.cancel(self.request, Opcode::KeyGet);
        }
    }
}
