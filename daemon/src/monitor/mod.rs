//! Metrics for Prometheus: what every core counts, fetched by a message when somebody asks, on a
//! listener of its own.
//!
//! [`sample`] collects, [`page`] says what it means, [`text`] knows the format, [`server`] answers.

pub mod page;
pub mod sample;
pub mod server;
pub mod text;

pub use server::Monitor;
