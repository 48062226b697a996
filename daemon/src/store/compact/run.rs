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
/// A pass is worth it when this part of the log was written or became garbage since the last one.
const PART: u64 = 32;
/// Segments that are to be free on the device, and how often the index is to fit beside them: its
/// next checkpoint needs the room before that of garbage is given back.
const FREE_SEGMENTS: u64 = 4;
const FREE_INDEXES: u64 = 2;
/// Passes in a row that may leave the log as long as it was. What is moved needs some room of its own:
/// without this, segments that are alive but for that would be moved round and round.
const FRUITLESS_MAX: usize = 4;

impl<D: Disk, C: Clock> Store<D, C> {
    /// Keeps the garbage within bounds until the log ends. To be run once, beside the log.
    pub async fn keep_compact(self: Rc<Self>) {
        // What was written and freed when the last pass began.
        let mut seen = 0;
        self.log().expect_room(true);
        loop {
            let full = pin!(self.log().filled());
            select(full, pin!(self.clock.sleep(PERIOD))).await;
            let stats = self.log().stats();
            if stats.poisoned || stats.closed {
                return;
            }
            let aim = self.need();
            let done = stats.bytes + self.freed();
            let total = stats.segments as u64 * self.segment_bytes();
            let enough = match aim {
                Aim::Modest => (total / PART).max(self.segment_bytes()),
                _ => 1,
            };
            if done - seen < enough && !self.has_emptied() {
                // Nothing has become garbage since there was none left.
                if aim == Aim::Urgent {
                    self.log().expect_room(false);
                }
                continue;
            }
            seen = done;
            if let Err(error) = self.turn(aim).await {
                tracing::warn!(shard = self.shard(), %error, "garbage was not removed");
                self.log().expect_room(false);
            }
        }
    }

    /// How badly room is needed.
    fn need(&self) -> Aim {
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
