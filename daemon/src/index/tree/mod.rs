//! A B+tree of immutable packed leaves, changed by copying.
//!
//! A leaf is one allocation of exactly the bytes its entries need ([`packed`]); a change builds a
//! new leaf beside the old one and swaps a pointer ([`publish`]). Inner nodes ([`node`]) are copied
//! when a leaf is split or merged. Readers ([`read`]) therefore meet only finished nodes and never
//! wait; replaced nodes are freed when no reader can hold them any more.
//!
//! What a reader sees:
//! * a look-up sees every change that was finished before it began;
//! * a scan yields each key that exists throughout exactly once, in order, with a value it had
//!   during the scan. Keys that come or go meanwhile may or may not be seen.
//!
//! Leaves are plain bytes without pointers, the same in memory and in a checkpoint. An index larger
//! than memory could let a slot name a leaf's place in a checkpoint instead of its address.

mod bulk;
mod cursor;
mod entries;
mod node;
mod packed;
mod publish;
mod read;
mod restructure;
mod write;

#[cfg(test)]
mod tests;

pub use bulk::{Bulk, OutOfOrder};
pub use cursor::{Cursor, Visit};
pub use read::IndexReader;
pub use write::IndexWriter;

pub(super) use packed::{leaf_entries, validate};

/// Longest key in bytes. Twice the longest object key (escaping may double it), and some more.
pub const KEY_LEN_MAX: usize = 4096;
/// Longest value in bytes.
pub const VALUE_LEN_MAX: usize = 32 * 1024;

/// A leaf is split when it would be larger. A single entry may exceed it.
const LEAF_BYTES_MAX: usize = 4096 - 64;
/// A leaf that is smaller is merged with a neighbour when both together are small enough.
const LEAF_BYTES_MIN: usize = LEAF_BYTES_MAX / 4;
/// Two leaves are merged when the result is at most this large, so that it can grow again.
const LEAF_BYTES_MERGED_MAX: usize = LEAF_BYTES_MAX / 4 * 3;

/// Most children of an inner node.
const FANOUT_MAX: usize = 128;
/// Most bytes of separators of an inner node that has more than two children.
const SEPARATORS_BYTES_MAX: usize = 16 * 1024;

/// An empty index.
#[must_use]
pub fn new() -> (IndexWriter, IndexReader) {
    let writer = Bulk::new().finish();
    let reader = writer.reader();
    (writer, reader)
}
