//! The writing side: changes are collected in copies of the pages they touch, then published at
//! once.

use super::error::MapError;
use super::find::{self, Root};
use super::generation::{Generation, MapReader};
use super::layout::{self, PageRef};
use super::node::Node;
use super::pages::Pages;
use super::region::copy_page;
use super::scan::{self, Nodes};
use super::{Lookup, Stamp, Visit};
use crate::base::sync::{Arc, ArcSwap};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Changed pages kept taken apart; when there are more, they are written (and not published).
const DIRTY_MAX: usize = 1024;

/// Published pages kept taken apart, for reads.
const KNOWN_MAX: usize = 64;

/// The one writer of a map. Its reads see its own changes.
///
/// After an error of [`MapWriter::insert`] or [`MapWriter::remove`] the changes since the last
/// publication are of no use: call [`MapWriter::discard`].
pub struct MapWriter {
    pub(super) pages: Pages,
    pub(super) store: [u8; 16],
    pub(super) salt: u32,
    pub(super) reader: MapReader,
    /// Sequence number of the superblock on disk.
    pub(super) sequence: u64,
    pub(super) changes: Changes,
    /// Published pages read lately. A page of a generation never changes.
    known: RefCell<HashMap<u64, Rc<Node>>>,
}

/// What was changed since the last publication.
pub(super) struct Changes {
    pub(super) root: Root,
    pub(super) len: u64,
    /// Pages written to by these changes; nobody else has them.
    pub(super) fresh: HashSet<u32>,
    /// Those of them that are taken apart.
    pub(super) dirty: HashMap<u32, Rc<Node>>,
    /// Pages of the last published state that these changes replace.
    pub(super) replaced: Vec<u32>,
}

impl Changes {
    pub(super) fn none(root: Root, len: u64) -> Self {
        Self {
            root,
            len,
            fresh: HashSet::new(),
            dirty: HashMap::new(),
            replaced: Vec::new(),
        }
    }
}

impl MapWriter {
    /// A writer on top of a tree whose pages are all written.
    pub(super) fn new(
        mut pages: Pages,
        store: [u8; 16],
        sequence: u64,
        root: Root,
        len: u64,
        (number, stamp): (u64, Stamp),
    ) -> Self {
        let salt = salt(store);
        let generation = Generation {
            number,
            stamp,
            len,
            root,
            salt,
            region: pages.region.clone(),
            dropped: pages.dropped.clone(),
        };
        pages.published(number, Vec::new());
        Self {
            pages,
            store,
            salt,
            reader: MapReader {
                current: Arc::new(ArcSwap::from_pointee(generation)),
            },
            sequence,
            changes: Changes::none(root, len),
            known: RefCell::default(),
        }
    }

    /// A reader of what is published.
    #[must_use]
    pub fn reader(&self) -> MapReader {
        self.reader.clone()
    }

    /// Pages of the file in use, those that wait for readers included.
    #[must_use]
    pub const fn pages_used(&self) -> usize {
        self.pages.used()
    }

    /// The number the next published state will have.
    pub(super) fn next_number(&self) -> u64 {
        self.reader.view().number + 1
    }

    /// A page of the next state.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
    pub(super) fn fresh_ref(&self, page: u32) -> PageRef {
        PageRef {
            page,
            generation: self.next_number() as u32,
        }
    }

    /// Publishes all changes as one new state and returns its number.
    pub fn publish(&mut self, stamp: Stamp) -> Result<u64, MapError> {
        self.write_dirty()?;
        let number = self.next_number();
        let (root, len) = (self.changes.root, self.changes.len);
        let changes = std::mem::replace(&mut self.changes, Changes::none(root, len));
        self.reader.current.store(Arc::new(Generation {
            number,
            stamp,
            len,
            root,
            salt: self.salt,
            region: self.pages.region.clone(),
            dropped: self.pages.dropped.clone(),
        }));
        self.pages.published(number, changes.replaced);
        Ok(number)
    }

    /// Forgets all changes since the last publication.
    pub fn discard(&mut self) {
        let (root, len) = {
            let published = self.reader.view();
            (published.root, published.len)
        };
        let changes = std::mem::replace(&mut self.changes, Changes::none(root, len));
        for page in changes.fresh {
            self.pages.release(page);
        }
    }

    /// Writes changed pages when there are many of them in memory.
    pub(super) fn spill(&mut self) -> Result<(), MapError> {
        if self.changes.dirty.len() > DIRTY_MAX {
            self.write_dirty()?;
        }
        Ok(())
    }

    fn write_dirty(&mut self) -> Result<(), MapError> {
        let number = self.next_number();
        let mut dirty: Vec<_> = self.changes.dirty.drain().collect();
        dirty.sort_unstable_by_key(|(page, _)| *page);
        for (page, node) in dirty {
            let at = self.fresh_ref(page);
            let bytes = layout::encode(&node, at, number, self.salt);
            self.pages.write(page, &bytes)?;
        }
        Ok(())
    }
}

/// What ties the pages' checksums to their store.
pub(super) fn salt(store: [u8; 16]) -> u32 {
    crc32fast::hash(&store)
}

impl Nodes for MapWriter {
    fn node(&self, at: PageRef, level: u8) -> Result<Rc<Node>, MapError> {
        if let Some(node) = self.changes.dirty.get(&at.page) {
            return Ok(node.clone());
        }
        if let Some(node) = self.known.borrow().get(&at.to_word()) {
            return Ok(node.clone());
        }
        let bytes = copy_page(&self.pages.region, at)?;
        let node = Rc::new(layout::decode(&bytes, at, level, self.salt)?);
        // Pages of unpublished changes may be written again.
        if !self.changes.fresh.contains(&at.page) {
            let mut known = self.known.borrow_mut();
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(at.to_word(), node.clone());
        }
        Ok(node)
    }
}

impl Lookup for MapWriter {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        let mut here = self.changes.root;
        // Pages of this writer first; what is below a page of the published state is all published.
        while self.changes.fresh.contains(&here.at.page) {
            let node = self.node(here.at, here.level)?;
            if here.level == 0 {
                let found = node.find(key).ok();
                return Ok(found.map(|index| node.value(index).to_vec()));
            }
            here = Root {
                at: node.child(node.child_index(key)),
                level: here.level - 1,
            };
        }
        find::find(&self.pages.region, self.salt, here, key, <[u8]>::to_vec)
    }

    fn scan(&self, from: &[u8], visit: &mut Visit<'_>) -> Result<(), MapError> {
        scan::scan(self, self.changes.root, from, visit)
    }
}
