//! One measurement: threads, warm-up, window, and the server's CPU time in the window.

use crate::pace::{Load, Pace};
use crate::process::{Process, pin};
use crate::report::Outcome;
use crate::request::Prepared;
use crate::worker::{Tally, Worker};
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{ScopedJoinHandle, sleep};
use std::time::{Duration, Instant};

/// How a run is made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the server listens.
    pub server: SocketAddr,
    /// Its process, for its CPU time.
    pub pid: Option<u32>,
    /// One thread for each, pinned to it.
    pub client_cpus: Vec<usize>,
    /// All threads together.
    pub connections: usize,
    /// Closed or open.
    pub load: Load,
    /// Before the window.
    pub warm_up: Duration,
    /// The window.
    pub duration: Duration,
    /// Which key comes next.
    pub order: Order,
}

/// Which key comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Any, again and again.
    Random,
    /// Every key once, in order; the run ends then and there is no window.
    Once,
    /// Every key at most once, in order, until the window ends or there are no more.
    Fresh,
}

/// What the threads share.
#[derive(Debug)]
pub struct Shared {
    /// The window begins.
    pub begin: Instant,
    /// The window ends.
    pub end: Instant,
    /// The next key, when each is asked for once.
    pub next: AtomicUsize,
    /// Right answers.
    pub completed: AtomicU64,
    /// Bytes of their bodies.
    pub bytes: AtomicU64,
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The settings make no sense.
    #[error("{0}")]
    Settings(&'static str),
    /// No connection.
    #[error("cannot connect to {server}: {error}")]
    Connect {
        /// Whereto.
        server: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The server's process or this thread's CPU.
    #[error(transparent)]
    Process(#[from] crate::process::ProcessError),
    /// A thread of the client.
    #[error("a thread of the client panicked")]
    Panic,
}

/// Signatures are made before the run and hold for 15 minutes.
const RUN_MAX: Duration = Duration::from_secs(14 * 60);
/// Runs without a window end by themselves.
const ONCE_MAX: Duration = RUN_MAX;

/// Runs the requests against the server and measures.
pub fn run(settings: &Settings, prepared: &Prepared) -> Result<Outcome, RunError> {
    check(settings, prepared)?;
    let threads = u32::try_from(settings.client_cpus.len()).unwrap_or(1);
    // Connecting is not part of the window.
    let connecting = Duration::from_millis(200);
    let begin = Instant::now()
        + if settings.order == Order::Once {
            Duration::ZERO
        } else {
            connecting + settings.warm_up
        };
    let shared = Shared {
        begin,
        end: begin
            + if settings.order == Order::Once {
                ONCE_MAX
            } else {
                settings.duration
            },
        next: AtomicUsize::new(0),
        completed: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0u32..)
            .zip(&settings.client_cpus)
            .map(|(thread, cpu)| {
                let shared = &shared;
                scope.spawn(move || work(settings, prepared, shared, thread, threads, *cpu))
            })
            .collect();
        if settings.order == Order::Once {
            let from = Reading::take(settings, &shared)?;
            let tallies = join(workers)?;
            let until = Reading::take(settings, &shared)?;
            let outcome = Outcome::new(settings, prepared, &from, &until, tallies);
            return Ok(outcome.with_totals(&shared));
        }
        wait(shared.begin, &workers);
        let from = Reading::take(settings, &shared)?;
        wait(shared.end, &workers);
        let until = Reading::take(settings, &shared)?;
        let tallies = join(workers)?;
        let outcome = Outcome::new(settings, prepared, &from, &until, tallies);
        Ok(outcome.with_totals(&shared))
    })
}

/// Waits for a moment, or until there is nothing left to do.
fn wait<T>(until: Instant, workers: &[ScopedJoinHandle<'_, T>]) {
    while !workers.iter().all(ScopedJoinHandle::is_finished) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        sleep(left.min(Duration::from_millis(2)));
    }
}

fn check(settings: &Settings, prepared: &Prepared) -> Result<(), RunError> {
    let problem = if prepared.heads.is_empty() {
        "there must be at least one key"
    } else if settings.client_cpus.is_empty() {
        "there must be at least one CPU for the client"
    } else if settings.connections < settings.client_cpus.len() {
        "every thread of the client needs a connection"
    } else if settings.warm_up + settings.duration > RUN_MAX {
        "a run must end before its signatures, which hold for 15 minutes"
    } else if matches!(settings.load, Load::Open { rate } if rate.is_nan() || rate < 0.1) {
        "the rate must be at least 0.1 a second"
    } else {
        return Ok(());
    };
    Err(RunError::Settings(problem))
}

fn work(
    settings: &Settings,
    prepared: &Prepared,
    shared: &Shared,
    thread: u32,
    threads: u32,
    cpu: usize,
) -> Result<Tally, RunError> {
    pin(cpu)?;
    let each = settings.connections / settings.client_cpus.len();
    let worker = Worker::new(settings, prepared, shared, thread, each).map_err(|error| {
        RunError::Connect {
            server: settings.server,
            error,
        }
    })?;
    Ok(worker.run(Pace::new(settings.load, thread, threads, Instant::now())))
}

fn join(
    workers: Vec<ScopedJoinHandle<'_, Result<Tally, RunError>>>,
) -> Result<Vec<Tally>, RunError> {
    workers
        .into_iter()
        .map(|worker| worker.join().map_err(|_| RunError::Panic)?)
        .collect()
}

/// The counters at one moment. Counts and CPU time are read together, so that CPU time per request
/// is right even when this thread wakes late.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// When.
    pub at: Instant,
    /// Right answers so far.
    pub completed: u64,
    /// Bytes so far.
    pub bytes: u64,
    /// The server's CPU time so far.
    pub cpu: Option<Duration>,
}

impl Reading {
    fn take(settings: &Settings, shared: &Shared) -> Result<Self, RunError> {
        let cpu = settings
            .pid
            .map(|pid| Process(pid).cpu_time_of_tree())
            .transpose()?;
        Ok(Self {
            at: Instant::now(),
            completed: shared.completed.load(Relaxed),
            bytes: shared.bytes.load(Relaxed),
            cpu,
        })
    }
}
