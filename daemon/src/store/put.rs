//! PUT of an object, and completion of an upload: the write takes its place under the gate, if the
//! conditions hold and the quotas allow it.

use crate::base::{UploadId, VersionId};
use crate::io::{Clock, Disk};
use crate::store::entry::ObjectEntry;
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::mutation::Mutation;
use crate::store::new::{NewBody, NewObject, Stored};
use crate::store::quota::{Admission, Charge};
use crate::store::record::{ObjectRecord, kind};
use crate::store::usage::Usage;
use crate::store::writer::Store;

impl<D: Disk, C: Clock> Store<D, C> {
    /// Puts an object; resolves when it is on stable media and visible to every core.
    pub async fn put(&self, new: NewObject) -> Result<Stored, StoreError> {
        self.put_completing(new, None).await
    }

    pub(super) async fn put_completing(
        &self,
        mut new: NewObject,
        upload: Option<UploadId>,
    ) -> Result<Stored, StoreError> {
        let bucket = new.bucket;
        let mut charge = None;
        let until = self.log.patience();
        let stored = loop {
            self.log.wait_for_room(until).await;
            let turn = self.gate.enter().await;
            if self.log.lacks_room(until) {
                continue;
            }
            self.check_open(bucket)?;
            if let Some(upload) = upload {
                self.settled(self.check_parts(upload, &mut new)).await?;
            }
            let index_key = keys::object(bucket, &new.key, VersionId::NULL);
            self.judge(&index_key, &new.condition).await?;
            let admission = self.quotas.admit(
                bucket,
                charge.take(),
                || self.usage(bucket),
                || self.growth(&index_key, &new, upload),
            )?;
            match admission {
                Admission::Granted(charge) => {
                    break self.append_object(index_key, new, upload, charge).await?;
                }
                Admission::Short(need) => {
                    drop(turn);
                    let holds = || self.usage(bucket);
                    charge = self
                        .quotas
                        .obtain(self.shard(), bucket, need, holds)
                        .await?;
                }
            }
        };
        self.finish(stored.at).await?;
        Ok(stored)
    }

    /// By how much the bucket grows with an object.
    fn growth(
        &self,
        index_key: &[u8],
        new: &NewObject,
        upload: Option<UploadId>,
    ) -> Result<Usage, StoreError> {
        let before = self.newest(index_key).0;
        let size = before.as_deref().map(ObjectEntry::size_of).transpose()?;
        let mut goes = size.unwrap_or(0);
        if let (Some(_), NewBody::Parts(parts)) = (upload, &new.body) {
            // They were counted as parts, and end with the upload.
            let parts = parts.iter().map(|part| part.size);
            goes = parts.fold(goes, u64::saturating_add);
        }
        Ok(Usage {
            bytes: new.size.saturating_sub(goes),
            objects: u64::from(size.is_none()),
        })
    }

    /// Under the gate.
    async fn append_object(
        &self,
        index_key: Vec<u8>,
        new: NewObject,
        upload: Option<UploadId>,
        charge: Charge<'_>,
    ) -> Result<Stored, StoreError> {
        let modified = new.modified.unwrap_or_else(|| self.now());
        let (body, tail) = new.body.split();
        let record = ObjectRecord {
            bucket: new.bucket,
            key: new.key,
            version: VersionId::NULL,
            modified,
            etag: new.etag,
            size: new.size,
            upload,
            meta: new.meta,
            body,
        };
        let head = record.encode_head();
        let inline = tail.bytes();
        let at = self.log.append(kind::OBJECT, &[&head, inline]).await?;
        let mutation = Mutation::object_with_key(index_key, &record, at, head.len() + inline.len());
        self.enqueue(at, mutation, record.bucket, charge.keep(), tail.holds);
        Ok(Stored { at, modified })
    }
}
