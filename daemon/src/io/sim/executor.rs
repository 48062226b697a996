//! A deterministic executor: of the tasks that are ready, the seed decides which runs next. When no
//! task is ready, virtual time jumps to the next timer; when there is none, that is a deadlock and
//! panics instead of hanging.

use super::rng::Rng;
use crate::base::buffer::empty_pool;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Virtual time after which a run counts as hung: something re-arms timers for ever.
const TIME_MAX: Duration = Duration::from_secs(10 * 24 * 3600);

/// The main future's task number.
const MAIN: usize = 0;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Executor>>> = const { RefCell::new(None) };
}

type Spawned = Pin<Box<dyn Future<Output = ()>>>;

pub(super) struct Executor {
    ready: Arc<Mutex<Vec<usize>>>,
    tasks: RefCell<BTreeMap<usize, Spawned>>,
    next_task: Cell<usize>,
    timers: RefCell<BTreeMap<(Duration, u64), Waker>>,
    next_timer: Cell<u64>,
    now: Cell<Duration>,
    rng: RefCell<Rng>,
}

impl Executor {
    /// The executor this thread is in, if it is in one.
    pub(super) fn current() -> Option<Rc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    pub(super) const fn now(&self) -> Duration {
        self.now.get()
    }

    /// Wakes `waker` at `when`. Returns the timer's number, for [`Executor::disarm`].
    pub(super) fn arm(&self, when: Duration, waker: Waker) -> u64 {
        let number = self.next_timer.get();
        self.next_timer.set(number + 1);
        self.timers.borrow_mut().insert((when, number), waker);
        number
    }

    pub(super) fn disarm(&self, when: Duration, number: u64) {
        self.timers.borrow_mut().remove(&(when, number));
    }

    fn waker(&self, task: usize) -> Waker {
        Waker::from(Arc::new(TaskWaker {
            task,
            ready: self.ready.clone(),
        }))
    }

    fn pick(&self) -> Option<usize> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.is_empty() {
            return None;
        }
        let index = self.rng.borrow_mut().below(ready.len());
        Some(ready.swap_remove(index))
    }

    /// Moves time to the next timer and wakes it. False when there is none.
    fn advance(&self) -> bool {
        let Some(((when, _), waker)) = self.timers.borrow_mut().pop_first() else {
            return false;
        };
        self.now.set(self.now.get().max(when));
        assert!(when < TIME_MAX, "virtual time ran away");
        waker.wake();
        true
    }

    fn poll_spawned(&self, task: usize) {
        let Some(mut future) = self.tasks.borrow_mut().remove(&task) else {
            return;
        };
        let waker = self.waker(task);
        if future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            self.tasks.borrow_mut().insert(task, future);
        }
    }
}

struct TaskWaker {
    task: usize,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready.contains(&self.task) {
            ready.push(self.task);
        }
    }
}

/// Puts the previous executor back, also when the run panics.
struct Entered(Option<Rc<Executor>>);

impl Drop for Entered {
    fn drop(&mut self) {
        let current = CURRENT.replace(self.0.take());
        // Tasks left over may hold anything; they go while no borrow is held.
        if let Some(executor) = current {
            let tasks = executor.tasks.take();
            drop(tasks);
        }
    }
}

/// Runs `main` and what it spawns until `main` is done; tasks still running are then dropped.
///
/// Begins without buffers kept for reuse: with those of earlier runs a buffer may be larger, and caches
/// weigh buffers, so that what a run reads would follow from more than its seed.
///
/// # Panics
/// On a deadlock: `main` waits, no task is ready and no timer is armed.
pub fn run<F: Future>(seed: u64, main: F) -> F::Output {
    let executor = Rc::new(Executor {
        ready: Arc::new(Mutex::new(vec![MAIN])),
        tasks: RefCell::default(),
        next_task: Cell::new(MAIN + 1),
        timers: RefCell::default(),
        next_timer: Cell::new(0),
        now: Cell::new(Duration::ZERO),
        rng: RefCell::new(Rng::new(seed)),
    });
    empty_pool();
    let _entered = Entered(CURRENT.replace(Some(executor.clone())));
    let waker = executor.waker(MAIN);
    let mut main = pin!(main);
    loop {
        match executor.pick() {
            Some(MAIN) => {
                if let Poll::Ready(output) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return output;
                }
            }
            Some(task) => executor.poll_spawned(task),
            None => assert!(
                executor.advance(),
                "deadlock: no task is ready, no timer armed"
            ),
        }
    }
}

/// A spawned task. Awaiting it gives its output; dropping it lets it run on.
pub struct Task<T> {
    result: crate::base::local::Receiver<T>,
    number: usize,
}

impl<T> Task<T> {
    /// Waits for the task's end.
    ///
    /// # Panics
    /// When the task was dropped before its end.
    pub async fn join(self) -> T {
        let result = self.result.receive().await;
        result.expect("the task was aborted")
    }

    /// Drops the task's future, as a cancelled request would be.
    pub fn abort(self) {
        if let Some(executor) = Executor::current() {
            let future = executor.tasks.borrow_mut().remove(&self.number);
            drop(future);
        }
    }
}

/// Whether this thread is in a simulation.
#[must_use]
pub fn is_running() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// Starts a task beside the one that runs.
///
/// # Panics
/// Outside of [`run`].
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    let executor = Executor::current().expect("spawn outside of a simulation");
    let number = executor.next_task.get();
    executor.next_task.set(number + 1);
    let (sender, result) = crate::base::local::oneshot();
    let task: Spawned = Box::pin(async move { sender.send(future.await) });
    executor.tasks.borrow_mut().insert(number, task);
    executor.waker(number).wake();
    Task { result, number }
}

/// Lets other ready tasks run, perhaps.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::AlignedBuf;
    use crate::base::limits::BLOCK;
    use crate::io::Clock;
    use crate::io::sim::SimClock;

    fn order(seed: u64) -> Vec<usize> {
        run(seed, async {
            let seen = Rc::new(RefCell::new(Vec::new()));
            let tasks: Vec<_> = (0..8)
                .map(|n| {
                    let seen = seen.clone();
                    spawn(async move {
                        yield_now().await;
                        seen.borrow_mut().push(n);
                    })
                })
                .collect();
            for task in tasks {
                task.join().await;
            }
            seen.take()
        })
    }

    #[test]
    fn the_seed_decides_the_order() {
        assert_eq!(order(5), order(5));
        assert!((0..20).any(|seed| order(seed) != order(5)));
    }

    #[test]
    fn buffers_of_earlier_runs_are_not_used_again() {
        let capacity = || run(1, async { AlignedBuf::with_capacity(1).capacity() });
        let first = capacity();
        drop(AlignedBuf::with_capacity(2 * BLOCK));
        assert_eq!(AlignedBuf::with_capacity(1).capacity(), 2 * BLOCK);
        assert_eq!((first, capacity()), (BLOCK, BLOCK));
    }

    #[test]
    fn time_is_virtual() {
        let elapsed = run(1, async {
            SimClock.sleep(Duration::from_secs(3600)).await;
            SimClock.monotonic()
        });
        assert_eq!(elapsed, Duration::from_secs(3600));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_deadlock_panics() {
        run(1, std::future::pending::<()>());
    }

    #[test]
    fn an_aborted_task_is_dropped() {
        let alive = Rc::new(());
        run(1, async {
            let held = alive.clone();
            let task = spawn(async move {
                std::future::pending::<()>().await;
                drop(held);
            });
            yield_now().await;
            task.abort();
        });
        assert_eq!(Rc::strong_count(&alive), 1);
    }
}
