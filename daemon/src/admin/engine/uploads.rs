//! Multipart uploads that are open: who left which behind, and ending them.

use super::keys::stored_key;
use super::seen::place;
use super::{Engine, cut, page_limit};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::base::{BucketId, Timestamp, UploadId};
use crate::io::{Clock, Disk};
use crate::namespace::Name;
use crate::shard::expire::lifetime;
use crate::store::Lifetime;
use chainring_protocol::message::{Page, UploadAbort, UploadAborted, UploadInfo, UploadList};
use chainring_protocol::{Failure, ResultCode};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Most uploads of a page: each has a key.
const PAGE_MAX: usize = 500;

/// Where a page begins: after the upload with this name.
#[derive(Default)]
struct After {
    volume: String,
    bucket: String,
    key: String,
    id: String,
}

impl After {
    fn parse(text: &str) -> Result<Self, Failure> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let parts = || {
            let (volume, rest) = text.trim_start_matches('/').split_once('/')?;
            let (bucket, rest) = rest.split_once('/')?;
            let (key, id) = rest.rsplit_once('/')?;
            Some([volume, bucket, key, id].map(str::to_owned))
        };
        let [volume, bucket, key, id] = parts().ok_or_else(|| {
            let text = "a listing of uploads begins after /volume/bucket/key/upload";
            Failure::new(ResultCode::InvalidRequest, text)
        })?;
        Ok(Self {
            volume,
            bucket,
            key,
            id,
        })
    }
}

/// A bucket to look through.
struct Bucket {
    id: BucketId,
    volume: Name,
    name: Name,
    /// What keys must begin with.
    prefix: String,
}

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) fn list_uploads(
        &self,
        caller: &Caller,
        call: &UploadList,
    ) -> Result<Page<UploadInfo>, Failure> {
        let limit = page_limit(&call.page).min(PAGE_MAX);
        let after = After::parse(&call.page.after)?;
        let mut entries = Vec::new();
        for bucket in self.with_uploads(caller, call)? {
            let position = (&*bucket.volume, &*bucket.name);
            if position < (after.volume.as_str(), after.bucket.as_str()) {
                continue;
            }
            let here = position == (after.volume.as_str(), after.bucket.as_str());
            let behind = Some((after.key.as_str(), after.id.as_str())).filter(|_| here);
            let room = limit + 1 - entries.len();
            entries.extend(self.uploads_of(&bucket, behind, call.rested, room)?);
            if entries.len() > limit {
                break;
            }
        }
        Ok(cut(entries, limit))
    }

    /// The buckets that a listing is about and that have uploads, by name.
    fn with_uploads(&self, caller: &Caller, call: &UploadList) -> Result<Vec<Bucket>, Failure> {
        let prefix = call.page.prefix.clone();
        if let Some(name) = &call.bucket {
            let found = self.resolve(caller, name)?;
            let prefix = [found.prefix.as_deref().unwrap_or(""), &prefix].concat();
            return Ok(vec![Bucket {
                id: found.bucket,
                volume: found.source_volume,
                name: found.source_bucket,
                prefix,
            }]);
        }
        if let Some(volume) = &call.volume {
            self.expect_volume(volume)?;
        }
        let mut found = BTreeMap::new();
        for reader in self.core.readers() {
            for id in reader.buckets_with_uploads() {
                // Those to a bucket that is gone end by themselves.
                let entry = self.names().bucket(id).map_err(failure::of_read)?;
                let Some(entry) = entry else { continue };
                if call
                    .volume
                    .as_ref()
                    .is_some_and(|volume| **volume != *entry.volume)
                {
                    continue;
                }
                let (volume, name) = (entry.volume, entry.name);
                let bucket = Bucket {
                    id,
                    volume,
                    name,
                    prefix: prefix.clone(),
                };
                found.insert((volume.to_string(), name.to_string()), bucket);
            }
        }
        Ok(found.into_values().collect())
    }

    /// The first `most` uploads to a bucket, behind one of them, that have rested so long.
    fn uploads_of(
        &self,
        bucket: &Bucket,
        behind: Option<(&str, &str)>,
        rested: Option<u64>,
        most: usize,
    ) -> Result<Vec<UploadInfo>, Failure> {
        let failed = |error| failure::of_store(&error);
        let (now, default) = (self.core.clock().now(), self.about.expire_uploads);
        let patience = lifetime(self.names(), bucket.id, default).map_err(failure::of_read)?;
        let prefix = bucket.prefix.as_bytes();
        let from = behind.map_or(prefix, |(key, _)| key.as_bytes()).max(prefix);
        let mut found = Vec::new();
        for reader in self.core.readers() {
            let (mut here, mut outcome) = (0, Ok(()));
            reader
                .scan_uploads(bucket.id, from, |key, id, entry| {
                    if !key.starts_with(prefix) || here == most {
                        return ControlFlow::Break(());
                    }
                    let progress = match reader.progress(id, entry.started) {
                        Ok(progress) => progress,
                        Err(error) => {
                            outcome = Err(error);
                            return ControlFlow::Break(());
                        }
                    };
                    let key = String::from_utf8_lossy(key).into_owned();
                    let id = id.shown(bucket.id);
                    let rests = now.0.saturating_sub(progress.active.0);
                    let passed = behind.is_some_and(|last| (&*key, &*id) <= last);
                    if passed || rested.is_some_and(|least| rests < least) {
                        return ControlFlow::Continue(());
                    }
                    here += 1;
                    found.push(UploadInfo {
                        bucket: place(bucket.volume, bucket.name),
                        key,
                        id,
                        started: entry.started.0,
                        active: progress.active.0,
                        rested: rests,
                        parts: progress.parts,
                        bytes: progress.bytes,
                        expires: patience.end(progress.active).map(|time| time.0),
                    });
                    ControlFlow::Continue(())
                })
                .and(outcome)
                .map_err(failed)?;
        }
        found.sort_by(|a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
        found.truncate(most);
        Ok(found)
    }

    pub(super) async fn abort_upload(
        &self,
        caller: &Caller,
        call: UploadAbort,
    ) -> Result<UploadAborted, Failure> {
        let bucket = self.resolve(caller, &call.bucket)?;
        let key = stored_key(&bucket, &call.key)?.into_bytes();
        let none = || {
            let text = match call.rested {
                None => format!("key {:?} has no upload {}", call.key, call.id),
                Some(_) => format!("key {:?} has no upload {} that rests", call.key, call.id),
            };
            Failure::new(ResultCode::NoSuchMultipartUpload, text)
        };
        let id = match UploadId::parse(&call.id) {
            Some((id, of)) if of.is_none_or(|of| of == bucket.bucket) => id,
            _ => return Err(none()),
        };
        let limit = Lifetime::Rest(std::time::Duration::from_millis(call.rested.unwrap_or(0)));
        let (id_of_bucket, shard) = (bucket.bucket, self.core.shard_of(bucket.bucket, &key));
        let now = self.core.clock().now();
        let whatever = call.rested.is_none();
        let ended = self.core.on_shard(shard, move |store| async move {
            let rests =
                |active: Timestamp| whatever || limit.end(active).is_some_and(|end| end <= now);
            store.end_upload_if(id_of_bucket, &key, id, rests).await
        });
        let ended = ended.await.map_err(|error| failure::of_store(&error))?;
        let ended = ended.ok_or_else(none)?;
        Ok(UploadAborted {
            parts: ended.had.parts,
            bytes: ended.had.bytes,
        })
    }
}
