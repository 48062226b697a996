//! Multipart uploads.

use super::stop::{Result, refuse};
use super::{Target, meta};
use crate::engine::{Engine, SimStore};
use crate::model::{Outcome, Refusal, etag_of_parts};
use crate::subject::Content;
use chainringd::base::UploadId;
use chainringd::store::record::PartRef;
use chainringd::store::{
    CompleteUpload, NewBody, NewObject, NewPart, NewUpload, StoreError, WriteCondition,
};
use std::rc::Rc;

impl Engine {
    pub(super) async fn begin_upload(
        &self,
        at: Target,
        upload: UploadId,
        note: String,
    ) -> Result<Outcome> {
        let shard = self.shard(&at);
        let new = NewUpload {
            bucket: at.bucket,
            upload,
            meta: meta(note),
            key: at.key.into_bytes(),
        };
        let job = |store: Rc<SimStore>| async move { store.create_upload(new).await };
        self.core.on_shard(shard, job).await?;
        Ok(Outcome::Done)
    }

    pub(super) async fn put_part(
        &self,
        at: Target,
        (upload, number): (UploadId, u32),
        content: Content,
    ) -> Result<Outcome> {
        self.know(&at, upload).await?;
        let shard = self.shard(&at);
        let new = NewPart {
            bucket: at.bucket,
            upload,
            number,
            md5: content.etag.md5,
            size: content.bytes.len() as u64,
            checksum: None,
            body: self.bring(shard, &content.bytes, content.extent).await?,
            key: at.key.into_bytes(),
        };
        let job = |store: Rc<SimStore>| async move { store.put_part(new).await };
        self.core.on_shard(shard, job).await?;
        Ok(Outcome::Stored(content.etag))
    }

    pub(super) async fn complete_upload(
        &self,
        at: Target,
        upload: UploadId,
        numbers: &[u32],
        note: String,
    ) -> Result<Outcome> {
        self.know(&at, upload).await?;
        let there = self.reader(&at).parts(upload, 0, usize::MAX)?;
        let mut parts = Vec::new();
        for number in numbers {
            let Some((_, part)) = there.iter().find(|(n, _)| n == number) else {
                return refuse(Refusal::InvalidPart);
            };
            parts.push(PartRef {
                number: *number,
                size: part.size,
                md5: part.md5,
                at: part.at,
                record_len: part.record_len,
                checksum: Vec::new(),
            });
        }
        let shard = self.shard(&at);
        let etag = etag_of_parts(parts.iter().map(|part| part.md5));
        let object = NewObject {
            bucket: at.bucket,
            etag,
            size: parts.iter().map(|part| part.size).sum(),
            meta: meta(note),
            body: NewBody::Parts(parts),
            condition: WriteCondition::default(),
            modified: None,
            key: at.key.into_bytes(),
        };
        let complete = CompleteUpload { upload, object };
        let job = |store: Rc<SimStore>| async move { store.complete_upload(complete).await };
        self.core.on_shard(shard, job).await?;
        Ok(Outcome::Stored(etag))
    }

    pub(super) async fn abort_upload(&self, at: Target, upload: UploadId) -> Result<Outcome> {
        let shard = self.shard(&at);
        let job = move |store: Rc<SimStore>| async move {
            let key = at.key.as_bytes();
            store.abort_upload(at.bucket, key, upload).await
        };
        self.core.on_shard(shard, job).await?;
        Ok(Outcome::Done)
    }

    /// What an upload is asked for before it goes on: whether it is there.
    async fn know(&self, at: &Target, upload: UploadId) -> std::result::Result<(), StoreError> {
        let key = at.key.as_bytes();
        self.reader(at).upload(at.bucket, key, upload).await?;
        Ok(())
    }
}
