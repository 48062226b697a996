//! POST of an object: an upload by a form. What it shares with a PUT it does by the same code; its own
//! are the search for the end of the file and the ways of saying that all is well.

use super::Context;
use super::filling::Filling;
use super::put::{Target, with_checksum};
use super::receive::{Incoming, Received, body_error};
use super::response::{Payload, Response};
use crate::base::limits::PART_BYTES_MAX;
use crate::http::{Exchange, Stream};
use crate::io::{Clock, Disk};
use crate::s3::body::{Body, Md5By, Options, Transport};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::form::{Accepted, Sought, Success};
use crate::s3::percent::push_encoded;
use crate::s3::sigv4;
use crate::s3::tagging;
use crate::s3::xml::{documents, read};
use crate::store::ETag;

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `POST /bucket` with a form
    pub async fn post_object<S: Stream>(&self, body: Incoming<'_, '_, S>) -> Result<Response<D>> {
        let (exchange, accepted) = body.into_form()?;
        let mut target = self.target(&accepted.head).await?;
        if let Some(document) = accepted.form.get("tagging") {
            if !target.meta.tags.is_empty() {
                let message = "A form says the same in two fields.";
                return Err(S3Error::argument("tagging", "", message));
            }
            target.meta.tags = tagging::of_object(read::tagging(document)?)?;
        }
        let received = self.receive_file(exchange, accepted, &target).await?;
        let (etag, checksum) = self.store(target, received).await?;
        let response = self.posted(accepted, etag)?;
        Ok(with_checksum(response, checksum.as_ref()))
    }

    /// Receives the file up to the delimiter, and drops what follows: S3 ignores it.
    async fn receive_file<S: Stream>(
        &self,
        exchange: &mut Exchange<'_, S>,
        accepted: &Accepted,
        target: &Target<'_>,
    ) -> Result<Received> {
        let options = Options {
            max: PART_BYTES_MAX.min(accepted.sizes().max),
            length_required: false,
            md5: Md5By::Caller,
            checksums: true,
            default_checksum: None,
        };
        // Where the file ends is seen when its end is there: its length is not known before.
        let payload = sigv4::Payload::Unsigned;
        let mut body = Body::new(&accepted.head, payload, Transport::Chunked, options)?;
        let left = exchange.body_remaining();
        let mut filling = Filling::begin(self, target.bucket.id(), &target.key, left).await;
        // Bytes of the buffer that are known to be content.
        let mut sure = 0;
        loop {
            if filling.room() == 0 {
                // What may be the beginning of the delimiter goes where it may go on.
                let tail = filling.content().get(sure..).unwrap_or_default().to_vec();
                filling.cut(sure);
                let left = exchange.body_remaining();
                let left = left.map(|left| left.saturating_add(tail.len() as u64));
                filling = filling.next(left).await?;
                filling.put(&tail);
                sure = 0;
            }
            if filling.fill(exchange, u64::MAX).await? == 0 {
                return Err(ErrorCode::MalformedPOSTRequest.into());
            }
            let unknown = filling.content().get(sure..).unwrap_or_default();
            let sought = accepted.delimiter.seek(unknown);
            let (Sought::Found(count) | Sought::Open(count)) = sought;
            body.data(unknown.get(..count).unwrap_or_default())?;
            sure += count;
            if matches!(sought, Sought::Found(_)) {
                break;
            }
        }
        filling.cut(sure);
        accepted.sizes().check_least(body.received())?;
        drain(exchange).await?;
        filling.finish(body).await
    }

    /// The answer that the form asks for.
    fn posted(&self, accepted: &Accepted, etag: ETag) -> Result<Response<D>> {
        let (bucket, key) = (self.bucket_name()?, self.key()?.shown());
        let etag = etag.to_string();
        let (status, location) = match Success::of(&accepted.form, bucket, key, &etag) {
            Success::Redirect(url) => (303, url),
            Success::Status(status) => (status, self.location(key)),
        };
        let mut response = Response::empty(status);
        if status == 201 {
            let document = documents::post(&location, bucket, key, &etag);
            response = response.with("Content-Type", "application/xml");
            response.payload = Payload::Bytes(document);
        }
        Ok(response.with_etag(&etag).with("Location", location))
    }

    /// The URL of a key of the bucket that the form was sent to, under the name it was sent to.
    fn location(&self, key: &str) -> String {
        let host = self.head.0.header("host").unwrap_or_default();
        let path = self.head.0.raw_path();
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let mut out = [b"http://", host, path, b"/"].concat();
        for byte in key.bytes() {
            push_encoded(&mut out, byte);
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Reads the rest of the body and drops it: only a request that came whole is carried out.
async fn drain<S: Stream>(exchange: &mut Exchange<'_, S>) -> Result<()> {
    loop {
        exchange.consume(usize::MAX);
        if !exchange.fill().await.map_err(body_error)? {
            return Ok(());
        }
    }
}
