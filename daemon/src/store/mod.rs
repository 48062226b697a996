//! Object operations of one shard: what a record means, how it changes the index, in which order
//! things become visible. Knows no HTTP.
//!
//! [`Store`] is the writer and lives on the core that owns the shard. [`StoreReader`] is its
//! readers' side: any core may hold one and look up, list and read without a message.

pub mod body;
pub mod cache;
pub mod compact;
pub mod condition;
pub mod entry;
pub mod error;
pub mod expire;
mod holds;
pub mod inspect;
pub mod keys;
mod leases;
pub mod meta;
mod moves;
pub mod mutation;
mod new;
pub mod object;
mod opening;
mod put;
pub mod quota;
pub mod reader;
pub mod record;
mod saving;
pub mod scrub;
pub mod superblock;
mod uploads;
pub mod usage;
mod writer;

#[cfg(test)]
mod tests;

pub use body::BodyStream;
pub use cache::{CacheUse, ReadCache};
pub use condition::{EtagSet, WriteCondition};
pub use entry::{ObjectEntry, PartEntry, UploadEntry};
pub use error::StoreError;
pub use expire::{EndedUpload, Lifetime};
pub use holds::{Hold, NewExtent};
pub use meta::ObjectMeta;
pub use new::{NewBody, NewObject, Stored};
pub use object::Object;
pub use reader::{Opened, StoreReader};
pub use record::{Body, ETag, ObjectRecord, PartRef};
pub use uploads::{CompleteUpload, NewPart, NewUpload};
pub use usage::Usage;
pub use writer::{Store, StoreConfig};
