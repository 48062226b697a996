//! Proves the engine: log, index, namespace and store on the simulated disk, against a model.
//!
//! `docs/durability.md` says what is proven and which programme does it. [`model`] is the oracle of
//! them all. Every failure has a seed, and `chainring-proof replay PROGRAMME SEED` shows it again.

#![expect(
    clippy::indexing_slicing,
    reason = "a panic is a failure like any other here"
)]

pub mod client;
pub mod crash;
pub mod engine;
pub mod generate;
pub mod history;
pub mod journal;
pub mod linear;
pub mod model;
pub mod programme;
pub mod recovery;
pub mod reports;
pub mod runner;
pub mod subject;
