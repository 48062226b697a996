//! One pass over the segments of a shard.

use super::{REMEMBERED, Rot, ScrubPhase};
use crate::base::Location;
use crate::base::limits::EXTENT_HEAD;
use crate::io::{Clock, Disk};
use crate::log::{Damage, ExtentRef, LogError, LogReader, RecordView};
use crate::store::writer::Store;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest wait at once, so that an order is obeyed soon.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Bytes of a record beside its payload.
const RECORD_HEAD: u64 = 16;

/// Damage in one place, before it is known whose it is.
pub(super) struct Found {
    pub(super) at: Location,
    pub(super) until: u32,
    pub(super) what: String,
}

impl From<Damage> for Found {
    fn from(damage: Damage) -> Self {
        Self {
            at: Location {
                segment: damage.segment,
                offset: damage.offset,
            },
            until: damage.until,
            what: damage.what.to_owned(),
        }
    }
}

/// How fast a pass goes: what was read sets when the next read may begin.
struct Pace {
    rate: u64,
    /// Time that reading may not have taken yet.
    owed: Duration,
}

impl<D: Disk, C: Clock> Store<D, C> {
    /// Reads every segment before the last one.
    pub(super) async fn pass(&self, rate: u64) {
        let last = self.log.end().segment;
        let mut segments = self.log.segments();
        segments.retain(|segment| *segment < last);
        {
            let mut status = self.scrubber.status.borrow_mut();
            status.phase = ScrubPhase::Running;
            status.began = Some(self.clock.now());
            (status.done, status.total) = (0, segments.len());
        }
        let mut pace = Pace {
            rate,
            owed: Duration::ZERO,
        };
        let mut seen = BTreeMap::new();
        let mut damaged = 0;
        for segment in segments {
            let found = self.read_segment(segment, &mut pace).await;
            damaged += found.len() as u64;
            for rot in self.name_all(found).await {
                self.report(rot, &mut seen, damaged);
            }
            self.scrubber.status.borrow_mut().done += 1;
        }
        let mut status = self.scrubber.status.borrow_mut();
        status.phase = ScrubPhase::Waiting;
        status.passes += 1;
        status.ended = Some(self.clock.now());
        // What this pass did not meet is gone: its segment was given back.
        status.damaged = damaged;
        status.rot.retain(|rot| seen.contains_key(&rot.at));
        let (shard, passes) = (self.shard(), status.passes);
        tracing::info!(shard, passes, damaged, "a scrub pass has ended");
    }

    /// Everything damaged in a segment.
    async fn read_segment(&self, segment: u32, pace: &mut Pace) -> Vec<Found> {
        let reader = self.log.reader();
        let (mut extents, mut bytes) = (Vec::new(), 0);
        let visit = |at, view: RecordView<'_>| {
            match view {
                RecordView::Extent { len, .. } => extents.push(ExtentRef { at, len }),
                RecordView::Record { payload, .. } => bytes += RECORD_HEAD + payload.len() as u64,
            }
            Ok(())
        };
        let mut found: Vec<Found> = match reader.walk(segment, visit).await {
            Ok(damage) => damage.into_iter().map(Found::from).collect(),
            Err(error) => unreadable(segment, &error).into_iter().collect(),
        };
        self.keep_pace(pace, bytes).await;
        for extent in extents {
            found.extend(body(&reader, extent).await);
            let size = EXTENT_HEAD as u64 + u64::from(extent.len);
            self.keep_pace(pace, size).await;
        }
        found
    }

    /// Counts what was read, and waits for as long as that should take.
    async fn keep_pace(&self, pace: &mut Pace, bytes: u64) {
        self.scrubber.status.borrow_mut().bytes += bytes;
        let micros = bytes.saturating_mul(1_000_000) / pace.rate.max(1);
        pace.owed += Duration::from_micros(micros);
        // Short waits are put together.
        while pace.owed >= Duration::from_millis(5) {
            let now = pace.owed.min(WAIT_MAX);
            self.clock.sleep(now).await;
            pace.owed -= now;
        }
        self.scrubber.unpaused().await;
    }

    /// Remembers damage, and tells the log of what is new.
    fn report(&self, mut rot: Rot, seen: &mut BTreeMap<Location, ()>, damaged: u64) {
        seen.insert(rot.at, ());
        let mut status = self.scrubber.status.borrow_mut();
        status.damaged = status.damaged.max(damaged);
        if let Some(known) = status.rot.iter_mut().find(|known| known.at == rot.at) {
            rot.found = known.found;
            *known = rot;
            return;
        }
        tracing::error!(
            shard = self.shard(),
            segment = rot.at.segment,
            offset = rot.at.offset,
            until = rot.until,
            what = rot.what,
            objects = rot.objects.len(),
            "the scrubber found damage; `chainring scrub status` says whose"
        );
        if status.rot.len() < REMEMBERED {
            status.rot.push(rot);
        }
    }
}

/// Reads a whole body.
async fn body<D: Disk>(reader: &LogReader<D>, extent: ExtentRef) -> Option<Found> {
    let error = reader.read_extent(extent, 0..extent.len).await.err()?;
    // A segment that was given back meanwhile held nothing any more.
    if matches!(error, LogError::Unknown(_)) {
        return None;
    }
    let len = u32::try_from(EXTENT_HEAD).unwrap_or(0);
    Some(Found {
        at: extent.at,
        until: extent.at.offset.saturating_add(len + extent.len),
        what: match error {
            LogError::Corrupt { what, .. } => what.to_owned(),
            error => error.to_string(),
        },
    })
}

fn unreadable(segment: u32, error: &LogError) -> Option<Found> {
    if matches!(error, LogError::Unknown(_)) {
        return None;
    }
    Some(Found {
        at: Location { segment, offset: 0 },
        until: u32::MAX,
        what: error.to_string(),
    })
}
