//! Checkpoints: an index saved to a file, so that a restart need not read the whole log.
//!
//! The file holds the index's leaves as they are in memory, in pages with checksums ([`format`]);
//! `docs/format/checkpoint.md` has every byte of it.
//!
//! A checkpoint is fuzzy: it is written while the index changes. It holds every change made before
//! [`write`](write()) was called and any of those made meanwhile. After loading it the log is
//! replayed from the location it covers, and replaying a record that is in it already changes
//! nothing.
//!
//! What is counted over the entries of the index can be saved beside it ([`Companion`]).
//!
//! Nothing rests on a checkpoint. One that is damaged in any way is refused, with the reason, and
//! the index is rebuilt from the log.

mod format;
mod load;
mod write;

#[cfg(test)]
mod tests;

pub use load::{Loaded, Unusable, load};
pub use write::{Companion, Prepared, discard, prepare, write};

/// The checkpoint's name in the shard's folder.
const NAME: &str = "index.checkpoint";
/// Its name while it is written.
const NAME_UNFINISHED: &str = "index.checkpoint.new";
