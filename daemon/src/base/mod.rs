//! Ids, limits, buffers and codecs that every other layer speaks. Uses nothing but `std` and small
//! helper crates; knows no file, no socket and no clock.

pub mod buffer;
pub mod calendar;
pub mod codec;
pub mod hex;
pub mod ids;
pub mod json;
pub mod limits;
pub mod local;
pub mod md5;
pub mod shared;
mod slab;
pub mod sync;

pub use buffer::AlignedBuf;
pub use ids::{BucketId, Location, ShardId, Timestamp, UploadId, VersionId};
pub use shared::SharedBytes;
