//! LIST over all shards: a merge of the shards' ordered indexes. The work is proportional to the
//! page, not to the bucket.

use crate::base::BucketId;
use crate::io::Disk;
use crate::store::{ObjectEntry, StoreError, StoreReader};
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// Entries a shard is asked for at a time: enough that a page of 1,000 costs few scans, few enough
/// that skipping from prefix to prefix wastes little.
const BATCH_MIN: usize = 16;
const BATCH_MAX: usize = 512;

struct Side {
    found: VecDeque<(Vec<u8>, ObjectEntry)>,
    exhausted: bool,
    batch: usize,
}

/// Walks the objects of a bucket in key order over all shards.
pub struct ObjectCursor<'a, D: Disk> {
    readers: &'a [StoreReader<D>],
    bucket: BucketId,
    sides: Vec<Side>,
    start: Vec<u8>,
    exclusive: bool,
}

impl<'a, D: Disk> ObjectCursor<'a, D> {
    /// A cursor before the first object.
    #[must_use]
    pub fn new(readers: &'a [StoreReader<D>], bucket: BucketId) -> Self {
        let mut cursor = Self {
            readers,
            bucket,
            sides: Vec::new(),
            start: Vec::new(),
            exclusive: false,
        };
        cursor.seek(b"", false);
        cursor
    }

    /// Goes to the first object at or after `key` (after it when `exclusive`), forwards only.
    pub fn seek(&mut self, key: &[u8], exclusive: bool) {
        self.start.clear();
        self.start.extend_from_slice(key);
        self.exclusive = exclusive;
        if self.sides.is_empty() {
            self.sides.extend(self.readers.iter().map(|_| Side {
                found: VecDeque::new(),
                exhausted: false,
                batch: BATCH_MIN,
            }));
            return;
        }
        for side in &mut self.sides {
            let held = !side.found.is_empty();
            while side
                .found
                .pop_front_if(|(k, _)| before(k, key, exclusive))
                .is_some()
            {}
            if held && side.found.is_empty() {
                // The batch was mostly skipped: ask for less next time.
                side.batch = BATCH_MIN;
            }
        }
    }

    /// The next object, or `None` at the end of the bucket.
    pub fn next_object(&mut self) -> Result<Option<(Vec<u8>, ObjectEntry)>, StoreError> {
        for (side, reader) in self.sides.iter_mut().zip(self.readers) {
            if side.found.is_empty() && !side.exhausted {
                fill(side, reader, self.bucket, &self.start, self.exclusive)?;
            }
        }
        let least = self
            .sides
            .iter_mut()
            .filter(|s| !s.found.is_empty())
            .min_by(|a, b| {
                a.found
                    .front()
                    .map(|f| &f.0)
                    .cmp(&b.found.front().map(|f| &f.0))
            });
        let Some(next) = least.and_then(|side| side.found.pop_front()) else {
            return Ok(None);
        };
        self.start.clear();
        self.start.extend_from_slice(&next.0);
        self.exclusive = true;
        Ok(Some(next))
    }
}

fn before(key: &[u8], bound: &[u8], exclusive: bool) -> bool {
    key < bound || (exclusive && key == bound)
}

fn fill<D: Disk>(
    side: &mut Side,
    reader: &StoreReader<D>,
    bucket: BucketId,
    start: &[u8],
    exclusive: bool,
) -> Result<(), StoreError> {
    let limit = side.batch;
    side.batch = (limit * 2).min(BATCH_MAX);
    let found = &mut side.found;
    reader.scan_objects(bucket, start, exclusive, |key, entry| {
        if found.len() == limit {
            return ControlFlow::Break(());
        }
        found.push_back((key.to_vec(), *entry));
        ControlFlow::Continue(())
    })?;
    side.exhausted = found.len() < limit;
    Ok(())
}
