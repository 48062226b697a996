//! Uploads that nobody goes on with: how long they rested, and ending them.
//!
//! An upload rests since it began or since its newest part came. Whether it may end is judged under
//! the gate, with parts that are not flushed yet, so that no part that was acknowledged in time is
//! lost to an upload's end.

use crate::base::{BucketId, Timestamp, UploadId};
use crate::index::IndexReader;
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::store::entry::{PartEntry, UploadEntry};
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::mutation::Mutation;
use crate::store::reader::StoreReader;
use crate::store::record::{AbortRecord, kind};
use crate::store::usage::Usage;
use crate::store::writer::Store;
use std::ops::{Bound, ControlFlow};
use std::time::Duration;

/// Uploads that are looked at before other tasks have their turn.
const TURN: usize = 256;

/// How long an upload of a bucket may rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// As long as it likes.
    Endless,
    /// So long.
    Rest(Duration),
    /// The bucket is gone: not at all.
    Over,
}

impl Lifetime {
    /// When an upload ends that rests since `active`; `None`: never.
    #[must_use]
    pub fn end(self, active: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Endless => None,
            Self::Rest(time) => {
                let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                Some(Timestamp(active.0.saturating_add(time)))
            }
            Self::Over => Some(Timestamp(0)),
        }
    }
}

/// What came of an upload so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Parts.
    pub parts: u32,
    /// Bytes of them.
    pub bytes: u64,
    /// When it began, or the newest part came.
    pub active: Timestamp,
}

impl Progress {
    fn add(&mut self, part: &[u8]) -> Result<(), StoreError> {
        let entry = PartEntry::decode(part)?;
        self.parts = self.parts.saturating_add(1);
        self.bytes = self.bytes.saturating_add(entry.size);
        self.active = self.active.max(entry.modified);
        Ok(())
    }
}

/// An upload that was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedUpload {
    /// Its bucket.
    pub bucket: BucketId,
    /// Its key.
    pub key: Vec<u8>,
    /// Its id.
    pub upload: UploadId,
    /// What it had.
    pub had: Progress,
}

/// An upload in the index.
struct Open {
    bucket: BucketId,
    key: Vec<u8>,
    upload: UploadId,
    entry: UploadEntry,
}

/// At most [`TURN`] open uploads from `from` on, and where to go on.
fn open_uploads(
    index: &IndexReader,
    from: Bound<&[u8]>,
) -> Result<(Vec<Open>, Option<Vec<u8>>), StoreError> {
    let mut found = Vec::new();
    let mut last = None;
    let mut outcome = Ok(());
    index.scan(from, |key, value| {
        if key.first() != Some(&keys::SPACE_UPLOAD) {
            return ControlFlow::Break(());
        }
        if found.len() == TURN {
            return ControlFlow::Break(());
        }
        last = Some(key.to_vec());
        let mut name = Vec::new();
        let parts = keys::bucket_of(key).zip(keys::parse_upload(key, &mut name));
        match (parts, UploadEntry::decode(value)) {
            (Some((bucket, upload)), Ok(entry)) => found.push(Open {
                bucket,
                key: name,
                upload,
                entry,
            }),
            (None, _) => outcome = Err(crate::base::codec::Malformed("index key").into()),
            (_, Err(error)) => outcome = Err(error.into()),
        }
        ControlFlow::Continue(())
    });
    outcome.map(|()| {
        let more = found.len() == TURN;
        (found, last.filter(|_| more))
    })
}

impl<D: Disk> StoreReader<D> {
    /// What came of an upload that began at `started`.
    pub fn progress(&self, upload: UploadId, started: Timestamp) -> Result<Progress, StoreError> {
        let mut progress = Progress {
            active: started,
            ..Progress::default()
        };
        let prefix = keys::parts_prefix(upload);
        let mut outcome = Ok(());
        self.index().scan(Bound::Included(&prefix), |key, value| {
            if !key.starts_with(&prefix) {
                return ControlFlow::Break(());
            }
            match progress.add(value) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    outcome = Err(error);
                    ControlFlow::Break(())
                }
            }
        });
        outcome.map(|()| progress)
    }

    /// The buckets that have open uploads.
    #[must_use]
    pub fn buckets_with_uploads(&self) -> Vec<BucketId> {
        let mut found: Vec<BucketId> = Vec::new();
        loop {
            let next = found.last().map_or(0, |bucket| bucket.0.saturating_add(1));
            let from = keys::bucket_prefix(keys::SPACE_UPLOAD, BucketId(next));
            let mut bucket = None;
            self.index().scan(Bound::Included(&from), |key, _| {
                if key.first() == Some(&keys::SPACE_UPLOAD) {
                    bucket = keys::bucket_of(key);
                }
                ControlFlow::Break(())
            });
            match bucket {
                Some(bucket) if found.last() != Some(&bucket) => found.push(bucket),
                _ => return found,
            }
        }
    }
}

impl<D: Disk, C: Clock> Store<D, C> {
    /// Ends every upload that rested for longer than its bucket lets it. Tells `ended` of each, and
    /// returns when the next one may be due, if nothing comes of it until then.
    pub async fn expire_uploads(
        &self,
        lifetime: impl Fn(BucketId) -> Result<Lifetime, StoreError>,
        mut ended: impl FnMut(&EndedUpload),
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut from = vec![keys::SPACE_UPLOAD];
        let mut next: Option<Timestamp> = None;
        loop {
            let (open, last) = open_uploads(&self.reader, Bound::Excluded(&from))?;
            for open in open {
                let lifetime = lifetime(open.bucket)?;
                let mut due = lifetime.end(open.entry.started);
                // Its parts are looked at only when it is old enough without them.
                if due.is_some_and(|due| due <= self.now()) {
                    let active = self
                        .reader()
                        .progress(open.upload, open.entry.started)?
                        .active;
                    due = lifetime.end(active);
                }
                let Some(time) = due else { continue };
                if time > self.now() {
                    next = Some(next.map_or(time, |next| next.min(time)));
                    continue;
                }
                let rests = |active| lifetime.end(active).is_some_and(|due| due <= self.now());
                let end = self.end_upload_if(open.bucket, &open.key, open.upload, rests);
                if let Some(upload) = end.await? {
                    ended(&upload);
                }
            }
            match last {
                Some(last) => from = last,
                None => return Ok(next),
            }
            yield_now().await;
        }
    }

    /// Ends an upload if `rests` says so of the time since when it does. `None`: it is not open any
    /// more, or not to be ended.
    pub async fn end_upload_if(
        &self,
        bucket: BucketId,
        key: &[u8],
        upload: UploadId,
        rests: impl Fn(Timestamp) -> bool,
    ) -> Result<Option<EndedUpload>, StoreError> {
        let (at, had) = {
            let _turn = self.gate.enter().await;
            let Some(entry) = self.newest(&keys::upload(bucket, key, upload)).0 else {
                self.settle().await?;
                return Ok(None);
            };
            let had = self.newest_progress(upload, UploadEntry::decode(&entry)?.started)?;
            if !rests(had.active) {
                return Ok(None);
            }
            (self.append_abort(bucket, key, upload).await?, had)
        };
        self.finish(at).await?;
        Ok(Some(EndedUpload {
            bucket,
            key: key.to_vec(),
            upload,
            had,
        }))
    }

    /// Under the gate: the upload ends here, once that is flushed.
    pub(super) async fn append_abort(
        &self,
        bucket: BucketId,
        key: &[u8],
        upload: UploadId,
    ) -> Result<crate::base::Location, StoreError> {
        let record = AbortRecord {
            bucket,
            key: key.to_vec(),
            upload,
        };
        let payload = record.encode();
        let at = self.log.append_reserved(kind::ABORT, &[&payload]).await?;
        self.ends.note(at.segment, at.segment, payload.len());
        let mutation = Mutation::abort(&record);
        self.enqueue(at, mutation, bucket, Usage::ZERO, Vec::new());
        Ok(at)
    }

    /// What came of an upload, with what is not flushed yet.
    fn newest_progress(
        &self,
        upload: UploadId,
        started: Timestamp,
    ) -> Result<Progress, StoreError> {
        let mut parts = std::collections::BTreeMap::new();
        let prefix = keys::parts_prefix(upload);
        self.reader.scan(Bound::Included(&prefix), |key, value| {
            if !key.starts_with(&prefix) {
                return ControlFlow::Break(());
            }
            parts.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        });
        for (key, newest) in self.unflushed.borrow().iter() {
            if let (true, Some(value)) = (key.starts_with(&prefix), &newest.value) {
                parts.insert(key.clone(), value.clone());
            }
        }
        let mut progress = Progress {
            active: started,
            ..Progress::default()
        };
        parts.values().try_for_each(|part| progress.add(part))?;
        Ok(progress)
    }
}
