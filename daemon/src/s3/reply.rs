//! Sending an answer: the head and the first bytes of the body leave together, and while a chunk of
//! an object is being sent the next one is read.

use crate::base::Timestamp;
use crate::base::hex::hex_into;
use crate::base::limits::EXTENT_BODY_MAX;
use crate::http::{Chunk, Close, Exchange, FieldWriter, Stream};
use crate::io::Disk;
use crate::s3::ops::{Payload, Response};
use crate::shard::Budget;
use crate::store::BodyStream;
use futures_util::future::join;
use std::cell::Cell;
use std::fmt;

/// Identifies a request in answers and logs. Unique within a run of the daemon.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(u64);

impl RequestId {
    /// The number that is shown in hexadecimal digits.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The digits that are shown.
    #[must_use]
    pub fn digits(self) -> [u8; 16] {
        let mut digits = [0; 16];
        hex_into(&self.0.to_be_bytes(), &mut digits);
        digits.make_ascii_uppercase();
        digits
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

/// Hands out request ids on one core.
pub struct RequestIds(Cell<u64>);

impl RequestIds {
    /// Ids that begin with the time of the start and the core.
    #[must_use]
    pub const fn new(core: usize, now: Timestamp) -> Self {
        Self(Cell::new((now.0 << 24) ^ ((core as u64) << 56)))
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        self.0.set(self.0.get().wrapping_add(1));
        RequestId(self.0.get())
    }
}

/// Why an answer was not sent to its end.
pub enum Unsent {
    /// The body cannot be read, and nothing was sent yet.
    Unreadable,
    /// The connection is of no further use.
    Closed(Close),
}

impl From<Close> for Unsent {
    fn from(close: Close) -> Self {
        Self::Closed(close)
    }
}

/// Sends an operation's answer.
pub async fn send<D: Disk, S: Stream>(
    exchange: &mut Exchange<'_, S>,
    response: Response<D>,
    id: RequestId,
    budget: &Budget,
) -> Result<(), Unsent> {
    let Response {
        status,
        rendered,
        headers,
        payload,
    } = response;
    let fields = |out: &mut FieldWriter<'_>| {
        out.field("x-amz-request-id", id.digits());
        if let Some(rendered) = &rendered {
            out.rendered(rendered);
        }
        for (name, value) in &headers {
            out.field(name, value);
        }
    };
    let sent = match payload {
        Payload::Empty => exchange.respond(status, fields, Chunk::EMPTY).await,
        Payload::Bytes(document) => {
            exchange
                .respond(status, fields, Chunk::Owned(document))
                .await
        }
        Payload::Parts(first, rest) => exchange.respond_parts(status, fields, &first, rest).await,
        Payload::Length(length) => {
            exchange.start(status, fields, Some(length)).await?;
            exchange.finish().await
        }
        Payload::Stream(mut body, length) => {
            // Two chunks at once: one on its way, one being read.
            let most = length.min(2 * EXTENT_BODY_MAX as u64);
            let _permit = budget
                .take(usize::try_from(most).unwrap_or(EXTENT_BODY_MAX))
                .await;
            if let Err(error) = body.begin().await {
                tracing::error!(%error, "an object cannot be read");
                return Err(Unsent::Unreadable);
            }
            exchange.start(status, fields, Some(length)).await?;
            send_body(exchange, body).await?;
            exchange.finish().await
        }
    };
    Ok(sent?)
}

/// Sends the chunks of a body. A chunk that cannot be read or verified ends the connection: the
/// client sees a body that is too short, never wrong bytes.
async fn send_body<D: Disk, S: Stream>(
    exchange: &mut Exchange<'_, S>,
    mut body: BodyStream<D>,
) -> Result<(), Close> {
    let mut next = body.next().await;
    loop {
        let chunk = match next {
            Ok(Some(bytes)) => Chunk::Shared(bytes),
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::error!(%error, "an object cannot be read");
                return Err(Close::Handler);
            }
        };
        if body.is_at_end() {
            return exchange.write(chunk).await;
        }
        let (sent, following) = join(exchange.write(chunk), body.next()).await;
        sent?;
        next = following;
    }
}
