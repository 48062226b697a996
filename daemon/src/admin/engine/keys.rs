//! Keys.

use super::{Engine, cut, page_limit};
use crate::admin::backend::{Body, Caller, Download};
use crate::admin::failure;
use crate::base::limits::KEY_BYTES_MAX;
use crate::base::md5::Md5;
use crate::base::{BucketId, SharedBytes};
use crate::index::Visit;
use crate::io::{Clock, Disk};
use crate::namespace::{Resolved, Right};
use crate::shard::{Sink, Slot};
use crate::store::meta::ContentHeader;
use crate::store::{BodyStream, ETag, NewObject, ObjectEntry, ObjectMeta, Opened};
use chainring_protocol::limits::DATA_BYTES_MAX;
use chainring_protocol::message::{
    BucketName, Done, KeyDelete, KeyEntry, KeyGet, KeyInfo, KeyInfoGet, KeyList, KeyPut, Page,
    Property,
};
use chainring_protocol::{Failure, ResultCode};

/// Most bytes of a media type.
const CONTENT_TYPE_BYTES_MAX: usize = 256;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn put_key<B: Body>(
        &self,
        caller: &Caller,
        put: KeyPut,
        body: &mut B,
    ) -> Result<KeyInfo, Failure> {
        let bucket = self.resolve(caller, &put.bucket)?;
        let stored = stored_key(&bucket, &put.key)?;
        let place = (put.key.as_str(), stored.as_str());
        let hold = self.hold(caller, &bucket, &put.bucket, place, Right::Write);
        let hold = hold.await?;
        let meta = self.meta(caller, &bucket, put.content_type.clone())?;
        let key = stored.as_bytes();
        let shard = self.core.shard_of(bucket.bucket, key);
        let failed = |error| failure::of_store(&error);
        if let Some(size) = put.size {
            let expected = self.core.expect_object(bucket.bucket, key, size).await;
            expected.map_err(failed)?;
        }

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
            condition: hold.condition(),
            modified: None,
        };
        let stored = self
            .core
            .on_shard(shard, move |store| async move { store.put(new).await })
            .await
            .map_err(|error| hold.refused(&error, caller, &put.bucket, &put.key))?;
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

    pub(super) async fn get_key(
        &self,
        caller: &Caller,
        get: KeyGet,
    ) -> Result<(KeyInfo, KeyDownload<D>), Failure> {
        let bucket = self.resolve(caller, &get.bucket)?;
        let key = stored_key(&bucket, &get.key)?;
        let place = (get.key.as_str(), key.as_str());
        let held = self.held(caller, &bucket, &get.bucket, place, Right::Read);
        let opened = held.await?;
        let record = &opened.object.record;
        let reader = self.core.reader_of(bucket.bucket, key.as_bytes());
        let body = reader.body(&opened, 0..record.size, None);
        let info = shown(get.bucket, get.key, &opened.entry, &record.meta);
        let download = KeyDownload { body, chunk: None };
        Ok((info, download))
    }

    pub(super) async fn key_info(
        &self,
        caller: &Caller,
        call: KeyInfoGet,
    ) -> Result<KeyInfo, Failure> {
        let bucket = self.resolve(caller, &call.bucket)?;
        let key = stored_key(&bucket, &call.key)?;
        let place = (call.key.as_str(), key.as_str());
        let held = self.held(caller, &bucket, &call.bucket, place, Right::Read);
        let Opened { entry, object, .. } = held.await?;
        Ok(shown(call.bucket, call.key, &entry, &object.record.meta))
    }

    pub(super) fn list_keys(
        &self,
        caller: &Caller,
        call: &KeyList,
    ) -> Result<Page<KeyEntry>, Failure> {
        let bucket = self.resolve(caller, &call.bucket)?;
        self.expect_right(caller, &bucket, &call.bucket, Right::List)?;
        let limit = page_limit(&call.page);
        // No key begins with what is too long to be one.
        let Ok(prefix) = bucket.key(&call.page.prefix) else {
            return Ok(cut(Vec::new(), limit));
        };
        let (prefix, after) = (prefix.as_bytes(), &call.page.after);
        let after = [
            bucket.prefix.as_deref().unwrap_or("").as_bytes(),
            after.as_bytes(),
        ]
        .concat();
        let visit = Visit::begin();
        let mut cursor = self.core.objects(&visit, bucket.bucket);
        if after.as_slice() >= prefix && !call.page.after.is_empty() {
            cursor.seek(&after, true);
        } else {
            cursor.seek(prefix, false);
        }
        let mut entries = Vec::new();
        let failed = |error| failure::of_store(&error);
        while let Some((key, entry)) = cursor.next_object().map_err(failed)? {
            if !key.starts_with(prefix) || entries.len() > limit {
                break;
            }
            let odd = || Failure::new(ResultCode::InternalError, "a key is not UTF-8");
            let key = std::str::from_utf8(key).ok();
            let key = key.and_then(|key| bucket.shown(key)).ok_or_else(odd)?;
            entries.push(KeyEntry {
                key: key.to_owned(),
                size: entry.size,
                etag: entry.etag.to_string(),
                modified: entry.modified.0,
            });
        }
        Ok(cut(entries, limit))
    }

    pub(super) async fn delete_key(
        &self,
        caller: &Caller,
        call: KeyDelete,
    ) -> Result<Done, Failure> {
        let bucket = self.resolve(caller, &call.bucket)?;
        let stored = stored_key(&bucket, &call.key)?;
        let place = (call.key.as_str(), stored.as_str());
        let hold = self.hold(caller, &bucket, &call.bucket, place, Right::Delete);
        let hold = hold.await?;
        let (id, key) = (bucket.bucket, stored.into_bytes());
        let shard = self.core.shard_of(id, &key);
        let condition = hold.condition();
        let existed = self
            .core
            .on_shard(shard, move |store| async move {
                store.delete(id, &key, &condition).await
            })
            .await
            .map_err(|error| hold.refused(&error, caller, &call.bucket, &call.key))?;
        if existed {
            Ok(Done {})
        } else {
            Err(missing(&call.key))
        }
    }

    pub(super) fn meta(
        &self,
        caller: &Caller,
        bucket: &Resolved,
        content_type: Option<String>,
    ) -> Result<ObjectMeta, Failure> {
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
        meta.owner = caller.author_in(&bucket.source_volume);
        Ok(meta)
    }
}

/// A key being read.
pub struct KeyDownload<D: Disk> {
    body: BodyStream<D>,
    /// What is left of the chunk read last.
    chunk: Option<SharedBytes>,
}

impl<D: Disk> Download for KeyDownload<D> {
    async fn read(&mut self, out: &mut Vec<u8>) -> Result<bool, Failure> {
        let chunk = match self.chunk.take() {
            Some(chunk) => chunk,
            None => match self.body.next().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(false),
                Err(error) => return Err(failure::of_store(&error)),
            },
        };
        let most = DATA_BYTES_MAX as usize;
        let now = chunk.len().min(most);
        out.extend_from_slice(chunk.get(..now).unwrap_or_default());
        if now < chunk.len() {
            self.chunk = Some(chunk.slice(now..chunk.len()));
        }
        Ok(true)
    }
}

/// The key in the bucket of a key that was asked for.
pub(super) fn stored_key(bucket: &Resolved, asked: &str) -> Result<String, Failure> {
    let invalid = |text: &str| Failure::new(ResultCode::InvalidKeyName, text);
    if !(1..=KEY_BYTES_MAX).contains(&asked.len()) {
        return Err(invalid("a key has 1 to 1024 bytes"));
    }
    let key = bucket.key(asked);
    key.map(std::borrow::Cow::into_owned)
        .map_err(|error| invalid(&error.to_string()))
}

/// That a key is not there.
pub(super) fn missing(key: &str) -> Failure {
    Failure::new(ResultCode::KeyNotFound, format!("key {key:?} not found"))
}

pub(super) fn shown(
    bucket: BucketName,
    key: String,
    entry: &ObjectEntry,
    meta: &ObjectMeta,
) -> KeyInfo {
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
pub(super) fn extent_tag(bucket: BucketId, key: &[u8]) -> u128 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(&bucket.0.to_le_bytes());
    hasher.update(key);
    hasher.digest128()
}
