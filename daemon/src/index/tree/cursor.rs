//! A place in the index that moves forwards: by one entry, or to a key further on.
//!
//! A cursor lends keys and values where a scan would call back, so that several can be merged. It
//! knows the bottom node it is in: a seek to a place nearby searches that node's separators, not
//! the tree.

use super::node::Inner;
use super::packed::Packed;
use super::publish::{Pin, pin};
use super::read::{IndexReader, Shared};
use std::cmp::Ordering;

/// While it is held, no node that its thread may be looking at is freed. Cheap to make; to be held
/// for a short time and never across an await, since everything that writers replace meanwhile
/// stays in memory.
pub struct Visit(Pin);

impl Visit {
    /// Begins.
    #[must_use]
    pub fn begin() -> Self {
        Self(pin())
    }
}

/// A place in an index. What it sees is what a scan ([`IndexReader::scan`]) would that began when
/// the cursor was made.
pub struct Cursor<'v> {
    shared: &'v Shared,
    pin: &'v Pin,
    node: &'v Inner,
    /// Which child of `node` is `leaf`.
    at: usize,
    leaf: Packed<'v>,
    /// Which entry of `leaf`; its length when there are no more in the whole index.
    index: usize,
    /// End of `node`'s range; none for the last node.
    upper: Option<Vec<u8>>,
    key: Vec<u8>,
    value: &'v [u8],
}

impl IndexReader {
    /// A cursor at the first entry whose key is `from` or greater.
    #[must_use]
    pub fn cursor<'v>(&'v self, visit: &'v Visit, from: &[u8]) -> Cursor<'v> {
        let (shared, pin) = (&*self.0, &visit.0);
        let mut upper = None;
        let (node, at) = shared.bottom(from, pin, Some(&mut upper));
        let mut cursor = Cursor {
            shared,
            pin,
            node,
            at,
            leaf: node.leaf(at).load(pin),
            index: 0,
            upper,
            key: Vec::with_capacity(64),
            value: &[],
        };
        cursor.find(from);
        cursor
    }
}

impl Cursor<'_> {
    /// Key and value of the entry here; `None` behind the last one.
    #[must_use]
    pub fn entry(&self) -> Option<(&[u8], &[u8])> {
        (self.index < self.leaf.len()).then_some((&self.key, self.value))
    }

    /// Goes to the next entry.
    pub fn advance(&mut self) {
        if self.index + 1 < self.leaf.len() {
            self.index += 1;
            self.key.truncate(self.leaf.prefix.len());
            self.take_entry();
        } else if self.index < self.leaf.len() {
            self.index += 1;
            self.settle();
        }
    }

    /// Goes to the first entry whose key is `key` or greater. Does nothing when the entry here is
    /// one of those.
    pub fn seek(&mut self, key: &[u8]) {
        if self.entry().is_none_or(|(here, _)| here >= key) {
            return;
        }
        let separators = self.node.separators();
        let in_node = || self.upper.as_deref().is_none_or(|upper| key < upper);
        let in_leaf = match self.at < separators.len() {
            true => separators.cmp_key(self.at, key) == Ordering::Greater,
            false => in_node(),
        };
        if !in_leaf {
            if in_node() {
                self.at = self.node.position(key);
            } else {
                (self.node, self.at) = self.shared.bottom(key, self.pin, Some(&mut self.upper));
            }
            self.leaf = self.node.leaf(self.at).load(self.pin);
        }
        self.find(key);
    }

    /// Goes to the first entry from `key` on, which is in the range of `leaf`.
    fn find(&mut self, key: &[u8]) {
        let (Ok(index) | Err(index)) = self.leaf.find(key);
        self.index = index;
        self.settle();
    }

    /// Reads the entry at `index`, or the first of the next leaf that has one.
    fn settle(&mut self) {
        while self.index == self.leaf.len() {
            if let Some(slot) = self.node.leaves().get(self.at + 1) {
                self.at += 1;
                self.leaf = slot.load(self.pin);
                self.index = 0;
            } else if let Some(upper) = self.upper.take() {
                (self.node, self.at) = self.shared.bottom(&upper, self.pin, Some(&mut self.upper));
                self.leaf = self.node.leaf(self.at).load(self.pin);
                // Since that node was found, its leaves may have been merged with earlier ones.
                let (Ok(index) | Err(index)) = self.leaf.find(&upper);
                self.index = index;
            } else {
                return;
            }
        }
        self.read_entry();
    }

    fn read_entry(&mut self) {
        self.key.clear();
        self.key.extend_from_slice(self.leaf.prefix);
        self.take_entry();
    }

    /// Reads the entry at `index`, given that `key` is the leaf's prefix.
    fn take_entry(&mut self) {
        let entry = self.leaf.entry(self.index);
        entry.push_suffix(&mut self.key);
        self.value = entry.value;
    }
}
