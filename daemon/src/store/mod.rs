//! Object operations of one shard: what a record means, how it changes the index, in which order
//! things become visible. Knows no HTTP.
//!
//! [`Store`] is the writer and lives on the core that owns the shard. [`StoreReader`] is its
//! readers' side: any core may hold one and look up, list and read without a message.

pub mod body;
pub mod cache;
pub mod condition;
pub mod entry;
pub mod error;
pub mod expire;
pub mod inspect;
pub mod keys;
mod leases;
pub mod meta;
pub mod mutation;
pub mod object;
mod put;
pub mod quota;
pub mod reader;
pub mod record;
mod saving;
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
pub use meta::ObjectMeta;
pub use object::Object;
pub use reader::StoreReader;
pub use record::{Body, ETag, ObjectRecord, PartRef};
pub use uploads::{CompleteUpload, NewPart, NewUpload};
pub use usage::Usage;
pub use writer::{NewBody, NewObject, Store, StoreConfig, Stored};
