//! Opens a namespace: with the index that a clean shutdown left, if it continues in the log, else
//! with one made from the newest good snapshot and the log behind it.

use crate::base::Location;
use crate::base::codec::Malformed;
use crate::index::map::{MapError, MapWriter, Stamp};
use crate::io::{Clock, Disk};
use crate::log::{Log, LogError, RecordView};
use crate::namespace::apply::{Effects, apply};
use crate::namespace::change::{self, BATCH, Change};
use crate::namespace::error::NamespaceError;
use crate::namespace::rebuild;
use crate::namespace::snapshot::{self, Primary};
use crate::namespace::writer::NamespaceConfig;

/// What opening found.
pub(crate) struct Opened<D: Disk, C: Clock> {
    pub(crate) log: Log<D, C>,
    pub(crate) map: MapWriter,
    /// The last record.
    pub(crate) stamp: Stamp,
    /// Bytes of the records behind the newest snapshot, as far as they were read.
    pub(crate) replayed: u64,
}

pub(crate) async fn open<D: Disk, C: Clock>(
    disk: &D,
    clock: &C,
    config: &NamespaceConfig,
) -> Result<Opened<D, C>, NamespaceError> {
    match MapWriter::open(&config.map()) {
        Ok(map) => match with_map(disk, clock, config, map).await {
            Err(NamespaceError::Log(error)) if !matches!(error, LogError::Refused { .. }) => {
                return Err(error.into());
            }
            Err(error) => tracing::warn!(why = %error, "the namespace index is rebuilt"),
            opened => return opened,
        },
        Err(MapError::InUse) => return Err(MapError::InUse.into()),
        Err(error) => tracing::info!(why = %error, "the namespace index is rebuilt"),
    }
    without_map(disk, clock, config).await
}

/// Removes what a creation that was interrupted left. Anything that holds more than the first record
/// is not that, and stays.
pub(crate) async fn clear<D: Disk, C: Clock>(
    disk: &D,
    clock: &C,
    config: &NamespaceConfig,
) -> Result<(), NamespaceError> {
    let opened = Log::open(
        disk.clone(),
        clock.clone(),
        config.log(),
        Location::ZERO,
        |_, _| Ok(()),
    );
    match opened.await {
        Err(LogError::Missing(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok((_, found)) if found.records <= 1 && found.damage.is_empty() => {}
        Ok(_) => return Err(LogError::Exists(config.dir.clone()).into()),
    }
    for name in disk.list(&config.dir).await? {
        disk.remove(&format!("{}/{name}", config.dir)).await?;
    }
    Ok(())
}

/// The index as it was left, with what the log may have behind it.
async fn with_map<D: Disk, C: Clock>(
    disk: &D,
    clock: &C,
    config: &NamespaceConfig,
    mut map: MapWriter,
) -> Result<Opened<D, C>, NamespaceError> {
    let mut tail = Tail::after(map.reader().view().stamp());
    let log = read_log(disk, clock, config, &mut tail).await?;
    let mut effects = Effects::default();
    for change in std::mem::take(&mut tail.changes) {
        apply(&mut map, &change, &mut effects).await?;
    }
    map.publish(tail.stamp)?;
    Ok(tail.opened(log, map))
}

async fn without_map<D: Disk, C: Clock>(
    disk: &D,
    clock: &C,
    config: &NamespaceConfig,
) -> Result<Opened<D, C>, NamespaceError> {
    let (mut primary, stamp) = newest_snapshot(disk, config).await?;
    let mut tail = Tail::after(stamp);
    let log = read_log(disk, clock, config, &mut tail).await?;
    for change in std::mem::take(&mut tail.changes) {
        rebuild::replay(&mut primary, change);
    }
    let map = rebuild::build(&config.map(), &primary, tail.stamp)?;
    Ok(tail.opened(log, map))
}

/// The newest snapshot that can be read; empty tables when there never was one. If an older one or
/// none must do, the chain of digests in the log decides whether the log reaches back to it.
async fn newest_snapshot<D: Disk>(
    disk: &D,
    config: &NamespaceConfig,
) -> Result<(Primary, Stamp), NamespaceError> {
    for covers in snapshot::list(disk, &config.dir).await? {
        match snapshot::read(disk, &config.dir, config.store, covers).await {
            Ok(found) => return Ok(found),
            Err(error) => tracing::error!(%error, covers, "a namespace snapshot is damaged"),
        }
    }
    Ok((Primary::new(), Stamp::default()))
}

async fn read_log<D: Disk, C: Clock>(
    disk: &D,
    clock: &C,
    config: &NamespaceConfig,
    tail: &mut Tail,
) -> Result<Log<D, C>, NamespaceError> {
    let from = Location::from_u64(tail.stamp.covers);
    let visit = |at: Location, view: RecordView<'_>| {
        let taken = tail.take(at, view);
        taken.map_err(|error| LogError::Refused {
            at,
            reason: error.to_string(),
        })
    };
    let (log, recovery) = Log::open(disk.clone(), clock.clone(), config.log(), from, visit).await?;
    if let Some(damage) = recovery.damage.into_iter().next() {
        return Err(NamespaceError::Damaged(damage.into()));
    }
    if tail.expected.is_some() {
        return Err(NamespaceError::Gap);
    }
    Ok(log)
}

/// The records of the log behind a known state.
pub(super) struct Tail {
    pub(super) stamp: Stamp,
    /// The record the known state ends with, as long as it was not met.
    pub(super) expected: Option<Stamp>,
    pub(super) changes: Vec<Change>,
    bytes: u64,
}

impl Tail {
    pub(super) fn after(stamp: Stamp) -> Self {
        Self {
            stamp,
            expected: (stamp != Stamp::default()).then_some(stamp),
            changes: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes a record over if it continues what is there.
    pub(super) fn take(&mut self, at: Location, view: RecordView<'_>) -> Result<(), Malformed> {
        let RecordView::Record {
            kind: BATCH,
            payload,
        } = view
        else {
            return Err(Malformed("a record of no known kind"));
        };
        let stamp = Stamp {
            covers: at.to_u64(),
            digest: change::digest(payload),
        };
        if let Some(expected) = self.expected.take() {
            let same = stamp == expected;
            return same.then_some(()).ok_or(Malformed("another history"));
        }
        let (previous, mut changes) = change::decode(payload)?;
        if previous != self.stamp.digest {
            return Err(Malformed("records are missing before this one"));
        }
        self.changes.append(&mut changes);
        self.bytes += payload.len() as u64;
        self.stamp = stamp;
        Ok(())
    }

    fn opened<D: Disk, C: Clock>(&self, log: Log<D, C>, map: MapWriter) -> Opened<D, C> {
        Opened {
            log,
            map,
            stamp: self.stamp,
            replayed: self.bytes,
        }
    }
}
