//! The command line against a daemon in memory: what is printed, where, and the exit status.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod batch;
mod harness;
mod keys;
mod links;
mod namespace;
mod secrets;
mod usage;
