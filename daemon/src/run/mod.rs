//! Wiring: from settings to a running daemon, and back down in order.

mod admin;
mod boot;
mod core;
mod secrets;
mod spread;
mod tuning;
mod verify;

pub use boot::{BootError, run};
pub use verify::verify;
