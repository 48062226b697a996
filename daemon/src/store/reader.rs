//! The readers' side of a shard: look-ups, listings and record reads, from any core, without a
//! message to the owner.

use crate::base::codec::Malformed;
use crate::base::{BucketId, ShardId, UploadId, VersionId};
use crate::index::IndexReader;
use crate::io::Disk;
use crate::log::{LogError, LogReader};
use crate::store::body::BodyStream;
use crate::store::cache::{Place, ReadCache};
use crate::store::entry::{ObjectEntry, PartEntry, UploadEntry};
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::object::Object;
use crate::store::record::UploadRecord;
use std::ops::{Bound, ControlFlow};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How often a look-up is repeated when what it found was moved before it could be read.
const TRIES: u32 = 16;

/// An object that was found and read, and whose bytes stay until this is dropped.
pub struct Opened<D: Disk> {
    /// What the index says of it.
    pub entry: ObjectEntry,
    /// Its record.
    pub object: Rc<Object>,
    /// The files that its bytes are in, unless they stand in the record.
    held: Option<LogReader<D>>,
}

impl<D: Disk> Opened<D> {
    /// An object of a log that nobody writes to.
    #[must_use]
    pub fn resting(entry: ObjectEntry, object: Object) -> Self {
        Self {
            entry,
            object: Rc::new(object),
            held: None,
        }
    }
}

/// Reads one shard. Cheap to clone, may go to any core.
#[derive(Clone)]
pub struct StoreReader<D: Disk> {
    shard: ShardId,
    index: IndexReader,
    log: LogReader<D>,
    /// Entries of the index that are none of an object, upload or part.
    named: Arc<AtomicUsize>,
}

impl<D: Disk> StoreReader<D> {
    pub(super) const fn new(
        shard: ShardId,
        index: IndexReader,
        log: LogReader<D>,
        named: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            shard,
            index,
            log,
            named,
        }
    }

    /// Objects, uploads and parts in the index.
    #[must_use]
    pub fn entries(&self) -> usize {
        let named = self.named.load(Ordering::Relaxed);
        self.index.len().saturating_sub(named)
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

    /// The object with this key, as of one moment: its bytes can be read with [`StoreReader::body`]
    /// whatever happens to it meanwhile.
    pub async fn open(
        &self,
        bucket: BucketId,
        key: &[u8],
        cache: Option<&ReadCache>,
    ) -> Result<Option<Opened<D>>, StoreError> {
        let mut scratch = Vec::with_capacity(key.len() + 24);
        keys::object_into(&mut scratch, bucket, key, VersionId::NULL);
        let mut tries = TRIES;
        loop {
            let Some(entry) = self.index.get(&scratch, ObjectEntry::decode).transpose()? else {
                return Ok(None);
            };
            tries -= 1;
            let object = match self.read(&entry, cache).await {
                Ok(object) => object,
                // Its segment left the log between the look-up and the read: it has another place.
                Err(StoreError::Log(LogError::Unknown(_))) if tries > 0 => continue,
                Err(error) => return Err(error),
            };
            if !entry.apart {
                return Ok(Some(Opened {
                    entry,
                    object,
                    held: None,
                }));
            }
            // What the record names is in the log as long as the index names the record. So it is
            // in the files held here, if the index still does once they are held.
            let held = self.log.pinned();
            let same = |value: &[u8]| ObjectEntry::decode(value).is_ok_and(|e| e.at == entry.at);
            if self.index.get(&scratch, same) == Some(true) {
                let held = Some(held);
                return Ok(Some(Opened {
                    entry,
                    object,
                    held,
                }));
            }
            if tries == 0 {
                return Err(LogError::Unknown(entry.at.segment).into());
            }
        }
    }

    /// The bytes `range` of an object, chunk by chunk; those of large bodies from the cache and into
    /// it, when it is given.
    #[must_use]
    pub fn body(
        &self,
        opened: &Opened<D>,
        range: std::ops::Range<u64>,
        cache: Option<Rc<ReadCache>>,
    ) -> BodyStream<D> {
        let log = opened.held.as_ref().unwrap_or(&self.log).clone();
        BodyStream::of_object(log, self.shard, cache, &opened.object, range)
    }

    /// The readers' side of the log.
    #[must_use]
    pub const fn log(&self) -> &LogReader<D> {
        &self.log
    }

    /// An upload's record.
    pub async fn upload(
        &self,
        bucket: BucketId,
        key: &[u8],
        upload: UploadId,
    ) -> Result<UploadRecord, StoreError> {
        let index_key = keys::upload(bucket, key, upload);
        let mut tries = TRIES;
        loop {
            let entry = self.index.get(&index_key, UploadEntry::decode);
            let entry = entry.ok_or(StoreError::NoSuchUpload)??;
            tries -= 1;
            match self.log.read_record(entry.at, entry.record_len).await {
                Ok(raw) => return Ok(UploadRecord::decode(raw.payload())?),
                Err(LogError::Unknown(_)) if tries > 0 => {}
                Err(error) => return Err(error.into()),
            }
        }
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
