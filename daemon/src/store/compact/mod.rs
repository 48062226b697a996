//! Getting back the room of what was deleted and overwritten.
//!
//! A pass counts what is alive in every segment ([`census`]), gives back the segments that were emptied
//! before, chooses others, and moves what is alive out of them ([`relocate`]). A segment leaves the log
//! when
//!
//! - everything alive in it was moved, and that is on stable media,
//! - a count that began afterwards found nothing alive in it,
//! - no extent in it waits for its record,
//! - if the checkpoint of the index does not begin behind it: a record says that it is not missed.
//!
//! Until then nothing has changed for anybody, and a crash costs the work only. Readers that hold a
//! segment keep its bytes after it has left ([`crate::log::LogReader::pinned`]).

mod census;
mod choice;
mod ends;
mod pace;
mod relocate;
mod run;
mod survey;

pub use choice::{Aim, Segment};
pub(super) use ends::Ends;
pub(super) use pace::Pace;

use crate::base::Location;
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::log::LogError;
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::mutation::Mutation;
use crate::store::record::{RetiredRecord, kind};
use crate::store::usage::{NO_BUCKET, Usage};
use crate::store::writer::Store;
use census::Census;
use relocate::Relocation;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::Ordering;
use survey::Survey;

/// Index entries removed before others have their turn.
const SLICE: usize = 256;

/// What one pass did, and what it saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Segments that left the log.
    pub retired: usize,
    /// Segments out of which everything was moved.
    pub cleaned: usize,
    /// Bytes moved.
    pub moved: u64,
    /// Bytes alive in all segments but the last.
    pub live: u64,
    /// Bytes of all segments but the last.
    pub total: u64,
}

/// Figures since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// Bytes moved.
    pub moved: u64,
    /// Bytes of segments that left the log.
    pub reclaimed: u64,
    /// Segments that cannot be cleaned because something in them is damaged.
    pub damaged: usize,
    /// Bytes alive in all segments but the last, when they were last counted.
    pub live: u64,
    /// Bytes of all segments but the last, then.
    pub total: u64,
}

/// What a shard knows of its garbage.
#[derive(Default)]
pub(super) struct Cleaning {
    alone: crate::base::local::Gate,
    /// Nothing in them was alive when they were left.
    cleaned: RefCell<BTreeSet<u32>>,
    /// Something in them cannot be read.
    damaged: RefCell<BTreeSet<u32>>,
    figures: Cell<Compaction>,
    /// Bytes of the objects and parts whose records were written again.
    pub(super) relocated: Cell<u64>,
}

impl Cleaning {
    fn relocates(&self, bytes: u64) {
        self.relocated.set(self.relocated.get() + bytes);
    }
}

impl<D: Disk, C: Clock> Store<D, C> {
    /// One pass. Takes as long as it takes; clients are served meanwhile.
    pub async fn compact(&self, aim: Aim) -> Result<Pass, StoreError> {
        let _alone = self.cleaning.alone.enter().await;
        // Only what was so before the count is certain after it.
        let unpublished = self.queue.borrow().front().map(|pending| pending.at);
        let last = unpublished.unwrap_or_else(|| self.log.end()).segment;
        let mut segments: Vec<u32> = self.log.segments();
        segments.retain(|n| *n < last);
        let held = |n: &u32| self.holds.is_held(*n);
        let free: BTreeSet<u32> = segments.iter().copied().filter(|n| !held(n)).collect();
        let census = Census::take(&self.reader).await?;
        let mut pass = Pass::default();
        let mut emptied = self.emptied(&census);
        emptied.retain(|n| free.contains(n));
        if !emptied.is_empty() {
            self.announce(&emptied).await?;
        }
        for segment in emptied {
            self.retire(segment).await?;
            segments.retain(|n| *n != segment);
            pass.retired += 1;
        }
        let listed = self.listed(&segments, &census);
        pass.live = listed.iter().map(|s| s.live).sum();
        pass.total = listed.iter().map(|s| s.bytes).sum();
        for victim in choice::choose(listed, aim, self.room()) {
            if census.live(victim) > self.room() {
                break;
            }
            match self.clean(victim, &mut pass).await {
                // Writers were faster.
                Err(StoreError::Log(LogError::NoSpace)) => break,
                result => result?,
            }
            // It became urgent meanwhile: what is empty is given back first.
            if aim == Aim::Modest && self.need() == Aim::Urgent {
                break;
            }
        }
        self.note_pass(&pass);
        Ok(pass)
    }

    /// Figures since the start.
    #[must_use]
    pub fn compaction(&self) -> Compaction {
        self.cleaning.figures.get()
    }

    /// Whether segments wait for a count to leave the log.
    #[must_use]
    pub fn has_emptied(&self) -> bool {
        !self.cleaning.cleaned.borrow().is_empty()
    }

    /// Bytes that can be moved before anything is given back: most of what the log has prepared, and
    /// of what the device has.
    fn room(&self) -> u64 {
        let stats = self.log.stats();
        let prepared = stats.spares as u64 * self.segment_bytes();
        let free = match (stats.full, self.disk.free_bytes()) {
            (true, _) => 0,
            (false, free) => free.unwrap_or(u64::MAX),
        };
        let whole = prepared.saturating_add(free - free % self.segment_bytes());
        // The heads and ends of frames take some.
        whole / 8 * 7
    }

    /// Before a pass: how fast it may go.
    fn set_pace(&self, aim: Aim) {
        let figures = self.cleaning.figures.get();
        self.pace.set(aim, figures.live, figures.total);
    }

    fn segment_bytes(&self) -> u64 {
        u64::from(self.config.log.segment_bytes)
    }

    /// The segments that were cleaned and hold nothing. Those that hold something after all, for
    /// example of an upload that was under way, are to be cleaned again.
    fn emptied(&self, census: &Census) -> Vec<u32> {
        let mut cleaned = self.cleaning.cleaned.borrow_mut();
        cleaned.retain(|n| census.live(*n) == 0);
        cleaned.iter().copied().collect()
    }

    /// What there is to choose from.
    fn listed(&self, segments: &[u32], census: &Census) -> Vec<Segment> {
        let cleaned = self.cleaning.cleaned.borrow();
        let damaged = self.cleaning.damaged.borrow();
        let oldest = segments.first().copied().unwrap_or(0);
        let usable = |n: &&u32| !cleaned.contains(n) && !damaged.contains(n);
        let segments = segments.iter().filter(usable);
        segments
            .map(|n| Segment {
                number: *n,
                bytes: self.segment_bytes(),
                live: census.live(*n),
                ends: self.ends.needed(*n, oldest),
                held: self.holds.is_held(*n),
            })
            .collect()
    }

    /// Moves everything alive out of a segment. One that is damaged is left as it is.
    async fn clean(&self, segment: u32, pass: &mut Pass) -> Result<(), StoreError> {
        match self.move_out_of(segment, pass).await {
            Ok(()) => {
                self.cleaning.cleaned.borrow_mut().insert(segment);
                pass.cleaned += 1;
                Ok(())
            }
            Err(
                error @ (StoreError::Malformed(_)
                | StoreError::Log(LogError::Corrupt { .. } | LogError::Refused { .. })),
            ) => {
                let shard = self.shard();
                tracing::error!(shard, segment, %error, "segment is damaged and is left as it is");
                self.cleaning.damaged.borrow_mut().insert(segment);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn move_out_of(&self, segment: u32, pass: &mut Pass) -> Result<(), StoreError> {
        let found = Survey::take(&self.log.reader(), &self.reader, segment).await?;
        let mut relocation = Relocation::new(self, segment, found);
        let result = relocation.run().await;
        pass.moved += relocation.moved;
        result
    }

    /// Says in the log which segments leave it, for a start that reads from before them.
    async fn announce(&self, segments: &[u32]) -> Result<(), StoreError> {
        let covers = self.checkpointed.borrow().segment;
        let mut last = None;
        for segment in segments.iter().copied().filter(|n| *n >= covers) {
            let _turn = self.gate.enter().await;
            let payload = RetiredRecord { segment }.encode();
            let at = self.log.append_moved(kind::RETIRED, &[&payload]).await?;
            self.enqueue(at, Mutation::default(), NO_BUCKET, Usage::ZERO, Vec::new());
            last = Some(at);
        }
        if let Some(at) = last {
            self.finish(at).await?;
        }
        // What was moved has to be there before the segments go, whatever the durability.
        self.flushed(self.log.end()).await
    }

    /// A segment that holds nothing leaves the log, and what the index said of its places goes.
    async fn retire(&self, segment: u32) -> Result<(), StoreError> {
        self.log.retire(segment).await?;
        self.cleaning.cleaned.borrow_mut().remove(&segment);
        self.ends.forget(segment);
        let mut figures = self.cleaning.figures.get();
        figures.reclaimed += self.segment_bytes();
        self.cleaning.figures.set(figures);
        loop {
            let keys = self.named_in(segment);
            if keys.is_empty() {
                return Ok(());
            }
            let removed = {
                let mut index = self.index.borrow_mut();
                keys.iter().filter(|key| index.remove(key)).count()
            };
            self.named.fetch_sub(removed, Ordering::Relaxed);
            yield_now().await;
        }
    }

    fn named_in(&self, segment: u32) -> Vec<Vec<u8>> {
        let from = keys::named_prefix(Location { segment, offset: 0 });
        let mut found = Vec::new();
        self.reader.scan(Bound::Included(&from), |key, _| {
            let here = keys::parse_named(key).is_some_and(|(at, _)| at.segment == segment);
            if !here || found.len() == SLICE {
                return ControlFlow::Break(());
            }
            found.push(key.to_vec());
            ControlFlow::Continue(())
        });
        found
    }

    fn note_pass(&self, pass: &Pass) {
        let mut figures = self.cleaning.figures.get();
        figures.moved += pass.moved;
        figures.live = pass.live;
        figures.total = pass.total;
        figures.damaged = self.cleaning.damaged.borrow().len();
        self.cleaning.figures.set(figures);
    }

    /// Waits as long as moving so many bytes may take: not at all when room became short meanwhile.
    pub(super) async fn pace(&self, bytes: u64) {
        if self.need() == Aim::Urgent {
            self.pace.hurry();
        }
        let written = self.log.stats().bytes;
        let wait = self.pace.wait(bytes, written, self.clock.monotonic());
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
    }
}
