//! What a core holds, and how a job gets to the core that owns a shard.

use crate::base::limits::{IN_FLIGHT_BYTES_MAX, SENDING_BYTES_MAX, STRANGERS_DOCUMENT_BYTES_MAX};
use crate::base::local::Notify;
use crate::base::md5::Lanes;
use crate::base::{BucketId, ShardId};
use crate::index::Visit;
use crate::io::mailbox::{Mailbox, Sender};
use crate::io::{Clock, Disk};
use crate::namespace::{Namespace, NamespaceReader, Resolutions, ResolveError, Resolved};
use crate::shard::audit::Audit;
use crate::shard::budget::Budget;
use crate::shard::digester::Digester;
use crate::shard::ledger::Ledger;
use crate::shard::links::{LinkId, LinkStats};
use crate::shard::list::ObjectCursor;
use crate::shard::meters::Meters;
use crate::shard::quota::Messenger;
use crate::shard::route::{self, Routed};
use crate::store::{ReadCache, Store, StoreError, StoreReader};
use std::cell::{Cell, OnceCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// Work for another core.
pub type Job<D, C> = route::Job<Core<D, C>>;

/// The core that runs the namespace's writer.
pub const NAMESPACE_CORE: usize = 0;

/// What every core knows of all the others; the same on each.
pub struct Topology<D: Disk, C: Clock> {
    /// By shard: the core that owns it.
    pub owners: Vec<usize>,
    /// By shard: its readers' side.
    pub readers: Vec<StoreReader<D>>,
    /// By core: the way into its mailbox.
    pub inboxes: Vec<Sender<Job<D, C>>>,
    /// Names.
    pub names: NamespaceReader,
}

/// One core of the daemon.
pub struct Core<D: Disk, C: Clock> {
    index: usize,
    topology: Arc<Topology<D, C>>,
    /// By shard: the store, where this core owns it.
    stores: Vec<Option<Rc<Store<D, C>>>>,
    namespace: Option<Rc<Namespace<D, C>>>,
    clock: C,
    budget: Budget,
    sending: Budget,
    documents: Budget,
    cache: Rc<ReadCache>,
    resolutions: Resolutions,
    digester: OnceCell<Digester>,
    /// Of use on the core of the namespace only.
    ledger: Ledger,
    meters: Meters,
    audit: OnceCell<Audit>,
    stopping: Cell<bool>,
    stop: Notify,
}

/// Keys up to so many bytes find their shard without an allocation.
const SHORT_KEY: usize = 248;

/// The shard that owns a key.
#[must_use]
pub fn shard_of(shards: usize, bucket: BucketId, key: &[u8]) -> ShardId {
    if shards <= 1 {
        return ShardId(0);
    }
    // In one piece: the hash of pieces needs half a kilobyte of state.
    let mut bytes = [0; 8 + SHORT_KEY];
    let (front, rest) = bytes.split_at_mut(8);
    front.copy_from_slice(&bucket.0.to_le_bytes());
    let hash = match rest.get_mut(..key.len()) {
        Some(place) => {
            place.copy_from_slice(key);
            xxh3_64(bytes.get(..8 + key.len()).unwrap_or_default())
        }
        None => xxh3_64(&[&bucket.0.to_le_bytes(), key].concat()),
    };
    ShardId(u16::try_from(hash % shards as u64).unwrap_or(0))
}

impl<D: Disk, C: Clock> Core<D, C> {
    /// Puts a core together.
    #[must_use]
    pub fn new(
        index: usize,
        topology: Arc<Topology<D, C>>,
        stores: Vec<Option<Rc<Store<D, C>>>>,
        namespace: Option<Rc<Namespace<D, C>>>,
        clock: C,
        cache: ReadCache,
    ) -> Rc<Self> {
        let cores = topology.inboxes.len().max(1);
        let budget = Budget::new(IN_FLIGHT_BYTES_MAX / cores);
        let sending = Budget::new(SENDING_BYTES_MAX / cores);
        let documents = Budget::new(STRANGERS_DOCUMENT_BYTES_MAX / cores);
        let meters = Meters::new(clock.now());
        let core = Rc::new(Self {
            index,
            topology,
            stores,
            namespace,
            clock,
            budget,
            sending,
            documents,
            cache: Rc::new(cache),
            resolutions: Resolutions::default(),
            digester: OnceCell::new(),
            ledger: Ledger::default(),
            meters,
            audit: OnceCell::new(),
            stopping: Cell::new(false),
            stop: Notify::new(),
        });
        for store in core.own_stores() {
            store.govern(Rc::new(Messenger(Rc::downgrade(&core))));
        }
        core
    }

    /// Asks this core to stop taking requests.
    pub fn begin_stop(&self) {
        self.stopping.set(true);
        self.stop.notify();
    }

    /// Asks every core, this one included, to stop taking requests.
    pub fn begin_stop_everywhere(&self) {
        for inbox in &self.topology.inboxes {
            // A core that is gone needs no telling.
            let _ = inbox.send(Box::new(|core: &Rc<Self>| core.begin_stop()));
        }
    }

    /// Resolves once this core was asked to stop.
    pub async fn stopped(&self) {
        while !self.stopping.get() {
            let ticket = self.stop.ticket();
            if self.stopping.get() {
                return;
            }
            self.stop.changed(ticket).await;
        }
    }

    /// What this core has read and may be asked for again.
    #[must_use]
    pub const fn cache(&self) -> &Rc<ReadCache> {
        &self.cache
    }

    /// Digests what this core's clients send.
    #[must_use]
    pub fn digester(&self) -> &Digester {
        self.digester.get_or_init(Digester::default)
    }

    /// Computes the MD5 of one body after the other, to see what doing it side by side saves. To be
    /// called before anything is received.
    pub fn digest_one_by_one(&self) {
        // What has begun goes on as it is.
        let _ = self.digester.set(Digester::with(Lanes::SCALAR));
    }

    /// Of the quotas; used on the core of the namespace only.
    pub(super) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The namespace's writer, on the core that runs it.
    #[must_use]
    pub const fn namespace(&self) -> Option<&Rc<Namespace<D, C>>> {
        self.namespace.as_ref()
    }

    /// This core's number.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Names of volumes, buckets, links and users.
    #[must_use]
    pub fn names(&self) -> &NamespaceReader {
        &self.topology.names
    }

    /// The bucket that (volume, bucket) leads to now: see [`NamespaceReader::resolve`].
    pub fn resolve(&self, volume: &str, bucket: &str) -> Result<Rc<Resolved>, ResolveError> {
        self.resolutions
            .resolve(&self.topology.names, volume, bucket, self.clock.now())
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &C {
        &self.clock
    }

    /// Body bytes this core may hold.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Bytes of objects this core may hold for clients that read them.
    #[must_use]
    pub const fn sending(&self) -> &Budget {
        &self.sending
    }

    /// Bytes of documents this core may hold of clients without credentials.
    #[must_use]
    pub const fn documents(&self) -> &Budget {
        &self.documents
    }

    /// What this core counts.
    #[must_use]
    pub const fn meters(&self) -> &Meters {
        &self.meters
    }

    /// The audit log, if one is written.
    #[must_use]
    pub fn audit(&self) -> Option<&Audit> {
        self.audit.get()
    }

    /// Writes an audit log from now on. Only the first call counts.
    pub fn start_audit(&self, audit: Audit) {
        // A second log is nobody's wish.
        let _ = self.audit.set(audit);
    }

    /// What went through links since the start, in the order they are asked for, all cores
    /// together. Zero for a link that was not used, or not for so long that it was forgotten.
    pub async fn link_stats(&self, links: Vec<LinkId>) -> Vec<LinkStats> {
        let mut sums = vec![LinkStats::default(); links.len()];
        if links.is_empty() {
            return sums;
        }
        let links: Arc<[LinkId]> = links.into();
        for core in 0..self.cores() {
            let links = links.clone();
            let counted = self
                .on_core(core, move |core| {
                    let counters = &core.meters.links;
                    let counted: Vec<_> = links.iter().map(|link| counters.get(*link)).collect();
                    async move { counted }
                })
                .await;
            // A core that is stopping has nothing to say any more.
            for (sum, counted) in sums.iter_mut().zip(counted.unwrap_or_default()) {
                sum.add(&counted);
            }
        }
        sums
    }

    /// Number of shards.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.topology.readers.len()
    }

    /// Number of cores.
    #[must_use]
    pub fn cores(&self) -> usize {
        self.topology.inboxes.len()
    }

    /// The shard that owns a key.
    #[must_use]
    pub fn shard_of(&self, bucket: BucketId, key: &[u8]) -> ShardId {
        shard_of(self.shards(), bucket, key)
    }

    /// The core that owns a shard.
    #[must_use]
    pub fn owner(&self, shard: ShardId) -> usize {
        let owner = self.topology.owners.get(usize::from(shard.0));
        owner.copied().unwrap_or_default()
    }

    /// The readers' side of the shard that owns a key.
    #[must_use]
    pub fn reader_of(&self, bucket: BucketId, key: &[u8]) -> &StoreReader<D> {
        self.reader(self.shard_of(bucket, key))
    }

    /// The readers' side of a shard.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "shard ids are made by shard_of only"
    )]
    pub fn reader(&self, shard: ShardId) -> &StoreReader<D> {
        &self.topology.readers[usize::from(shard.0)]
    }

    /// All shards' readers.
    #[must_use]
    pub fn readers(&self) -> &[StoreReader<D>] {
        &self.topology.readers
    }

    /// A cursor over all objects of a bucket, as long as `visit` lasts.
    #[must_use]
    pub fn objects<'v>(&'v self, visit: &'v Visit, bucket: BucketId) -> ObjectCursor<'v> {
        ObjectCursor::new(
            self.topology.readers.iter().map(StoreReader::index),
            visit,
            bucket,
        )
    }

    /// The stores this core owns.
    pub fn own_stores(&self) -> impl Iterator<Item = &Rc<Store<D, C>>> {
        self.stores.iter().flatten()
    }

    /// Runs `job` on the core that owns `shard`, with its store. The job goes on even when the
    /// caller stops waiting.
    pub async fn on_shard<R, F, Fut>(&self, shard: ShardId, job: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(Rc<Store<D, C>>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, StoreError>> + 'static,
    {
        route::on_shard(self, shard, job)
            .await
            .unwrap_or(Err(StoreError::Stopping))
    }

    /// Runs `job` on the core of the namespace's writer; `None` when that core is stopping.
    pub async fn on_namespace<R, F, Fut>(&self, job: F) -> Option<R>
    where
        R: Send + 'static,
        F: FnOnce(Rc<Namespace<D, C>>) -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
    {
        if let Some(namespace) = &self.namespace {
            return Some(job(namespace.clone()).await);
        }
        self.on_core(NAMESPACE_CORE, move |core| {
            let namespace = core.namespace.clone();
            async move {
                match namespace {
                    Some(namespace) => Some(job(namespace).await),
                    None => None,
                }
            }
        })
        .await
        .flatten()
    }

    /// Runs `job` on another core; `None` when that core is stopping.
    pub async fn on_core<R, F, Fut>(&self, core: usize, job: F) -> Option<R>
    where
        R: Send + 'static,
        F: FnOnce(&Rc<Self>) -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
    {
        route::on_core(self, core, job).await
    }

    /// Removes a bucket that holds no object: refuses writes to it on every shard, and takes that
    /// back when one of them is not empty. Returns whether it is empty.
    pub async fn seal_if_empty(self: &Rc<Self>, bucket: BucketId) -> Result<bool, StoreError> {
        let mut sealed = Vec::new();
        let mut empty = true;
        for shard in self.all_shards() {
            let is_empty = self
                .on_shard(shard, move |store| async move {
                    Ok(store.seal_if_empty(bucket))
                })
                .await?;
            if !is_empty {
                empty = false;
                break;
            }
            sealed.push(shard);
        }
        if !empty {
            for shard in sealed {
                self.unseal(shard, bucket).await?;
            }
        } else {
            self.note_sealed(bucket).await?;
        }
        Ok(empty)
    }

    /// Takes a seal back on every shard: the bucket stays after all.
    pub async fn unseal_all(&self, bucket: BucketId) -> Result<(), StoreError> {
        for shard in self.all_shards() {
            self.unseal(shard, bucket).await?;
        }
        Ok(())
    }

    async fn unseal(&self, shard: ShardId, bucket: BucketId) -> Result<(), StoreError> {
        self.on_shard(shard, move |store| async move {
            store.unseal(bucket);
            Ok(())
        })
        .await
    }

    pub(super) fn all_shards(&self) -> impl Iterator<Item = ShardId> {
        (0..u16::try_from(self.shards()).unwrap_or(u16::MAX)).map(ShardId)
    }
}

impl<D: Disk, C: Clock> Routed for Core<D, C> {
    type Store = Store<D, C>;

    fn store(&self, shard: ShardId) -> Option<Rc<Store<D, C>>> {
        self.stores.get(usize::from(shard.0)).cloned().flatten()
    }

    fn owner(&self, shard: ShardId) -> usize {
        Self::owner(self, shard)
    }

    fn inboxes(&self) -> &[Sender<Job<D, C>>] {
        &self.topology.inboxes
    }

    fn takes(&self, jobs: usize) {
        self.meters.jobs.add(jobs as u64);
        self.meters.job_batches.add(1);
    }
}

/// Takes jobs out of this core's mailbox until every sender is gone.
pub async fn serve_jobs<D: Disk, C: Clock>(core: Rc<Core<D, C>>, inbox: Mailbox<Job<D, C>>) {
    route::serve(core, inbox).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a key is must never change: these are the places in stores that exist.
    #[test]
    fn a_key_stays_in_its_shard() {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        for (bucket, key) in [
            (0, &b""[..]),
            (1, b"a"),
            (7, b"some/key"),
            (u64::MAX, &[0xff; 1024]),
        ] {
            hasher.reset();
            hasher.update(&bucket.to_le_bytes());
            hasher.update(key);
            let expected = u16::try_from(hasher.digest() % 13).unwrap();
            assert_eq!(shard_of(13, BucketId(bucket), key), ShardId(expected));
        }
    }

    #[test]
    fn keys_spread_over_the_shards() {
        let mut counts = [0u32; 4];
        for n in 0..4000u32 {
            let shard = shard_of(4, BucketId(1), format!("key-{n}").as_bytes());
            counts[usize::from(shard.0)] += 1;
        }
        assert!(
            counts.iter().all(|&c| (900..1100).contains(&c)),
            "{counts:?}"
        );
    }
}
