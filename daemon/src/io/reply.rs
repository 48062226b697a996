//! Answers that come from another core.
//!
//! Waking a task of another core directly would go through a queue of fixed size in the runtime, on
//! which two cores can wait for each other. So the answering core puts the waker of the
//! waiting task into a mailbox of the task's own core, which wakes it there: unbounded, and many
//! answers cost one wake-up.

use super::mailbox::Sender;
use super::runtime;
use crate::base::sync::{Arc, Mutex, MutexGuard, Ordering, PoisonError};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicU32;
use std::task::{Context, Poll, Waker};

/// Every core with a running runtime.
static HOMES: Mutex<Vec<(HomeId, Sender<Waker>)>> = Mutex::new(Vec::new());
static NEXT_HOME: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// What this thread knows of [`HOMES`], so that an answer takes no lock.
    static KNOWN: RefCell<Vec<(HomeId, Sender<Waker>)>> = const { RefCell::new(Vec::new()) };
}

/// Names a core's runtime; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HomeId(u32);

/// Announces a runtime until it is dropped.
pub(super) struct Home(HomeId);

impl Home {
    pub(super) fn open(wakers: Sender<Waker>) -> Self {
        let id = HomeId(NEXT_HOME.fetch_add(1, Ordering::Relaxed));
        lock(&HOMES).push((id, wakers));
        Self(id)
    }

    pub(super) const fn id(&self) -> HomeId {
        self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        lock(&HOMES).retain(|(id, _)| *id != self.0);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes a task of `home` there.
fn wake_at(home: Option<HomeId>, waker: Waker) {
    let here = runtime::core().map(|core| core.home.id());
    let Some(home) = home.filter(|&home| Some(home) != here) else {
        return waker.wake();
    };
    let refused = KNOWN.with(|known| {
        let mut known = known.borrow_mut();
        if !known.iter().any(|(id, _)| *id == home) {
            known.clone_from(&lock(&HOMES));
        }
        match known.iter().find(|(id, _)| *id == home) {
            Some((_, wakers)) => wakers.send(waker).err(),
            None => Some(waker),
        }
    });
    if let Some(waker) = refused {
        // That runtime has ended; its tasks ignore this.
        waker.wake();
    }
}

struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
    closed: bool,
}

/// The obligation to answer. Dropped unanswered, the other side gets `None`.
#[must_use = "somebody waits for it"]
pub struct Reply<T: Send> {
    slot: Arc<Mutex<Slot<T>>>,
    home: Option<HomeId>,
}

/// An answer that is to come, as a future. Await it on the thread that asked.
#[must_use = "futures do nothing unless awaited"]
pub struct Answer<T: Send>(Arc<Mutex<Slot<T>>>);

/// A question's two ends. The answer wakes the core that calls this.
pub fn reply<T: Send>() -> (Reply<T>, Answer<T>) {
    let slot = Arc::new(Mutex::new(Slot {
        value: None,
        waker: None,
        closed: false,
    }));
    let home = runtime::core().map(|core| core.home.id());
    (
        Reply {
            slot: slot.clone(),
            home,
        },
        Answer(slot),
    )
}

impl<T: Send> Reply<T> {
    /// Answers. When nobody waits any more, the value is dropped.
    pub fn send(self, value: T) {
        lock(&self.slot).value = Some(value);
        // Dropping wakes.
    }
}

impl<T: Send> Drop for Reply<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = lock(&self.slot);
            slot.closed = true;
            slot.waker.take()
        };
        if let Some(waker) = waker {
            wake_at(self.home, waker);
        }
    }
}

impl<T: Send> Future for Answer<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = lock(&self.0);
        if slot.closed {
            return Poll::Ready(slot.value.take());
        }
        match &mut slot.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl<T: Send> Drop for Answer<T> {
    fn drop(&mut self) {
        lock(&self.0).waker = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::mailbox::mailbox;
    use crate::io::runtime::{run, spawn};
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn answers_arrive_and_dropped_questions_end() {
        run(async {
            let (question, answer) = reply::<u32>();
            question.send(7);
            assert_eq!(answer.await, Some(7));
            let (question, answer) = reply::<u32>();
            drop(question);
            assert_eq!(answer.await, None);
            let (question, answer) = reply::<u32>();
            drop(answer);
            question.send(8);
        })
        .unwrap();
    }

    /// Many tasks of one ring ask another ring, which answers in bursts.
    #[test]
    fn thousands_of_questions_across_rings() {
        const TASKS: u64 = 200;
        const EACH: u64 = 200;
        let (ask, mut asked) = mailbox::<(u64, Reply<u64>)>();
        let answering = std::thread::spawn(move || {
            run(async move {
                let mut batch = Vec::new();
                while asked.recv_batch(&mut batch).await {
                    for (number, reply) in batch.drain(..) {
                        reply.send(number * 2);
                    }
                }
            })
            .unwrap();
        });
        run(async move {
            let done = Rc::new(Cell::new(0));
            let (finished, mut all) = mailbox::<()>();
            for task in 0..TASKS {
                let (ask, done, finished) = (ask.clone(), done.clone(), finished.clone());
                spawn(async move {
                    for number in 0..EACH {
                        let (question, answer) = reply();
                        assert!(ask.send((task + number, question)).is_ok());
                        assert_eq!(answer.await, Some((task + number) * 2));
                        done.set(done.get() + 1);
                    }
                    drop(finished);
                });
            }
            drop((finished, ask));
            assert!(!all.recv_batch(&mut Vec::new()).await);
            assert_eq!(done.get(), TASKS * EACH);
        })
        .unwrap();
        answering.join().unwrap();
    }
}
