//! Virtual time: stands still while a task runs, jumps when all of them wait.

use super::executor::Executor;
use crate::base::Timestamp;
use crate::io::Clock;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Wall-clock time at the start of every simulation: 2026-01-01 00:00:00 UTC.
const START_MS: u64 = 1_767_225_600_000;

/// The clock of the simulation that runs on this thread. Stands at its start outside of one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimClock;

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let elapsed = u64::try_from(self.monotonic().as_millis()).unwrap_or(u64::MAX);
        Timestamp(START_MS.saturating_add(elapsed))
    }

    fn monotonic(&self) -> Duration {
        Executor::current().map_or(Duration::ZERO, |executor| executor.now())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        Sleep {
            until: self.monotonic() + duration,
            armed: None,
        }
    }
}

struct Sleep {
    until: Duration,
    armed: Option<u64>,
}

impl Sleep {
    fn disarm(&mut self) {
        if let Some(number) = self.armed.take()
            && let Some(executor) = Executor::current()
        {
            executor.disarm(self.until, number);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.disarm();
        let executor = Executor::current().expect("sleep outside of a simulation");
        if executor.now() >= self.until {
            return Poll::Ready(());
        }
        self.armed = Some(executor.arm(self.until, cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}
