//! The scrubber: reads what was written long ago, before somebody needs it and it has rotted.
//!
//! A *pass* reads every segment before the last one from the device, past every cache: all records
//! and the bodies of all extents, live or not, each against its checksum. What is damaged is named
//! and stays where it is; reading it gives an error, as it did before it was found. One read is
//! under way at a time, and passes keep to a rate, so that clients have the device.
//!
//! | module | |
//! |---|---|
//! | `pass` | one pass |
//! | `names` | whose damaged bytes those are |

mod names;
mod pass;
#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "test data")]
mod tests;

use crate::base::local::Notify;
use crate::base::{BucketId, Location, Timestamp};
use crate::io::{Clock, Disk};
use crate::store::writer::Store;
use futures_util::future::select;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// Damaged places of a shard that are remembered; more are only counted.
const REMEMBERED: usize = 200;
/// Objects that are named for one damaged place.
const NAMED: usize = 20;
/// How long after the start the first pass begins: a start has enough to do.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// How a shard is scrubbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubConfig {
    /// Bytes per second; 0: not at all.
    pub rate: u64,
    /// Between the beginnings of two passes; `None`: only when somebody asks for one.
    pub every: Option<Duration>,
}

/// What an operator may want of the scrubber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScrubOrder {
    /// Begin a pass now; one under way goes on.
    Start,
    /// Stop where it is.
    Pause,
    /// Go on.
    Resume,
}

/// What the scrubber does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScrubPhase {
    /// Nothing, and never will: its rate is 0.
    #[default]
    Off,
    /// It waits for the next pass.
    Waiting,
    /// A pass is under way.
    Running,
    /// An operator stopped it.
    Paused,
}

/// A stretch of a segment that cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rot {
    /// First byte in doubt.
    pub at: Location,
    /// First byte behind it, as far as that is known.
    pub until: u32,
    /// In what way.
    pub what: String,
    /// When it was found first.
    pub found: Timestamp,
    /// Live objects, and uploads' parts, that need it; at most some.
    pub objects: Vec<(BucketId, Vec<u8>)>,
}

/// How far the scrubber is.
#[derive(Clone, Debug, Default)]
pub struct ScrubStatus {
    /// What it does.
    pub phase: ScrubPhase,
    /// Bytes per second that it may read.
    pub rate: u64,
    /// Passes that came to their end since the daemon started.
    pub passes: u64,
    /// Segments that this pass, or the last one, has done ...
    pub done: usize,
    /// ... of so many.
    pub total: usize,
    /// Bytes read since the daemon started.
    pub bytes: u64,
    /// When this pass, or the last one, began.
    pub began: Option<Timestamp>,
    /// When the last pass came to its end.
    pub ended: Option<Timestamp>,
    /// Damaged places, those remembered included.
    pub damaged: u64,
    /// The damaged places.
    pub rot: Vec<Rot>,
}

/// The scrubber of one shard, as the shard's core sees it.
#[derive(Default)]
pub struct Scrubber {
    status: RefCell<ScrubStatus>,
    paused: Cell<bool>,
    /// A pass was asked for.
    asked: Cell<bool>,
    order: Notify,
}

impl Scrubber {
    /// How far it is.
    #[must_use]
    pub fn status(&self) -> ScrubStatus {
        let mut status = self.status.borrow().clone();
        if status.phase != ScrubPhase::Off && self.paused.get() {
            status.phase = ScrubPhase::Paused;
        }
        status
    }

    /// Does what an operator wants; `false` when scrubbing is off.
    pub fn order(&self, order: ScrubOrder) -> bool {
        if self.status.borrow().phase == ScrubPhase::Off {
            return false;
        }
        match order {
            ScrubOrder::Start => {
                self.asked.set(true);
                self.paused.set(false);
            }
            ScrubOrder::Pause => self.paused.set(true),
            ScrubOrder::Resume => self.paused.set(false),
        }
        self.order.notify();
        true
    }

    /// Waits while it is paused.
    async fn unpaused(&self) {
        loop {
            let ticket = self.order.ticket();
            if !self.paused.get() {
                return;
            }
            self.order.changed(ticket).await;
        }
    }

    /// Waits until a pass is asked for, or until `time` has passed.
    async fn next<C: Clock>(&self, clock: &C, time: Option<Duration>) {
        let asked = async {
            loop {
                let ticket = self.order.ticket();
                if self.asked.get() {
                    return;
                }
                self.order.changed(ticket).await;
            }
        };
        match time {
            Some(time) => {
                select(pin!(asked), pin!(clock.sleep(time))).await;
            }
            None => asked.await,
        }
        self.unpaused().await;
        self.asked.set(false);
    }
}

impl<D: Disk, C: Clock> Store<D, C> {
    /// The shard's scrubber.
    #[must_use]
    pub const fn scrubber(&self) -> &Scrubber {
        &self.scrubber
    }

    /// Scrubs for as long as it is polled. To be run once, beside the log.
    pub async fn scrub(self: Rc<Self>, config: ScrubConfig) {
        {
            let mut status = self.scrubber.status.borrow_mut();
            status.rate = config.rate;
            if config.rate == 0 {
                return;
            }
            status.phase = ScrubPhase::Waiting;
        }
        let mut wait = config.every.map(|every| every.min(FIRST_AFTER));
        loop {
            self.scrubber.next(&self.clock, wait).await;
            let began = self.clock.monotonic();
            self.pass(config.rate).await;
            let taken = self.clock.monotonic().saturating_sub(began);
            wait = config.every.map(|every| every.saturating_sub(taken));
        }
    }
}
