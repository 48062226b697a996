//! In place of the daemon's `base/sync.rs`: the same names with the same contracts, on loom's types.
//!
//! The libraries behind the real ones (arc-swap, crossbeam) have tests of their own. What is modelled is
//! what they promise: an exchange is one step, and who takes something out sees what was put in.

pub mod epoch;

pub use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
pub use loom::sync::{Arc, Mutex, MutexGuard};
pub use std::sync::PoisonError;

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A queue of many senders and receivers.
pub struct SegQueue<T>(Mutex<VecDeque<T>>);

impl<T> SegQueue<T> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    /// Adds at the end.
    pub fn push(&self, value: T) {
        lock(&self.0).push_back(value);
    }

    /// Takes from the front.
    pub fn pop(&self) -> Option<T> {
        lock(&self.0).pop_front()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }
}

impl<T> Default for SegQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for SegQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SegQueue")
    }
}

/// An [`Arc`] that is exchanged as a whole.
pub struct ArcSwap<T>(Mutex<Arc<T>>);

impl<T> ArcSwap<T> {
    /// Holds a new `Arc`.
    pub fn from_pointee(value: T) -> Self {
        Self(Mutex::new(Arc::new(value)))
    }

    /// What it holds, for a short while.
    pub fn load(&self) -> Loaded<Arc<T>> {
        Loaded(self.load_full())
    }

    /// What it holds.
    pub fn load_full(&self) -> Arc<T> {
        lock(&self.0).clone()
    }

    /// Holds another one from now on.
    pub fn store(&self, value: Arc<T>) {
        let old = std::mem::replace(&mut *lock(&self.0), value);
        // Outside of the lock: dropping it may do something.
        drop(old);
    }
}

impl<T> fmt::Debug for ArcSwap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArcSwap")
    }
}

/// What [`ArcSwap::load`] gives.
pub struct Loaded<T>(T);

impl<T> Deref for Loaded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
