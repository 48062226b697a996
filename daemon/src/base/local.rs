//! Wake-ups between tasks of one core. Not `Send`: what crosses cores goes through the mailbox.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Wakes every task that waits. A waiter sees each call made after its [`Notify::ticket`].
#[derive(Default)]
pub struct Notify {
    count: Cell<u64>,
    waiters: RefCell<Vec<Waker>>,
}

impl Notify {
    /// No one waits yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of calls of [`Notify::notify`] so far; pass it to [`Notify::changed`].
    pub fn ticket(&self) -> u64 {
        self.count.get()
    }

    /// Wakes all waiters.
    pub fn notify(&self) {
        self.count.set(self.count.get() + 1);
        for waker in self.waiters.take() {
            waker.wake();
        }
    }

    /// Resolves once [`Notify::notify`] was called after `ticket` was taken.
    pub async fn changed(&self, ticket: u64) {
        poll_fn(|cx| {
            if self.count.get() != ticket {
                return Poll::Ready(());
            }
            let mut waiters = self.waiters.borrow_mut();
            if !waiters.iter().any(|w| w.will_wake(cx.waker())) {
                waiters.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
    sender_gone: bool,
}

/// The sending half of a one-value channel.
pub struct Sender<T>(Rc<RefCell<Slot<T>>>);
/// The receiving half of a one-value channel.
pub struct Receiver<T>(Rc<RefCell<Slot<T>>>);

/// A channel for one value between two tasks of one core.
#[must_use]
pub fn oneshot<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Rc::new(RefCell::new(Slot {
        value: None,
        waker: None,
        sender_gone: false,
    }));
    (Sender(slot.clone()), Receiver(slot))
}

impl<T> Sender<T> {
    /// Delivers the value. A receiver that is gone does not mind.
    pub fn send(self, value: T) {
        self.0.borrow_mut().value = Some(value);
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = self.0.borrow_mut();
            slot.sender_gone = true;
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Receiver<T> {
    /// The value, or `None` when the sender was dropped without one.
    pub async fn receive(self) -> Option<T> {
        poll_fn(|cx| {
            let mut slot = self.0.borrow_mut();
            if let Some(value) = slot.value.take() {
                return Poll::Ready(Some(value));
            }
            if slot.sender_gone {
                return Poll::Ready(None);
            }
            slot.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Mutual exclusion between tasks of one core, for a short section that has to await.
#[derive(Default)]
pub struct Gate {
    held: Cell<bool>,
    freed: Notify,
}

/// Holds a [`Gate`] until it is dropped.
pub struct GateGuard<'a>(&'a Gate);

impl Gate {
    /// Waits until no one else holds the gate.
    pub async fn enter(&self) -> GateGuard<'_> {
        loop {
            let ticket = self.freed.ticket();
            if !self.held.replace(true) {
                return GateGuard(self);
            }
            self.freed.changed(ticket).await;
        }
    }
}

impl Drop for GateGuard<'_> {
    fn drop(&mut self) {
        self.0.held.set(false);
        self.0.freed.notify();
    }
}
