//! Published states of the map and how readers come by them.

use super::error::MapError;
use super::find::{self, Root};
use super::layout::{self, PageRef};
use super::node::Node;
use super::region::{Region, copy_page};
use super::scan::{self, Nodes};
use super::{Lookup, Stamp, Visit};
use crate::base::sync::{Arc, ArcSwap, Loaded, SegQueue};
use std::ops::Deref;
use std::rc::Rc;

/// A state of the map, immutable. Its pages are not written again before it is dropped.
#[derive(Debug)]
pub struct Generation {
    pub(super) number: u64,
    pub(super) stamp: Stamp,
    pub(super) len: u64,
    pub(super) root: Root,
    pub(super) salt: u32,
    pub(super) region: Arc<Region>,
    /// Where it leaves its number when the last reader is done with it.
    pub(super) dropped: Arc<SegQueue<u64>>,
}

impl Generation {
    /// Its number; each publication adds one.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// How far into the log it reaches.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Calls `f` with a checked copy of the value of a key. One probe, no allocation.
    pub fn get<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, MapError> {
        find::find(&self.region, self.salt, self.root, key, f)
    }
}

impl Lookup for Generation {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        self.get(key, <[u8]>::to_vec)
    }

    fn scan(&self, from: &[u8], visit: &mut Visit<'_>) -> Result<(), MapError> {
        scan::scan(self, self.root, from, visit)
    }
}

impl Nodes for Generation {
    fn node(&self, at: PageRef, level: u8) -> Result<Rc<Node>, MapError> {
        let bytes = copy_page(&self.region, at)?;
        layout::decode(&bytes, at, level, self.salt).map(Rc::new)
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        self.dropped.push(self.number);
    }
}

/// Hands out the current state, on any core, without a lock and without waiting.
#[derive(Clone, Debug)]
pub struct MapReader {
    pub(super) current: Arc<ArcSwap<Generation>>,
}

impl MapReader {
    /// The current state, for a look-up or a page of a listing. Must not be kept.
    #[must_use]
    pub fn view(&self) -> View {
        View(self.current.load())
    }

    /// The current state, to be kept for a while: pages it has are not used again meanwhile.
    #[must_use]
    pub fn hold(&self) -> Arc<Generation> {
        self.current.load_full()
    }
}

/// A [`Generation`] at hand.
pub struct View(Loaded<Arc<Generation>>);

impl Deref for View {
    type Target = Generation;
    fn deref(&self) -> &Generation {
        &self.0
    }
}
