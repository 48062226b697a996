//! Multipart uploads: create, upload and copy parts, complete, abort. An upload is found by the
//! bucket id it was started in, so it does not matter by which name, bucket or link, it is called.

use super::hold::Hold;
use super::receive::{Incoming, Wish};
use super::response::Response;
use super::{Context, key_error, write_condition};
use crate::base::UploadId;
use crate::base::limits::{OBJECT_BYTES_MAX, PART_BYTES_MAX, PART_BYTES_MIN, PARTS_MAX};
use crate::base::md5::Md5;
use crate::http::Stream;
use crate::io::{Clock, Disk, entropy};
use crate::s3::access::denied;
use crate::s3::checksum;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::keys::Key;
use crate::s3::place::Place;
use crate::s3::service::HttpHead;
use crate::s3::xml::{documents, read};
use crate::store::meta::{Checksum, ObjectMeta};
use crate::store::record::PartRef;
use crate::store::{CompleteUpload, ETag, NewBody, NewObject, NewPart, NewUpload, PartEntry};

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `POST /bucket/key?uploads`
    pub async fn create_multipart_upload(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let key = bucket.key(self.key()?)?;
        self.hold(&bucket, &key).await?;
        let mut meta = self.new_meta(&bucket)?;
        meta.checksum = checksum::of_upload(&self.head)?;
        let announced = meta.checksum.as_ref().map(|c| (c.algorithm, c.kind));
        let mut id = [0u8; 16];
        entropy(&mut id);
        let upload = UploadId(u128::from_be_bytes(id));
        let new = NewUpload {
            bucket: bucket.id(),
            key: key.as_bytes().to_vec(),
            upload,
            meta,
        };
        let shard = self.core.shard_of(bucket.id(), key.as_bytes());
        self.core
            .on_shard(
                shard,
                move |store| async move { store.create_upload(new).await },
            )
            .await
            .map_err(|error| key_error(&error, &key))?;
        let document = documents::initiate_upload(
            self.bucket_name()?,
            key.shown(),
            &upload.shown(bucket.id()),
        );
        let mut response = Response::xml(document);
        if let Some((algorithm, kind)) = announced {
            response = response
                .with("x-amz-checksum-algorithm", checksum::name(algorithm))
                .with("x-amz-checksum-type", checksum::kind_name(kind));
        }
        Ok(response)
    }

    /// The upload that the query names, in the bucket it was started in: see
    /// [`Context::bucket_of`].
    pub(super) async fn upload(&self) -> Result<Upload<'_>> {
        let text = self.query.get("uploadId").unwrap_or_default();
        let asked = self.key()?;
        let named = UploadId::parse(text);
        let bucket = match named {
            Some((id, Some(bucket))) => self.bucket_of(bucket, |place| {
                place.key(asked).is_ok_and(|key| {
                    let reader = self.core.reader_of(place.id(), key.as_bytes());
                    reader.has_upload(place.id(), key.as_bytes(), id)
                })
            })?,
            Some((_, None)) | None => self.bucket()?,
        };
        let key = bucket.key(asked)?;
        let hold = self.hold(&bucket, &key).await?;
        let id = named.map(|(id, _)| id).ok_or(ErrorCode::NoSuchUpload)?;
        Ok(Upload {
            bucket,
            key,
            hold,
            id,
        })
    }

    /// What an upload was started with. Who may not overwrite objects has no right to the uploads
    /// of others.
    pub(super) async fn started(&self, upload: &Upload<'_>) -> Result<ObjectMeta> {
        let (bucket, key) = (upload.bucket.id(), &upload.key);
        let record = self
            .core
            .reader_of(bucket, key.as_bytes())
            .upload(bucket, key.as_bytes(), upload.id)
            .await
            .map_err(|error| key_error(&error, key))?;
        if upload.hold != Hold::Any && !self.caller.wrote(&upload.bucket, &record.meta) {
            return Err(denied());
        }
        Ok(record.meta)
    }

    fn part_number(&self) -> Result<u32> {
        match self.query.number("partNumber")? {
            Some(number) if (1..=PARTS_MAX).contains(&number) => Ok(number),
            other => Err(S3Error::argument(
                "partNumber",
                other.map(|n| n.to_string()).unwrap_or_default(),
                "Part number must be an integer between 1 and 10000, inclusive",
            )),
        }
    }

    /// `PUT /bucket/key?partNumber&uploadId`
    pub async fn upload_part<S: Stream>(&self, body: Incoming<'_, '_, S>) -> Result<Response<D>> {
        let upload = self.upload().await?;
        let (bucket, key) = (upload.bucket.id(), &upload.key);
        let number = self.part_number()?;
        let meta = self.started(&upload).await?;
        let wanted = meta.checksum.as_ref().map(|c| c.algorithm);
        let wish = Wish {
            max: PART_BYTES_MAX,
            checksum: wanted,
            part: Some((upload.id, number)),
        };
        let received = body.receive(self, bucket, key, wish).await?;
        let checksum = received.checksum.clone();
        let new = NewPart {
            bucket,
            key: key.as_bytes().to_vec(),
            upload: upload.id,
            number,
            md5: received.md5,
            size: received.size,
            checksum: received.checksum,
            body: received.body,
        };
        self.put_part(new, key).await?;
        drop(received.permit);
        let response = Response::empty(200).with_etag(ETag {
            md5: received.md5,
            parts: 0,
        });
        Ok(match &checksum {
            Some(c) => response.with(checksum::header(c.algorithm), checksum::encode(c, 0)),
            None => response,
        })
    }

    async fn put_part(&self, new: NewPart, key: &Key<'_>) -> Result<crate::store::Stored> {
        let shard = self.core.shard_of(new.bucket, key.as_bytes());
        self.core
            .on_shard(shard, move |store| async move { store.put_part(new).await })
            .await
            .map_err(|error| key_error(&error, key))
    }

    /// `PUT /bucket/key?partNumber&uploadId` with `x-amz-copy-source`
    pub async fn upload_part_copy(&self) -> Result<Response<D>> {
        let upload = self.upload().await?;
        let (bucket, key) = (upload.bucket.id(), &upload.key);
        let number = self.part_number()?;
        let meta = self.started(&upload).await?;
        let mut source = self.copy_source().await?;
        let range = self.copy_source_range(&source)?;
        if range.end - range.start > PART_BYTES_MAX {
            return Err(ErrorCode::EntityTooLarge.into());
        }
        let shard = self.core.shard_of(bucket, key.as_bytes());
        let algorithm = meta.checksum.as_ref().map(|c| c.algorithm);
        let copied = self
            .copy_range(&mut source, range, shard, algorithm)
            .await?;
        let checksum = copied.checksum.clone();
        let new = NewPart {
            bucket,
            key: key.as_bytes().to_vec(),
            upload: upload.id,
            number,
            md5: copied.md5,
            size: copied.size,
            checksum: copied.checksum,
            body: copied.body,
        };
        let stored = self.put_part(new, key).await?;
        drop(copied.permit);
        let etag = ETag {
            md5: copied.md5,
            parts: 0,
        };
        let document = documents::copy_part(&etag.to_string(), stored.modified, checksum.as_ref());
        Ok(Response::xml(document))
    }

    /// `DELETE /bucket/key?uploadId`
    pub async fn abort_multipart_upload(&self) -> Result<Response<D>> {
        let upload = self.upload().await?;
        if upload.hold != Hold::Any {
            self.started(&upload).await?;
        }
        let (bucket, key, id) = (upload.bucket.id(), &upload.key, upload.id);
        let owned = key.as_bytes().to_vec();
        self.core
            .on_shard(
                self.core.shard_of(bucket, key.as_bytes()),
                move |store| async move { store.abort_upload(bucket, &owned, id).await },
            )
            .await
            .map_err(|error| key_error(&error, key))?;
        Ok(Response::empty(204))
    }

    /// `POST /bucket/key?uploadId`
    pub async fn complete_multipart_upload(&self, document: &[u8]) -> Result<Response<D>> {
        let upload = self.upload().await?;
        let (bucket, key, hold) = (upload.bucket.id(), &upload.key, upload.hold);
        let asked = write_condition(&self.head)?;
        let condition = hold.guard(asked.clone())?;
        let request = read::complete_upload(document)?;
        let mut meta = match self.started(&upload).await {
            Ok(found) => found,
            Err(error) if error.code == ErrorCode::NoSuchUpload => {
                return self.completed_before(&upload, error).await;
            }
            Err(error) => return Err(error),
        };
        let reader = self.core.reader_of(bucket, key.as_bytes());
        let stored = reader
            .parts(upload.id, 0, usize::MAX)
            .map_err(|error| key_error(&error, key))?;
        let parts = choose(&request.parts, &stored)?;
        let size: u64 = parts.iter().map(|p| p.size).sum();
        check_object_size(&self.head, size)?;
        let pieces: Vec<(&[u8], u64)> = parts
            .iter()
            .map(|p| (p.checksum.as_slice(), p.size))
            .collect();
        meta.checksum = checksum::of_object(&self.head, meta.checksum.as_ref(), &pieces)?;
        let checksum = meta.checksum.clone();
        let etag = etag_of(&parts);
        let complete = CompleteUpload {
            upload: upload.id,
            object: NewObject {
                bucket,
                key: key.as_bytes().to_vec(),
                etag,
                size,
                meta,
                body: NewBody::Parts(parts),
                condition,
                modified: None,
            },
        };
        let shard = self.core.shard_of(bucket, key.as_bytes());
        self.core
            .on_shard(shard, move |store| async move {
                store.complete_upload(complete).await
            })
            .await
            .map_err(|error| hold.refused(&error, &asked, key))?;
        self.completed(etag, checksum.as_ref())
    }

    fn completed(&self, etag: ETag, checksum: Option<&Checksum>) -> Result<Response<D>> {
        let (name, key) = (self.bucket_name()?, self.key()?.shown());
        let location = format!("/{name}/{key}");
        let document = documents::complete_upload(
            &location,
            name,
            key,
            &etag.to_string(),
            checksum,
            etag.parts,
        );
        Ok(Response::xml(document))
    }

    /// A client that lost our answer completes again: the object made of this upload is the answer.
    async fn completed_before(&self, upload: &Upload<'_>, error: S3Error) -> Result<Response<D>> {
        let (bucket, key) = (upload.bucket.id(), &upload.key);
        let reader = self.core.reader_of(bucket, key.as_bytes());
        let opened = reader.open(bucket, key.as_bytes(), Some(self.core.cache()));
        let opened = opened.await.map_err(|error| key_error(&error, key))?;
        let Some(opened) = opened else {
            return Err(error);
        };
        let record = &opened.object.record;
        if record.upload == Some(upload.id) {
            return self.completed(record.etag, record.meta.checksum.as_ref());
        }
        Err(error)
    }
}

/// The parts that the client named, found among those that are stored.
fn choose(wanted: &[read::CompletedPart], stored: &[(u32, PartEntry)]) -> Result<Vec<PartRef>> {
    if wanted.is_empty() {
        return Err(ErrorCode::MalformedXML.into());
    }
    let mut chosen: Vec<PartRef> = Vec::with_capacity(wanted.len());
    if wanted
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.number > b.number))
    {
        return Err(ErrorCode::InvalidPartOrder.into());
    }
    for (at, part) in wanted.iter().enumerate() {
        // A part that was uploaded twice may be named twice: the last one counts.
        if wanted
            .get(at + 1)
            .is_some_and(|next| next.number == part.number)
        {
            continue;
        }
        let found = stored.binary_search_by_key(&part.number, |(number, _)| *number);
        let entry = found
            .ok()
            .and_then(|i| stored.get(i))
            .map(|(_, entry)| entry);
        let entry = entry.ok_or(ErrorCode::InvalidPart)?;
        let etag = ETag {
            md5: entry.md5,
            parts: 0,
        }
        .to_string();
        if part.etag.trim_matches('"') != etag {
            return Err(ErrorCode::InvalidPart.into());
        }
        let stored = entry
            .checksum
            .as_ref()
            .map(|c| (c.algorithm, c.value.as_slice()));
        checksum::check_part(&part.checksums, stored)?;
        if entry.size < PART_BYTES_MIN && at + 1 < wanted.len() {
            return Err(S3Error::from(ErrorCode::EntityTooSmall)
                .with("ETag", etag)
                .with("PartNumber", part.number.to_string())
                .with("MinSizeAllowed", PART_BYTES_MIN.to_string())
                .with("ProposedSize", entry.size.to_string()));
        }
        chosen.push(PartRef {
            number: part.number,
            size: entry.size,
            md5: entry.md5,
            at: entry.at,
            record_len: entry.record_len,
            checksum: entry
                .checksum
                .as_ref()
                .map(|c| c.value.clone())
                .unwrap_or_default(),
        });
    }
    Ok(chosen)
}

/// MD5 of the parts' MD5s, and their number.
fn etag_of(parts: &[PartRef]) -> ETag {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&part.md5);
    }
    ETag {
        md5: md5.finish(),
        parts: u32::try_from(parts.len()).unwrap_or(u32::MAX),
    }
}

fn check_object_size(head: &HttpHead<'_>, size: u64) -> Result<()> {
    if size > OBJECT_BYTES_MAX {
        return Err(ErrorCode::EntityTooLarge.into());
    }
    match head.0.header("x-amz-mp-object-size") {
        Some(told) if told != size.to_string().as_bytes() => Err(S3Error::new(
            ErrorCode::InvalidRequest,
            "The provided 'x-amz-mp-object-size' header value does not match what was computed.",
        )),
        _ => Ok(()),
    }
}

/// A multipart upload that a request names.
pub(super) struct Upload<'a> {
    /// The bucket it was started in.
    pub(super) bucket: Place,
    pub(super) key: Key<'a>,
    pub(super) hold: Hold,
    pub(super) id: UploadId,
}
