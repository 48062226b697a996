//! In place of the daemon's `index`: its two maps.

#[path = "../../../../daemon/src/index/map/mod.rs"]
pub mod map;
#[path = "../../../../daemon/src/index/tree/mod.rs"]
pub mod tree;
