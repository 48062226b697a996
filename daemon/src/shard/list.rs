//! LIST over all shards: a merge of cursors into the shards' ordered indexes. Keys are lent from
//! where the cursors have them, and skipping ahead is a look-up in each index, so the work is
//! proportional to what is shown, not to the bucket.

use crate::base::BucketId;
use crate::base::codec::Malformed;
use crate::index::{Cursor, IndexReader, Visit};
use crate::store::{ObjectEntry, StoreError, keys};

/// Walks the objects of a bucket in key order over all shards, forwards. It stands nowhere before
/// the first [`seek`](ObjectCursor::seek).
pub struct ObjectCursor<'v> {
    shards: Vec<&'v IndexReader>,
    visit: &'v Visit,
    bucket: BucketId,
    /// What the index keys of the bucket's objects begin with.
    prefix: Vec<u8>,
    sides: Vec<Cursor<'v>>,
    /// Positions in `sides` of those that have objects left, in the order of the objects they are
    /// at.
    order: Vec<usize>,
    /// Whether the first object of the order was handed out.
    taken: bool,
    target: Vec<u8>,
    unescaped: Vec<u8>,
}

impl<'v> ObjectCursor<'v> {
    /// A cursor that stands nowhere yet. It sees objects as long as `visit` lasts.
    #[must_use]
    pub fn new(
        shards: impl IntoIterator<Item = &'v IndexReader>,
        visit: &'v Visit,
        bucket: BucketId,
    ) -> Self {
        Self {
            shards: shards.into_iter().collect(),
            visit,
            bucket,
            prefix: keys::bucket_prefix(keys::SPACE_OBJECT, bucket),
            sides: Vec::new(),
            order: Vec::new(),
            taken: false,
            target: Vec::with_capacity(64),
            unescaped: Vec::new(),
        }
    }

    /// Goes to the first object at or after `key` (after it when `exclusive`), forwards only.
    pub fn seek(&mut self, key: &[u8], exclusive: bool) {
        keys::object_seek_into(&mut self.target, self.bucket, key, exclusive);
        if self.sides.is_empty() {
            let shards = self.shards.iter();
            self.sides = shards.map(|s| s.cursor(self.visit, &self.target)).collect();
            self.order = (0..self.sides.len()).collect();
        } else {
            let passed = |side: &&usize| self.key(**side).is_some_and(|key| *key < *self.target);
            let count = self.order.iter().take_while(passed).count();
            if count == 0 {
                return;
            }
            for side in self.order.iter().take(count) {
                if let Some(side) = self.sides.get_mut(*side) {
                    side.seek(&self.target);
                }
            }
        }
        let mut order = std::mem::take(&mut self.order);
        order.retain(|side| self.key(*side).is_some());
        order.sort_unstable_by_key(|side| self.key(*side));
        self.order = order;
        self.taken = false;
    }

    /// The next object, its key lent.
    pub fn next_object(&mut self) -> Result<Option<(&[u8], ObjectEntry)>, StoreError> {
        if std::mem::replace(&mut self.taken, true) {
            self.advance();
        }
        let first = self.order.first().and_then(|side| self.sides.get(*side));
        let Some((index_key, value)) = first.and_then(Cursor::entry) else {
            return Ok(None);
        };
        let entry = ObjectEntry::decode(value)?;
        let key = keys::object_key(index_key, &mut self.unescaped);
        Ok(Some((key.ok_or(Malformed("index key"))?, entry)))
    }

    /// Moves the side that is first, and puts it in its place among the others.
    fn advance(&mut self) {
        let Some((&first, others)) = self.order.split_first() else {
            return;
        };
        if let Some(side) = self.sides.get_mut(first) {
            side.advance();
        }
        let Some(key) = self.key(first) else {
            self.order.remove(0);
            return;
        };
        let before = |side: &usize| self.key(*side).is_some_and(|other| other < key);
        // Most often it stays first, or there are two.
        let place = match others.first() {
            Some(second) if before(second) => others.partition_point(before),
            _ => return,
        };
        if let Some(moved) = self.order.get_mut(..=place) {
            moved.rotate_left(1);
        }
    }

    /// The index key a side is at, if it belongs to an object of the bucket.
    fn key(&self, side: usize) -> Option<&[u8]> {
        let (key, _) = self.sides.get(side)?.entry()?;
        key.starts_with(&self.prefix).then_some(key)
    }
}
