//! When the next request is due.

use std::time::{Duration, Instant};

/// How load is offered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Every connection sends its next request as soon as it has its answer. Shows how much the
    /// server can do; a stall slows the client down as well, so its latencies flatter the server.
    Closed,
    /// So many requests a second, whatever the server does. A latency counts from the time when the
    /// request was to be sent, also when no connection was free then.
    Open {
        /// Requests a second, all threads together.
        rate: f64,
    },
}

/// The schedule of one thread.
#[derive(Debug)]
pub enum Pace {
    /// Always due.
    Closed,
    /// Evenly spaced.
    Open {
        /// Between two requests.
        interval: Duration,
        /// When the first was due.
        begin: Instant,
        /// How many were due since.
        count: u32,
    },
}

impl Pace {
    /// The schedule of thread `thread` of `threads`, whose requests fall between the others'.
    #[must_use]
    pub fn new(load: Load, thread: u32, threads: u32, begin: Instant) -> Self {
        match load {
            Load::Closed => Self::Closed,
            Load::Open { rate } => {
                let between = Duration::from_secs_f64(1.0 / rate);
                Self::Open {
                    interval: between * threads,
                    begin: begin + between * thread,
                    count: 0,
                }
            }
        }
    }

    /// When the next request is due; `None` means at once.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        match self {
            Self::Closed => None,
            Self::Open {
                interval,
                begin,
                count,
            } => Some(*begin + *interval * *count),
        }
    }

    /// Takes the next request if it is due, and says since when it is.
    pub fn take(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next().unwrap_or(now);
        if due > now {
            return None;
        }
        if let Self::Open { count, .. } = self {
            *count += 1;
        }
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_thread_catches_up() {
        let begin = Instant::now();
        let mut pace = Pace::new(Load::Open { rate: 1000.0 }, 1, 2, begin);
        assert_eq!(pace.take(begin), None);
        let late = begin + Duration::from_millis(6);
        let due: Vec<_> = std::iter::from_fn(|| pace.take(late))
            .map(|due| (due - begin).as_millis())
            .collect();
        assert_eq!(due, [1, 3, 5]);
    }
}
