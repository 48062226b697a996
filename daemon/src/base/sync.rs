//! What cores share memory through. Code whose correctness rests on the order of what several threads
//! do takes these names from here and from nowhere else: `tests/interleavings` compiles the same files
//! with models in their place, and tries every order there is.

pub use arc_swap::{ArcSwap, Guard as Loaded};
pub use crossbeam_queue::SegQueue;
pub use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
pub use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory that is freed when no reader can hold it any more.
pub mod epoch {
    pub use crossbeam_epoch::{Atomic, Guard, Owned, Shared, pin, unprotected};
}
