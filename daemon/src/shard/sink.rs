//! Where a body's bytes go: buffers that become extents while more is being received, or, when the
//! body is short, one buffer that goes into the record itself.

use crate::base::limits::{EXTENT_BODY_MAX, EXTENT_HEAD, INLINE_BODY_MAX};
use crate::base::local::{Receiver, oneshot};
use crate::base::{AlignedBuf, ShardId};
use crate::io::{Clock, Disk, spawn};
use crate::shard::{Core, Permit};
use crate::store::{NewBody, NewExtent, Store, StoreError};
use std::collections::VecDeque;
use std::rc::Rc;

/// Extents of one body that may be on their way to the device at once.
const WINDOW: usize = 4;

/// A buffer to fill, and its share of the core's budget.
pub struct Slot {
    /// The buffer; its length covers the room for an extent's header and what was filled in.
    pub buf: AlignedBuf,
    /// The share.
    pub permit: Permit,
}

impl Slot {
    /// Bytes that still fit.
    #[must_use]
    pub fn room(&self) -> usize {
        (EXTENT_HEAD + EXTENT_BODY_MAX)
            .min(self.buf.capacity())
            .saturating_sub(self.buf.len())
    }
}

/// Collects one body.
pub struct Sink<'a, D: Disk, C: Clock> {
    core: &'a Rc<Core<D, C>>,
    shard: ShardId,
    tag: u128,
    /// The whole body, while it may still turn out to be short.
    held: Option<Slot>,
    writing: VecDeque<Receiver<Result<NewExtent, StoreError>>>,
    extents: Vec<NewExtent>,
}

impl<'a, D: Disk, C: Clock> Sink<'a, D, C> {
    /// A sink into the log of `shard`. `tag` marks the extents.
    #[must_use]
    pub fn new(core: &'a Rc<Core<D, C>>, shard: ShardId, tag: u128) -> Self {
        Self {
            core,
            shard,
            tag,
            held: None,
            writing: VecDeque::new(),
            extents: Vec::new(),
        }
    }

    /// A buffer for the next bytes: as many as are `left`, or as fit into an extent. Waits while the
    /// core's budget is used up.
    pub async fn slot(&self, left: Option<u64>) -> Slot {
        let most = EXTENT_BODY_MAX as u64;
        let bytes = usize::try_from(left.unwrap_or(most).min(most)).unwrap_or(EXTENT_BODY_MAX);
        let capacity = EXTENT_HEAD + bytes;
        let permit = self.core.budget().take(capacity).await;
        let mut buf = AlignedBuf::with_capacity(capacity);
        buf.set_len(EXTENT_HEAD);
        Slot { buf, permit }
    }

    /// Takes a filled buffer.
    pub async fn push(&mut self, slot: Slot) -> Result<(), StoreError> {
        if slot.buf.len() == EXTENT_HEAD {
            return Ok(());
        }
        if let Some(held) = self.held.take() {
            self.write(held).await?;
        }
        // Only what may still become an inline body is held back. To hold a whole extent while
        // waiting for the budget of the next one would let many uploads block each other for ever.
        let short = slot.buf.len() - EXTENT_HEAD <= INLINE_BODY_MAX;
        if short && self.extents.is_empty() && self.writing.is_empty() {
            self.held = Some(slot);
            return Ok(());
        }
        self.write(slot).await
    }

    /// Sends an extent to the owner. It is written while this task goes on.
    async fn write(&mut self, slot: Slot) -> Result<(), StoreError> {
        while self.writing.len() >= WINDOW {
            self.settle_one().await?;
        }
        let (done, outcome) = oneshot();
        let (core, shard, tag) = (self.core.clone(), self.shard, self.tag);
        spawn(async move {
            let Slot { buf, permit } = slot;
            let job = move |store: Rc<Store<D, C>>| async move {
                let (result, _buf) = store.append_extent(tag, buf).await;
                result
            };
            done.send(core.on_shard(shard, job).await);
            drop(permit);
        });
        self.writing.push_back(outcome);
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<(), StoreError> {
        let Some(outcome) = self.writing.pop_front() else {
            return Ok(());
        };
        match outcome.receive().await {
            Some(Ok(extent)) => {
                self.extents.push(extent);
                Ok(())
            }
            Some(Err(error)) => Err(error),
            None => Err(StoreError::Stopping),
        }
    }

    /// All bytes were pushed: what the record will point at. The permit, if there is one, is for
    /// the bytes still in memory.
    pub async fn finish(mut self) -> Result<(NewBody, Option<Permit>), StoreError> {
        if let Some(slot) = self.held.take() {
            return Ok((NewBody::Inline(slot.buf, EXTENT_HEAD), Some(slot.permit)));
        }
        if self.extents.is_empty() && self.writing.is_empty() {
            return Ok((NewBody::Inline(AlignedBuf::with_capacity(1), 0), None));
        }
        while !self.writing.is_empty() {
            self.settle_one().await?;
        }
        Ok((NewBody::Extents(self.extents), None))
    }
}
