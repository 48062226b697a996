//! Timeouts that cost a request next to nothing.
//!
//! No request reads a clock, starts a kernel timer or spawns a task. A core keeps one coarse time,
//! which [`Timers::tick`] advances every [`HTTP_TICK`]; arming a timeout stores a number computed
//! from it. The same tick looks at every connection of the core and wakes those whose time is up;
//! the woken task finds out in [`Timer::guard`] and drops the operation it waited for, which
//! cancels it. A timeout therefore fires up to two ticks late, never early.

use crate::base::Timestamp;
use crate::base::limits::{HTTP_BODY_RATE_MIN, HTTP_BODY_TIMEOUT, HTTP_TICK};
use crate::base::local::Notify;
use core::net::IpAddr;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

/// Length of a date as HTTP writes it.
const DATE_BYTES: usize = 29;
const NEVER: Duration = Duration::MAX;

/// The coarse time of a core and the timers of its connections.
pub(super) struct Timers {
    now: Cell<Duration>,
    date: Cell<[u8; DATE_BYTES]>,
    date_second: Cell<u64>,
    entries: RefCell<Vec<Option<Rc<Alarm>>>>,
    free: RefCell<Vec<usize>>,
    count: Cell<usize>,
    peers: RefCell<HashMap<IpAddr, usize>>,
    is_closing: Cell<bool>,
    /// Notified when a connection ends.
    pub(super) ended: Notify,
}

struct Alarm {
    deadline: Cell<Duration>,
    is_idle: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Timers {
    pub(super) fn new(now: Duration, wall: Timestamp) -> Rc<Self> {
        Rc::new(Self {
            now: Cell::new(now),
            date: Cell::new(format_date(wall)),
            date_second: Cell::new(wall.seconds()),
            entries: RefCell::default(),
            free: RefCell::default(),
            count: Cell::new(0),
            peers: RefCell::default(),
            is_closing: Cell::new(false),
            ended: Notify::new(),
        })
    }

    /// Advances the coarse time and wakes the connections whose time is up.
    pub(super) fn tick(&self, now: Duration, wall: Timestamp) {
        self.now.set(now);
        if self.date_second.replace(wall.seconds()) != wall.seconds() {
            self.date.set(format_date(wall));
        }
        self.wake(|entry| entry.deadline.get() <= now);
    }

    /// From now on idle connections end at once and others after their request.
    pub(super) fn close(&self) {
        self.is_closing.set(true);
        self.wake(|entry| {
            if entry.is_idle.get() {
                entry.deadline.set(Duration::ZERO);
            }
            entry.is_idle.get()
        });
    }

    fn wake(&self, which: impl Fn(&Alarm) -> bool) {
        let mut wakers = Vec::new();
        for entry in self.entries.borrow().iter().flatten() {
            if which(entry) {
                wakers.extend(entry.waker.take());
            }
        }
        // Not while the entries are borrowed: who knows what a waker does.
        for waker in wakers {
            waker.wake();
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    /// Connections that have a timer, which all have.
    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    /// As [`Timers::count`], of one peer.
    pub(super) fn count_from(&self, peer: IpAddr) -> usize {
        self.peers.borrow().get(&peer).copied().unwrap_or(0)
    }

    /// The current date as HTTP writes it, up to a tick old.
    pub(super) fn date(&self) -> [u8; DATE_BYTES] {
        self.date.get()
    }

    /// A timer for a new connection of `peer`.
    pub(super) fn register(self: &Rc<Self>, peer: IpAddr) -> Timer {
        let entry = Rc::new(Alarm {
            deadline: Cell::new(NEVER),
            is_idle: Cell::new(false),
            waker: Cell::new(None),
        });
        let mut entries = self.entries.borrow_mut();
        let slot = self.free.borrow_mut().pop().unwrap_or(entries.len());
        match entries.get_mut(slot) {
            Some(place) => *place = Some(entry.clone()),
            None => entries.push(Some(entry.clone())),
        }
        self.count.set(self.count.get() + 1);
        *self.peers.borrow_mut().entry(peer).or_default() += 1;
        Timer {
            timers: self.clone(),
            slot,
            peer,
            entry,
        }
    }
}

fn format_date(wall: Timestamp) -> [u8; DATE_BYTES] {
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(wall.seconds()));
    text.as_bytes().try_into().unwrap_or([b' '; DATE_BYTES])
}

/// The time of an operation was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expired;

/// The timer of one connection. Ends its registration when dropped.
pub(super) struct Timer {
    timers: Rc<Timers>,
    slot: usize,
    peer: IpAddr,
    entry: Rc<Alarm>,
}

impl Timer {
    pub(super) fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Whatever is guarded from now on must end within `after`.
    pub(super) fn arm(&self, after: Duration) {
        // The coarse time may be a tick behind.
        let deadline = self.timers.now.get() + after + HTTP_TICK;
        self.entry.deadline.set(deadline);
    }

    /// As [`Timer::arm`], while the connection waits for a request; it may be closed at any time.
    pub(super) fn arm_idle(&self, after: Duration) {
        self.arm(after);
        self.entry.is_idle.set(true);
        if self.timers.is_closing() {
            self.entry.deadline.set(Duration::ZERO);
        }
    }

    /// No time is measured until the next arming.
    pub(super) fn disarm(&self) {
        self.entry.deadline.set(NEVER);
        self.entry.is_idle.set(false);
    }

    /// Runs `operation`, but only until the armed time is up.
    pub(super) async fn guard<F: Future>(&self, operation: F) -> Result<F::Output, Expired> {
        let mut operation = pin!(operation);
        poll_fn(|cx| {
            if let Poll::Ready(output) = operation.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            if self.entry.deadline.get() <= self.timers.now.get() {
                return Poll::Ready(Err(Expired));
            }
            let waker = match self.entry.waker.take() {
                Some(waker) if waker.will_wake(cx.waker()) => waker,
                _ => cx.waker().clone(),
            };
            self.entry.waker.set(Some(waker));
            Poll::Pending
        })
        .await
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(place) = self.timers.entries.borrow_mut().get_mut(self.slot) {
            *place = None;
        }
        self.timers.free.borrow_mut().push(self.slot);
        self.timers.count.set(self.timers.count.get() - 1);
        let mut peers = self.timers.peers.borrow_mut();
        if let Entry::Occupied(mut count) = peers.entry(self.peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        drop(peers);
        self.timers.ended.notify();
    }
}

/// How long the peer may keep us waiting, with a least rate: each [`HTTP_BODY_TIMEOUT`] of waiting
/// must bring that many seconds' worth of [`HTTP_BODY_RATE_MIN`]. Time in which we do something
/// else does not count against the peer.
pub(super) struct Patience {
    left: Duration,
    window_bytes: u64,
    since: Duration,
}

impl Patience {
    pub(super) const fn new() -> Self {
        Self {
            left: HTTP_BODY_TIMEOUT,
            window_bytes: 0,
            since: Duration::ZERO,
        }
    }

    /// A wait for the peer begins.
    pub(super) fn begin(&mut self, timer: &Timer) {
        self.since = timer.timers.now.get();
        timer.arm(self.left);
    }

    /// The wait brought `bytes`.
    pub(super) fn end(&mut self, timer: &Timer, bytes: usize) {
        timer.disarm();
        let waited = timer.timers.now.get().saturating_sub(self.since);
        self.left = self.left.saturating_sub(waited);
        self.window_bytes = self.window_bytes.saturating_add(bytes as u64);
        if self.window_bytes >= HTTP_BODY_RATE_MIN * HTTP_BODY_TIMEOUT.as_secs() {
            self.left = HTTP_BODY_TIMEOUT;
            self.window_bytes = 0;
        }
    }
}
