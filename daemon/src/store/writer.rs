//! The writer of one shard: order, conditions, append, flush, publish, acknowledge.
//!
//! A change takes its place under the gate: conditions are judged against the newest state, flushed
//! or not, and the record is appended. It becomes visible to readers, in log order, once a flush
//! covers it; then the caller is answered.

use crate::base::local::Gate;
use crate::base::{AlignedBuf, BucketId, Location, ShardId, Timestamp, VersionId};
use crate::index::{IndexReader, IndexWriter};
use crate::io::{Clock, Disk};
use crate::log::{Log, LogConfig, LogError};
use crate::store::compact::{Cleaning, Ends, Pace};
use crate::store::condition::{Verdict, WriteCondition};
use crate::store::entry::ObjectEntry;
use crate::store::error::StoreError;
use crate::store::holds::{Hold, Holds, NewExtent};
use crate::store::keys;
use crate::store::moves::Moves;
use crate::store::mutation::Mutation;
use crate::store::quota::Quotas;
use crate::store::reader::StoreReader;
use crate::store::record::{DeleteRecord, kind};
use crate::store::saving::State;
use crate::store::scrub::Scrubber;
use crate::store::usage::{Counters, Usage};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where a shard's files are and how it treats them.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The shard's log.
    pub log: LogConfig,
    /// Bytes of log after which the index is checkpointed.
    pub checkpoint_bytes: u64,
}

/// The value a key will have once everything appended so far is flushed.
pub(super) struct Unflushed {
    pub(super) value: Option<Vec<u8>>,
    writes: u32,
}

/// A delete that has its place in the log, or needs none.
struct BegunDelete {
    /// Whether there was something to delete.
    deletes: bool,
    /// What must be durable before it is answered.
    durable_at: Option<Location>,
}

/// A record in the log that is not published yet.
pub(super) struct Pending {
    pub(super) at: Location,
    pub(super) mutation: Mutation,
    bucket: BucketId,
    reserved: Usage,
    /// Of the extents that it names; from now on the index keeps them.
    _holds: Vec<Hold>,
}

/// The writer of one shard. See the module's words for how it works.
pub struct Store<D: Disk, C: Clock> {
    pub(super) disk: D,
    pub(super) clock: C,
    pub(super) config: StoreConfig,
    pub(super) log: Log<D, C>,
    pub(super) index: RefCell<IndexWriter>,
    pub(super) reader: IndexReader,
    /// What the index's entries add up to, by bucket.
    pub(super) usage: RefCell<Counters>,
    pub(super) quotas: Quotas,
    /// Appended, not yet published, in log order.
    pub(super) queue: RefCell<VecDeque<Pending>>,
    pub(super) unflushed: RefCell<HashMap<Vec<u8>, Unflushed>>,
    /// Buckets that are going or gone: no write is taken any more.
    sealed: RefCell<HashSet<BucketId>>,
    pub(super) gate: Gate,
    pub(super) holds: Holds,
    /// Where records went that were moved.
    pub(super) moves: Moves,
    pub(super) ends: Ends,
    /// Entries of the index that say what is named.
    pub(super) named: Arc<AtomicUsize>,
    pub(super) cleaning: Cleaning,
    pub(super) pace: Pace,
    pub(super) checkpointed: RefCell<Location>,
    /// One checkpoint at a time.
    pub(super) saving: Gate,
    pub(super) scrubber: Scrubber,
}

impl<D: Disk, C: Clock> Store<D, C> {
    /// Makes an empty shard.
    pub async fn create(disk: D, clock: C, config: StoreConfig) -> Result<Self, StoreError> {
        let log = Log::create(disk.clone(), clock.clone(), config.log.clone()).await?;
        Ok(Self::with(disk, clock, config, log, State::empty()))
    }

    pub(super) fn with(
        disk: D,
        clock: C,
        config: StoreConfig,
        log: Log<D, C>,
        state: State,
    ) -> Self {
        Self {
            disk,
            clock,
            config,
            log,
            reader: state.index.reader(),
            index: RefCell::new(state.index),
            usage: RefCell::new(state.usage),
            quotas: Quotas::default(),
            queue: RefCell::default(),
            unflushed: RefCell::default(),
            sealed: RefCell::default(),
            gate: Gate::default(),
            holds: Holds::default(),
            moves: Moves::default(),
            ends: Ends::default(),
            named: Arc::default(),
            cleaning: Cleaning::default(),
            pace: Pace::default(),
            checkpointed: RefCell::new(state.covers),
            saving: Gate::default(),
            scrubber: Scrubber::default(),
        }
    }

    /// The readers' side, for any core.
    #[must_use]
    pub fn reader(&self) -> StoreReader<D> {
        StoreReader::new(
            ShardId(self.shard()),
            self.reader.clone(),
            self.log.reader(),
            self.named.clone(),
        )
    }

    /// The shard's number.
    #[must_use]
    pub const fn shard(&self) -> u16 {
        self.config.log.shard
    }

    /// What this shard holds of a bucket, as its readers see it.
    #[must_use]
    pub fn usage(&self, bucket: BucketId) -> Usage {
        self.usage.borrow().of(bucket)
    }

    /// The log, for its figures and its background loop.
    #[must_use]
    pub const fn log(&self) -> &Log<D, C> {
        &self.log
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes an extent of a large body straight from its buffer. Not part of anything until a
    /// record points at it, and kept until then.
    pub async fn append_extent(
        &self,
        tag: u128,
        buf: AlignedBuf,
    ) -> (Result<NewExtent, StoreError>, AlignedBuf) {
        let (until, mut given) = (self.log.patience(), buf);
        loop {
            self.log.wait_for_room(until).await;
            match self.log.start_extent(tag, given).await {
                Ok((extent, writing)) => {
                    let hold = Some(self.holds.hold(extent.at.segment));
                    let (result, buf) = writing.done().await;
                    let result = result.map(|()| NewExtent { extent, hold });
                    return (result.map_err(StoreError::from), buf);
                }
                // Another one took the room.
                Err((LogError::NoSpace, buf)) if self.log.lacks_room(until) => given = buf,
                Err((error, buf)) => return (Err(error.into()), buf),
            }
        }
    }

    /// Deletes an object. Without a condition a missing object is fine (`Ok(false)`).
    pub async fn delete(
        &self,
        bucket: BucketId,
        key: &[u8],
        condition: &WriteCondition,
    ) -> Result<bool, StoreError> {
        let begun = self.begin_delete(bucket, key, condition).await?;
        if let Some(at) = begun.durable_at {
            self.finish(at).await?;
        }
        Ok(begun.deletes)
    }

    /// Deletes many objects with one flush; one result per key, in order.
    pub async fn delete_many(
        &self,
        bucket: BucketId,
        keys: &[(Vec<u8>, WriteCondition)],
    ) -> Vec<Result<bool, StoreError>> {
        let mut begun = Vec::with_capacity(keys.len());
        for (key, condition) in keys {
            begun.push(self.begin_delete(bucket, key, condition).await);
        }
        let last = begun
            .iter()
            .filter_map(|b| b.as_ref().ok()?.durable_at)
            .max();
        let flushed = match last {
            Some(at) => self.finish(at).await,
            None => Ok(()),
        };
        begun
            .into_iter()
            .map(|result| match (result, &flushed) {
                (Ok(begun), Err(error)) if begun.durable_at.is_some() => Err(error.clone()),
                (Ok(begun), _) => Ok(begun.deletes),
                (Err(error), _) => Err(error),
            })
            .collect()
    }

    async fn begin_delete(
        &self,
        bucket: BucketId,
        key: &[u8],
        condition: &WriteCondition,
    ) -> Result<BegunDelete, StoreError> {
        let _turn = self.gate.enter().await;
        let index_key = keys::object(bucket, key, VersionId::NULL);
        self.judge(&index_key, condition).await?;
        let (there, in_flight) = self.newest(&index_key);
        if there.is_none() {
            // That it is gone may be the work of a delete that a crash could still take back.
            return Ok(BegunDelete {
                deletes: false,
                durable_at: if in_flight { self.last_place() } else { None },
            });
        }
        let record = DeleteRecord {
            bucket,
            key: key.to_vec(),
            version: VersionId::NULL,
            modified: self.clock.now(),
        };
        let payload = record.encode();
        let at = self.log.append_reserved(kind::DELETE, &[&payload]).await?;
        self.ends.note(at.segment, at.segment, payload.len());
        self.enqueue(
            at,
            Mutation::delete(&record),
            bucket,
            Usage::ZERO,
            Vec::new(),
        );
        Ok(BegunDelete {
            deletes: true,
            durable_at: Some(at),
        })
    }

    /// Refuses all further writes to a bucket if it holds no object. Returns whether it is empty; if
    /// not, nothing changed.
    pub fn seal_if_empty(&self, bucket: BucketId) -> bool {
        let prefix = keys::bucket_prefix(keys::SPACE_OBJECT, bucket);
        let unflushed = self.unflushed.borrow();
        if unflushed
            .iter()
            .any(|(k, u)| k.starts_with(&prefix) && u.value.is_some())
        {
            return false;
        }
        let mut empty = true;
        self.reader.scan(Bound::Included(&prefix), |key, _| {
            if !key.starts_with(&prefix) {
                return ControlFlow::Break(());
            }
            // An object whose delete is appended but not flushed counts as gone.
            if unflushed.get(key).is_some_and(|u| u.value.is_none()) {
                return ControlFlow::Continue(());
            }
            empty = false;
            ControlFlow::Break(())
        });
        if empty {
            self.sealed.borrow_mut().insert(bucket);
        }
        empty
    }

    /// Takes a seal back: another shard's part of the bucket was not empty.
    pub fn unseal(&self, bucket: BucketId) {
        self.sealed.borrow_mut().remove(&bucket);
    }

    pub(super) fn check_open(&self, bucket: BucketId) -> Result<(), StoreError> {
        if self.sealed.borrow().contains(&bucket) {
            Err(StoreError::BucketGone)
        } else {
            Ok(())
        }
    }

    /// The newest value of a key, and whether it is not flushed yet.
    pub(super) fn newest(&self, index_key: &[u8]) -> (Option<Vec<u8>>, bool) {
        match self.unflushed.borrow().get(index_key) {
            Some(unflushed) => (unflushed.value.clone(), true),
            None => (self.reader.get_vec(index_key), false),
        }
    }

    /// Fails when the condition does not hold. An answer that rests on a write in flight waits for
    /// that write's flush, so that no client learns of a state that a crash could take back.
    pub(super) async fn judge(
        &self,
        index_key: &[u8],
        condition: &WriteCondition,
    ) -> Result<(), StoreError> {
        if condition.is_none() {
            return Ok(());
        }
        let (value, in_flight) = self.newest(index_key);
        let entry = value.as_deref().map(ObjectEntry::decode).transpose()?;
        let verdict = self.moves.judge(condition, entry.as_ref());
        if verdict != Verdict::Holds && in_flight {
            self.settle().await?;
        }
        match verdict {
            Verdict::Holds => Ok(()),
            Verdict::Missing => Err(StoreError::NoSuchKey),
            Verdict::Fails => Err(StoreError::PreconditionFailed),
        }
    }

    /// The place of the newest record that is not yet both durable and visible.
    fn last_place(&self) -> Option<Location> {
        self.queue.borrow().back().map(|pending| pending.at)
    }

    /// Waits until everything that has its place in the log is durable and visible: before an answer
    /// that rests on it.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        match self.last_place() {
            Some(at) => self.finish(at).await,
            None => Ok(()),
        }
    }

    /// A refusal that may rest on a record in flight, once that is settled.
    pub(super) async fn settled<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::NoSuchUpload | StoreError::InvalidPart(_)) = result {
            self.settle().await?;
        }
        result
    }

    /// A record has its place in the log. `reserved` is what it may add to the bucket, if that has
    /// a quota.
    pub(super) fn enqueue(
        &self,
        at: Location,
        mutation: Mutation,
        bucket: BucketId,
        reserved: Usage,
        holds: Vec<Hold>,
    ) {
        let mut unflushed = self.unflushed.borrow_mut();
        for change in &mutation.changes {
            let slot = unflushed.entry(change.key.clone()).or_insert(Unflushed {
                value: None,
                writes: 0,
            });
            slot.value.clone_from(&change.value);
            slot.writes += 1;
        }
        drop(unflushed);
        self.queue.borrow_mut().push_back(Pending {
            at,
            mutation,
            bucket,
            reserved,
            _holds: holds,
        });
    }

    /// Waits for the flush that covers `at`, then publishes everything up to it in log order.
    pub(super) async fn finish(&self, at: Location) -> Result<(), StoreError> {
        self.log.commit().await?;
        let mut index = self.index.borrow_mut();
        let mut usage = self.usage.borrow_mut();
        let mut queue = self.queue.borrow_mut();
        let mut unflushed = self.unflushed.borrow_mut();
        let freed = usage.freed();
        while let Some(pending) = queue.pop_front_if(|pending| pending.at <= at) {
            let named = pending.mutation.apply(&mut index, &mut usage);
            self.named.fetch_add(named, Ordering::Relaxed);
            self.quotas.published(pending.bucket, pending.reserved);
            for change in &pending.mutation.changes {
                if let Some(slot) = unflushed.get_mut(&change.key) {
                    slot.writes -= 1;
                    if slot.writes == 0 {
                        unflushed.remove(&change.key);
                    }
                }
            }
        }
        if usage.freed() > freed {
            // There is garbage that may be removed.
            self.log.expect_room(true);
        }
        Ok(())
    }

    /// Bytes of objects and parts that clients replaced or removed since the start.
    #[must_use]
    pub fn freed(&self) -> u64 {
        let all = self.usage.borrow().freed();
        all.saturating_sub(self.cleaning.relocated.get())
    }

    /// The counters beside a scan of the index, which they must equal.
    #[cfg(test)]
    pub(super) fn counted_and_scanned(&self) -> (Counters, Counters) {
        let mut scanned = Counters::default();
        self.reader.scan(Bound::Unbounded, |key, value| {
            scanned.changed(key, None, crate::store::usage::of_entry(key, value));
            ControlFlow::Continue(())
        });
        (self.usage.borrow().clone(), scanned)
    }
}
