//! Looking at a shard without opening it: what a start would make of it, and what its log alone
//! says. Nothing is written.

use crate::base::{Location, ShardId};
use crate::index::IndexWriter;
use crate::index::checkpoint::{self, Unusable};
use crate::io::Disk;
use crate::log::{self, LogConfig, LogError, LogReader, RecordView, Recovery};
use crate::store::mutation::{Mutation, Replay};
use crate::store::reader::StoreReader;
use crate::store::saving::State;
use crate::store::usage::Counters;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An index as it was put together, with what its entries were counted to be.
pub struct Rebuilt<D: Disk> {
    /// Reads objects through the index.
    pub reader: StoreReader<D>,
    /// Usage by bucket.
    pub usage: Counters,
}

/// What became of the checkpoint.
#[derive(Clone, Debug)]
pub enum CheckpointState {
    /// It is sound, and the log is replayed from here on.
    Sound(Location),
    /// There is none: a start replays the whole log.
    Missing,
    /// It is an earlier version's: a start replays the whole log.
    Outdated,
    /// It cannot be used, for this reason: a start replays the whole log.
    Unusable(String),
}

/// A shard that was looked at.
pub struct Inspection<D: Disk> {
    /// What became of the checkpoint.
    pub checkpoint: CheckpointState,
    /// What a start would serve: the checkpoint and what the log has behind it. `None` when there
    /// is no usable checkpoint; then it is what the log says.
    pub started: Option<Rebuilt<D>>,
    /// What the whole log says.
    pub from_log: Rebuilt<D>,
    /// Reads records and extents.
    pub log: LogReader<D>,
    /// What was found while the log was read.
    pub recovery: Recovery,
    /// Segments that left the log, says the log.
    pub retired: BTreeSet<u32>,
    /// Records with a right checksum that mean nothing to this version.
    pub refused: Vec<(Location, String)>,
}

/// Reads a shard's checkpoint and all of its log. `progress` is called with each place met.
pub async fn inspect<D: Disk>(
    disk: &D,
    config: &LogConfig,
    mut progress: impl FnMut(Location),
) -> Result<Inspection<D>, LogError> {
    let loaded = checkpoint::load(disk, &config.dir, config.store, config.shard).await;
    let (checkpoint, mut started) = match loaded {
        Ok(loaded) => match Counters::decode(&loaded.attached) {
            Ok(usage) => {
                let state = Side::over(loaded.index, usage);
                (CheckpointState::Sound(loaded.covers), Some(state))
            }
            Err(_) if Counters::is_outdated(&loaded.attached) => (CheckpointState::Outdated, None),
            Err(error) => (CheckpointState::Unusable(error.to_string()), None),
        },
        Err(Unusable::Missing) => (CheckpointState::Missing, None),
        Err(error) => (CheckpointState::Unusable(error.to_string()), None),
    };
    let covers = match checkpoint {
        CheckpointState::Sound(covers) => covers,
        _ => Location::ZERO,
    };
    let State { index, usage, .. } = State::empty();
    let mut from_log = Side::over(index, usage);
    let mut refused = Vec::new();
    let visit = |at: Location, view: RecordView<'_>| {
        progress(at);
        if let RecordView::Record { kind, payload } = view {
            let mut error = from_log.take(kind, at, payload).err();
            if let Some(started) = started.as_mut().filter(|_| at >= covers) {
                error = started.take(kind, at, payload).err().or(error);
            }
            refused.extend(error.map(|error| (at, error)));
        }
        Ok(())
    };
    let (reader, recovery) = log::inspect(disk, config, Location::ZERO, visit).await?;
    for side in started.iter_mut().chain([&mut from_log]) {
        let finished = side.replay.finish(&mut side.index, &mut side.usage);
        refused.extend(
            finished
                .err()
                .map(|error| (recovery.end, error.to_string())),
        );
    }
    let shard = ShardId(config.shard);
    Ok(Inspection {
        checkpoint,
        started: started.map(|side| side.rebuilt(shard, &reader)),
        retired: from_log.replay.retired().clone(),
        from_log: from_log.rebuilt(shard, &reader),
        log: reader,
        recovery,
        refused,
    })
}

/// An index under reconstruction.
struct Side {
    index: IndexWriter,
    usage: Counters,
    replay: Replay,
}

impl Side {
    fn over(index: IndexWriter, usage: Counters) -> Self {
        Self {
            replay: Replay::over(&index),
            index,
            usage,
        }
    }

    fn take(&mut self, kind: u8, at: Location, payload: &[u8]) -> Result<(), String> {
        let mutation: Mutation = self
            .replay
            .mutation(kind, at, payload)
            .map_err(|error| error.to_string())?;
        mutation.apply(&mut self.index, &mut self.usage);
        Ok(())
    }

    fn rebuilt<D: Disk>(self, shard: ShardId, log: &LogReader<D>) -> Rebuilt<D> {
        Rebuilt {
            reader: StoreReader::new(shard, self.index.reader(), log.clone(), Arc::default()),
            usage: self.usage,
        }
    }
}
