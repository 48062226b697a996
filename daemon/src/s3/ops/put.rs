//! PUT of an object.

use super::receive::{Incoming, Wish};
use super::response::Response;
use super::{Context, write_condition};
use crate::base::limits::PART_BYTES_MAX;
use crate::http::Stream;
use crate::io::{Clock, Disk};
use crate::s3::checksum;
use crate::s3::error::Result;
use crate::store::meta::Checksum;
use crate::store::{ETag, NewObject};

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `PUT /bucket/key`
    pub async fn put_object<S: Stream>(&self, body: Incoming<'_, '_, S>) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let key = bucket.key(self.key()?)?;
        let hold = self.hold(&bucket, &key).await?;
        let asked = write_condition(&self.head)?;
        let condition = hold.guard(asked.clone())?;
        let mut meta = self.new_meta(&bucket)?;
        let shard = self.core.shard_of(bucket.id(), key.as_bytes());
        let wish = Wish {
            max: PART_BYTES_MAX,
            checksum: None,
            part: None,
        };
        let received = body.receive(self, bucket.id(), &key, wish).await?;
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
        Ok(with_checksum(
            Response::empty(200).with_etag(etag),
            checksum.as_ref(),
        ))
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
