//! Timers of one core: a hierarchical wheel of 1 ms ticks behind one timerfd.
//!
//! Every connection has a timer that nearly never fires, so starting and cancelling one must cost
//! tens of nanoseconds and no system call. The wheel does both in constant time; the timerfd is
//! set anew only for a deadline earlier than the one it waits for, and after it fired.

use super::wheel::{Key, Wheel};
use compio::driver::op::{Interest, PollOnce};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The timers of one core.
pub(super) struct Timers {
    base: Instant,
    fd: Rc<OwnedFd>,
    wheel: RefCell<Wheel>,
    /// The tick the timerfd is set for; `u64::MAX` when for none.
    armed: Cell<u64>,
}

impl Timers {
    pub(super) fn new() -> io::Result<Rc<Self>> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        Ok(Rc::new(Self {
            base: Instant::now(),
            fd: Rc::new(fd),
            wheel: RefCell::new(Wheel::new()),
            armed: Cell::new(u64::MAX),
        }))
    }

    /// A timer that fires `duration` from now.
    pub(super) fn sleep(self: Rc<Self>, duration: Duration) -> Sleep {
        let deadline = self.deadline(duration);
        Sleep {
            timers: self,
            deadline,
            key: None,
        }
    }

    /// Fires timers for ever; a task of the core.
    pub(super) async fn run(self: Rc<Self>) {
        loop {
            let poll = PollOnce::new(self.fd.clone(), Interest::Readable);
            if let Err(error) = compio::runtime::submit(poll).await.0 {
                // Only a ring that is going away refuses to watch a timerfd of ours.
                tracing::error!(%error, "the timers of this core stopped");
                return;
            }
            let mut due = Vec::new();
            self.wheel.borrow_mut().advance(self.now(), &mut due);
            self.arm();
            for waker in due {
                waker.wake();
            }
        }
    }

    /// Rounded up, so that no timer fires early. 0 for no time at all.
    fn deadline(&self, after: Duration) -> u64 {
        if after.is_zero() {
            return 0;
        }
        let at = self.base.elapsed().saturating_add(after);
        ticks(at.saturating_add(Duration::from_nanos(999_999)))
    }

    fn now(&self) -> u64 {
        ticks(self.base.elapsed())
    }

    /// Sets the timerfd for the next deadline of the wheel. Also makes it unreadable again.
    fn arm(&self) {
        let next = self.wheel.borrow().next_tick();
        self.armed.set(next.unwrap_or(u64::MAX));
        // A zero value disarms; tick 0 is in the past of every running timer, so never asked for.
        let after = next.map_or(Duration::ZERO, |tick| {
            Duration::from_millis(tick)
                .saturating_sub(self.base.elapsed())
                .max(Duration::from_nanos(1))
        });
        let spec = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                tv_sec: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(after.subsec_nanos()),
            },
        };
        if let Err(error) = timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &spec) {
            // The arguments are ours and valid: the kernel has no reason to refuse.
            tracing::error!(%error, "cannot set the timer of this core");
        }
    }
}

fn ticks(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Resolves when its time has come. Dropping it cancels the timer.
#[must_use = "a timer does nothing unless awaited"]
pub struct Sleep {
    timers: Rc<Timers>,
    deadline: u64,
    key: Option<Key>,
}

impl Sleep {
    /// Starts it anew, `duration` from now. A later deadline costs no work now: the timer fires at
    /// the old one, sees that it was moved, and waits on.
    pub fn reset(&mut self, duration: Duration) {
        let deadline = self.timers.deadline(duration);
        if deadline < self.deadline
            && let Some(key) = self.key.take()
        {
            self.timers.wheel.borrow_mut().cancel(key);
        }
        self.deadline = deadline;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(key) = self.key {
            if self.timers.wheel.borrow_mut().still_waits(key, cx.waker()) {
                return Poll::Pending;
            }
            // It fired, but its deadline may have been moved since.
            self.key = None;
            if self.deadline <= self.timers.now() {
                return Poll::Ready(());
            }
        }
        let deadline = self.deadline;
        if deadline == 0 {
            return Poll::Ready(());
        }
        let key = self
            .timers
            .wheel
            .borrow_mut()
            .insert(deadline, cx.waker().clone());
        self.key = Some(key);
        if deadline < self.timers.armed.get() {
            self.timers.arm();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.timers.wheel.borrow_mut().cancel(key);
        }
    }
}
