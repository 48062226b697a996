//! Wiring: from settings to a running daemon, and back down in order.

mod boot;
mod core;

pub use boot::{BootError, run};
