//! Changing what an object carries besides its bytes: the record is written again, the bytes stay
//! where they are.

use crate::base::{AlignedBuf, BucketId};
use crate::io::{Clock, Disk};
use crate::shard::Core;
use crate::store::{Body, NewBody, NewObject, ObjectMeta, Opened, StoreError, WriteCondition};
use std::rc::Rc;

/// How often a change is tried when others write the same object.
const TRIES: usize = 16;

impl<D: Disk, C: Clock> Core<D, C> {
    /// Changes an object's metadata. Another write of the same object is never lost: the change is
    /// then made to what that one wrote. [`StoreError::PreconditionFailed`] when there were too many
    /// of them.
    pub async fn change_meta<T, E: From<StoreError>>(
        self: &Rc<Self>,
        bucket: BucketId,
        key: &[u8],
        change: impl Fn(&mut ObjectMeta) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..TRIES {
            let (new, done) = self.changed(bucket, key, &change).await?;
            let shard = self.shard_of(bucket, key);
            let put = self.on_shard(shard, move |store| async move { store.put(new).await });
            match put.await {
                Ok(_) => return Ok(done),
                Err(StoreError::PreconditionFailed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::PreconditionFailed.into())
    }

    /// The object as it is to be written, if it is still the one it was made from.
    async fn changed<T, E: From<StoreError>>(
        &self,
        bucket: BucketId,
        key: &[u8],
        change: &impl Fn(&mut ObjectMeta) -> Result<T, E>,
    ) -> Result<(NewObject, T), E> {
        let reader = self.reader_of(bucket, key);
        let opened = reader.open(bucket, key, None).await?;
        let Opened { entry, object, .. } = opened.ok_or(StoreError::NoSuchKey)?;
        let record = &object.record;
        let mut meta = record.meta.clone();
        let done = change(&mut meta)?;
        let body = match &record.body {
            Body::Extents(extents) => NewBody::kept(extents),
            Body::Parts(parts) => NewBody::Parts(parts.clone()),
            Body::Inline(_) => NewBody::Inline(AlignedBuf::copy_of(object.inline()), 0),
        };
        let new = NewObject {
            bucket,
            key: record.key.clone(),
            etag: record.etag,
            size: record.size,
            meta,
            body,
            condition: WriteCondition {
                if_at: Some(entry.at),
                if_unmoved: true,
                ..WriteCondition::default()
            },
            modified: Some(record.modified),
        };
        Ok((new, done))
    }
}
