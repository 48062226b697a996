//! Counts the operations of a core in which a device reads or writes our memory.
//!
//! A future that is dropped only *asks* the kernel to cancel its operation. The count follows the
//! buffer, which the ring keeps until the kernel is done with it, not the future.

use std::cell::Cell;
use std::rc::Rc;

#[derive(Default)]
pub(super) struct InFlight {
    count: Cell<usize>,
    closed: Cell<bool>,
}

impl InFlight {
    /// Counts one operation, until the ticket is dropped. `None` when no operation may begin any
    /// more.
    pub(super) fn begin(self: &Rc<Self>) -> Option<Ticket> {
        if self.closed.get() {
            return None;
        }
        self.count.set(self.count.get() + 1);
        Some(Ticket(self.clone()))
    }

    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    pub(super) fn close(&self) {
        self.closed.set(true);
    }
}

pub(super) struct Ticket(Rc<InFlight>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() - 1);
    }
}
