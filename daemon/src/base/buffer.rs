//! Buffers that the kernel can write with O_DIRECT: aligned to a block, a whole number of blocks
//! long, pooled per thread. A body is received into one and written or sent from it, never copied.

use crate::base::limits::BLOCK;
use crate::base::slab::{LARGE_BLOCKS, Slabs};
use std::cell::RefCell;
use std::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(4096))]
pub(super) struct Block([u8; BLOCK]);

const ZERO: Block = Block([0; BLOCK]);

/// Most bytes a thread keeps for reuse.
const POOL_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What remains of them after [`trim_pool`].
const POOL_BYTES_IDLE: usize = 2 * 1024 * 1024;

thread_local! {
    static POOL: RefCell<Pool> = const {
        RefCell::new(Pool { free: Vec::new(), bytes: 0, slabs: Slabs::EMPTY })
    };
}

struct Pool {
    free: Vec<Vec<Block>>,
    /// Of `free`.
    bytes: usize,
    slabs: Slabs,
}

enum Memory {
    Own(Vec<Block>),
    Large(&'static mut [Block]),
}

impl Memory {
    fn blocks(&self) -> &[Block] {
        match self {
            Self::Own(blocks) => blocks,
            Self::Large(blocks) => blocks,
        }
    }
}

impl Pool {
    /// Memory of at least `count` blocks, not much more.
    fn take(&mut self, count: usize) -> Option<Memory> {
        // A buffer of half the size is as much at home in ordinary memory.
        if (LARGE_BLOCKS / 2..=LARGE_BLOCKS).contains(&count)
            && let Some(blocks) = self.slabs.take()
        {
            return Some(Memory::Large(blocks));
        }
        let found = self
            .free
            .iter()
            .rposition(|b| b.len() >= count && b.len() <= count * 2)?;
        let blocks = self.free.swap_remove(found);
        self.bytes -= blocks.len() * BLOCK;
        Some(Memory::Own(blocks))
    }

    fn put(&mut self, memory: Memory) {
        match memory {
            Memory::Own(blocks) => {
                let bytes = blocks.len() * BLOCK;
                if bytes > 0 && self.bytes + bytes <= POOL_BYTES_MAX {
                    self.bytes += bytes;
                    self.free.push(blocks);
                }
            }
            Memory::Large(blocks) => self.slabs.put(blocks),
        }
    }
}

/// An owned, block-aligned buffer with a length. All of its capacity is initialised memory.
pub struct AlignedBuf {
    memory: Memory,
    len: usize,
}

impl AlignedBuf {
    /// A buffer without memory, to leave where another was taken from.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            memory: Memory::Own(Vec::new()),
            len: 0,
        }
    }

    /// A buffer of at least `capacity` bytes (rounded up to whole blocks), length 0. Its content is
    /// unspecified: reused buffers keep what they held.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let count = capacity.div_ceil(BLOCK).max(1);
        let reused = POOL.with_borrow_mut(|pool| pool.take(count));
        let memory = reused.unwrap_or_else(|| Memory::Own(vec![ZERO; count]));
        Self { memory, len: 0 }
    }

    /// A buffer of `len` zero bytes.
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        let mut buf = Self::with_capacity(len);
        buf.len = len;
        buf.fill(0);
        buf
    }

    /// A buffer that holds a copy of `bytes`.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut buf = Self::with_capacity(bytes.len());
        buf.extend(bytes);
        buf
    }

    /// Bytes in use.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no byte is in use.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes it can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.blocks().len() * BLOCK
    }

    /// Sets the length. Bytes between the old and the new length are whatever they were.
    ///
    /// # Panics
    /// When `len` is beyond the capacity.
    pub fn set_len(&mut self, len: usize) {
        assert!(
            len <= self.capacity(),
            "length {len} beyond capacity {}",
            self.capacity()
        );
        self.len = len;
    }

    /// Appends `bytes`.
    ///
    /// # Panics
    /// When they do not fit.
    #[expect(clippy::indexing_slicing, reason = "set_len checked the bounds")]
    pub fn extend(&mut self, bytes: &[u8]) {
        let start = self.len;
        self.set_len(start + bytes.len());
        self.whole_mut()[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Fills with zeros up to the next multiple of `granularity` (which divides the block size or is
    /// a multiple of it).
    pub fn pad_to(&mut self, granularity: usize) {
        let start = self.len;
        self.set_len(start.next_multiple_of(granularity));
        if let Some(tail) = self.get_mut(start..) {
            tail.fill(0);
        }
    }

    /// The whole capacity, including bytes beyond the length.
    #[must_use]
    pub fn whole(&self) -> &[u8] {
        self.memory.blocks().as_bytes()
    }

    /// The whole capacity, including bytes beyond the length.
    pub fn whole_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Own(blocks) => blocks.as_mut_slice().as_mut_bytes(),
            Memory::Large(blocks) => blocks.as_mut_bytes(),
        }
    }
}

/// Bytes that this thread keeps for reuse.
#[must_use]
pub fn pooled_bytes() -> usize {
    POOL.with_borrow(|pool| pool.bytes + pool.slabs.bytes())
}

/// Gives most of what this thread keeps for reuse back to the system. To be called now and then by
/// a thread that may have become idle. `release` takes the memory behind bytes away, piece after
/// piece without a gap; they may be anything afterwards.
pub fn trim_pool(release: impl Fn(&mut [&mut [u8]])) {
    POOL.with_borrow_mut(|pool| {
        while pool.bytes + pool.slabs.bytes() > POOL_BYTES_IDLE {
            if let Some(blocks) = pool.free.pop() {
                pool.bytes -= blocks.len() * BLOCK;
                continue;
            }
            let cooled = pool.slabs.cool(|pieces| {
                let mut pieces: Vec<_> = pieces.iter_mut().map(|p| p.as_mut_bytes()).collect();
                release(&mut pieces);
            });
            if !cooled {
                return;
            }
        }
    });
}

/// Frees all that this thread keeps for reuse, but for large buffers, which are all of one size. A buffer
/// may have up to twice the capacity that was asked for, depending on what is kept; after this that
/// depends on nothing that was before.
pub fn empty_pool() {
    POOL.with_borrow_mut(|pool| {
        pool.free.clear();
        pool.bytes = 0;
    });
}

impl std::ops::Deref for AlignedBuf {
    type Target = [u8];

    #[expect(
        clippy::indexing_slicing,
        reason = "len <= capacity is the type's invariant"
    )]
    fn deref(&self) -> &[u8] {
        &self.whole()[..self.len]
    }
}

impl std::ops::DerefMut for AlignedBuf {
    #[expect(
        clippy::indexing_slicing,
        reason = "len <= capacity is the type's invariant"
    )]
    fn deref_mut(&mut self) -> &mut [u8] {
        let len = self.len;
        &mut self.whole_mut()[..len]
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedBuf({} of {})", self.len, self.capacity())
    }
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        let memory = std::mem::replace(&mut self.memory, Memory::Own(Vec::new()));
        // A thread that is ending has no pool any more; the memory is then simply freed, or, if it
        // is of a slab, lost.
        let _ = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut() {
                pool.put(memory);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_and_reused() {
        let buf = AlignedBuf::with_capacity(5000);
        assert_eq!(buf.capacity(), 8192);
        let address = buf.whole().as_ptr() as usize;
        assert_eq!(address % BLOCK, 0);
        drop(buf);
        let again = AlignedBuf::with_capacity(8192);
        assert_eq!(again.whole().as_ptr() as usize, address);
    }

    #[test]
    fn pads_with_zeros() {
        let mut buf = AlignedBuf::with_capacity(BLOCK);
        buf.whole_mut().fill(0xff);
        buf.extend(b"abc");
        buf.pad_to(512);
        assert_eq!(buf.len(), 512);
        assert!(buf[3..].iter().all(|&b| b == 0));
    }
}
