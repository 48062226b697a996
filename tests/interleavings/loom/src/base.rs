//! In place of the daemon's `base`.

pub mod sync;
