//! Keys copied and renamed inside the daemon.

use super::Engine;
use super::holds::Hold;
use super::keys::{extent_tag, shown, stored_key};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::base::limits::PART_BYTES_MAX;
use crate::base::md5::Md5;
use crate::base::{Location, Timestamp};
use crate::io::{Clock, Disk};
use crate::namespace::{Acl, Resolved, Right};
use crate::shard::copy::copy_bytes;
use crate::store::meta::{CannedAcl, ChecksumKind};
use crate::store::{ETag, NewObject, ObjectEntry, ObjectMeta, Opened, StoreError, WriteCondition};
use chainring_protocol::message::{BucketName, KeyCopy, KeyInfo, KeyRename};
use chainring_protocol::{Failure, ResultCode};

/// An object that is to be copied.
struct Source<D: Disk> {
    bucket: Resolved,
    key: String,
    opened: Opened<D>,
}

/// Where a copy goes.
struct Target<'t> {
    bucket: &'t Resolved,
    /// As it was asked for.
    name: (&'t BucketName, &'t str),
    key: String,
    hold: Hold,
    /// When it was written, if not now.
    modified: Option<Timestamp>,
}

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn copy_key(
        &self,
        caller: &Caller,
        call: KeyCopy,
    ) -> Result<KeyInfo, Failure> {
        let source = self.source(caller, &call.from, &call.from_key).await?;
        let bucket = self.resolve(caller, &call.to)?;
        let key = stored_key(&bucket, &call.to_key)?;
        if source.bucket.bucket == bucket.bucket && source.key == key {
            let text = "a key cannot be copied onto itself";
            return Err(Failure::new(ResultCode::InvalidRequest, text));
        }
        let place = (call.to_key.as_str(), key.as_str());
        let hold = self.hold(caller, &bucket, &call.to, place, Right::Write);
        let hold = hold.await?;
        // The copy is the caller's, and what was granted on the source was granted on that.
        let meta = ObjectMeta {
            owner: caller.author_in(&bucket.source_volume),
            acl: CannedAcl::Private,
            rules: Acl::EMPTY,
            ..source.opened.object.record.meta.clone()
        };
        let target = Target {
            bucket: &bucket,
            name: (&call.to, &call.to_key),
            key,
            hold,
            modified: None,
        };
        let (info, _) = self.write_copy(caller, source, meta, target).await?;
        Ok(info)
    }

    /// Copies the key, unless one has the new name, and deletes it then, unless it was replaced
    /// meanwhile. Both are durable before this is answered. Who looks in between sees both names, and
    /// a crash in between may leave both; the object is never without one.
    pub(super) async fn rename_key(
        &self,
        caller: &Caller,
        call: KeyRename,
    ) -> Result<KeyInfo, Failure> {
        let source = self.source(caller, &call.bucket, &call.from).await?;
        let key = stored_key(&source.bucket, &call.to)?;
        if source.key == key {
            let text = "a key cannot be renamed to itself";
            return Err(Failure::new(ResultCode::InvalidRequest, text));
        }
        let from = (call.from.as_str(), source.key.as_str());
        let gone = self.hold(caller, &source.bucket, &call.bucket, from, Right::Delete);
        gone.await?;
        let to = (call.to.as_str(), key.as_str());
        let made = self.hold(caller, &source.bucket, &call.bucket, to, Right::Write);
        if matches!(made.await?, Hold::This(_)) {
            return Err(exists(&call.to));
        }
        let reader = self.core.reader_of(source.bucket.bucket, key.as_bytes());
        let there = reader.object(source.bucket.bucket, key.as_bytes(), &mut Vec::new());
        if there.map_err(|error| failure::of_store(&error))?.is_some() {
            // Sooner than after the bytes were copied; the condition of the write decides.
            return Err(exists(&call.to));
        }
        let (at, old) = (source.opened.entry.at, source.key.clone());
        let modified = Some(source.opened.entry.modified);
        let (bucket, meta) = (
            source.bucket.clone(),
            source.opened.object.record.meta.clone(),
        );
        let target = Target {
            bucket: &bucket,
            name: (&call.bucket, &call.to),
            key: key.clone(),
            hold: Hold::Create,
            modified,
        };
        let copied = self.write_copy(caller, source, meta, target).await;
        let (info, new) = copied.map_err(|failure| match failure.code {
            ResultCode::PermissionDenied => exists(&call.to),
            _ => failure,
        })?;
        let this = Hold::This(at).condition();
        match self.remove(&bucket, old, this).await {
            Ok(_) => Ok(info),
            Err(StoreError::PreconditionFailed | StoreError::NoSuchKey) => {
                let undone = self.remove(&bucket, key, Hold::This(new).condition()).await;
                if let Err(error) = undone {
                    tracing::warn!(%error, "what a rename wrote was not taken back");
                }
                let text = format!(
                    "key {:?} was changed meanwhile and keeps its name",
                    call.from
                );
                Err(Failure::new(ResultCode::InvalidRequest, text))
            }
            Err(error) => {
                let Failure { code, message } = failure::of_store(&error);
                let text = format!("the key has both names now; deleting the old one: {message}");
                Err(Failure::new(code, text))
            }
        }
    }

    async fn remove(
        &self,
        bucket: &Resolved,
        key: String,
        condition: WriteCondition,
    ) -> Result<bool, StoreError> {
        let (id, key) = (bucket.bucket, key.into_bytes());
        let shard = self.core.shard_of(id, &key);
        let job = move |store: std::rc::Rc<crate::store::Store<D, C>>| async move {
            store.delete(id, &key, &condition).await
        };
        self.core.on_shard(shard, job).await
    }

    async fn source(
        &self,
        caller: &Caller,
        name: &BucketName,
        asked: &str,
    ) -> Result<Source<D>, Failure> {
        let bucket = self.resolve(caller, name)?;
        let key = stored_key(&bucket, asked)?;
        let held = self.held(caller, &bucket, name, (asked, &key), Right::Read);
        let opened = held.await?;
        if opened.object.record.size > PART_BYTES_MAX {
            let text = "more than 5 GiB are copied by the parts of a multipart upload over S3";
            return Err(Failure::new(ResultCode::InvalidRequest, text));
        }
        Ok(Source {
            bucket,
            key,
            opened,
        })
    }

    /// Writes the copy; returns it, and where its record is.
    async fn write_copy(
        &self,
        caller: &Caller,
        source: Source<D>,
        mut meta: ObjectMeta,
        target: Target<'_>,
    ) -> Result<(KeyInfo, Location), Failure> {
        let record = &source.opened.object.record;
        let (id, key) = (target.bucket.bucket, target.key.into_bytes());
        let expected = self.core.expect_object(id, &key, record.size).await;
        expected.map_err(|error| failure::of_store(&error))?;
        let shard = self.core.shard_of(id, &key);
        let tag = extent_tag(id, &key);
        let reader = self
            .core
            .reader_of(source.bucket.bucket, source.key.as_bytes());
        let bytes = reader.body(&source.opened, 0..record.size, None);
        // A copy has no parts, and so no tag made of the tags of parts.
        let mut md5 = (record.etag.parts > 0).then(Md5::new);
        let look = |chunk: &[u8]| {
            if let Some(md5) = &mut md5 {
                md5.update(chunk);
            }
        };
        let copied = copy_bytes(&self.core, bytes, record.size, shard, tag, look).await;
        let (body, permit) = copied.map_err(|error| failure::of_store(&error))?;
        // What covers the parts of an upload says nothing of an object without parts.
        let whole = |kind: ChecksumKind| kind == ChecksumKind::FullObject;
        meta.checksum = meta.checksum.filter(|checksum| whole(checksum.kind));
        let etag = ETag {
            md5: md5.map_or(record.etag.md5, Md5::finish),
            parts: 0,
        };
        let (size, hold) = (record.size, target.hold);
        let new = NewObject {
            bucket: id,
            key: key.clone(),
            etag,
            size,
            meta: meta.clone(),
            body,
            condition: hold.condition(),
            modified: target.modified,
        };
        let (name, asked) = target.name;
        let stored = self
            .core
            .on_shard(shard, move |store| async move { store.put(new).await })
            .await
            .map_err(|error| hold.refused(&error, caller, name, asked))?;
        drop(permit);
        let entry = ObjectEntry {
            at: stored.at,
            size,
            etag,
            modified: stored.modified,
            ..source.opened.entry
        };
        let info = shown(name.clone(), asked.to_owned(), &entry, &meta);
        Ok((info, stored.at))
    }
}

fn exists(key: &str) -> Failure {
    let text = format!("key {key:?} exists, and a rename replaces nothing");
    Failure::new(ResultCode::KeyAlreadyExists, text)
}
