//! One runtime per core: a pinned thread, its ring, its tasks and its timers.
//!
//! A facade over compio, so that nothing above this layer knows it. The loop is ours, because of
//! what it does that compio's own does not: it polls the root future only when that was
//! woken; it loses no wake-up from another thread and no completion while tasks are busy, which
//! compio's loop can (see [`turn`]); and at the end it waits for the device to finish with our
//! memory.

use super::inflight::InFlight;
use super::mailbox::{Mailbox, mailbox};
use super::reply::Home;
use super::sim;
use super::timer::{Sleep, Timers};
use compio::driver::ProactorBuilder;
use compio::runtime::{Runtime, RuntimeBuilder};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// Submission entries of a ring. More operations than this in one turn cost an extra system call.
const RING_ENTRIES: u32 = 2048;
/// Completion entries: what can complete between two turns without going through an overflow list.
const RING_COMPLETIONS: u32 = 8192;
/// Tasks run before completions are looked at again.
const TASKS_PER_TURN: usize = 128;
/// How long the end of a runtime waits for reads and writes under way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

thread_local! {
    static CORE: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

/// What the functions of this layer need of the core they run on.
pub(super) struct Core {
    pub(super) timers: Rc<Timers>,
    pub(super) in_flight: Rc<InFlight>,
    /// Where other cores leave wakers of tasks of this one.
    pub(super) home: Home,
}

/// The core this thread runs.
pub(super) fn core() -> Option<Rc<Core>> {
    CORE.with_borrow(Clone::clone)
}

fn this_core() -> Rc<Core> {
    match core() {
        Some(core) => core,
        None => panic!("not on a thread of `run_on_core`"),
    }
}

/// A runtime that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The thread cannot run on that processor.
    #[error("cannot run a thread on processor {cpu}: {source}")]
    Pin {
        /// Number of the processor.
        cpu: usize,
        /// The system's reason.
        source: io::Error,
    },
    /// The kernel gave no ring or no timer.
    #[error("cannot set up io_uring: {0}")]
    Ring(#[from] io::Error),
}

/// The processors this process may use, by number. Ask before any thread is pinned.
#[must_use]
pub fn cpus() -> Vec<usize> {
    match rustix::thread::sched_getaffinity(None) {
        Ok(set) => (0..rustix::thread::CpuSet::MAX_CPU)
            .filter(|&cpu| set.is_set(cpu))
            .collect(),
        Err(_) => vec![0],
    }
}

/// How many processors this process may use. Ask before any thread is pinned.
#[must_use]
pub fn core_count() -> usize {
    cpus().len()
}

/// Keeps the calling thread on one processor.
pub fn pin(cpu: usize) -> Result<(), RuntimeError> {
    let fail = |source| RuntimeError::Pin { cpu, source };
    if cpu >= rustix::thread::CpuSet::MAX_CPU {
        return Err(fail(io::ErrorKind::InvalidInput.into()));
    }
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    rustix::thread::sched_setaffinity(None, &set).map_err(|error| fail(error.into()))
}

/// Pins the calling thread to `cpu`, makes a runtime and runs `future` on it to its end. Tasks that
/// are left then are dropped.
pub fn run_on_core<F: Future>(cpu: usize, future: F) -> Result<F::Output, RuntimeError> {
    pin(cpu)?;
    let runtime = build()?;
    keep_workers_on(&runtime, cpu);
    run_with(runtime, future)
}

/// As [`run_on_core`], on whatever processor the thread is on.
pub fn run<F: Future>(future: F) -> Result<F::Output, RuntimeError> {
    run_with(build()?, future)
}

fn run_with<F: Future>(runtime: Runtime, future: F) -> Result<F::Output, RuntimeError> {
    let (wakers, woken) = mailbox();
    let core = Rc::new(Core {
        timers: Timers::new()?,
        in_flight: Rc::new(InFlight::default()),
        home: Home::open(wakers),
    });
    CORE.set(Some(core.clone()));
    let result = runtime.enter(|| {
        spawn_vital("timers", core.timers.clone().run());
        spawn_vital("wakers", wake_all(woken));
        let result = catch_unwind(AssertUnwindSafe(|| drive(&runtime, future)));
        close(&runtime, &core.in_flight);
        result
    });
    // Drops the tasks that are left. They may still name the core.
    drop(runtime);
    CORE.set(None);
    match result {
        Ok(output) => Ok(output),
        Err(panic) => resume_unwind(panic),
    }
}

fn build() -> io::Result<Runtime> {
    let mut ring = ProactorBuilder::new();
    ring.single_issuer(true)
        .defer_taskrun(true)
        .capacity(RING_ENTRIES)
        .cqsize(RING_COMPLETIONS);
    RuntimeBuilder::new()
        .with_proactor(ring)
        .event_interval(TASKS_PER_TURN)
        .sync_queue_size(1024)
        .build()
}

/// Keeps the kernel's threads that flush for this ring on the ring's processor: work of a core is
/// done by that core, and takes no time from others.
#[expect(
    unsafe_code,
    reason = "no safe interface registers with a ring of compio's"
)]
fn keep_workers_on(runtime: &Runtime, cpu: usize) {
    const REGISTER_IOWQ_AFF: libc::c_uint = 17;
    let mut mask = [0u64; 16];
    if let Some(word) = mask.get_mut(cpu / 64) {
        *word = 1 << (cpu % 64);
    }
    let (ring, size) = (runtime.as_raw_fd(), size_of_val(&mask));
    // SAFETY: the kernel reads `size` bytes at the mask, which outlives the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            ring,
            REGISTER_IOWQ_AFF,
            &raw const mask,
            size,
        )
    };
    if done < 0 {
        // Works as well without, only less evenly.
        let error = io::Error::last_os_error();
        tracing::debug!(%error, "cannot place the ring's workers");
    }
}

/// The waker of the root future.
struct Root {
    woken: AtomicBool,
    ring: Waker,
}

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.ring.wake_by_ref();
    }
}

fn drive<F: Future>(runtime: &Runtime, future: F) -> F::Output {
    let root = Arc::new(Root {
        woken: AtomicBool::new(true),
        ring: runtime.waker(),
    });
    let waker = Waker::from(root.clone());
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if root.woken.swap(false, Ordering::AcqRel)
            && let Poll::Ready(output) = future.as_mut().poll(&mut cx)
        {
            return output;
        }
        turn(runtime, || root.woken.load(Ordering::Acquire));
    }
}

/// Runs the tasks that are ready, then looks for completions; waits for one when nothing is ready.
fn turn(runtime: &Runtime, root_woken: impl Fn() -> bool) {
    let mut busy = runtime.run();
    if !busy {
        // After it has handled completions, compio marks the driver as awake with a plain store
        // that overwrites the notice of a wake-up that another thread gave meanwhile. On every
        // processor with a store buffer, the look at the queue of woken tasks that follows may
        // happen before that store is visible, and so miss the task as well. The fence makes the
        // store visible; what was woken before it is seen now, what is woken after it leaves its
        // notice.
        fence(Ordering::SeqCst);
        busy = runtime.run() || root_woken();
    }
    if busy {
        reap(runtime);
        runtime.poll_with(Some(Duration::ZERO));
    } else {
        runtime.poll();
    }
}

/// Lets the kernel post what has completed. While tasks wake each other, compio submits without
/// asking for completions, and a ring that defers them would never show one.
#[expect(unsafe_code, reason = "no safe interface enters a ring of compio's")]
fn reap(runtime: &Runtime) {
    const GETEVENTS: libc::c_uint = 1;
    let ring = runtime.as_raw_fd();
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: submits nothing, waits for nothing and passes no memory. A failure means that there
    // is nothing to post, or shows again in the poll that follows.
    unsafe { libc::syscall(libc::SYS_io_uring_enter, ring, 0, 0, GETEVENTS, none, 0) };
}

/// Turns until the device is done with every buffer of ours: closing the ring does not wait.
fn close(runtime: &Runtime, in_flight: &InFlight) {
    in_flight.close();
    let since = Instant::now();
    while in_flight.count() > 0 && since.elapsed() < CLOSE_TIMEOUT {
        runtime.run();
        runtime.poll_with(Some(Duration::from_millis(10)));
    }
    if in_flight.count() > 0 {
        // Memory the device may still write to must never be used again.
        tracing::error!(operations = in_flight.count(), "the device does not answer");
        std::process::abort();
    }
}

async fn wake_all(mut woken: Mailbox<Waker>) {
    let mut batch = Vec::new();
    while woken.recv_batch(&mut batch).await {
        for waker in batch.drain(..) {
            waker.wake();
        }
    }
}

/// Runs `future` beside everything else on this core. When it panics, that is logged and ends only
/// this task: right for a connection, wrong for what others wait for (see [`spawn_vital`]). In a
/// simulation it is a task of that, and a panic ends it all.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    if sim::is_running() {
        // Not joined: it runs on.
        drop(sim::spawn(future));
        return;
    }
    let guarded = AssertUnwindSafe(future)
        .catch_unwind()
        .map(|result| match result {
            Ok(()) => (),
            Err(panic) => tracing::error!(panic = panic_text(&*panic), "a task panicked"),
        });
    compio::runtime::spawn(guarded).detach();
}

/// Runs `future` beside everything else on this core. When it panics, the process aborts: a daemon
/// whose committer is gone must not linger as if it worked.
pub fn spawn_vital(name: &'static str, future: impl Future<Output = ()> + 'static) {
    let guarded = AssertUnwindSafe(future)
        .catch_unwind()
        .map(move |result| match result {
            Ok(()) => (),
            Err(panic) => {
                tracing::error!(
                    task = name,
                    panic = panic_text(&*panic),
                    "a vital task panicked"
                );
                std::process::abort();
            }
        });
    compio::runtime::spawn(guarded).detach();
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}

/// Makes every panic of the process a log event with its place, whatever catches it later.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        let trace = std::backtrace::Backtrace::capture();
        tracing::error!(
            panic = panic_text(info.payload()),
            place = place.as_deref().unwrap_or("unknown"),
            %trace,
            "panic"
        );
    }));
}

/// Resolves after `duration`, to a millisecond, never early. Starting and dropping one costs tens
/// of nanoseconds.
///
/// # Panics
/// On a thread without a runtime.
pub fn sleep(duration: Duration) -> Sleep {
    this_core().timers.clone().sleep(duration)
}

/// The time was over before the future was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct Elapsed;

/// The output of `future`, unless it takes longer than `duration`; then it is dropped.
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    match select(pin!(future), sleep(duration)).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(((), _)) => Err(Elapsed),
    }
}

/// Lets every other task that is ready go first.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
#[path = "runtime_tests.rs"]
mod tests;
