//! Which pages of the file may be written: new ones, and old ones that no reader can hold.

use super::error::MapError;
use super::layout::{PAGE, PageBytes};
use super::region::{CHUNK_BYTES, CHUNKS_MAX, Region};
use super::superblock::SUPERBLOCKS;
use crate::base::sync::{Arc, SegQueue};
use crate::io::mapfile::MapFile;
use std::collections::{BTreeSet, VecDeque};

/// The file and its free pages. Free pages are not recorded anywhere: whoever opens a file finds
/// them by walking the tree.
pub(super) struct Pages {
    pub(super) file: MapFile,
    pub(super) region: Arc<Region>,
    /// Where states leave their numbers when they are dropped.
    pub(super) dropped: Arc<SegQueue<u64>>,
    free: Vec<u32>,
    /// Pages from here on were never used.
    next: u32,
    /// Pages that the state of this number does not have any more, oldest first.
    retired: VecDeque<(u64, Vec<u32>)>,
    /// Numbers of the states that readers may hold.
    alive: BTreeSet<u64>,
}

impl Pages {
    /// The pages of a file whose tree uses those `used` says (from page 0 on).
    pub(super) fn new(file: MapFile, region: Arc<Region>, used: &[bool]) -> Self {
        let pages = (0u32..).zip(used).skip(SUPERBLOCKS as usize);
        let free = pages.filter(|(_, used)| !**used).map(|(page, _)| page);
        Self {
            file,
            region,
            dropped: Arc::default(),
            free: free.collect(),
            next: u32::try_from(used.len())
                .unwrap_or(u32::MAX)
                .max(SUPERBLOCKS),
            retired: VecDeque::new(),
            alive: BTreeSet::new(),
        }
    }

    /// A page to write to. Only here can the device turn out to be full.
    pub(super) fn alloc(&mut self) -> Result<u32, MapError> {
        if let Some(page) = self.free.pop() {
            return Ok(page);
        }
        if self.next >= self.region.pages() {
            let chunks = self.region.chunks();
            if chunks >= CHUNKS_MAX {
                return Err(MapError::Full(self.region.pages()));
            }
            let grown = self.file.grow((chunks as u64 + 1) * CHUNK_BYTES);
            grown.map_err(|error| MapError::io("grow the index", &error))?;
            self.region = Arc::new(self.region.extended(&self.file)?);
        }
        let page = self.next;
        self.next += 1;
        Ok(page)
    }

    /// Takes back a page that no state has.
    pub(super) fn release(&mut self, page: u32) {
        self.free.push(page);
    }

    /// Notes that state `number` is published and has the `replaced` pages no more.
    pub(super) fn published(&mut self, number: u64, replaced: Vec<u32>) {
        self.alive.insert(number);
        self.retired.push_back((number, replaced));
        self.reclaim();
    }

    /// Frees the pages that only states now dropped had.
    fn reclaim(&mut self) {
        while let Some(number) = self.dropped.pop() {
            self.alive.remove(&number);
        }
        let oldest = self.alive.first().copied().unwrap_or(u64::MAX);
        while let Some((number, _)) = self.retired.front()
            && *number <= oldest
        {
            let (_, pages) = self.retired.pop_front().unwrap_or_default();
            self.free.extend(pages);
        }
    }

    /// Writes pages that no state has.
    pub(super) fn write(&self, page: u32, bytes: &PageBytes) -> Result<(), MapError> {
        let offset = u64::from(page) * PAGE as u64;
        self.file
            .write(offset, bytes.as_slice())
            .map_err(|error| MapError::io("write the index", &error))
    }

    /// Pages in use or waiting for readers, superblocks included.
    pub(super) const fn used(&self) -> usize {
        self.next as usize - self.free.len()
    }
}
