//! Runs programmes over ranges of seeds, on all processors, and says how it went.

use crate::history::History;
use crate::programme::{Case, Depth, Programme};
use crate::reports;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Failures after which a programme ends.
const FAILURES_MAX: usize = 5;
/// Lines of a history that are shown.
const LINES_SHOWN: usize = 400;

/// Which seeds to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The first seed.
    pub first: u64,
    /// How many, unless time is given.
    pub count: u64,
    /// Go on with further seeds for so long.
    pub time: Option<Duration>,
    /// How much each case looks at.
    pub depth: Depth,
    /// Threads.
    pub jobs: usize,
}

/// How a programme went.
#[derive(Debug)]
pub struct Report {
    /// Things that were checked.
    pub cases: u64,
    /// Seeds that failed, and why.
    pub failures: Vec<(u64, String)>,
    /// Seeds that were run: the first, and the one behind the last.
    pub seeds: (u64, u64),
    /// How long it took.
    pub took: Duration,
}

/// Runs a programme.
#[must_use]
pub fn run(programme: &Programme, plan: &Plan) -> Report {
    reports::listen();
    let begun = Instant::now();
    let (next, cases) = (AtomicU64::new(plan.first), AtomicU64::new(0));
    let (failures, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let end = match plan.time {
        Some(_) => u64::MAX,
        None => plan.first.saturating_add(plan.count),
    };
    let end = end.min((programme.all)().unwrap_or(u64::MAX));
    let mut kept = 0;
    for seed in programme.kept_seeds() {
        kept += 1;
        if let Err(error) = attempt(programme, seed, plan.depth, History::default()).1 {
            lock(&failures).push((seed, error));
        }
    }
    cases.fetch_add(kept, Ordering::Relaxed);
    let done = |seed| seed >= end || plan.time.is_some_and(|time| begun.elapsed() > time);
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) && !done(next.load(Ordering::Relaxed)) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    match attempt(programme, seed, plan.depth, History::default()).1 {
                        Ok(checked) => _ = cases.fetch_add(checked, Ordering::Relaxed),
                        Err(error) => {
                            let mut failures = lock(&failures);
                            failures.push((seed, error));
                            stop.store(failures.len() >= FAILURES_MAX, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    Report {
        cases: cases.into_inner(),
        failures: std::mem::take(&mut lock(&failures)),
        seeds: (plan.first, next.into_inner().min(end)),
        took: begun.elapsed(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs the case of one seed. A panic is a failure like any other.
fn attempt(
    programme: &Programme,
    seed: u64,
    depth: Depth,
    history: History,
) -> (Case, Result<u64, String>) {
    let case = Case {
        seed,
        depth,
        history,
    };
    let result = catch_unwind(AssertUnwindSafe(|| (programme.run)(&case)));
    let result = result.unwrap_or_else(|panic| Err(format!("panic: {}", text(&*panic))));
    (case, result)
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "not a text".to_owned())
}

/// Runs one seed again and tells all about it.
pub fn replay(
    programme: &Programme,
    seed: u64,
    depth: Depth,
) -> (Vec<String>, Result<u64, String>) {
    reports::listen();
    let (case, result) = attempt(programme, seed, depth, History::kept());
    let mut lines = case.history.lines();
    let cut = lines.len().saturating_sub(LINES_SHOWN);
    if cut > 0 {
        lines.drain(..cut);
        lines.insert(0, format!("({cut} lines before these)"));
    }
    (lines, result)
}
