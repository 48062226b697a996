//! Multipart uploads: begin, part, complete, abort. An upload stays with the bucket id it was
//! started in, whichever name later calls use.

use crate::base::{BucketId, UploadId};
use crate::io::{Clock, Disk};
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::meta::{Checksum, ObjectMeta};
use crate::store::mutation::Mutation;
use crate::store::record::{AbortRecord, PartRecord, UploadRecord, kind};
use crate::store::writer::{NewBody, NewObject, Store, Stored};

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
            self.enqueue(at, Mutation::upload(&record, at, payload.len()));
            at
        };
        self.finish(at).await
    }

    /// Stores a part; a part of the same number is replaced.
    pub async fn put_part(&self, new: NewPart) -> Result<Stored, StoreError> {
        let stored = {
            let _turn = self.gate.enter().await;
            self.check_upload(new.bucket, &new.key, new.upload)?;
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
            self.enqueue(
                at,
                Mutation::part(&record, new.bucket, at, head.len() + inline.len()),
            );
            Stored { at, modified }
        };
        self.finish(stored.at).await?;
        Ok(stored)
    }

    /// Turns an upload into an object. One record does it: the object appears and the upload ends
    /// together. Fails when a part was replaced since the caller looked.
    pub async fn complete_upload(&self, complete: CompleteUpload) -> Result<Stored, StoreError> {
        if let NewBody::Parts(parts) = &complete.object.body {
            for part in parts {
                let newest = self.newest(&keys::part(complete.upload, part.number)).0;
                let entry = newest
                    .as_deref()
                    .map(super::PartEntry::decode)
                    .transpose()?;
                if entry.is_none_or(|e| e.at != part.at) {
                    let upload = keys::upload(
                        complete.object.bucket,
                        &complete.object.key,
                        complete.upload,
                    );
                    return Err(match self.newest(&upload).0 {
                        Some(_) => StoreError::InvalidPart(part.number),
                        None => StoreError::NoSuchUpload,
                    });
                }
            }
        }
        self.put_completing(complete.object, Some(complete.upload))
            .await
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
            self.check_upload(bucket, key, upload)?;
            let record = AbortRecord {
                bucket,
                key: key.to_vec(),
                upload,
            };
            let at = self
                .log
                .append_reserved(kind::ABORT, &[&record.encode()])
                .await?;
            self.enqueue(at, Mutation::abort(&record));
            at
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
