//! Checking a store that no daemon has open: reads all of it, changes nothing, and explains every
//! difference in words.
//!
//! The index of each shard is put together twice, as a start would do it and from the whole log
//! alone, and compared; then every record and every body that the index names is read from the
//! device. The namespace's snapshots, log and mapped index are compared likewise.
//!
//! | module | |
//! |---|---|
//! | `names` | the namespace |
//! | `shard` | one shard: damage, indexes, usage |
//! | `bodies` | every live record and body |
//! | `explain` | what a finding means and what to do |
//! | `finding`, `report` | findings, and how they are printed |
//! | `progress` | how far it is |

mod bodies;
mod explain;
mod finding;
mod names;
mod progress;
mod report;
mod shard;
#[cfg(test)]
mod tests;

pub use finding::{Finding, Findings, Part, Severity};
pub use names::verify_names;
pub use progress::{Phase, Progress};
pub use report::{Report, StoreReport};
pub use shard::{ShardCheck, verify_shard};

use crate::base::BucketId;
use std::collections::HashMap;
use std::sync::Arc;

/// What to do beyond the usual.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether the MD5 of every body is computed and compared with the ETag.
    pub deep: bool,
}

/// Names of buckets, `/volume/bucket`, by number. `None` when the namespace cannot tell.
pub type BucketNames = Option<Arc<HashMap<BucketId, String>>>;
