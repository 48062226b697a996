//! How the cores of the daemon talk about quotas: the shards' wishes go to the ledger on the core of
//! the namespace, what it says goes to the cores of the shards. Both over the mailboxes.

use crate::base::local::oneshot;
use crate::base::{BucketId, ShardId, UploadId};
use crate::io::{Clock, Disk, spawn};
use crate::namespace::{Command, Name, NamespaceReader, ReadError};
use crate::shard::Core;
use crate::shard::core::NAMESPACE_CORE;
use crate::shard::ledger::{Limits, Shards};
use crate::shard::usage::buckets_of;
use crate::store::quota::{Ask, Governor, Grant, Limited, Which};
use crate::store::{StoreError, Usage};
use futures_util::future::LocalBoxFuture;
use std::future::Future;
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// Bodies of less than this are received before anybody looks whether they fit.
const EARLY_BYTES: u64 = 64 * 1024;

/// The volume whose quotas a command changes, or those of a bucket in it. To be given to
/// [`Core::obey_quotas`] once the command is done.
#[must_use]
pub fn volume_of(command: &Command) -> Option<Name> {
    match command {
        Command::SetVolumeQuota { name, .. } => Name::new(name),
        Command::SetBucketQuota { volume, .. } => Name::new(volume),
        _ => None,
    }
}

fn limits(names: &NamespaceReader, bucket: BucketId) -> Result<Option<Limits>, ReadError> {
    let Some(entry) = names.bucket(bucket)? else {
        return Ok(None);
    };
    let volume = names.volume(&entry.volume)?;
    let found = Limits {
        volume: entry.volume,
        volume_bytes: volume.and_then(|volume| volume.quota_bytes),
        bytes: entry.bucket().and_then(|bucket| bucket.quota_bytes),
        objects: entry.bucket().and_then(|bucket| bucket.quota_namespace),
    };
    let any = found.volume_bytes.or(found.bytes).or(found.objects);
    Ok(any.map(|_| found))
}

/// The stores' way to the ledger.
pub(super) struct Messenger<D: Disk, C: Clock>(pub(super) Weak<Core<D, C>>);

impl<D: Disk, C: Clock> Governor for Messenger<D, C> {
    fn governed(&self, bucket: BucketId) -> Result<bool, StoreError> {
        let core = self.0.upgrade().ok_or(StoreError::Stopping)?;
        Ok(limits(core.names(), bucket)?.is_some())
    }

    fn ask(&self, ask: Ask) -> LocalBoxFuture<'static, Result<(), StoreError>> {
        let core = self.0.upgrade();
        Box::pin(async move {
            let core = core.ok_or(StoreError::Stopping)?;
            core.on_ledger(move |core| async move { core.ledger().ask(&*core, ask).await })
                .await
        })
    }
}

impl<D: Disk, C: Clock> Core<D, C> {
    /// Runs `job` where the ledger is. It goes on even when the caller stops waiting: also on its
    /// own core it is a task of its own.
    async fn on_ledger<F, Fut>(self: &Rc<Self>, job: F) -> Result<(), StoreError>
    where
        F: FnOnce(Rc<Self>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), StoreError>> + 'static,
    {
        let done = if self.index() == NAMESPACE_CORE {
            let (sender, done) = oneshot();
            let running = job(self.clone());
            spawn(async move { sender.send(running.await) });
            done.receive().await
        } else {
            self.on_core(NAMESPACE_CORE, move |core| job(core.clone()))
                .await
        };
        done.unwrap_or(Err(StoreError::Stopping))
    }

    /// Quotas of this volume, or of a bucket in it, were changed: resolves when every shard obeys.
    pub async fn obey_quotas(self: &Rc<Self>, volume: Name) -> Result<(), StoreError> {
        self.on_ledger(move |core| async move { core.ledger().changed(&*core, volume).await })
            .await
    }

    /// Fails when an object of `size` bytes that is still to be received cannot fit into the quotas.
    /// Whether it fits in the end shows when it is written. Without a quota, and for short bodies,
    /// this is no work to speak of.
    pub async fn expect_object(
        self: &Rc<Self>,
        bucket: BucketId,
        key: &[u8],
        size: u64,
    ) -> Result<(), StoreError> {
        if !self.is_large_and_limited(bucket, size)? {
            return Ok(());
        }
        let found = self
            .reader_of(bucket, key)
            .object(bucket, key, &mut Vec::new())?;
        self.expect(bucket, size, found.map(|entry| entry.size))
            .await
    }

    /// As [`Core::expect_object`], for a part of an upload.
    pub async fn expect_part(
        self: &Rc<Self>,
        (bucket, key): (BucketId, &[u8]),
        (upload, number): (UploadId, u32),
        size: u64,
    ) -> Result<(), StoreError> {
        if !self.is_large_and_limited(bucket, size)? {
            return Ok(());
        }
        let found = self
            .reader_of(bucket, key)
            .parts(upload, number.saturating_sub(1), 1)?;
        let found = found.first().filter(|(n, _)| *n == number);
        self.expect(bucket, size, found.map(|(_, entry)| entry.size))
            .await
    }

    fn is_large_and_limited(&self, bucket: BucketId, size: u64) -> Result<bool, ReadError> {
        Ok(size >= EARLY_BYTES && limits(self.names(), bucket)?.is_some())
    }

    async fn expect(
        self: &Rc<Self>,
        bucket: BucketId,
        size: u64,
        replaced: Option<u64>,
    ) -> Result<(), StoreError> {
        let need = Usage {
            bytes: size.saturating_sub(replaced.unwrap_or(0)),
            objects: 0,
        };
        self.on_ledger(move |core| async move { core.ledger().probe(&*core, bucket, need).await })
            .await
    }

    /// Tells the ledger that a bucket may be about to go.
    pub(super) async fn note_sealed(self: &Rc<Self>, bucket: BucketId) -> Result<(), StoreError> {
        self.on_ledger(move |core| async move {
            core.ledger().sealed(bucket);
            Ok(())
        })
        .await
    }
}

impl<D: Disk, C: Clock> Shards for Core<D, C> {
    fn count(&self) -> u16 {
        u16::try_from(self.shards()).unwrap_or(u16::MAX)
    }

    fn limits(&self, bucket: BucketId) -> Result<Option<Limits>, StoreError> {
        Ok(limits(self.names(), bucket)?)
    }

    fn buckets_of(&self, volume: &Name) -> Result<Vec<BucketId>, StoreError> {
        Ok(buckets_of(self.names(), volume)?)
    }

    async fn adopt(
        &self,
        shard: u16,
        buckets: Arc<[(BucketId, Limited)]>,
    ) -> Result<Vec<(BucketId, Usage)>, StoreError> {
        self.on_shard(ShardId(shard), move |store| async move {
            Ok(store.adopt(&buckets).await)
        })
        .await
    }

    async fn grant(&self, grant: Grant) -> Result<(), StoreError> {
        self.on_shard(ShardId(grant.ask.shard), move |store| async move {
            store.grant(&grant);
            Ok(())
        })
        .await
    }

    async fn reclaim(
        &self,
        shard: u16,
        which: Which,
        settle: bool,
    ) -> Result<Vec<(BucketId, Usage)>, StoreError> {
        self.on_shard(ShardId(shard), move |store| async move {
            Ok(store.reclaim(which, settle).await)
        })
        .await
    }

    async fn end_leases(&self, shard: u16, domain: u64) -> Result<(), StoreError> {
        self.on_shard(ShardId(shard), move |store| async move {
            store.end_leases(domain).await
        })
        .await
    }
}
