//! Opening a shard: the checkpoint of its index, and what its log has behind it.

use crate::base::Location;
use crate::index::{IndexReader, checkpoint};
use crate::io::{Clock, Disk};
use crate::log::{Damage, Log, LogError, RecordView};
use crate::store::compact::Ends;
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::mutation::Replay;
use crate::store::saving::State;
use crate::store::writer::{Store, StoreConfig};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

impl<D: Disk, C: Clock> Store<D, C> {
    /// Opens a shard: the newest checkpoint of the index, then the tail of the log; the whole log
    /// when there is no readable checkpoint, or when the log ends before it: what is written next
    /// would be taken to be in it.
    pub async fn open(disk: D, clock: C, config: StoreConfig) -> Result<Self, StoreError> {
        let state = State::load(&disk, &config.log).await;
        let from = state.covers;
        let opened = Self::open_over(disk.clone(), clock.clone(), config.clone(), state);
        let (store, end) = opened.await?;
        if end >= from {
            return Ok(store);
        }
        drop(store);
        checkpoint::discard(&disk, &config.log.dir).await?;
        let (store, _) = Self::open_over(disk, clock, config, State::empty()).await?;
        Ok(store)
    }

    /// Opens a shard over what a checkpoint holds. Says where the log ended, too.
    async fn open_over(
        disk: D,
        clock: C,
        config: StoreConfig,
        mut state: State,
    ) -> Result<(Self, Location), StoreError> {
        let log_config = config.log.clone();
        let from = state.covers;
        let ends = Ends::default();
        let mut replay = Replay::over(&state.index);
        let (log, recovery) = Log::open(
            disk.clone(),
            clock.clone(),
            log_config,
            from,
            |at, record| {
                if let RecordView::Record { kind, payload } = record {
                    let mutation =
                        replay
                            .mutation(kind, at, payload)
                            .map_err(|error| LogError::Refused {
                                at,
                                reason: error.to_string(),
                            })?;
                    mutation.apply(&mut state.index, &mut state.usage);
                    ends.learn(kind, at, payload);
                }
                Ok(())
            },
        )
        .await?;
        replay.finish(&mut state.index, &mut state.usage)?;
        let missed =
            |damage: &&Damage| !(damage.is_missing() && replay.retired().contains(&damage.segment));
        for damage in recovery.damage.iter().filter(missed) {
            tracing::error!(
                shard = config.log.shard,
                segment = damage.segment,
                from = damage.offset,
                until = damage.until,
                what = damage.what,
                "acknowledged bytes are damaged; what they held is lost"
            );
        }
        tracing::debug!(
            ?recovery,
            entries = state.index.reader().len(),
            "shard opened"
        );
        let mut store = Self::with(disk, clock, config, log, state);
        store.named = Arc::new(AtomicUsize::new(named_in(&store.reader)));
        store.ends = ends;
        Ok((store, recovery.end))
    }
}

/// Entries of the index that say what is named.
fn named_in(index: &IndexReader) -> usize {
    let (start, mut found) = ([keys::SPACE_NAMED], 0);
    index.scan(Bound::Included(&start), |_, _| {
        found += 1;
        ControlFlow::Continue(())
    });
    found
}
