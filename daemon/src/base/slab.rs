//! Memory of the large buffers: cut from slabs that the system may back with huge pages.
//!
//! What the kernel reads from or writes to a device it has to find page by page; of a huge page
//! it finds 2 MiB at once. Of a write of a mebibyte, that is a fifth of the processor's time.
//!
//! Slabs are never given back, but the memory behind one of which no buffer is in use can be: all
//! of it at once, as a huge page that is given back in part falls into small ones.

use super::buffer::Block;
use super::limits::{BLOCK, EXTENT_BODY_MAX, EXTENT_HEAD};
use memmap2::{Advice, MmapMut};
use zerocopy::FromBytes;

/// Blocks of a large buffer: an extent.
pub(super) const LARGE_BLOCKS: usize = (EXTENT_HEAD + EXTENT_BODY_MAX) / BLOCK;
/// Bytes taken from the system at once: a whole number of huge pages, of which little is left over.
const SLAB_BYTES: usize = 16 * 1024 * 1024;
/// Large buffers in a slab.
const LARGE_PER_SLAB: usize = SLAB_BYTES / BLOCK / LARGE_BLOCKS;
/// Most slabs of a thread. What is needed beyond is ordinary memory.
const SLABS_MAX: usize = 128;

type Blocks = &'static mut [Block];

struct Slab {
    /// Address of the first byte.
    start: usize,
    /// Buffers that nobody uses.
    free: Vec<Blocks>,
    /// What is left over behind the last buffer.
    rest: Blocks,
    /// Fewest buffers that were free since it had no memory behind it: these were never used.
    fewest_free: usize,
}

impl Slab {
    const fn is_warm(&self) -> bool {
        self.fewest_free < LARGE_PER_SLAB
    }

    fn take(&mut self) -> Option<Blocks> {
        // The one used last: others may never have been used.
        let blocks = self.free.pop()?;
        self.fewest_free = self.fewest_free.min(self.free.len());
        Some(blocks)
    }
}

/// The large buffers of a thread that nobody uses.
pub(super) struct Slabs {
    own: Vec<Slab>,
    /// Buffers of other threads' slabs that ended up here.
    foreign: Vec<Blocks>,
    attempts: usize,
}

impl Slabs {
    pub(super) const EMPTY: Self = Self {
        own: Vec::new(),
        foreign: Vec::new(),
        attempts: 0,
    };

    /// A buffer, if there may be one more. Its content is unspecified.
    pub(super) fn take(&mut self) -> Option<Blocks> {
        if let Some(blocks) = self.foreign.pop() {
            return Some(blocks);
        }
        // The first slabs first, so that the last ones may become unused; warm before cold.
        let warm = |slab: &Slab| slab.is_warm() && !slab.free.is_empty();
        let found = self.own.iter().position(warm);
        let found = found.or_else(|| self.own.iter().position(|slab| !slab.free.is_empty()));
        let found = found.or_else(|| self.grow());
        self.own.get_mut(found?)?.take()
    }

    /// Keeps a buffer for reuse.
    pub(super) fn put(&mut self, blocks: Blocks) {
        let address = blocks.as_ptr().addr();
        let holds = |slab: &&mut Slab| (slab.start..slab.start + SLAB_BYTES).contains(&address);
        match self.own.iter_mut().find(holds) {
            Some(slab) => slab.free.push(blocks),
            None => self.foreign.push(blocks),
        }
    }

    /// Bytes of memory behind buffers that nobody uses.
    pub(super) fn bytes(&self) -> usize {
        let used = |slab: &Slab| slab.free.len() - slab.fewest_free;
        let buffers = self.own.iter().map(used).sum::<usize>() + self.foreign.len();
        buffers * LARGE_BLOCKS * BLOCK
    }

    /// Has the memory behind a slab of which nothing is in use taken away by `release`, which gets
    /// its pieces in order. `false` if there is no such slab.
    pub(super) fn cool(&mut self, release: impl FnOnce(&mut [&'static mut [Block]])) -> bool {
        let unused = |slab: &&mut Slab| slab.is_warm() && slab.free.len() == LARGE_PER_SLAB;
        let Some(slab) = self.own.iter_mut().rev().find(unused) else {
            return false;
        };
        slab.free.push(std::mem::take(&mut slab.rest));
        slab.free
            .sort_unstable_by_key(|blocks| blocks.as_ptr().addr());
        release(&mut slab.free);
        slab.rest = slab.free.pop().unwrap_or_default();
        slab.fewest_free = LARGE_PER_SLAB;
        true
    }

    fn grow(&mut self) -> Option<usize> {
        // Failed ones count: a system without memory to give has other worries.
        self.attempts += 1;
        if self.attempts > SLABS_MAX {
            return None;
        }
        let map = MmapMut::map_anon(SLAB_BYTES).ok()?;
        // Without huge pages it works as well, only slower.
        let _ = map.advise(Advice::HugePage);
        let map: &'static mut MmapMut = Box::leak(Box::new(map));
        let bytes: &'static mut [u8] = map;
        let start = bytes.as_ptr().addr();
        let blocks: Blocks = <[Block]>::mut_from_bytes(bytes).ok()?;
        let mut buffers = blocks.chunks_exact_mut(LARGE_BLOCKS);
        let free = buffers.by_ref().collect();
        self.own.push(Slab {
            start,
            free,
            rest: buffers.into_remainder(),
            fewest_free: LARGE_PER_SLAB,
        });
        Some(self.own.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_distinct_and_reused() {
        let mut slabs = Slabs::EMPTY;
        let count = 3 * LARGE_PER_SLAB;
        let all: Vec<_> = (0..count).filter_map(|_| slabs.take()).collect();
        let mut places: Vec<_> = all.iter().map(|b| b.as_ptr().addr()).collect();
        places.sort_unstable();
        assert!(
            places
                .windows(2)
                .all(|w| w[1] - w[0] >= LARGE_BLOCKS * BLOCK)
        );
        assert!(all.iter().all(|b| b.len() == LARGE_BLOCKS));
        assert!(places.iter().all(|place| place % BLOCK == 0));
        for blocks in all {
            slabs.put(blocks);
        }
        assert_eq!((slabs.own.len(), slabs.foreign.len()), (3, 0));
        assert_eq!(slabs.bytes(), count * LARGE_BLOCKS * BLOCK);
    }

    #[test]
    fn only_unused_slabs_lose_their_memory_and_all_of_it() {
        let mut slabs = Slabs::EMPTY;
        let used = slabs.take();
        assert!(!slabs.cool(|_| panic!("one is in use")));
        used.into_iter().for_each(|blocks| slabs.put(blocks));
        assert_eq!(slabs.bytes(), LARGE_BLOCKS * BLOCK);
        let mut bytes = 0;
        assert!(slabs.cool(|pieces| {
            bytes = pieces.iter().map(|blocks| size_of_val(*blocks)).sum();
            assert!(
                pieces
                    .windows(2)
                    .all(|two| { two[0].as_ptr_range().end.addr() == two[1].as_ptr().addr() })
            );
        }));
        assert_eq!(bytes, SLAB_BYTES);
        assert_eq!(slabs.bytes(), 0);
        assert!(!slabs.cool(|_| panic!("it has none any more")));
        assert!(slabs.take().is_some());
        assert_eq!(slabs.bytes(), 0);
    }

    #[test]
    fn buffers_that_moved_to_another_thread_are_used_there() {
        let (mut here, mut there) = (Slabs::EMPTY, Slabs::EMPTY);
        let blocks = here.take().unwrap();
        let place = blocks.as_ptr().addr();
        there.put(blocks);
        assert_eq!(there.take().unwrap().as_ptr().addr(), place);
        assert!(there.own.is_empty());
    }
}
