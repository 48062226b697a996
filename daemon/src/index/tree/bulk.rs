//! Building an index from entries or leaves that come in order.

use super::entries::{Entries, common_len, separator};
use super::node::{Children, Level};
use super::packed::{FIXED, PER_ENTRY, Packed};
use super::publish::{LeafSlot, pin};
use super::restructure::Shape;
use super::write::IndexWriter;
use super::{KEY_LEN_MAX, LEAF_BYTES_MAX, VALUE_LEN_MAX};

/// What was pushed does not come after what was pushed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keys do not ascend")]
pub struct OutOfOrder;

/// An index under construction: an order of magnitude faster than inserting, with full leaves.
#[derive(Default)]
pub struct Bulk {
    leaves: Vec<LeafSlot>,
    separators: Entries,
    last_key: Vec<u8>,
    entries: usize,
    bytes: usize,
    /// Entries that are not in a leaf yet.
    pending: Entries,
    pending_bytes: usize,
    packed: Vec<u8>,
}

impl Bulk {
    /// Nothing pushed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry; its key is above all before it.
    ///
    /// # Panics
    /// When the key is longer than [`KEY_LEN_MAX`] or the value than [`VALUE_LEN_MAX`].
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), OutOfOrder> {
        assert!(key.len() <= KEY_LEN_MAX, "key of {} bytes", key.len());
        assert!(value.len() <= VALUE_LEN_MAX, "value of {}", value.len());
        let after_pending = match self.pending.len() {
            0 => self.leaves.is_empty() || *self.last_key < *key,
            count => self.pending.key(count - 1) < key,
        };
        if !after_pending {
            return Err(OutOfOrder);
        }
        // Never less than what the entries take when packed.
        let count = self.pending.len() + 1;
        let prefix_len = match count {
            1 => key.len(),
            _ => common_len(self.pending.key(0), key),
        };
        let bytes = self.pending_bytes + key.len() + value.len() + PER_ENTRY + 2;
        if count > 1 && FIXED + bytes - (count - 1) * prefix_len > LEAF_BYTES_MAX {
            self.flush();
        }
        self.pending.push(key, value);
        self.pending_bytes += key.len() + value.len() + PER_ENTRY + 2;
        Ok(())
    }

    /// Appends a whole leaf: packed bytes that were validated.
    pub(in crate::index) fn push_leaf(&mut self, bytes: &[u8]) -> Result<(), OutOfOrder> {
        self.flush();
        let leaf = Packed::new(bytes);
        if leaf.len() == 0 {
            return Ok(());
        }
        let mut first = Vec::new();
        leaf.read_key(0, &mut first);
        if !self.leaves.is_empty() {
            if self.last_key >= first {
                return Err(OutOfOrder);
            }
            self.separators.push(separator(&self.last_key, &first), b"");
        }
        leaf.read_key(leaf.len() - 1, &mut self.last_key);
        self.entries += leaf.len();
        let slot = LeafSlot::new(bytes);
        self.bytes += slot.byte_len(&pin());
        self.leaves.push(slot);
        Ok(())
    }

    fn flush(&mut self) {
        if self.pending.len() > 0 {
            let mut packed = std::mem::take(&mut self.packed);
            self.pending.pack(0..self.pending.len(), &mut packed);
            self.pending.clear();
            self.pending_bytes = 0;
            let pushed = self.push_leaf(&packed);
            assert!(pushed.is_ok(), "push checked the order");
            self.packed = packed;
        }
    }

    /// The index of everything pushed.
    #[must_use]
    pub fn finish(mut self) -> IndexWriter {
        self.build()
    }

    fn build(&mut self) -> IndexWriter {
        self.flush();
        if self.leaves.is_empty() {
            self.pending.pack(0..0, &mut self.packed);
            let slot = LeafSlot::new(&self.packed);
            self.bytes += slot.byte_len(&pin());
            self.leaves.push(slot);
        }
        let leaves = Level {
            separators: std::mem::take(&mut self.separators),
            children: Children::Leaves(std::mem::take(&mut self.leaves).into()),
        };
        let mut shape = Shape {
            height: 0,
            bytes: self.bytes,
        };
        let root = shape.root_above(leaves, &pin());
        IndexWriter::new(root, shape, self.entries)
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        // Slots do not own their leaves; a tree does.
        if !self.leaves.is_empty() {
            drop(self.build());
        }
    }
}
