//! Bytes of request bodies that may be in memory at once on one core. An upload that would exceed
//! the budget waits, and so does its client: that is the back-pressure.

use crate::base::local::Notify;
use std::cell::Cell;
use std::rc::Rc;

/// A core's budget of body bytes.
#[derive(Clone)]
pub struct Budget(Rc<State>);

struct State {
    free: Cell<usize>,
    total: usize,
    freed: Notify,
}

/// Bytes taken from the budget; given back when dropped.
pub struct Permit {
    state: Rc<State>,
    bytes: usize,
}

impl Budget {
    /// A budget of `total` bytes.
    #[must_use]
    pub fn new(total: usize) -> Self {
        Self(Rc::new(State {
            free: Cell::new(total),
            total,
            freed: Notify::new(),
        }))
    }

    /// Waits until `bytes` are free and takes them. More than the whole budget counts as all of it.
    pub async fn take(&self, bytes: usize) -> Permit {
        let bytes = bytes.min(self.0.total);
        loop {
            let ticket = self.0.freed.ticket();
            let free = self.0.free.get();
            if free >= bytes {
                self.0.free.set(free - bytes);
                return Permit {
                    state: self.0.clone(),
                    bytes,
                };
            }
            self.0.freed.changed(ticket).await;
        }
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.total - self.0.free.get()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.state.free.set(self.state.free.get() + self.bytes);
        self.state.freed.notify();
    }
}
