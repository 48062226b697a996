//! The tasks of uploads and downloads. Both hold a bounded number of pieces: an upload grants the
//! peer no further piece before it has written one, a download sends none without leave and room.

use super::backend::{Backend, Caller, Download, Upload};
use super::channel::{Arrived, Channel, Stream, Ticket, data_frame};
use crate::base::limits::{ADMIN_STREAM_TIMEOUT, PART_BYTES_MAX};
use crate::io::timeout;
use chainring_protocol::codec::Codec;
use chainring_protocol::frame::{HEADER_BYTES, Header, Kind};
use chainring_protocol::message::{KeyGet, KeyInfo, KeyPut};
use chainring_protocol::{Failure, ResultCode};
use std::rc::Rc;

/// One upload or download.
pub(super) struct Transfer<B> {
    pub(super) backend: Rc<B>,
    pub(super) caller: Caller,
    pub(super) channel: Rc<Channel>,
    pub(super) stream: Rc<Stream>,
    pub(super) ticket: Ticket,
    pub(super) asked: Header,
}

impl<B: Backend> Transfer<B> {
    fn header(&self, kind: Kind) -> Header {
        Header::new(kind, self.asked.request, self.asked.opcode)
    }

    /// Carries out an upload.
    pub(super) async fn upload(self, put: KeyPut) {
        let reply = self.receive(put).await;
        self.ticket.respond(reply.map(Into::into));
    }

    async fn receive(&self, put: KeyPut) -> Result<KeyInfo, Failure> {
        let invalid = |text: &str| Err(Failure::new(ResultCode::InvalidRequest, text));
        let announced = put.size;
        if announced.is_some_and(|size| size > PART_BYTES_MAX) {
            return invalid(TOO_LARGE);
        }
        let mut upload = self.backend.upload(&self.caller, put).await?;
        let mut received = 0u64;
        loop {
            let arrived = timeout(ADMIN_STREAM_TIMEOUT, self.stream.next()).await;
            match arrived.map_err(|_| stalled())? {
                Arrived::Data(piece) => {
                    received += piece.len() as u64;
                    if received > announced.unwrap_or(PART_BYTES_MAX) {
                        return match announced {
                            Some(_) => invalid("more bytes came than were announced"),
                            None => invalid(TOO_LARGE),
                        };
                    }
                    upload.write(&piece).await?;
                    drop(piece);
                    self.grant_one()?;
                }
                Arrived::End if announced.is_none_or(|size| size == received) => {
                    return upload.finish().await;
                }
                Arrived::End => return invalid("fewer bytes came than were announced"),
                Arrived::Cancel => return invalid("the upload was given up"),
            }
        }
    }

    fn grant_one(&self) -> Result<(), Failure> {
        let broken = |_| Failure::new(ResultCode::InternalError, "credit");
        self.stream.grant(1).map_err(broken)?;
        let sent = self
            .channel
            .send(self.header(Kind::Credit), |out| 1u32.encode(out));
        debug_assert!(sent.is_ok(), "a number fits");
        Ok(())
    }

    /// Carries out a download.
    pub(super) async fn download(mut self, get: KeyGet) {
        match self.backend.download(&self.caller, get).await {
            Ok((info, download)) => {
                self.ticket.begin_stream(info.into());
                let outcome = self.send_all(download).await;
                self.ticket.end(outcome);
            }
            Err(failure) => self.ticket.respond(Err(failure)),
        }
    }

    async fn send_all(&self, mut download: B::Download) -> Result<(), Failure> {
        loop {
            let leave = timeout(ADMIN_STREAM_TIMEOUT, self.stream.leave_to_send()).await;
            if !leave.map_err(|_| stalled())? {
                let text = "the download was given up";
                return Err(Failure::new(ResultCode::InvalidRequest, text));
            }
            self.channel.room().await;
            let mut frame = data_frame();
            while download.read(&mut frame).await? {
                if frame.len() > HEADER_BYTES {
                    break;
                }
            }
            if frame.len() == HEADER_BYTES {
                return Ok(());
            }
            self.channel.send_data(self.header(Kind::Data), frame);
        }
    }
}

const TOO_LARGE: &str = "one put writes at most 5 GiB; larger objects are written by the parts of a \
                         multipart upload over S3";

fn stalled() -> Failure {
    Failure::new(ResultCode::Timeout, "the stream stood still for too long")
}
