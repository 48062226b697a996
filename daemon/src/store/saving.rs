//! Checkpoints of a shard: what they save, finding the newest, writing the next.

use crate::base::Location;
use crate::index::IndexWriter;
use crate::index::checkpoint::{self, Unusable};
use crate::io::{Clock, Disk};
use crate::log::{Durability, LogConfig, LogError};
use crate::store::error::StoreError;
use crate::store::usage::{Counters, Saver};
use crate::store::writer::Store;

/// What a checkpoint saves and the log replays.
pub(super) struct State {
    pub(super) index: IndexWriter,
    pub(super) usage: Counters,
    /// Holds every record before this.
    pub(super) covers: Location,
}

impl State {
    pub(super) fn empty() -> Self {
        Self {
            index: crate::index::new().0,
            usage: Counters::default(),
            covers: Location::ZERO,
        }
    }
    /// The newest checkpoint, or nothing: then the whole log is replayed.
    pub(super) async fn load<D: Disk>(disk: &D, log: &LogConfig) -> Self {
        let reason = match checkpoint::load(disk, &log.dir, log.store, log.shard).await {
            Ok(loaded) => match Counters::decode(&loaded.attached) {
                Ok(usage) => {
                    return Self {
                        index: loaded.index,
                        usage,
                        covers: loaded.covers,
                    };
                }
                Err(error) => error.to_string(),
            },
            Err(Unusable::Missing) => return Self::empty(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(dir = log.dir, reason, "index is rebuilt from the log");
        Self::empty()
    }
}

impl<D: Disk, C: Clock> Store<D, C> {
    /// Resolves when everything before `target` is on stable media: a checkpoint must not begin
    /// behind the end that a power cut leaves of the log. With strict durability that may be only
    /// extents whose records are still to come; with a relaxed one the log flushes by itself after a
    /// while.
    pub(super) async fn flushed(&self, target: Location) -> Result<(), StoreError> {
        self.log.commit().await?;
        let Durability::Relaxed { interval } = self.config.log.durability else {
            return Ok(());
        };
        while self.log.stats().durable < target {
            if self.log.stats().poisoned {
                return Err(LogError::Closed.into());
            }
            self.clock.sleep(interval).await;
        }
        Ok(())
    }

    /// Writes a checkpoint of the index when enough log has come since the last one, or in any case
    /// when `force` is set and there is anything new.
    pub async fn checkpoint(&self, force: bool) -> Result<(), StoreError> {
        let _alone = self.saving.enter().await;
        let covers = match self.queue.borrow().front() {
            Some(pending) => pending.at,
            None => self.log.end(),
        };
        let last = *self.checkpointed.borrow();
        let segment_bytes = u64::from(self.config.log.segment_bytes);
        let distance = u64::from(covers.segment.saturating_sub(last.segment)) * segment_bytes
            + u64::from(covers.offset)
            - u64::from(last.offset).min(u64::from(covers.offset));
        if covers == last || (!force && distance < self.config.checkpoint_bytes) {
            return Ok(());
        }
        let log = &self.config.log;
        let whose = (log.store, log.shard);
        let saver = Saver::begin(&self.usage);
        let prepared =
            checkpoint::prepare(&self.disk, &log.dir, &self.reader, covers, whose, &saver).await?;
        drop(saver);
        self.flushed(self.log.end()).await?;
        prepared.publish().await?;
        *self.checkpointed.borrow_mut() = covers;
        Ok(())
    }
}
