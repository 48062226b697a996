//! Receiving a request's body: content goes straight from the socket into the buffers that are
//! written to the device, and is hashed where it lies while it is still in the cache.

use super::filling::Filling;
use super::{Context, key_error};
use crate::base::limits::{SMALL_DOCUMENT_BYTES, XML_BYTES_MAX};
use crate::base::{BucketId, UploadId};
use crate::http::{BodyError, Exchange, Stream};
use crate::io::{Clock, Disk};
use crate::s3::access::Caller;
use crate::s3::body::{Body, Md5By, Options, Step, Transport};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::form::Accepted;
use crate::s3::keys::Key;
use crate::s3::route::BodyKind;
use crate::s3::service::HttpHead;
use crate::s3::sigv4::Payload;
use crate::shard::Permit;
use crate::store::NewBody;
use crate::store::meta::{Checksum, ChecksumAlgorithm};

/// A request's body that was not read yet.
pub struct Incoming<'e, 'c, S> {
    exchange: &'e mut Exchange<'c, S>,
    payload: Payload,
    kind: BodyKind,
    /// What was read of a form before its file.
    form: Option<&'e Accepted>,
}

/// Content that was received, verified, and written unless it is short.
pub(super) struct Received {
    pub(super) body: NewBody,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) checksum: Option<Checksum>,
    /// For the bytes that are still in memory; to be held until the record is written.
    pub(super) permit: Option<Permit>,
}

/// What an operation wants of the content it receives.
pub(super) struct Wish {
    /// Most bytes.
    pub(super) max: u64,
    /// Checksum to compute when the client declares none.
    pub(super) checksum: Option<ChecksumAlgorithm>,
    /// The part of an upload that it is.
    pub(super) part: Option<(UploadId, u32)>,
}

impl<'e, 'c, S: Stream> Incoming<'e, 'c, S> {
    /// The body of this exchange.
    pub(in crate::s3) const fn new(
        exchange: &'e mut Exchange<'c, S>,
        payload: Payload,
        kind: BodyKind,
    ) -> Self {
        Self {
            exchange,
            payload,
            kind,
            form: None,
        }
    }

    /// The rest of the body of this exchange, from the content of the file of a form on.
    pub(in crate::s3) const fn of_form(
        exchange: &'e mut Exchange<'c, S>,
        form: &'e Accepted,
    ) -> Self {
        Self {
            exchange,
            payload: Payload::Unsigned,
            kind: BodyKind::Content,
            form: Some(form),
        }
    }

    fn open(self, options: Options) -> Result<(&'e mut Exchange<'c, S>, Body)> {
        let head = self.exchange.head();
        let transport = match head.content_length() {
            None => Transport::Chunked,
            Some(_) if head.header("content-length").is_none() => Transport::Absent,
            Some(length) => Transport::Length(length),
        };
        let body = Body::new(&HttpHead(head), self.payload, transport, options)?;
        Ok((self.exchange, body))
    }

    /// Reads a whole document, and pays for its memory before it comes: for strangers, who may hold
    /// it without having any right here, from a budget of their own. The body of an operation that
    /// takes none is checked and not kept.
    pub(super) async fn document<D: Disk, C: Clock>(
        self,
        context: &Context<'_, D, C>,
    ) -> Result<(Vec<u8>, Option<Permit>)> {
        let head = self.exchange.head();
        if self.kind == BodyKind::None
            && head.content_length() == Some(0)
            && self.payload.allows_nothing()
            && head.header("content-md5").is_none()
        {
            return Ok((Vec::new(), None));
        }
        let keeps = self.kind == BodyKind::Xml;
        let options = Options {
            max: XML_BYTES_MAX as u64,
            length_required: false,
            md5: Md5By::Body,
            checksums: self.kind == BodyKind::Xml && !is_completion(&self.exchange.head()),
            default_checksum: None,
        };
        let (exchange, mut body) = self.open(options)?;
        let most = body.length().unwrap_or(options.max);
        let most = usize::try_from(most).unwrap_or(XML_BYTES_MAX);
        let budget = match context.caller {
            Caller::Anonymous => context.core.documents(),
            Caller::User(_) => context.core.budget(),
        };
        let permit = match keeps && most > SMALL_DOCUMENT_BYTES {
            true => Some(budget.take(most).await),
            false => None,
        };
        let mut document = Vec::new();
        loop {
            match body.step(exchange.buffered())? {
                Step::Done => break,
                Step::Consumed(count) => exchange.consume(count),
                Step::Need => need_more(exchange).await?,
                Step::Data(most) => {
                    let buffered = exchange.buffered();
                    let count = buffered
                        .len()
                        .min(usize::try_from(most).unwrap_or(usize::MAX));
                    if count == 0 {
                        if !exchange.fill().await.map_err(body_error)? {
                            break;
                        }
                        continue;
                    }
                    let bytes = buffered.get(..count).unwrap_or_default();
                    body.data(bytes)?;
                    if keeps {
                        document.extend_from_slice(bytes);
                    }
                    exchange.consume(count);
                }
            }
        }
        body.finish(None)?;
        Ok((document, permit))
    }

    /// Receives content for a key.
    pub(super) async fn receive<D: Disk, C: Clock>(
        self,
        context: &Context<'_, D, C>,
        bucket: BucketId,
        key: &Key<'_>,
        wish: Wish,
    ) -> Result<Received> {
        let options = Options {
            max: wish.max,
            length_required: true,
            md5: Md5By::Caller,
            checksums: true,
            default_checksum: wish.checksum,
        };
        let (exchange, mut body) = self.open(options)?;
        if let Some(size) = body.length() {
            // Before anything is received: a body that cannot fit is not even sent.
            let (core, name) = (context.core, key.as_bytes());
            match wish.part {
                Some(part) => core.expect_part((bucket, name), part, size).await,
                None => core.expect_object(bucket, name, size).await,
            }
            .map_err(|error| key_error(&error, key))?;
        }
        let mut filling = Filling::begin(context, bucket, key, left(&body)).await;
        loop {
            match body.step(exchange.buffered())? {
                Step::Done => break,
                Step::Consumed(count) => exchange.consume(count),
                Step::Need => need_more(exchange).await?,
                Step::Data(most) => {
                    if filling.room() == 0 {
                        filling = filling.next(left(&body)).await?;
                    }
                    let count = filling.fill(exchange, most).await?;
                    if count == 0 {
                        break;
                    }
                    let content = filling.content();
                    let start = content.len().saturating_sub(count);
                    body.data(content.get(start..).unwrap_or_default())?;
                }
            }
        }
        filling.finish(body).await
    }

    /// The form whose file this body goes on with, and where it comes from.
    pub(super) fn into_form(self) -> Result<(&'e mut Exchange<'c, S>, &'e Accepted)> {
        let form = self.form.ok_or(ErrorCode::InternalError)?;
        Ok((self.exchange, form))
    }
}

/// The checksum headers of a complete request speak of the object, not of the document.
fn is_completion(head: &crate::http::Head<'_>) -> bool {
    head.method() == b"POST"
        && head
            .raw_query()
            .is_some_and(|query| query.windows(9).any(|w| w == b"uploadId="))
}

/// Content that is still to come, when that is known.
fn left(body: &Body) -> Option<u64> {
    body.length()
        .map(|length| length - body.received().min(length))
}

async fn need_more<S: Stream>(exchange: &mut Exchange<'_, S>) -> Result<()> {
    if exchange.fill().await.map_err(body_error)? {
        Ok(())
    } else {
        Err(ErrorCode::IncompleteBody.into())
    }
}

/// The S3 error of a body that cannot be read.
pub(in crate::s3) fn body_error(error: BodyError) -> S3Error {
    match error {
        BodyError::TimedOut => ErrorCode::RequestTimeout.into(),
        BodyError::TooLong => ErrorCode::MaxMessageLengthExceeded.into(),
        BodyError::Framing(_) | BodyError::Truncated | BodyError::Stream(_) => {
            ErrorCode::IncompleteBody.into()
        }
    }
}
