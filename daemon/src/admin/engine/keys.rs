//! Keys.

use super::{Engine, page_limit};
use crate::admin::backend::{Body, Caller, Download};
use crate::admin::failure;
use crate::base::limits::KEY_BYTES_MAX;
use crate::base::md5::Md5;
use crate::base::{AlignedBuf, BucketId};
use crate::io::{Clock, Disk};
use crate::namespace::Resolved;
use crate::shard::{Sink, Slot};
use crate::store::meta::ContentHeader;
use crate::store::{BodyStream, ETag, NewObject, ObjectEntry, ObjectMeta, WriteCondition};
use chainring_protocol::limits::DATA_BYTES_MAX;
use chainring_protocol::message::{
    BucketName, Done, KeyDelete, KeyEntry, KeyGet, KeyInfo, KeyList, KeyPut, Page, Property,
};
use chainring_protocol::{Failure, ResultCode};
use std::ops::Range;

/// Most bytes of a media type.
const CONTENT_TYPE_BYTES_MAX: usize = 256;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn put_key<B: Body>(
        &self,
        caller: &Caller,
        put: KeyPut,
        body: &mut B,
    ) -> Result<KeyInfo, Failure> {
        let bucket = self.resolve(&put.bucket)?;
        check_key(&put.key)?;
        let meta = self.meta(caller, put.content_type.clone())?;
        let key = put.key.as_bytes();
        let shard = self.core.shard_of(bucket.bucket, key);
        let failed = |error| failure::of_store(&error);

        let mut sink = Sink::new(&self.core, shard, extent_tag(bucket.bucket, key));
        let mut md5 = Md5::new();
        let mut size = 0u64;
        let mut slot: Option<Slot> = None;
        while let Some(piece) = body.next().await? {
            md5.update(&piece);
            let mut rest = piece.as_slice();
            while !rest.is_empty() {
                let mut filling = match slot.take() {
                    Some(slot) => slot,
                    None => {
                        sink.slot(put.size.map(|all| all.saturating_sub(size)))
                            .await
                    }
                };
                let (now, later) = rest.split_at(rest.len().min(filling.room()));
                filling.buf.extend(now);
                size += now.len() as u64;
                rest = later;
                if filling.room() > 0 {
                    slot = Some(filling);
                } else {
                    sink.push(filling).await.map_err(failed)?;
                }
            }
        }
        if let Some(slot) = slot {
            sink.push(slot).await.map_err(failed)?;
        }
        let (body, permit) = sink.finish().await.map_err(failed)?;
        let etag = ETag {
            md5: md5.finish(),
            parts: 0,
        };
        let new = NewObject {
            bucket: bucket.bucket,
            key: key.to_vec(),
            etag,
            size,
            meta,
            body,
            condition: WriteCondition::default(),
            modified: None,
        };
        let stored = self
            .core
            .on_shard(shard, move |store| async move { store.put(new).await })
            .await
            .map_err(failed)?;
        drop(permit);
        Ok(KeyInfo {
            bucket: put.bucket,
            key: put.key,
            size,
            etag: etag.to_string(),
            modified: stored.modified.0,
            content_type: put.content_type,
            version: None,
            metadata: Vec::new(),
        })
    }

    pub(super) async fn get_key(&self, get: KeyGet) -> Result<(KeyInfo, KeyDownload<D>), Failure> {
        let bucket = self.resolve(&get.bucket)?;
        let entry = self.object(&bucket, &get.key)?;
        let reader = self.core.reader_of(bucket.bucket, get.key.as_bytes());
        let (record, raw) = reader
            .record(&entry)
            .await
            .map_err(|error| failure::of_store(&error))?;
        let body = reader.body(&record, raw, 0..record.size);
        let info = shown(get.bucket, get.key, &entry, &record.meta);
        let download = KeyDownload { body, chunk: None };
        Ok((info, download))
    }

    pub(super) async fn key_info(&self, name: &BucketName, key: &str) -> Result<KeyInfo, Failure> {
        let bucket = self.resolve(name)?;
        let entry = self.object(&bucket, key)?;
        let reader = self.core.reader_of(bucket.bucket, key.as_bytes());
        let (record, _) = reader
            .record(&entry)
            .await
            .map_err(|error| failure::of_store(&error))?;
        Ok(shown(name.clone(), key.to_owned(), &entry, &record.meta))
    }

    pub(super) async fn list_keys(&self, call: &KeyList) -> Result<Page<KeyEntry>, Failure> {
        let bucket = self.resolve(&call.bucket)?;
        let (prefix, after) = (call.page.prefix.as_bytes(), call.page.after.as_bytes());
        let limit = page_limit(&call.page);
        let mut cursor = self.core.objects(bucket.bucket);
        if after >= prefix && !after.is_empty() {
            cursor.seek(after, true);
        } else {
            cursor.seek(prefix, false);
        }
        let mut entries = Vec::new();
        let mut more = false;
        while let Some((key, entry)) = cursor
            .next_object()
            .map_err(|error| failure::of_store(&error))?
        {
            if !key.starts_with(prefix) {
                break;
            }
            if entries.len() == limit {
                more = true;
                break;
            }
            let key = String::from_utf8(key)
                .map_err(|_| Failure::new(ResultCode::InternalError, "a key is not UTF-8"))?;
            entries.push(KeyEntry {
                key,
                size: entry.size,
                etag: entry.etag.to_string(),
                modified: entry.modified.0,
            });
        }
        Ok(Page { entries, more })
    }

    pub(super) async fn delete_key(&self, call: KeyDelete) -> Result<Done, Failure> {
        let bucket = self.resolve(&call.bucket)?.bucket;
        check_key(&call.key)?;
        let key = call.key.as_bytes().to_vec();
        let shard = self.core.shard_of(bucket, &key);
        let existed = self
            .core
            .on_shard(shard, move |store| async move {
                let condition = WriteCondition::default();
                store.delete(bucket, &key, &condition).await
            })
            .await
            .map_err(|error| failure::of_store(&error))?;
        if existed {
            Ok(Done {})
        } else {
            Err(no_key(&call.key))
        }
    }

    /// The bucket behind a name: every operation on keys begins here.
    fn resolve(&self, name: &BucketName) -> Result<Resolved, Failure> {
        self.names()
            .resolve(&name.volume, &name.bucket, self.core.clock().now())
            .map_err(|error| {
                let failure = failure::of_resolve(&error);
                Failure::new(failure.code, format!("{name}: {}", failure.message))
            })
    }

    fn object(&self, bucket: &Resolved, key: &str) -> Result<ObjectEntry, Failure> {
        check_key(key)?;
        let reader = self.core.reader_of(bucket.bucket, key.as_bytes());
        let found = reader
            .object(bucket.bucket, key.as_bytes(), &mut Vec::new())
            .map_err(|error| failure::of_store(&error))?;
        found.ok_or_else(|| no_key(key))
    }

    fn meta(&self, caller: &Caller, content_type: Option<String>) -> Result<ObjectMeta, Failure> {
        let mut meta = ObjectMeta::default();
        if let Some(text) = content_type {
            // It is going to be a header: nothing in it may end one.
            let plain = |b: u8| b.is_ascii_graphic() || b == b' ';
            if text.len() > CONTENT_TYPE_BYTES_MAX || text.is_empty() || !text.bytes().all(plain) {
                return Err(Failure::new(
                    ResultCode::InvalidRequest,
                    "a media type is up to 256 printable ASCII characters",
                ));
            }
            meta.headers.push((ContentHeader::Type, text));
        }
        let user = self.user_or(caller, None)?;
        let user = self.names().user(&user).map_err(failure::of_read)?;
        meta.owner = user.map(|user| user.id.to_string()).unwrap_or_default();
        Ok(meta)
    }
}

/// A key being read.
pub struct KeyDownload<D: Disk> {
    body: BodyStream<D>,
    /// What is left of the chunk read last.
    chunk: Option<(AlignedBuf, Range<usize>)>,
}

impl<D: Disk> Download for KeyDownload<D> {
    async fn read(&mut self, out: &mut Vec<u8>) -> Result<bool, Failure> {
        let (buf, place) = match self.chunk.take() {
            Some(chunk) => chunk,
            None => match self.body.next().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(false),
                Err(error) => return Err(failure::of_store(&error)),
            },
        };
        let most = DATA_BYTES_MAX as usize;
        let end = place.end.min(place.start.saturating_add(most));
        out.extend_from_slice(buf.whole().get(place.start..end).unwrap_or_default());
        if end < place.end {
            self.chunk = Some((buf, end..place.end));
        }
        Ok(true)
    }
}

fn check_key(key: &str) -> Result<(), Failure> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) {
        Ok(())
    } else {
        Err(Failure::new(
            ResultCode::InvalidKeyName,
            "a key has 1 to 1024 bytes",
        ))
    }
}

fn no_key(key: &str) -> Failure {
    Failure::new(ResultCode::KeyNotFound, format!("key {key:?} not found"))
}

fn shown(bucket: BucketName, key: String, entry: &ObjectEntry, meta: &ObjectMeta) -> KeyInfo {
    let property = |(name, value): &(String, String)| Property {
        name: name.clone(),
        value: value.clone(),
    };
    KeyInfo {
        bucket,
        key,
        size: entry.size,
        etag: entry.etag.to_string(),
        modified: entry.modified.0,
        content_type: meta.header(ContentHeader::Type).map(str::to_owned),
        version: None,
        metadata: meta.user.iter().map(property).collect(),
    }
}

/// Marks the extents of an object, as puts over S3 do.
fn extent_tag(bucket: BucketId, key: &[u8]) -> u128 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(&bucket.0.to_le_bytes());
    hasher.update(key);
    hasher.digest128()
}
