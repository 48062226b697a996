//! Counters of one core: plain cells, added to while requests are served, read by whoever monitors.

use crate::base::Timestamp;
use crate::shard::links::LinkMeters;
use std::cell::Cell;
use std::time::Duration;

/// Operations that are told apart. The last one stands for requests that asked for none.
pub const OPERATIONS_MAX: usize = 64;
/// Error codes that are told apart.
pub const CODES_MAX: usize = 128;
/// Classes of status: 1xx to 5xx.
pub const CLASSES: usize = 5;

/// Upper bounds of the classes of latency, in microseconds. What is longer has a class of its own.
pub const LATENCY_BOUNDS_US: [u64; 18] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
];
const LATENCY_CLASSES: usize = LATENCY_BOUNDS_US.len() + 1;

/// Something that is counted.
#[derive(Debug, Default)]
pub struct Counter(Cell<u64>);

impl Counter {
    /// Counts `more`.
    pub fn add(&self, more: u64) {
        self.0.set(self.0.get().wrapping_add(more));
    }

    /// The sum.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

/// Something there is a number of at a time. Shared with the [`Held`] that count.
#[derive(Debug, Default)]
pub struct Gauge(std::rc::Rc<Cell<u64>>);

/// Counts as one as long as it exists.
#[derive(Debug)]
pub struct Held(std::rc::Rc<Cell<u64>>);

impl Gauge {
    /// Counts one more until the result is dropped.
    #[must_use]
    pub fn hold(&self) -> Held {
        self.0.set(self.0.get() + 1);
        Held(self.0.clone())
    }

    /// How many there are.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// What is counted of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationMeter {
    /// Requests by the class of their status.
    pub classes: [u64; CLASSES],
    /// Requests by how long they took: at most the bound of the same place in
    /// [`LATENCY_BOUNDS_US`], or longer than all of them.
    pub latency: [u64; LATENCY_CLASSES],
    /// Sum of what they took.
    pub latency_us: u64,
}

impl OperationMeter {
    /// All requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Adds what another core counted.
    pub fn add(&mut self, other: &Self) {
        let add = |to: &mut [u64], from: &[u64]| {
            for (to, from) in to.iter_mut().zip(from) {
                *to = to.wrapping_add(*from);
            }
        };
        add(&mut self.classes, &other.classes);
        add(&mut self.latency, &other.latency);
        self.latency_us = self.latency_us.wrapping_add(other.latency_us);
    }
}

/// The counters behind an [`OperationMeter`].
#[derive(Default)]
struct OperationCells {
    classes: [Counter; CLASSES],
    latency: [Counter; LATENCY_CLASSES],
    latency_us: Counter,
}

impl OperationCells {
    fn get(&self) -> OperationMeter {
        OperationMeter {
            classes: std::array::from_fn(|n| self.classes.get(n).map_or(0, Counter::get)),
            latency: std::array::from_fn(|n| self.latency.get(n).map_or(0, Counter::get)),
            latency_us: self.latency_us.get(),
        }
    }
}

/// A request that is over.
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// Number of its operation, below [`OPERATIONS_MAX`].
    pub operation: usize,
    /// Number of its error code, below [`CODES_MAX`], if it failed.
    pub code: Option<usize>,
    /// Its HTTP status.
    pub status: u16,
    /// Bytes of its body.
    pub bytes_in: u64,
    /// Bytes of its answer's body.
    pub bytes_out: u64,
    /// From its head to the end of its answer.
    pub latency: Duration,
    /// The connection was lost before the answer was complete.
    pub cut_off: bool,
}

/// The counters of a core.
pub struct Meters {
    operations: Box<[OperationCells]>,
    codes: Box<[Counter]>,
    /// Bytes of request bodies.
    pub received: Counter,
    /// Bytes of answers' bodies.
    pub sent: Counter,
    /// Answers that could not be sent to their end.
    pub cut_off: Counter,
    /// Connections that are open.
    pub connections: Gauge,
    /// Connections that were accepted.
    pub accepted: Counter,
    /// Connections that were refused because there were too many.
    pub refused: Counter,
    /// Requests under way.
    pub in_progress: Gauge,
    /// Jobs that came from other cores.
    pub jobs: Counter,
    /// Times the mailbox was emptied: several jobs may come at once.
    pub job_batches: Counter,
    /// Counters of links.
    pub links: LinkMeters,
    /// When counting began.
    pub since: Timestamp,
}

impl Meters {
    /// All at zero.
    #[must_use]
    pub fn new(since: Timestamp) -> Self {
        Self {
            operations: (0..OPERATIONS_MAX)
                .map(|_| OperationCells::default())
                .collect(),
            codes: (0..CODES_MAX).map(|_| Counter::default()).collect(),
            received: Counter::default(),
            sent: Counter::default(),
            cut_off: Counter::default(),
            connections: Gauge::default(),
            accepted: Counter::default(),
            refused: Counter::default(),
            in_progress: Gauge::default(),
            jobs: Counter::default(),
            job_batches: Counter::default(),
            links: LinkMeters::default(),
            since,
        }
    }

    /// Counts a request.
    pub fn count(&self, request: &Finished) {
        self.received.add(request.bytes_in);
        self.sent.add(request.bytes_out);
        self.cut_off.add(u64::from(request.cut_off));
        if let Some(code) = request.code.and_then(|code| self.codes.get(code)) {
            code.add(1);
        }
        let Some(cells) = self.operations.get(request.operation) else {
            return;
        };
        let took = u64::try_from(request.latency.as_micros()).unwrap_or(u64::MAX);
        let class = usize::from(request.status / 100).clamp(1, CLASSES) - 1;
        let slower = LATENCY_BOUNDS_US.partition_point(|bound| *bound < took);
        if let Some(count) = cells.classes.get(class) {
            count.add(1);
        }
        if let Some(count) = cells.latency.get(slower) {
            count.add(1);
        }
        cells.latency_us.add(took);
    }

    /// What was counted of each operation.
    #[must_use]
    pub fn operations(&self) -> Vec<OperationMeter> {
        self.operations.iter().map(OperationCells::get).collect()
    }

    /// Failed requests by the number of their code.
    #[must_use]
    pub fn codes(&self) -> Vec<u64> {
        self.codes.iter().map(Counter::get).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(status: u16, micros: u64) -> Finished {
        Finished {
            operation: 3,
            code: (status >= 400).then_some(7),
            status,
            bytes_in: 10,
            bytes_out: 20,
            latency: Duration::from_micros(micros),
            cut_off: false,
        }
    }

    #[test]
    fn requests_are_counted_by_class_and_latency() {
        let meters = Meters::new(Timestamp(0));
        for (status, micros) in [(200, 50), (206, 51), (404, 1_000_000), (503, 40_000_000)] {
            meters.count(&request(status, micros));
        }
        let all = meters.operations();
        let meter = all[3];
        assert_eq!(meter.classes, [0, 2, 0, 1, 1]);
        assert_eq!((meter.latency[0], meter.latency[1]), (1, 1));
        assert_eq!((meter.latency[13], meter.latency[18]), (1, 1));
        assert_eq!(meter.requests(), 4);
        assert_eq!(meter.latency_us, 41_000_101);
        assert_eq!(meters.codes()[7], 2);
        assert_eq!((meters.received.get(), meters.sent.get()), (40, 80));
        let mut twice = meter;
        twice.add(&meter);
        assert_eq!(twice.requests(), 8);
    }

    #[test]
    fn what_is_held_counts_until_it_is_dropped() {
        let gauge = Gauge::default();
        let one = gauge.hold();
        let two = gauge.hold();
        assert_eq!(gauge.get(), 2);
        drop(one);
        drop(two);
        assert_eq!(gauge.get(), 0);
    }
}
