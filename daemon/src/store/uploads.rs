//! Multipart uploads: begin, part, complete, abort. An upload stays with the bucket id it was
//! started in, whichever name later calls use.

use crate::base::{BucketId, UploadId};
use crate::io::{Clock, Disk};
use crate::store::entry::PartEntry;
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::meta::{Checksum, ObjectMeta};
use crate::store::mutation::Mutation;
use crate::store::new::{NewBody, NewObject, Stored};
use crate::store::quota::{Admission, Charge};
use crate::store::record::{PartRecord, UploadRecord, kind};
use crate::store::usage::Usage;
use crate::store::writer::Store;

/// A multipart upload to begin.
#[derive(Debug)]
pub struct NewUpload {
    /// The resolved bucket.
    pub bucket: BucketId,
    /// The key of the object to be.
    pub key: Vec<u8>,
    /// A fresh random id.
    pub upload: UploadId,
    /// What the object will carry.
    pub meta: ObjectMeta,
}

/// A part whose bytes are already here.
#[derive(Debug)]
pub struct NewPart {
    /// The bucket of the upload.
    pub bucket: BucketId,
    /// The key of the upload.
    pub key: Vec<u8>,
    /// The upload.
    pub upload: UploadId,
    /// 1 to 10,000.
    pub number: u32,
    /// MD5 of the bytes.
    pub md5: [u8; 16],
    /// Bytes.
    pub size: u64,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// The bytes: inline or extents.
    pub body: NewBody,
}

/// An upload to complete: the object it becomes, made of [`NewBody::Parts`].
#[derive(Debug)]
pub struct CompleteUpload {
    /// The upload.
    pub upload: UploadId,
    /// The object, its parts chosen and checked by the caller.
    pub object: NewObject,
}

impl<D: Disk, C: Clock> Store<D, C> {
    /// Begins an upload.
    pub async fn create_upload(&self, new: NewUpload) -> Result<(), StoreError> {
        self.log.wait_for_room(self.log.patience()).await;
        let at = {
            let _turn = self.gate.enter().await;
            self.check_open(new.bucket)?;
            let record = UploadRecord {
                bucket: new.bucket,
                key: new.key,
                upload: new.upload,
                started: self.now(),
                meta: new.meta,
            };
            let payload = record.encode();
            let at = self.log.append(kind::UPLOAD, &[&payload]).await?;
            let mutation = Mutation::upload(&record, at, payload.len());
            self.enqueue(at, mutation, record.bucket, Usage::ZERO, Vec::new());
            at
        };
        self.finish(at).await
    }

    /// Stores a part; a part of the same number is replaced.
    pub async fn put_part(&self, new: NewPart) -> Result<Stored, StoreError> {
        let bucket = new.bucket;
        let mut charge = None;
        let until = self.log.patience();
        let stored = loop {
            self.log.wait_for_room(until).await;
            let turn = self.gate.enter().await;
            if self.log.lacks_room(until) {
                continue;
            }
            self.settled(self.check_upload(bucket, &new.key, new.upload))
                .await?;
            let holds = || self.usage(bucket);
            let need = || self.part_growth(&new);
            match self.quotas.admit(bucket, charge.take(), holds, need)? {
                Admission::Granted(charge) => break self.append_part(new, charge).await?,
                Admission::Short(need) => {
                    drop(turn);
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

    /// By how much the bucket grows with a part.
    fn part_growth(&self, new: &NewPart) -> Result<Usage, StoreError> {
        let before = self.newest(&keys::part(new.upload, new.number)).0;
        let before = before.as_deref().map(PartEntry::size_of).transpose()?;
        Ok(Usage {
            bytes: new.size.saturating_sub(before.map_or(0, |(_, size)| size)),
            objects: 0,
        })
    }

    /// Under the gate.
    async fn append_part(&self, new: NewPart, charge: Charge<'_>) -> Result<Stored, StoreError> {
        let modified = self.now();
        let (body, tail) = new.body.split();
        let record = PartRecord {
            upload: new.upload,
            number: new.number,
            modified,
            md5: new.md5,
            size: new.size,
            checksum: new.checksum,
            body,
        };
        let head = record.encode_head();
        let inline = tail.bytes();
        let at = self.log.append(kind::PART, &[&head, inline]).await?;
        let mutation = Mutation::part(&record, new.bucket, at, head.len() + inline.len());
        self.enqueue(at, mutation, new.bucket, charge.keep(), tail.holds);
        Ok(Stored { at, modified })
    }

    /// Turns an upload into an object. One record does it: the object appears and the upload ends
    /// together. Fails when a part was replaced since the caller looked.
    pub async fn complete_upload(&self, complete: CompleteUpload) -> Result<Stored, StoreError> {
        self.put_completing(complete.object, Some(complete.upload))
            .await
    }

    /// Fails when an upload is not open any more, or a part of the object is not one of its own.
    /// Parts that were moved meanwhile are named by their new places.
    pub(super) fn check_parts(
        &self,
        upload: UploadId,
        new: &mut NewObject,
    ) -> Result<(), StoreError> {
        let open = self.newest(&keys::upload(new.bucket, &new.key, upload)).0;
        open.ok_or(StoreError::NoSuchUpload)?;
        let NewBody::Parts(parts) = &mut new.body else {
            return Ok(());
        };
        for part in parts {
            let newest = self.newest(&keys::part(upload, part.number)).0;
            let entry = newest.as_deref().map(PartEntry::decode).transpose()?;
            part.at = self.moves.newest(part.at);
            let same = entry.filter(|entry| entry.at == part.at);
            let entry = same.ok_or(StoreError::InvalidPart(part.number))?;
            part.record_len = entry.record_len;
        }
        Ok(())
    }

    /// Aborts an upload; its parts are gone.
    pub async fn abort_upload(
        &self,
        bucket: BucketId,
        key: &[u8],
        upload: UploadId,
    ) -> Result<(), StoreError> {
        let at = {
            let _turn = self.gate.enter().await;
            self.settled(self.check_upload(bucket, key, upload)).await?;
            self.append_abort(bucket, key, upload).await?
        };
        self.finish(at).await
    }

    fn check_upload(
        &self,
        bucket: BucketId,
        key: &[u8],
        upload: UploadId,
    ) -> Result<(), StoreError> {
        self.check_open(bucket)?;
        match self.newest(&keys::upload(bucket, key, upload)).0 {
            Some(_) => Ok(()),
            None => Err(StoreError::NoSuchUpload),
        }
    }
}
