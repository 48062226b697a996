//! The readers' side of a shard: look-ups, listings and record reads, from any core, without a
//! message to the owner.

use crate::base::codec::Malformed;
use crate::base::{BucketId, ShardId, UploadId, VersionId};
use crate::index::IndexReader;
use crate::io::Disk;
use crate::log::LogReader;
use crate::store::body::BodyStream;
use crate::store::cache::{Place, ReadCache};
use crate::store::entry::{ObjectEntry, PartEntry, UploadEntry};
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::object::Object;
use crate::store::record::UploadRecord;
use std::ops::{Bound, ControlFlow};
use std::rc::Rc;

/// Reads one shard. Cheap to clone, may go to any core.
#[derive(Clone)]
pub struct StoreReader<D: Disk> {
    shard: ShardId,
    index: IndexReader,
    log: LogReader<D>,
}

impl<D: Disk> StoreReader<D> {
    pub(super) const fn new(shard: ShardId, index: IndexReader, log: LogReader<D>) -> Self {
        Self { shard, index, log }
    }

    /// Objects, uploads and parts in the index.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.index.len()
    }

    /// Bytes of memory the index takes.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        self.index.memory_bytes()
    }

    /// The object with this key. `scratch` is reused between calls.
    pub fn object(
        &self,
        bucket: BucketId,
        key: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Result<Option<ObjectEntry>, StoreError> {
        keys::object_into(scratch, bucket, key, VersionId::NULL);
        let found = self.index.get(scratch, ObjectEntry::decode).transpose()?;
        Ok(found)
    }

    /// An object: everything but the bytes of a large body. From the cache, when it is given and has
    /// it, and then kept there.
    pub async fn read(
        &self,
        entry: &ObjectEntry,
        cache: Option<&ReadCache>,
    ) -> Result<Rc<Object>, StoreError> {
        let place = Place::new(self.shard, entry.at);
        if let Some(object) = cache.and_then(|cache| cache.object(place)) {
            return Ok(object);
        }
        let raw = self.log.read_record(entry.at, entry.record_len).await?;
        let object = Object::new(raw)?;
        Ok(match cache {
            Some(cache) => cache.keep_object(place, object),
            None => Rc::new(object),
        })
    }

    /// The bytes `range` of an object, chunk by chunk; those of large bodies from the cache and into
    /// it, when it is given.
    #[must_use]
    pub fn body(
        &self,
        object: &Object,
        range: std::ops::Range<u64>,
        cache: Option<Rc<ReadCache>>,
    ) -> BodyStream<D> {
        BodyStream::of_object(self.log.clone(), self.shard, cache, object, range)
    }

    /// An upload's record.
    pub async fn upload(
        &self,
        bucket: BucketId,
        key: &[u8],
        upload: UploadId,
    ) -> Result<UploadRecord, StoreError> {
        let entry = self
            .index
            .get(&keys::upload(bucket, key, upload), UploadEntry::decode)
            .ok_or(StoreError::NoSuchUpload)??;
        let raw = self.log.read_record(entry.at, entry.record_len).await?;
        Ok(UploadRecord::decode(raw.payload())?)
    }

    /// Whether an upload is open.
    #[must_use]
    pub fn has_upload(&self, bucket: BucketId, key: &[u8], upload: UploadId) -> bool {
        self.index
            .get(&keys::upload(bucket, key, upload), |_| ())
            .is_some()
    }

    /// Parts of an upload with a number above `after`, at most `limit`, in order.
    pub fn parts(
        &self,
        upload: UploadId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<(u32, PartEntry)>, StoreError> {
        let prefix = keys::parts_prefix(upload);
        let from = keys::part(upload, after);
        let mut found = Vec::new();
        self.index.scan(Bound::Excluded(&from), |key, value| {
            if !key.starts_with(&prefix) || found.len() == limit {
                return ControlFlow::Break(());
            }
            if let Some(number) = keys::parse_part(key) {
                found.push((number, PartEntry::decode(value)));
            }
            ControlFlow::Continue(())
        });
        found
            .into_iter()
            .map(|(n, entry)| Ok((n, entry?)))
            .collect()
    }

    /// The index itself, for walks over several shards. [`keys`] says how to read it.
    #[must_use]
    pub const fn index(&self) -> &IndexReader {
        &self.index
    }

    /// Calls `visit` for the open uploads of a bucket from `from` on, in order of key and id.
    pub fn scan_uploads(
        &self,
        bucket: BucketId,
        from: &[u8],
        mut visit: impl FnMut(&[u8], UploadId, &UploadEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let prefix = keys::bucket_prefix(keys::SPACE_UPLOAD, bucket);
        let start = keys::upload_seek(bucket, from, false);
        let mut key = Vec::with_capacity(64);
        self.scan(&prefix, &start, |index_key, value| {
            key.clear();
            let upload = keys::parse_upload(index_key, &mut key).ok_or(BAD_KEY)?;
            Ok(visit(&key, upload, &UploadEntry::decode(value)?))
        })
    }

    /// Walks the index from `start` on as long as keys begin with `prefix`, until `visit` breaks or
    /// fails.
    fn scan(
        &self,
        prefix: &[u8],
        start: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Malformed>,
    ) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        self.index.scan(Bound::Included(start), |key, value| {
            if !key.starts_with(prefix) {
                return ControlFlow::Break(());
            }
            visit(key, value).unwrap_or_else(|error| {
                outcome = Err(error.into());
                ControlFlow::Break(())
            })
        });
        outcome
    }
}

const BAD_KEY: Malformed = Malformed("index key");
