//! Object operations of one shard: what a record means, how it changes the index, in which order
//! things become visible. Knows no HTTP.

pub mod keys;
pub mod meta;
