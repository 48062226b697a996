//! PUT of an object, and what every upload of a whole object has in common with it.

use super::hold::Hold;
use super::receive::{Incoming, Received, Wish};
use super::response::Response;
use super::{Context, write_condition};
use crate::base::limits::PART_BYTES_MAX;
use crate::http::Stream;
use crate::io::{Clock, Disk};
use crate::s3::checksum;
use crate::s3::error::Result;
use crate::s3::head::RequestHead;
use crate::s3::keys::Key;
use crate::s3::place::Place;
use crate::store::meta::{Checksum, ObjectMeta};
use crate::store::{ETag, NewObject, WriteCondition};

/// Where an object is going to be, for a caller who may put it there.
pub(super) struct Target<'k> {
    pub(super) bucket: Place,
    pub(super) key: Key<'k>,
    hold: Hold,
    /// What the client asked for ...
    asked: WriteCondition,
    /// ... and what has to hold for it to be done.
    condition: WriteCondition,
    pub(super) meta: ObjectMeta,
}

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `PUT /bucket/key`
    pub async fn put_object<S: Stream>(&self, body: Incoming<'_, '_, S>) -> Result<Response<D>> {
        let target = self.target(&self.head).await?;
        let wish = Wish {
            max: PART_BYTES_MAX,
            checksum: None,
            part: None,
        };
        let received = body
            .receive(self, target.bucket.id(), &target.key, wish)
            .await?;
        let (etag, checksum) = self.store(target, received).await?;
        Ok(with_checksum(
            Response::empty(200).with_etag(etag),
            checksum.as_ref(),
        ))
    }

    /// The key asked for, for a caller who may write it. `head` says what is kept beside the bytes.
    pub(super) async fn target<H: RequestHead>(&self, head: &H) -> Result<Target<'_>> {
        let bucket = self.bucket()?;
        let key = bucket.key(self.key()?)?;
        let hold = self.hold(&bucket, &key).await?;
        let asked = write_condition(&self.head)?;
        let condition = hold.guard(asked.clone())?;
        let meta = self.meta_of(head, &bucket)?;
        Ok(Target {
            bucket,
            key,
            hold,
            asked,
            condition,
            meta,
        })
    }

    /// Stores what was received. When this returns, it is as safe as the daemon promises.
    pub(super) async fn store(
        &self,
        target: Target<'_>,
        received: Received,
    ) -> Result<(ETag, Option<Checksum>)> {
        let Target {
            bucket,
            key,
            hold,
            asked,
            condition,
            mut meta,
        } = target;
        let shard = self.core.shard_of(bucket.id(), key.as_bytes());
        meta.checksum = received.checksum;
        let checksum = meta.checksum.clone();
        let etag = ETag {
            md5: received.md5,
            parts: 0,
        };
        let new = NewObject {
            bucket: bucket.id(),
            key: key.as_bytes().to_vec(),
            etag,
            size: received.size,
            meta,
            body: received.body,
            condition,
            modified: None,
        };
        self.core
            .on_shard(shard, move |store| async move { store.put(new).await })
            .await
            .map_err(|error| hold.refused(&error, &asked, &key))?;
        drop(received.permit);
        Ok((etag, checksum))
    }
}

/// Adds the checksum of a whole body.
pub(super) fn with_checksum<D: Disk>(
    response: Response<D>,
    checksum: Option<&Checksum>,
) -> Response<D> {
    match checksum {
        Some(checksum) => response
            .with(
                checksum::header(checksum.algorithm),
                checksum::encode(checksum, 0),
            )
            .with("x-amz-checksum-type", "FULL_OBJECT"),
        None => response,
    }
}
