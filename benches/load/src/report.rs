//! What a run found, as a table and as JSON.

use crate::pace::Load;
use crate::request::{Op, Prepared};
use crate::run::{Reading, Settings, Shared};
use crate::worker::Tally;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering::Relaxed;

/// The figures of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// What was asked.
    pub op: Op,
    /// How many connections asked.
    pub connections: usize,
    /// The rate of an open loop.
    pub offered_per_second: Option<f64>,
    /// Length of the window.
    pub seconds: f64,
    /// Right answers in the window.
    pub requests: u64,
    /// Right answers in all, before and after the window too.
    pub answered: u64,
    /// Keys that were asked for, where each is asked for once.
    pub asked: usize,
    /// Requests of the window per second.
    pub requests_per_second: f64,
    /// Mean bytes of an answer's body.
    pub answer_bytes: f64,
    /// CPU time of the server, user and system, per right answer.
    pub server_cpu_us: Option<f64>,
    /// CPU time of the server per second of the window: 1 is one core.
    pub server_cores: Option<f64>,
    /// From the time the request was sent (open loop: was to be sent) to the end of the answer.
    pub latency_us: Latency,
    /// Requests that were due and not answered 10 s after the window.
    pub unfinished: u64,
    /// Wrong answers and broken connections.
    pub failures: u64,
    /// The first of them.
    pub failure: Option<String>,
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    /// Of a histogram of nanoseconds.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| in_us(histogram.value_at_quantile(quantile));
        Self {
            mean: histogram.mean() / 1000.0,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: in_us(histogram.max()),
        }
    }
}

impl Outcome {
    /// Puts together what the threads saw and what was read around the window.
    #[must_use]
    pub fn new(
        settings: &Settings,
        prepared: &Prepared,
        from: &Reading,
        until: &Reading,
        tallies: Vec<Tally>,
    ) -> Self {
        let seconds = (until.at - from.at).as_secs_f64();
        let requests = until.completed - from.completed;
        let count = as_f64(requests).max(1.0);
        let cpu = until
            .cpu
            .zip(from.cpu)
            .map(|(until, from)| until.saturating_sub(from).as_secs_f64());
        let mut latencies = Histogram::<u64>::new(3).ok();
        let (mut unfinished, mut failures, mut failure) = (0, 0, None);
        for tally in tallies {
            if let Some(all) = &mut latencies {
                // The sum resizes itself; a failure would be a figure beyond 64 bits.
                let _ = all.add(&tally.latencies);
            }
            unfinished += tally.unfinished;
            failures += tally.failures;
            failure = failure.or(tally.failure);
        }
        Self {
            op: prepared.op,
            connections: settings.connections,
            offered_per_second: match settings.load {
                Load::Closed => None,
                Load::Open { rate } => Some(rate),
            },
            seconds,
            requests,
            answered: requests,
            asked: 0,
            requests_per_second: as_f64(requests) / seconds,
            answer_bytes: as_f64(until.bytes - from.bytes) / count,
            server_cpu_us: cpu.map(|cpu| cpu * 1e6 / count),
            server_cores: cpu.map(|cpu| cpu / seconds),
            latency_us: latencies.as_ref().map(Latency::of).unwrap_or_default(),
            unfinished,
            failures,
            failure,
        }
    }

    /// Adds what was done before and after the window.
    #[must_use]
    pub fn with_totals(mut self, shared: &Shared) -> Self {
        self.answered = shared.completed.load(Relaxed);
        self.asked = shared.next.load(Relaxed);
        self
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut rows = vec![("requests/s", format!("{:.0}", self.requests_per_second))];
        if let Some(rate) = self.offered_per_second {
            rows.push(("offered/s", format!("{rate:.0}")));
        }
        if let Some(cpu) = self.server_cpu_us {
            rows.push(("server CPU/request", format!("{cpu:.2} us")));
        }
        if let Some(cores) = self.server_cores {
            rows.push(("server cores busy", format!("{cores:.2}")));
        }
        let latency = &self.latency_us;
        rows.extend([
            ("mean", us(latency.mean)),
            ("p50", us(latency.p50)),
            ("p90", us(latency.p90)),
            ("p99", us(latency.p99)),
            ("p99.9", us(latency.p999)),
            ("max", us(latency.max)),
            ("answer bytes", format!("{:.0}", self.answer_bytes)),
            ("unfinished", self.unfinished.to_string()),
            ("failures", self.failures.to_string()),
        ]);
        let mut text = format!(
            "{} over {} connections, {:.1} s, {} requests\n",
            self.op.name(),
            self.connections,
            self.seconds,
            self.requests
        );
        for (name, value) in rows {
            text.push_str(&format!("  {name:<20} {value:>12}\n"));
        }
        if let Some(failure) = &self.failure {
            text.push_str(&format!("  first failure: {failure}\n"));
        }
        text
    }
}

fn us(value: f64) -> String {
    format!("{value:.0} us")
}

fn in_us(nanoseconds: u64) -> f64 {
    as_f64(nanoseconds) / 1000.0
}

/// Exact up to 2^53, far beyond any count here.
#[must_use]
pub fn as_f64(count: u64) -> f64 {
    count as f64
}
