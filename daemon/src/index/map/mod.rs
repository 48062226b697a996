//! An ordered map of bytes in a memory-mapped file: read on every core without a lock or a message,
//! changed by one writer, published as a whole.
//!
//! The map is *derived*: whoever uses it can make it again from a log, so the file may be deleted
//! whenever nobody has it open. It is a tree of 4 KiB pages. The writer never changes a page that is
//! published; it writes new ones with `pwrite` beside them ([`MapWriter`]) and then publishes a new
//! root. Readers look through a read-only mapping ([`MapReader`]); a page is used again only when
//! nobody can have a state that contains it.
//!
//! Nothing found in the mapping is trusted: pages say which they are and when they were written, all
//! positions are checked, values are copied out and compared with a checksum, and "not there" is
//! believed only after the checksums of all pages on the way. So a damaged file gives an error,
//! never a wrong answer.
//!
//! `docs/format/namespace.md` has the layout, `docs/decisions/002-namespace-index.md` the reasons.

mod edit;
mod error;
mod find;
mod generation;
mod layout;
mod node;
mod open;
mod pages;
#[allow(unsafe_code, reason = "the one place that looks into the mapping")]
mod region;
mod scan;
mod superblock;
mod writer;

#[cfg(test)]
mod tests;

pub use error::MapError;
pub use generation::{Generation, MapReader, View};
pub use layout::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
pub use open::MapConfig;
pub use writer::MapWriter;

use std::ops::ControlFlow;

/// Takes a key and its value; breaks to see no more.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Reads of a state of the map.
pub trait Lookup {
    /// The value of a key.
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MapError>;
    /// Calls `visit` for the entries from `from` on, in order, until it breaks.
    fn scan(&self, from: &[u8], visit: &mut Visit<'_>) -> Result<(), MapError>;
}

/// How far into its log a published state reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Location of the last record it includes.
    pub covers: u64,
    /// Digest of that record.
    pub digest: u64,
}
