//! Chainring: an S3 storage daemon with bucket links. One pinned thread per core, io_uring for
//! every socket and file.
//!
//! The modules are layers; each may use only itself and the layers listed above it (the tidy test
//! in `tests/` checks this). ARCHITECTURE.md at the root of the repository explains the whole.

pub mod admin;
pub mod base;
pub mod config;
pub mod http;
pub mod index;
pub mod io;
pub mod log;
pub mod monitor;
pub mod namespace;
pub mod run;
pub mod s3;
pub mod shard;
pub mod store;
pub mod verify;
