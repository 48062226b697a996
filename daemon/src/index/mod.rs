//! Derived maps of the log. The log is the truth; every index here may be deleted and is rebuilt.
//!
//! [`IndexWriter`] and [`IndexReader`] are an ordered map of byte strings held in memory: one
//! writer, readers on every core that take no lock and send no message. [`checkpoint`] saves and
//! loads it, so that a restart reads the last checkpoint and the tail of the log only.

pub mod checkpoint;
mod error;
pub mod map;
mod tree;

pub use error::IndexError;
pub use tree::{
    Bulk, Cursor, IndexReader, IndexWriter, KEY_LEN_MAX, OutOfOrder, VALUE_LEN_MAX, Visit, new,
};
