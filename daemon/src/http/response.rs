//! The response: its head is collected in the connection's output buffer and leaves together with
//! the first bytes of the body in one vectored send.

use super::Close;
use super::connection::Connection;
use super::fields::{FieldWriter, Fields};
use super::head::Version;
use super::stream::{Chunk, Stream};
use std::io::Write as _;

/// Bodies up to this size are copied behind the head: cheaper than a second part of the send.
const COPY_BYTES_MAX: usize = 1024;

/// How far the response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    NotStarted,
    /// HEAD, 204, 304: whatever is written is not sent.
    Muted,
    Sized {
        left: u64,
    },
    Chunked,
    /// HTTP/1.0 without a length: the end of the connection is the end of the body.
    UntilClose,
    Done,
}

impl Sending {
    pub(super) const fn is_started(self) -> bool {
        !matches!(self, Self::NotStarted)
    }
}

impl<S: Stream> Connection<S> {
    /// See [`super::Exchange::start`].
    pub(super) async fn start(
        &mut self,
        status: u16,
        fields: impl Fields,
        length: Option<u64>,
    ) -> Result<(), Close> {
        if self.sending.is_started() {
            return Err(Close::Response);
        }
        let is_bodiless = status == 204 || status == 304 || status < 200;
        self.keep_alive = self.keep_alive && !self.timer.timers().is_closing() && self.can_drain();
        self.sending = match length {
            _ if self.is_head_method || is_bodiless => Sending::Muted,
            Some(left) => Sending::Sized { left },
            None if self.version == Version::Http11 => Sending::Chunked,
            None => {
                self.keep_alive = false;
                Sending::UntilClose
            }
        };
        self.put_status(status);
        let mut writer = FieldWriter::new(&mut self.out);
        fields.write(&mut writer);
        if writer.is_bad() {
            self.refuse_fields().await?;
            return Err(Close::BadField);
        }
        if let Some(length) = length.filter(|_| !is_bodiless) {
            let mut digits = itoa::Buffer::new();
            writer.put("Content-Length", digits.format(length).as_bytes());
        }
        if self.sending == Sending::Chunked {
            writer.put("Transfer-Encoding", b"chunked");
        }
        self.out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// The status line and the fields that are the server's own.
    fn put_status(&mut self, status: u16) {
        self.out.clear();
        match status_line(status) {
            "" => {
                // A status without a name may have an empty one. Writing to a vector cannot fail.
                let _ = write!(self.out, "HTTP/1.1 {status:03} \r\n");
            }
            line => self.out.extend_from_slice(line.as_bytes()),
        }
        let date = self.timer.timers().date();
        let mut writer = FieldWriter::new(&mut self.out);
        writer.put("Date", &date);
        if !self.keep_alive {
            writer.put("Connection", b"close");
        } else if self.version == Version::Http10 {
            writer.put("Connection", b"keep-alive");
        }
    }

    /// Answers with a bare 500 instead of the head that was being written.
    async fn refuse_fields(&mut self) -> Result<(), Close> {
        self.keep_alive = false;
        self.put_status(500);
        self.out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        self.sending = Sending::Done;
        self.send(Chunk::EMPTY).await
    }

    /// See [`super::Exchange::write`].
    pub(super) async fn write(&mut self, chunk: Chunk) -> Result<(), Close> {
        let len = chunk.len();
        match &mut self.sending {
            Sending::NotStarted | Sending::Done => return Err(Close::Response),
            Sending::Muted => return Ok(()),
            Sending::Sized { left } => {
                *left = left.checked_sub(len as u64).ok_or(Close::Response)?;
            }
            Sending::Chunked if len == 0 => return Ok(()),
            Sending::Chunked => {
                // Writing to a vector cannot fail.
                let _ = write!(self.out, "{len:x}\r\n");
            }
            Sending::UntilClose => {}
        }
        self.send(chunk).await?;
        if self.sending == Sending::Chunked {
            // Leaves with the next chunk.
            self.out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    /// See [`super::Exchange::finish`].
    pub(super) async fn finish(&mut self) -> Result<(), Close> {
        match self.sending {
            Sending::Sized { left: 1.. } | Sending::NotStarted => return Err(Close::Response),
            Sending::Chunked => self.out.extend_from_slice(b"0\r\n\r\n"),
            Sending::Sized { left: 0 } | Sending::Muted | Sending::UntilClose | Sending::Done => {}
        }
        self.sending = Sending::Done;
        if self.out.is_empty() {
            return Ok(());
        }
        self.send(Chunk::EMPTY).await
    }

    /// See [`super::Exchange::respond`].
    pub(super) async fn respond(
        &mut self,
        status: u16,
        fields: impl Fields,
        body: Chunk,
    ) -> Result<(), Close> {
        self.respond_parts(status, fields, &[], body).await
    }

    /// See [`super::Exchange::respond_parts`].
    pub(super) async fn respond_parts(
        &mut self,
        status: u16,
        fields: impl Fields,
        first: &[u8],
        rest: Chunk,
    ) -> Result<(), Close> {
        let len = first.len() + rest.len();
        self.start(status, fields, Some(len as u64)).await?;
        let Sending::Sized { left } = &mut self.sending else {
            self.write(rest).await?;
            return self.finish().await;
        };
        self.out.extend_from_slice(first);
        self.body_sent = first.len() as u64;
        if len <= COPY_BYTES_MAX {
            *left = 0;
            self.out.extend_from_slice(rest.bytes());
            self.finish().await?;
            self.body_sent = len as u64;
            Ok(())
        } else {
            *left -= first.len() as u64;
            self.write(rest).await?;
            self.finish().await
        }
    }
}

/// The status line of the codes S3 uses; empty for another one.
const fn status_line(status: u16) -> &'static str {
    match status {
        200 => "HTTP/1.1 200 OK\r\n",
        202 => "HTTP/1.1 202 Accepted\r\n",
        204 => "HTTP/1.1 204 No Content\r\n",
        206 => "HTTP/1.1 206 Partial Content\r\n",
        301 => "HTTP/1.1 301 Moved Permanently\r\n",
        303 => "HTTP/1.1 303 See Other\r\n",
        304 => "HTTP/1.1 304 Not Modified\r\n",
        307 => "HTTP/1.1 307 Temporary Redirect\r\n",
        400 => "HTTP/1.1 400 Bad Request\r\n",
        401 => "HTTP/1.1 401 Unauthorized\r\n",
        403 => "HTTP/1.1 403 Forbidden\r\n",
        404 => "HTTP/1.1 404 Not Found\r\n",
        405 => "HTTP/1.1 405 Method Not Allowed\r\n",
        408 => "HTTP/1.1 408 Request Timeout\r\n",
        409 => "HTTP/1.1 409 Conflict\r\n",
        411 => "HTTP/1.1 411 Length Required\r\n",
        412 => "HTTP/1.1 412 Precondition Failed\r\n",
        413 => "HTTP/1.1 413 Content Too Large\r\n",
        416 => "HTTP/1.1 416 Range Not Satisfiable\r\n",
        417 => "HTTP/1.1 417 Expectation Failed\r\n",
        431 => "HTTP/1.1 431 Request Header Fields Too Large\r\n",
        500 => "HTTP/1.1 500 Internal Server Error\r\n",
        501 => "HTTP/1.1 501 Not Implemented\r\n",
        503 => "HTTP/1.1 503 Service Unavailable\r\n",
        505 => "HTTP/1.1 505 HTTP Version Not Supported\r\n",
        507 => "HTTP/1.1 507 Insufficient Storage\r\n",
        _ => "",
    }
}
