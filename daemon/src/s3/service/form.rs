//! Forms: who sent one, and what it may do, stand in fields that come with the body. So the fields are
//! read first, as little as they may be, and from there on it is a request like any other.

use super::{HttpHead, Service, no_failure};
use crate::base::limits::{FORM_BYTES_MAX, SMALL_DOCUMENT_BYTES};
use crate::http::{Exchange, Stream};
use crate::io::{Clock, Disk};
use crate::s3::access::Caller;
use crate::s3::error::{ErrorCode, Result};
use crate::s3::form::{self, Delimiter, Form, Parser};
use crate::s3::headers;
use crate::s3::observe::Observation;
use crate::s3::ops::{self, Context, Incoming, Response, body_error};
use crate::s3::path::ResourcePath;
use crate::s3::query::Query;
use crate::s3::route::Operation;
use crate::shard::{Core, Permit};

impl<D: Disk, C: Clock> Service<D, C> {
    /// Answers `POST /bucket` with a form.
    pub(super) async fn answer_form<S: Stream>(
        &self,
        exchange: &mut Exchange<'_, S>,
        head: &HttpHead<'_>,
        path: &ResourcePath<'_>,
        query: &Query<'_>,
        observed: &Observation,
    ) -> Result<Response<D>> {
        form::check_head(head)?;
        let delimiter = Delimiter::of_head(head)?;
        let (form, delimiter, _permit) = read(&self.core, exchange, delimiter).await?;
        if let Some(key) = form.get("key") {
            observed.form_key(key);
        }
        let now = observed.time();
        let mut failure = None;
        let verified = self.verifier.verify_form(head, query, &form, now, |key| {
            self.known(key, observed, &mut failure)
        });
        no_failure(failure)?;
        let sender = verified?.into_identity();
        let bucket = path.bucket().ok_or(ErrorCode::InvalidBucketName)?;
        let accepted = form::accept(form, delimiter, &sender, bucket, now)?;
        let caller = Caller::from(sender);
        observed.caller(&caller);
        // What the head itself may say (see `check_head`), and the fields.
        let mut demands = headers::demands(&accepted.head)?;
        let said = headers::demands(head)?;
        demands.bucket_owner = demands.bucket_owner.or(said.bucket_owner);
        let object = ResourcePath::of_form(bucket, accepted.form.required("key")?)?;
        let context = Context {
            core: &self.core,
            settings: &self.settings,
            head: *head,
            demands,
            operation: Operation::PostObject,
            path: &object,
            query,
            caller: &caller,
            observed,
        };
        ops::dispatch(&context, Incoming::of_form(exchange, &accepted)).await
    }
}

/// Reads a form up to the content of its file. Its sender is a stranger still, so its memory is paid
/// for from the budget that strangers have together; a small form counts with its connection.
async fn read<D: Disk, C: Clock, S: Stream>(
    core: &Core<D, C>,
    exchange: &mut Exchange<'_, S>,
    delimiter: Delimiter,
) -> Result<(Form, Delimiter, Option<Permit>)> {
    let mut parser = Parser::new(delimiter);
    let (mut permit, mut taken) = (None, 0);
    loop {
        let buffered = exchange.buffered();
        let count = buffered.len();
        if count == 0 {
            if !exchange.fill().await.map_err(body_error)? {
                // Says what is missing.
                let (form, delimiter) = parser.finish()?;
                return Ok((form, delimiter, permit));
            }
            continue;
        }
        if permit.is_none() && taken + count > SMALL_DOCUMENT_BYTES {
            permit = Some(core.documents().take(FORM_BYTES_MAX).await);
        }
        let before = parser.push(exchange.buffered())?;
        exchange.consume(before.unwrap_or(count));
        taken += before.unwrap_or(count);
        if before.is_some() {
            let (form, delimiter) = parser.finish()?;
            // Nothing else is kept of what came with it.
            let permit = permit.filter(|_| taken > SMALL_DOCUMENT_BYTES);
            return Ok((form, delimiter, permit));
        }
    }
}
