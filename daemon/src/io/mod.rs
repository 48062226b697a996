//! The only layer that knows the kernel: files, sockets, timers, clock, entropy.
//!
//! The engine above (log, index, namespace, store) is generic over [`Disk`] and [`Clock`].
//! Production gives it [`uring`], tests give it [`sim`], a seeded simulator with faults.

pub mod disk;
pub mod sim;

pub use disk::{Clock, Disk, DiskFile, IoError, IoErrorKind};
