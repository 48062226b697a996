//! Tests of the log on the simulated disk.

#![expect(clippy::cast_possible_truncation, reason = "test data")]

mod basic;
mod crash;
mod damage;
mod faults;
mod model;
mod real;
mod recycle;
mod walk;

use super::{
    Damage, Durability, ExtentRef, Log, LogConfig, LogError, LogStats, RecordView, Recovery,
};
use crate::base::limits::EXTENT_HEAD;
use crate::base::{AlignedBuf, Location};
use crate::io::sim::{self, SimClock, SimDisk};

pub(super) type SimLog = Log<SimDisk, SimClock>;

/// A small log: its segments fill quickly.
pub(super) fn config() -> LogConfig {
    LogConfig {
        dir: "shard-000".to_owned(),
        store: *b"0123456789abcdef",
        shard: 3,
        segment_bytes: 32 * 1024,
        durability: Durability::Strict,
    }
}

/// Something found in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Extent(u128, u32),
    Record(u8, Vec<u8>),
}

/// A log with its background task running.
pub(super) async fn create(disk: &SimDisk, config: LogConfig) -> SimLog {
    let log = Log::create(disk.clone(), SimClock, config).await.unwrap();
    sim::spawn(log.run());
    log
}

/// Opens a log and collects what it holds from `from` on. The background task does not run.
pub(super) async fn open(
    disk: &SimDisk,
    config: LogConfig,
    from: Location,
) -> Result<(SimLog, Recovery, Vec<(Location, Seen)>), LogError> {
    let mut seen = Vec::new();
    let (log, recovery) = Log::open(disk.clone(), SimClock, config, from, |at, view| {
        seen.push((
            at,
            match view {
                RecordView::Extent { tag, len } => Seen::Extent(tag, len),
                RecordView::Record { kind, payload } => Seen::Record(kind, payload.to_vec()),
            },
        ));
        Ok(())
    })
    .await?;
    Ok((log, recovery, seen))
}

/// The body that belongs to a tag.
pub(super) fn body(tag: u128, len: usize) -> Vec<u8> {
    let mut rng = sim::Rng::new(tag as u64 + 1);
    (0..len).map(|_| rng.bits() as u8).collect()
}

/// A buffer with this body, as `append_extent` wants it.
pub(super) fn extent(body: &[u8]) -> AlignedBuf {
    let mut buf = AlignedBuf::zeroed(EXTENT_HEAD);
    let mut whole = AlignedBuf::with_capacity(EXTENT_HEAD + body.len());
    whole.extend(&buf);
    whole.extend(body);
    std::mem::swap(&mut buf, &mut whole);
    buf
}
