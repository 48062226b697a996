//! Wiring: from settings to a running daemon, and back down in order.

mod admin;
mod boot;
mod core;
mod secrets;
mod spread;
mod tuning;

pub use boot::{BootError, run};
