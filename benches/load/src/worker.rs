//! One thread of the client: its connections, its poll, its histogram.

use crate::connection::{Broken, Connection, Finished};
use crate::pace::Pace;
use crate::request::{Prepared, Random};
use crate::run::{Order, Settings, Shared};
use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Longest latency that is told apart, in nanoseconds.
const LATENCY_MAX: u64 = 120_000_000_000;
/// How long requests in flight at the end may take.
const GRACE: Duration = Duration::from_secs(10);
/// After so many failures there is no point in going on.
const FAILURES_MAX: u64 = 100;
/// How long before a due request the thread stops sleeping: epoll counts in milliseconds.
const SPIN: Duration = Duration::from_millis(2);

/// What a thread saw.
#[derive(Debug)]
pub struct Tally {
    /// Latencies in nanoseconds.
    pub latencies: Histogram<u64>,
    /// Requests that were due in the window and had no answer when the patience ended. They are in
    /// the histogram with the time they had waited.
    pub unfinished: u64,
    /// Failed requests, warm-up included.
    pub failures: u64,
    /// The first failure.
    pub failure: Option<String>,
}

/// A thread's state.
pub struct Worker<'a> {
    settings: &'a Settings,
    prepared: &'a Prepared,
    shared: &'a Shared,
    poll: Poll,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    buffer: Vec<u8>,
    random: Random,
    tally: Tally,
}

impl<'a> Worker<'a> {
    /// Opens the connections.
    pub fn new(
        settings: &'a Settings,
        prepared: &'a Prepared,
        shared: &'a Shared,
        thread: u32,
        connections: usize,
    ) -> std::io::Result<Self> {
        let poll = Poll::new()?;
        let connections = (0..connections)
            .map(|slot| Connection::open(settings.server, poll.registry(), Token(slot)))
            .collect::<Result<Vec<_>, _>>()?;
        let latencies = Histogram::new_with_max(LATENCY_MAX, 3).map_err(std::io::Error::other)?;
        Ok(Self {
            settings,
            prepared,
            shared,
            poll,
            idle: (0..connections.len()).rev().collect(),
            connections,
            buffer: vec![0; 256 * 1024],
            random: Random::new(u64::from(thread).wrapping_mul(0x9e37_79b9) + 1),
            tally: Tally {
                latencies,
                unfinished: 0,
                failures: 0,
                failure: None,
            },
        })
    }

    /// Runs until the window ends, or until every key was asked for once.
    pub fn run(mut self, mut pace: Pace) -> Tally {
        let mut events = Events::with_capacity(1024);
        loop {
            let now = Instant::now();
            let is_over = now >= self.shared.end || self.tally.failures > FAILURES_MAX;
            let has_more = !is_over && self.start_due(&mut pace, now);
            let in_flight = self.connections.len() - self.idle.len();
            if !has_more && (in_flight == 0 || now >= self.shared.end + GRACE) {
                break;
            }
            let timeout = if has_more {
                self.patience(&pace, now)
            } else {
                Duration::from_millis(50)
            };
            // An interrupted wait is a short one.
            let _ = self.poll.poll(&mut events, Some(timeout));
            for event in &events {
                let Token(slot) = event.token();
                self.proceed(slot, event.is_writable(), event.is_readable());
            }
        }
        self.count_unfinished(&mut pace);
        self.tally
    }

    /// Starts what is due on the connections that are free. Returns false when there is nothing
    /// left to start, ever.
    fn start_due(&mut self, pace: &mut Pace, now: Instant) -> bool {
        while let Some(slot) = self.idle.pop() {
            let Some(due) = pace.take(now) else {
                self.idle.push(slot);
                return true;
            };
            let Some(request) = self.pick() else {
                self.idle.push(slot);
                return false;
            };
            let started = match self.connections.get_mut(slot) {
                Some(connection) => connection.start(self.prepared, request, due),
                None => return false,
            };
            if let Err(error) = started {
                self.fail(slot, &error);
                if self.tally.failures > FAILURES_MAX {
                    return false;
                }
            }
        }
        true
    }

    fn pick(&mut self) -> Option<usize> {
        let count = self.prepared.heads.len();
        match self.settings.order {
            Order::Random => Some(self.random.below(count)),
            Order::Once | Order::Fresh => {
                Some(self.shared.next.fetch_add(1, Relaxed)).filter(|next| *next < count)
            }
        }
    }

    fn patience(&self, pace: &Pace, now: Instant) -> Duration {
        let until = match pace.next() {
            Some(due) if !self.idle.is_empty() => due.saturating_duration_since(now),
            _ => self.shared.end.saturating_duration_since(now),
        };
        if until <= SPIN {
            Duration::ZERO
        } else {
            until.min(Duration::from_millis(100)) - SPIN / 2
        }
    }

    fn proceed(&mut self, slot: usize, writable: bool, readable: bool) {
        let Some(connection) = self.connections.get_mut(slot) else {
            return;
        };
        let mut outcome = Ok(None);
        if writable {
            outcome = connection.send(self.prepared).map(|()| None);
        }
        // An answer may come before the request is sent, if it is a refusal.
        if readable && outcome.is_ok() {
            outcome = connection.receive(self.prepared, &mut self.buffer);
        }
        match outcome {
            Ok(Some(finished)) => self.finish(slot, finished),
            Ok(None) => {}
            Err(error) => self.fail(slot, &error),
        }
    }

    fn finish(&mut self, slot: usize, finished: Finished) {
        self.idle.push(slot);
        self.shared.completed.fetch_add(1, Relaxed);
        self.shared.bytes.fetch_add(finished.length, Relaxed);
        let now = Instant::now();
        // An open loop asks what became of the requests of the window, a closed one what it got
        // done in it.
        let (from, until) = (self.shared.begin, self.shared.end);
        let moment = match self.settings.load {
            crate::pace::Load::Closed => now,
            crate::pace::Load::Open { .. } => finished.due,
        };
        if moment >= from && moment < until {
            self.record(now - finished.due);
        }
    }

    fn record(&mut self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(LATENCY_MAX);
        self.tally.latencies.saturating_record(nanoseconds);
    }

    fn fail(&mut self, slot: usize, error: &Broken) {
        self.tally.failures += 1;
        self.tally.failure.get_or_insert_with(|| error.to_string());
        let token = Token(slot);
        match Connection::open(self.settings.server, self.poll.registry(), token) {
            Ok(connection) => {
                if let Some(old) = self.connections.get_mut(slot) {
                    *old = connection;
                }
                self.idle.push(slot);
            }
            Err(error) => {
                self.tally.failures = FAILURES_MAX + 1;
                self.tally.failure = Some(format!("cannot connect again: {error}"));
            }
        }
    }

    /// Requests of an open loop that were due and never answered count with the time they waited:
    /// leaving them out would hide the worst.
    fn count_unfinished(&mut self, pace: &mut Pace) {
        let now = Instant::now();
        let in_flight: Vec<_> = self
            .connections
            .iter()
            .filter_map(Connection::due)
            .collect();
        let never_sent = match pace {
            Pace::Closed => Vec::new(),
            Pace::Open { .. } => {
                std::iter::from_fn(|| pace.take(self.shared.end.min(now))).collect()
            }
        };
        for due in in_flight.into_iter().chain(never_sent) {
            if due >= self.shared.begin && due < self.shared.end {
                self.tally.unfinished += 1;
                self.record(now - due);
            }
        }
    }
}
