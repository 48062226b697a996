//! XML as S3 speaks it: strict readers, and writers that append to a byte vector.

pub mod documents;
pub mod listing;
pub mod read;
mod tree;
pub mod write;
