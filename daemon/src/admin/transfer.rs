//! The tasks of uploads and downloads. Both hold a bounded number of pieces: an upload grants the
//! peer no further piece before it has written one, a download sends none without leave and room.

use super::audit::{self, Noted};
use super::backend::{Backend, Body, Caller, Download};
use super::channel::{Arrived, Channel, Stream, Ticket, data_frame};
use super::listener::Server;
use crate::base::limits::{ADMIN_STREAM_TIMEOUT, PART_BYTES_MAX};
use crate::io::timeout;
use chainring_protocol::codec::Codec;
use chainring_protocol::frame::{HEADER_BYTES, Header, Kind};
use chainring_protocol::message::{KeyGet, KeyInfo, KeyPut};
use chainring_protocol::{Failure, ResultCode};
use std::rc::Rc;

/// One upload or download.
pub(super) struct Transfer<B> {
    pub(super) server: Server<B>,
    pub(super) caller: Caller,
    pub(super) channel: Rc<Channel>,
    pub(super) stream: Rc<Stream>,
    pub(super) ticket: Ticket,
    pub(super) asked: Header,
    pub(super) noted: Option<Noted>,
}

impl<B: Backend> Transfer<B> {
    fn header(&self, kind: Kind) -> Header {
        Header::new(kind, self.asked.request, self.asked.opcode)
    }

    /// Carries out an upload.
    pub(super) async fn upload(mut self, put: KeyPut) {
        let reply = self.receive(put).await;
        audit::record(
            self.server.backend(),
            self.noted.take(),
            audit::code(&reply),
        );
        self.ticket.respond(reply.map(Into::into));
    }

    async fn receive(&self, put: KeyPut) -> Result<KeyInfo, Failure> {
        let announced = put.size;
        if announced.is_some_and(|size| size > PART_BYTES_MAX) {
            return Err(invalid(TOO_LARGE));
        }
        let mut incoming = Incoming {
            transfer: self,
            announced,
            received: 0,
            owed: false,
        };
        self.server
            .backend()
            .upload(&self.caller, put, &mut incoming)
            .await
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
        match self.server.backend().download(&self.caller, get).await {
            Ok((info, download)) => {
                self.ticket.begin_stream(info.into());
                let outcome = self.send_all(download).await;
                audit::record(
                    self.server.backend(),
                    self.noted.take(),
                    audit::code(&outcome),
                );
                self.ticket.end(outcome);
            }
            Err(failure) => {
                audit::record(self.server.backend(), self.noted.take(), failure.code);
                self.ticket.respond(Err(failure));
            }
        }
    }

    async fn send_all(&self, mut download: B::Download) -> Result<(), Failure> {
        loop {
            let leave = timeout(ADMIN_STREAM_TIMEOUT, self.stream.leave_to_send()).await;
            if !leave.map_err(|_| stalled())? {
                return Err(invalid("the download was given up"));
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
            if let Some(noted) = &self.noted {
                noted.sent(frame.len() - HEADER_BYTES);
            }
            self.channel.send_data(self.header(Kind::Data), frame);
        }
    }
}

/// The pieces of an upload as they come.
struct Incoming<'t, B> {
    transfer: &'t Transfer<B>,
    announced: Option<u64>,
    received: u64,
    /// A piece was handed out whose credit was not given back yet.
    owed: bool,
}

impl<B: Backend> Body for Incoming<'_, B> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        // The piece before was taken over, so another may come.
        if std::mem::take(&mut self.owed) {
            self.transfer.grant_one()?;
        }
        let next = self.transfer.stream.next();
        let arrived = timeout(ADMIN_STREAM_TIMEOUT, next).await;
        match arrived.map_err(|_| stalled())? {
            Arrived::Data(piece) => {
                self.owed = true;
                self.received += piece.len() as u64;
                if let Some(noted) = &self.transfer.noted {
                    noted.received(piece.len());
                }
                if self.received <= self.announced.unwrap_or(PART_BYTES_MAX) {
                    Ok(Some(piece))
                } else if self.announced.is_some() {
                    Err(invalid("more bytes came than were announced"))
                } else {
                    Err(invalid(TOO_LARGE))
                }
            }
            Arrived::End if self.announced.is_none_or(|size| size == self.received) => Ok(None),
            Arrived::End => Err(invalid("fewer bytes came than were announced")),
            Arrived::Cancel => Err(invalid("the upload was given up")),
        }
    }
}

fn invalid(text: &str) -> Failure {
    Failure::new(ResultCode::InvalidRequest, text)
}

const TOO_LARGE: &str = "one put writes at most 5 GiB; larger objects are written by the parts of a \
                         multipart upload over S3";

fn stalled() -> Failure {
    Failure::new(ResultCode::Timeout, "the stream stood still for too long")
}
