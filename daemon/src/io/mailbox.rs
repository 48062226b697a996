//! Mailboxes between cores: many senders, one receiver that takes everything there is.
//!
//! A sender touches nothing but the queue while the receiver is awake; only the first message to a
//! receiver that sleeps wakes it. So a burst costs one wake-up, and a busy core none at all.

use crate::base::sync::{
    Arc, AtomicBool, AtomicUsize, Mutex, Ordering, PoisonError, SegQueue, fence,
};
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// Most messages one call of [`Mailbox::recv_batch`] takes, so that a fast sender cannot keep it
/// from returning.
const BATCH_MAX: usize = 4096;

struct Shared<T> {
    queue: SegQueue<T>,
    /// Set by the receiver when it is about to sleep, cleared by the sender that wakes it.
    sleeping: AtomicBool,
    waker: Mutex<Option<Waker>>,
    senders: AtomicUsize,
    closed: AtomicBool,
}

impl<T> Shared<T> {
    /// After something changed that a sleeping receiver must see.
    fn nudge(&self) {
        // Pairs with the fence of the receiver: either it sees the change, or this sees it asleep.
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::AcqRel) {
            // Woken without the lock: waking may wait for the receiver's thread.
            let waker = lock(&self.waker).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    fn discard(&self) {
        while self.queue.pop().is_some() {}
    }
}

fn lock<T>(mutex: &Mutex<T>) -> impl std::ops::DerefMut<Target = T> + '_ {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A mailbox and its first sender.
#[must_use]
pub fn mailbox<T: Send>() -> (Sender<T>, Mailbox<T>) {
    let shared = Arc::new(Shared {
        queue: SegQueue::new(),
        sleeping: AtomicBool::new(false),
        waker: Mutex::new(None),
        senders: AtomicUsize::new(1),
        closed: AtomicBool::new(false),
    });
    (Sender(shared.clone()), Mailbox(shared))
}

/// Puts messages into a [`Mailbox`], from any thread. They arrive in the order of each sender.
pub struct Sender<T>(Arc<Shared<T>>);

impl<T> Sender<T> {
    /// Adds a message. Gives it back when the mailbox is gone.
    pub fn send(&self, message: T) -> Result<(), T> {
        if self.0.closed.load(Ordering::Acquire) {
            return Err(message);
        }
        self.0.queue.push(message);
        self.0.nudge();
        if self.0.closed.load(Ordering::Acquire) {
            // Closed meanwhile, perhaps after it was emptied: nothing may stay inside, as somebody
            // may wait for an answer to it.
            self.0.discard();
        }
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.nudge();
        }
    }
}

/// The receiving end; one task awaits it. Dropping it drops the messages inside.
pub struct Mailbox<T>(Arc<Shared<T>>);

impl<T> Mailbox<T> {
    /// Waits for messages and moves all of them to the end of `batch`. `false` when no message is
    /// left and no sender exists any more. Losing the race in a `select` loses no message.
    pub async fn recv_batch(&mut self, batch: &mut Vec<T>) -> bool {
        poll_fn(|cx| self.poll_batch(cx.waker(), batch)).await
    }

    fn poll_batch(&mut self, waker: &Waker, batch: &mut Vec<T>) -> Poll<bool> {
        if self.take(batch) {
            return Poll::Ready(true);
        }
        {
            let mut slot = lock(&self.0.waker);
            if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
                *slot = Some(waker.clone());
            }
        }
        // Swapped, not stored: loom places a mere store before a swap that it follows.
        self.0.sleeping.swap(true, Ordering::AcqRel);
        // Pairs with the fence of `nudge`.
        fence(Ordering::SeqCst);
        let orphaned = self.0.senders.load(Ordering::Acquire) == 0;
        if self.take(batch) {
            self.0.sleeping.swap(false, Ordering::AcqRel);
            return Poll::Ready(true);
        }
        if orphaned {
            return Poll::Ready(false);
        }
        Poll::Pending
    }

    fn take(&self, batch: &mut Vec<T>) -> bool {
        let before = batch.len();
        while batch.len() - before < BATCH_MAX
            && let Some(message) = self.0.queue.pop()
        {
            batch.push(message);
        }
        batch.len() > before
    }

    /// Whether a message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.queue.is_empty()
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        self.0.discard();
    }
}

#[cfg(test)]
#[path = "mailbox_tests.rs"]
mod tests;
