//! The mapping that readers look through, and the only `unsafe` of the index.
//!
//! The file is mapped in chunks, each for good: the file only grows, by whole chunks that have room
//! on the device, and a larger [`Region`] shares the chunks of the smaller one. So an address once
//! mapped stays mapped and backed while any region that has it lives.

use super::error::MapError;
use super::layout::{PAGE, PageBytes, PageRef, WORDS};
use crate::io::mapfault::Watched;
use crate::io::mapfile::MapFile;
use memmap2::{MmapOptions, MmapRaw};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zerocopy::IntoBytes;

/// Pages mapped at once (1 MiB).
pub(super) const CHUNK_PAGES: u32 = 256;
/// Most chunks: 16 GiB, far fewer mappings than a process may have.
pub(super) const CHUNKS_MAX: usize = 16 * 1024;
/// Bytes of a chunk.
pub(super) const CHUNK_BYTES: u64 = CHUNK_PAGES as u64 * PAGE as u64;

/// A page as it lies in the map.
pub(super) type PageWords = [AtomicU64; WORDS];

/// The pages of the file, as many as there were when this was made.
#[derive(Clone, Debug, Default)]
pub(super) struct Region {
    chunks: Vec<Arc<Chunk>>,
}

/// A part of the file, watched for pages that cannot be had.
#[derive(Debug)]
struct Chunk {
    /// Before the mapping, so that it ends first.
    _watched: Watched,
    map: MmapRaw,
}

impl Region {
    /// Maps one chunk more of the file, which must be that long already, and reads it in: a page
    /// fault during a look-up would stall a core.
    pub(super) fn extended(&self, file: &MapFile) -> Result<Self, MapError> {
        let offset = self.chunks.len() as u64 * CHUNK_BYTES;
        let len = usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX);
        let mut options = MmapOptions::new();
        options.offset(offset).len(len);
        if !file.is_in_memory() {
            options.populate();
        }
        let chunk = options
            .map_raw_read_only(file.as_fd().as_raw_fd())
            .map_err(|error| MapError::io("map the index", &error))?;
        let watched = Watched::new(chunk.as_ptr() as usize, len, file.name(), offset);
        let mut chunks = self.chunks.clone();
        chunks.push(Arc::new(Chunk {
            _watched: watched,
            map: chunk,
        }));
        Ok(Self { chunks })
    }

    /// Number of pages.
    pub(super) fn pages(&self) -> u32 {
        u32::try_from(self.chunks.len()).map_or(u32::MAX, |chunks| chunks * CHUNK_PAGES)
    }

    pub(super) const fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// A page, if the map reaches so far.
    pub(super) fn page(&self, page: u32) -> Option<&PageWords> {
        let chunk = self.chunks.get((page / CHUNK_PAGES) as usize)?;
        let within = (page % CHUNK_PAGES) as usize * PAGE;
        // SAFETY: a chunk maps CHUNK_PAGES whole pages of a file that never shrinks, and `within` is
        // the start of one of them, so all of the page is mapped and readable, and it is aligned for
        // any word. The borrow of `self` keeps the mapping. The memory is only ever seen as atomic
        // words, loaded with `Relaxed` (which the language allows on read-only memory), so that a
        // write to the file at the same time can give an unexpected number but nothing undefined:
        // whoever loads it checks it.
        Some(unsafe { &*chunk.map.as_ptr().add(within).cast::<PageWords>() })
    }
}

/// A word of a page; 0 beyond its end.
pub(super) fn word(page: &PageWords, index: usize) -> u64 {
    page.get(index)
        .map_or(0, |word| u64::from_le(word.load(Ordering::Relaxed)))
}

/// A copy of a whole page.
pub(super) fn copy_page(region: &Region, at: PageRef) -> Result<PageBytes, MapError> {
    let words = region.page(at.page);
    let words = words.ok_or_else(|| at.damaged("beyond the end of the index"))?;
    let mut bytes: PageBytes = Box::new([0; PAGE]);
    for (to, from) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
        *to = from.load(Ordering::Relaxed).to_ne_bytes();
    }
    Ok(bytes)
}

/// Room for a copy of some words.
pub(super) struct Cell<const CAPACITY: usize> {
    words: [u64; CAPACITY],
}

impl<const CAPACITY: usize> Cell<CAPACITY> {
    pub(super) const fn new() -> Self {
        Self {
            words: [0; CAPACITY],
        }
    }

    /// Copies `len` bytes of the page, from a word on; `None` when they are not all in the page or
    /// are more than fit.
    pub(super) fn load(&mut self, page: &PageWords, first: usize, len: usize) -> Option<&[u8]> {
        let count = len.div_ceil(8);
        let from = page.get(first..)?.get(..count)?;
        let to = self.words.get_mut(..count)?;
        for (to, from) in to.iter_mut().zip(from) {
            *to = from.load(Ordering::Relaxed);
        }
        self.words.as_bytes().get(..len)
    }
}
