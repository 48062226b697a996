//! The command line against a daemon in memory: what is printed, where, and the exit status.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod access;
mod batch;
mod harness;
mod keys;
mod link_changes;
mod links;
mod namespace;
mod secrets;
mod tenants;
mod uploads;
mod usage;
