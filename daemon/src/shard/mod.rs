//! One core: the shards it owns, the way to every other core's shards, and the budgets.
//!
//! Writes go to the owner: a job that carries ownership of its buffers, through the owner's
//! mailbox, or called directly when the owner is this core. Reads go nowhere: every core holds a
//! [`crate::store::StoreReader`] of every shard.

pub mod audit;
pub mod budget;
pub mod copy;
pub mod core;
pub mod digester;
pub mod expire;
pub mod ledger;
#[cfg(test)]
mod ledger_tests;
pub mod links;
pub mod list;
mod meta;
pub mod meters;
pub mod open;
pub mod quota;
pub mod route;
pub mod sink;
mod usage;

pub use audit::Audit;
pub use budget::{Budget, Permit};
pub use copy::copy_bytes;
pub use core::{Core, Job, Topology};
pub use digester::{Digester, Expected};
pub use links::{LinkId, LinkStats};
pub use list::ObjectCursor;
pub use meters::Meters;
pub use sink::{Sink, Slot};
