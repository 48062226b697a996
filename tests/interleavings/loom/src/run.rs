//! Running a model: how far it goes, and what is said of it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Runs `model` in every order with at most so many preemptions: the second number in the ordinary run,
/// the third with `CHAINRING_TEST_LONG=1`, for at most an eighth of `CHAINRING_TEST_SECONDS`.
///
/// # Panics
/// When one of them fails.
pub fn every_order(
    name: &str,
    preemptions: usize,
    preemptions_of_long_runs: usize,
    model: impl Fn() + Send + Sync + 'static,
) {
    let long = std::env::var("CHAINRING_TEST_LONG").is_ok_and(|long| long == "1");
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = Some(preemptions);
    if long {
        let seconds = std::env::var("CHAINRING_TEST_SECONDS");
        let seconds = seconds.ok().and_then(|seconds| seconds.parse().ok());
        builder.preemption_bound = Some(preemptions_of_long_runs);
        builder.max_duration = Some(Duration::from_secs(seconds.unwrap_or(1200u64) / 8));
    }
    let cases = Arc::new(AtomicUsize::new(0));
    let counted = cases.clone();
    let begun = Instant::now();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    // Shown whether or not the harness shows what tests print.
    let _ = writeln!(
        std::io::stdout(),
        "programme loom:{name} {} cases 0 failures seeds - {} s",
        cases.load(Ordering::Relaxed),
        begun.elapsed().as_secs()
    );
}
