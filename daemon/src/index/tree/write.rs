//! The writer: inserts and removals.

use super::entries::{Entries, Out, Splice};
use super::node::{Children, Inner, Level};
use super::packed::Packed;
use super::publish::{LeafSlot, Pin, pin};
use super::read::{IndexReader, Shared};
use super::restructure::Shape;
use super::{KEY_LEN_MAX, LEAF_BYTES_MAX, LEAF_BYTES_MERGED_MAX, LEAF_BYTES_MIN, VALUE_LEN_MAX};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Changes an index. There is one per index; a change is visible to every reader when the method
/// that makes it returns.
pub struct IndexWriter {
    shared: Arc<Shared>,
    shape: Shape,
    entries: usize,
    scratch: Scratch,
}

/// Memory that every change uses again.
#[derive(Default)]
struct Scratch {
    packed: Vec<u8>,
    entries: Entries,
}

impl IndexWriter {
    pub(super) fn new(root: Inner, shape: Shape, entries: usize) -> Self {
        Self {
            shared: Arc::new(Shared::new(root, entries, shape.bytes)),
            shape,
            entries,
            scratch: Scratch::default(),
        }
    }

    /// A reader of this index.
    #[must_use]
    pub fn reader(&self) -> IndexReader {
        IndexReader(self.shared.clone())
    }

    /// As [`IndexReader::get`].
    pub fn get<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.shared.get(key, f)
    }

    /// Sets the value of `key`. Returns whether it had one before.
    ///
    /// # Panics
    /// When the key is longer than [`KEY_LEN_MAX`] or the value than [`VALUE_LEN_MAX`].
    pub fn insert(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.replace(key, value, |_| ()).is_some()
    }

    /// As [`IndexWriter::insert`], and has `old` look at the value that was there.
    ///
    /// # Panics
    /// When the key is longer than [`KEY_LEN_MAX`] or the value than [`VALUE_LEN_MAX`].
    pub fn replace<R>(
        &mut self,
        key: &[u8],
        value: &[u8],
        old: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        assert!(key.len() <= KEY_LEN_MAX, "key of {} bytes", key.len());
        assert!(value.len() <= VALUE_LEN_MAX, "value of {}", value.len());
        let pin = pin();
        let (node, at) = self.shared.bottom(key, &pin, None);
        let slot = node.leaf(at);
        let leaf = slot.load(&pin);
        let (range, replaced) = match leaf.find(key) {
            Ok(index) => (index..index + 1, Some(old(leaf.entry(index).value))),
            Err(index) => (index..index, None),
        };
        let splice = Splice::of(leaf, range.clone(), Some((key, value)));
        let splice = splice.filter(|splice| splice.byte_len() <= LEAF_BYTES_MAX);
        if let Some(splice) = splice {
            self.shape
                .replace_leaf(slot, splice.byte_len(), |out| splice.write(out), &pin);
        } else if let Some(leaves) = self.scratch.insert(leaf, range, key, value) {
            self.shape
                .replace_leaves(&self.shared, key, at..at + 1, leaves, &pin);
        } else {
            let packed = &self.scratch.packed;
            self.shape
                .replace_leaf(slot, packed.len(), |out| out.put(packed), &pin);
        }
        self.entries += usize::from(replaced.is_none());
        self.publish_counts();
        replaced
    }

    /// Removes `key`. Returns whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.take(key, |_| ()).is_some()
    }

    /// As [`IndexWriter::remove`], and has `old` look at the value that was there.
    pub fn take<R>(&mut self, key: &[u8], old: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let pin = pin();
        let (node, at) = self.shared.bottom(key, &pin, None);
        let slot = node.leaf(at);
        let leaf = slot.load(&pin);
        let index = leaf.find(key).ok()?;
        let old = old(leaf.entry(index).value);
        let remains = Splice::of(leaf, index..index + 1, None).expect("no key lacks the prefix");
        let len = remains.byte_len();
        if leaf.len() == 1 && self.shape.drop_leaf(&self.shared, key, &pin) {
            // The leaf went with its slot.
        } else if let Some((range, leaf)) = self.scratch.merge(node, at, index, len, &pin) {
            self.shape
                .replace_leaves(&self.shared, key, range, leaf, &pin);
        } else {
            self.shape
                .replace_leaf(slot, len, |out| remains.write(out), &pin);
        }
        self.entries -= 1;
        self.publish_counts();
        Some(old)
    }

    fn publish_counts(&self) {
        self.shared.entries.store(self.entries, Relaxed);
        self.shared.bytes.store(self.shape.bytes, Relaxed);
    }
}

impl Scratch {
    /// The leaves that `leaf` becomes with the entries in `range` replaced by a new one, where
    /// splicing does not do: the common prefix gets shorter, or the leaf too large. `None` when it
    /// still is a single leaf, which then is in `self.packed`.
    fn insert(
        &mut self,
        leaf: Packed<'_>,
        range: Range<usize>,
        key: &[u8],
        value: &[u8],
    ) -> Option<Level> {
        self.entries.clear();
        self.entries.push_all(leaf, 0..leaf.len());
        self.entries.splice(range.clone(), key, value);
        // Keys that arrive in order leave full leaves behind instead of half-full ones.
        let appended = range.start > 0 && range.start == leaf.len();
        let runs = self.entries.partition(appended.then_some(range.start));
        if let [run] = runs.as_slice() {
            self.entries.pack(run.clone(), &mut self.packed);
            return None;
        }
        let mut separators = Entries::default();
        let mut leaves = Vec::with_capacity(runs.len());
        for run in runs {
            if run.start > 0 {
                separators.push(self.entries.separator(run.start), b"");
            }
            self.entries.pack(run, &mut self.packed);
            leaves.push(LeafSlot::new(&self.packed));
        }
        Some(Level {
            separators,
            children: Children::Leaves(leaves.into()),
        })
    }

    /// The leaf that the one at `at` and a neighbour of the same parent become without the entry at
    /// `removed` (`remaining_len` bytes remain), and the children it replaces. `None` when they are not small enough.
    fn merge(
        &mut self,
        node: &Inner,
        at: usize,
        removed: usize,
        remaining_len: usize,
        pin: &Pin,
    ) -> Option<(Range<usize>, Level)> {
        if remaining_len >= LEAF_BYTES_MIN {
            return None;
        }
        let small = |neighbour: &usize| {
            let slot = node.leaves().get(*neighbour);
            let len = slot.map(|slot| slot.bytes(pin).len());
            len.is_some_and(|len| len + remaining_len <= LEAF_BYTES_MERGED_MAX)
        };
        let left = at.checked_sub(1).filter(small);
        let left = left.or_else(|| small(&(at + 1)).then_some(at))?;
        let (a, b) = (node.leaf(left).load(pin), node.leaf(left + 1).load(pin));
        self.entries.clear();
        self.entries.push_all(a, 0..a.len());
        self.entries.push_all(b, 0..b.len());
        self.entries.remove(if left == at {
            removed
        } else {
            a.len() + removed
        });
        let all = 0..self.entries.len();
        if self.entries.packed_len(all.clone()) > LEAF_BYTES_MERGED_MAX {
            return None; // Their common prefix is too short.
        }
        let mut packed = Vec::new();
        self.entries.pack(all, &mut packed);
        let level = Level {
            separators: Entries::default(),
            children: Children::Leaves([LeafSlot::new(&packed)].into()),
        };
        Some((left..left + 2, level))
    }
}
