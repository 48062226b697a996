//! When passes are made.

use super::choice::Aim;
use crate::io::{Clock, Disk};
use crate::store::error::StoreError;
use crate::store::writer::Store;
use futures_util::future::select;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// How often it is looked whether there is anything to do.
const PERIOD: Duration = Duration::from_secs(1);
/// A pass is worth it when garbage came in this part of the log since the last one ...
const FREED_PART: u64 = 32;
/// ... or so much was written: some of it may be of uploads that were given up, which nobody counts.
const WRITTEN_PART: u64 = 4;
/// Fewest segments for that.
const WRITTEN_SEGMENTS: u64 = 8;
/// Longest time between looks at segments that somebody holds.
const LOOK_MAX: Duration = Duration::from_secs(60);
/// Segments that are to be free on the device, and how often the index is to fit beside them: its
/// next checkpoint needs the room before that of garbage is given back.
const FREE_SEGMENTS: u64 = 4;
const FREE_INDEXES: u64 = 2;
/// Passes in a row that may leave the log as long as it was. What is moved needs some room of its own:
/// without this, segments that are alive but for that would be moved round and round.
const FRUITLESS_MAX: usize = 4;

/// What was so when the last pass began.
#[derive(Default)]
struct Since {
    /// There was one: what an earlier daemon left is not known before.
    looked: bool,
    /// Bytes written by then.
    written: u64,
    /// Bytes that had become garbage by then.
    freed: u64,
    /// When segments that wait are looked at again, and how long that was.
    look: Duration,
    pause: Duration,
}

impl<D: Disk, C: Clock> Store<D, C> {
    /// Keeps the garbage within bounds until the log ends. To be run once, beside the log.
    pub async fn keep_compact(self: Rc<Self>) {
        let mut since = Since::default();
        self.log().expect_room(true);
        let mut fillings = self.log().fillings();
        loop {
            // A device that was found full during the last turn is news, too.
            let full = pin!(self.log().filled(fillings));
            select(full, pin!(self.clock.sleep(PERIOD))).await;
            fillings = self.log().fillings();
            if self.has_ended() {
                return;
            }
            let aim = self.need();
            if !self.is_worth_it(&since, aim) {
                // Nothing has become garbage since there was none left.
                if aim == Aim::Urgent {
                    self.log().expect_room(false);
                }
                continue;
            }
            since.looked = true;
            since.written = self.log().stats().bytes;
            since.freed = self.freed();
            let reclaimed = self.compaction().reclaimed;
            if let Err(error) = self.turn(aim).await {
                if self.has_ended() {
                    return;
                }
                tracing::warn!(shard = self.shard(), %error, "garbage was not removed");
                self.log().expect_room(false);
            }
            since.pause = match self.compaction().reclaimed > reclaimed {
                true => PERIOD,
                false => (since.pause * 2).clamp(PERIOD, LOOK_MAX),
            };
            since.look = self.clock.monotonic() + since.pause;
        }
    }

    fn has_ended(&self) -> bool {
        let stats = self.log().stats();
        stats.poisoned || stats.closed
    }

    fn is_worth_it(&self, since: &Since, aim: Aim) -> bool {
        let stats = self.log().stats();
        let total = stats.segments as u64 * self.segment_bytes();
        let written = stats.bytes - since.written;
        let freed = self.freed().saturating_sub(since.freed);
        let garbage = match aim {
            Aim::Modest => (total / FREED_PART).max(self.segment_bytes()),
            _ => 1,
        };
        let much = (total / WRITTEN_PART).max(WRITTEN_SEGMENTS * self.segment_bytes());
        let ripe = self.has_emptied() && self.clock.monotonic() >= since.look;
        !since.looked || freed >= garbage || written >= much || ripe
    }

    /// How badly room is needed.
    pub(super) fn need(&self) -> Aim {
        let index = self.reader.memory_bytes() as u64;
        let wanted = FREE_SEGMENTS * self.segment_bytes() + FREE_INDEXES * index;
        let short = self.disk.free_bytes().is_some_and(|free| free < wanted);
        match short || self.log().stats().full {
            true => Aim::Urgent,
            false => Aim::Modest,
        }
    }

    /// Passes until one changes nothing, or several give no room.
    async fn turn(&self, aim: Aim) -> Result<(), StoreError> {
        let (mut fewest, mut fruitless) = (usize::MAX, 0);
        while fruitless < FRUITLESS_MAX {
            self.set_pace(aim);
            let before = self.freed();
            let pass = self.compact(aim).await?;
            let done = pass.retired > 0 || pass.cleaned > 0;
            // From here on there is room, or there is none to be had.
            self.log().expect_room(done || self.has_emptied());
            if !done {
                return Ok(());
            }
            let (segments, garbage) = (self.log().stats().segments, self.freed());
            fruitless = match segments < fewest || garbage > before {
                true => 0,
                false => fruitless + 1,
            };
            fewest = fewest.min(segments);
        }
        self.log().expect_room(!self.log().is_short());
        Ok(())
    }
}
