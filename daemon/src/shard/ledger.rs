//! The ledger of quotas, on the core of the namespace: leases parts of a quota to shards.
//!
//! It knows how much it leased of every bucket, all shards together, and never leases more than the
//! quotas of the bucket and its volume allow. A shard that is asked for more than its lease asks
//! here. Far from the limit it is given a good deal more than it needs, so that it asks rarely;
//! the less there is left, the less it is given. When nothing is left, the unused parts of all
//! leases are taken back, and what is on its way is waited for, before a write is refused: a write
//! that fits is never refused because of where the room is.
//!
//! Everything about one volume is done one after the other, under its gate. The ledger is volatile:
//! the first wish for a bucket after a start adopts it, with what its shards hold.

use crate::base::BucketId;
use crate::base::local::Gate;
use crate::namespace::Name;
use crate::store::quota::{Ask, Either, Grant, Limited, Which};
use crate::store::{StoreError, Usage};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

/// Most bytes that a shard is leased beyond what it needs.
const SLICE_BYTES_MAX: u64 = 1 << 30;
/// Most objects that a shard is leased beyond what it needs.
const SLICE_OBJECTS_MAX: u64 = 1 << 20;

/// The quotas that a bucket is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bucket's volume.
    pub volume: Name,
    /// Bytes of all of the volume's buckets.
    pub volume_bytes: Option<u64>,
    /// Bytes of the bucket.
    pub bytes: Option<u64>,
    /// Objects of the bucket.
    pub objects: Option<u64>,
}

impl Limits {
    const fn limited(&self, domain: u64) -> Limited {
        Limited {
            by: Either {
                bytes: self.bytes.is_some() || self.volume_bytes.is_some(),
                objects: self.objects.is_some(),
            },
            domain,
        }
    }
}

/// The shards and the names, as the ledger needs them.
pub trait Shards {
    /// How many shards there are.
    fn count(&self) -> u16;

    /// What the names say of a bucket at this moment; `None` when it has no quota, or is gone.
    fn limits(&self, bucket: BucketId) -> Result<Option<Limits>, StoreError>;

    /// All buckets of a volume.
    fn buckets_of(&self, volume: &Name) -> Result<Vec<BucketId>, StoreError>;

    /// See [`crate::store::Store::adopt`].
    fn adopt(
        &self,
        shard: u16,
        buckets: Arc<[(BucketId, Limited)]>,
    ) -> impl Future<Output = Result<Vec<(BucketId, Usage)>, StoreError>>;

    /// See [`crate::store::Store::grant`].
    fn grant(&self, grant: Grant) -> impl Future<Output = Result<(), StoreError>>;

    /// See [`crate::store::Store::reclaim`].
    fn reclaim(
        &self,
        shard: u16,
        which: Which,
        settle: bool,
    ) -> impl Future<Output = Result<Vec<(BucketId, Usage)>, StoreError>>;

    /// See [`crate::store::Store::end_leases`].
    fn end_leases(&self, shard: u16, domain: u64) -> impl Future<Output = Result<(), StoreError>>;
}

/// All leases.
#[derive(Default)]
pub struct Ledger {
    domains: RefCell<HashMap<Name, Rc<Domain>>>,
    /// Buckets that may have been deleted.
    sealed: RefCell<HashSet<BucketId>>,
    numbers: Cell<u64>,
}

/// The leases of a volume's buckets.
struct Domain {
    number: u64,
    /// One thing at a time.
    gate: Gate,
    leased: RefCell<Leased>,
}

#[derive(Default)]
struct Leased {
    /// Whether all buckets of the volume were adopted, as its own quota needs.
    whole: bool,
    /// Of all buckets together.
    bytes: u64,
    buckets: HashMap<BucketId, Usage>,
}

impl Leased {
    fn add(&mut self, bucket: BucketId, more: Usage) {
        self.bytes = self.bytes.saturating_add(more.bytes);
        let leased = self.buckets.entry(bucket).or_default();
        *leased = leased.plus(more);
    }

    fn take(&mut self, bucket: BucketId, less: Usage) {
        if let Some(leased) = self.buckets.get_mut(&bucket) {
            self.bytes = self.bytes.saturating_sub(less.bytes.min(leased.bytes));
            *leased = leased.minus(less);
        }
    }

    fn forget(&mut self, bucket: BucketId) {
        if let Some(leased) = self.buckets.remove(&bucket) {
            self.bytes = self.bytes.saturating_sub(leased.bytes);
        }
    }

    /// Whether what is leased of a bucket, and of its volume, is within the quotas. A bucket whose
    /// quota was lowered may hold more.
    fn within(&self, bucket: BucketId, limits: &Limits) -> Either {
        let leased = self.buckets.get(&bucket).copied().unwrap_or_default();
        let within = |quota: Option<u64>, leased: u64| quota.is_none_or(|quota| leased <= quota);
        Either {
            bytes: within(limits.bytes, leased.bytes) && within(limits.volume_bytes, self.bytes),
            objects: within(limits.objects, leased.objects),
        }
    }

    /// How much more may be leased: of the volume's quota, and of the bucket's.
    fn left(&self, bucket: BucketId, limits: &Limits) -> Left {
        let leased = self.buckets.get(&bucket).copied().unwrap_or_default();
        let left = |quota: Option<u64>, leased: u64| {
            quota.map_or(u64::MAX, |quota| quota.saturating_sub(leased))
        };
        Left {
            volume: left(limits.volume_bytes, self.bytes),
            bucket: Usage {
                bytes: left(limits.bytes, leased.bytes),
                objects: left(limits.objects, leased.objects),
            },
        }
    }
}

#[derive(Clone, Copy)]
struct Left {
    volume: u64,
    bucket: Usage,
}

impl Left {
    const fn bytes(self) -> u64 {
        if self.volume < self.bucket.bytes {
            self.volume
        } else {
            self.bucket.bytes
        }
    }

    const fn does_for(self, need: Usage) -> bool {
        (need.bytes == 0 || need.bytes <= self.bytes())
            && (need.objects == 0 || need.objects <= self.bucket.objects)
    }

    /// What a shard is given beyond what it needs: a share that leaves as much for all others, so
    /// that shares shrink with what is left.
    fn extra(self, need: Usage, shards: u16, limited: Limited) -> Usage {
        let share = |is: bool, left: u64, need: u64, most: u64| {
            let after = left.saturating_sub(need);
            if is {
                (after / (2 * u64::from(shards.max(1)))).min(most)
            } else {
                0
            }
        };
        let (bytes, objects) = (self.bytes(), self.bucket.objects);
        Usage {
            bytes: share(limited.by.bytes, bytes, need.bytes, SLICE_BYTES_MAX),
            objects: share(limited.by.objects, objects, need.objects, SLICE_OBJECTS_MAX),
        }
    }
}

impl Ledger {
    /// Makes room for a write, or refuses it.
    pub async fn ask(&self, shards: &impl Shards, ask: Ask) -> Result<(), StoreError> {
        let Some(domain) = self.domain_of(shards, ask.bucket)? else {
            return Ok(());
        };
        let _turn = domain.gate.enter().await;
        let Some((limits, left)) = self.room(shards, &domain, ask.bucket, ask.need).await? else {
            return Ok(());
        };
        let limited = limits.limited(domain.number);
        let extra = left.extra(ask.need, shards.count(), limited);
        // Leased from now on: if the shard cannot be told, it only has less than is thought.
        let within = {
            let mut leased = domain.leased.borrow_mut();
            leased.add(ask.bucket, ask.need.plus(extra));
            leased.within(ask.bucket, &limits)
        };
        let grant = Grant {
            ask,
            extra,
            limited,
            within,
        };
        shards.grant(grant).await
    }

    /// Whether a write of this size fits at the moment, without doing anything for it.
    pub async fn probe(
        &self,
        shards: &impl Shards,
        bucket: BucketId,
        need: Usage,
    ) -> Result<(), StoreError> {
        let Some(domain) = self.domain_of(shards, bucket)? else {
            return Ok(());
        };
        let _turn = domain.gate.enter().await;
        self.room(shards, &domain, bucket, need).await.map(drop)
    }

    /// The quotas of a volume, or of a bucket in it, changed. Resolves when every shard obeys.
    pub async fn changed(&self, shards: &impl Shards, volume: Name) -> Result<(), StoreError> {
        let domain = self.domain(volume);
        let _turn = domain.gate.enter().await;
        let mut result = Ok(());
        for shard in 0..shards.count() {
            // All are told, whatever happens to one.
            result = result.and(shards.end_leases(shard, domain.number).await);
        }
        *domain.leased.borrow_mut() = Leased::default();
        result
    }

    /// The bucket takes no more writes; perhaps it is about to be deleted.
    pub fn sealed(&self, bucket: BucketId) {
        let domains = self.domains.borrow();
        let mut held = domains.values().map(|domain| domain.leased.borrow());
        if held.any(|leased| leased.buckets.contains_key(&bucket)) {
            self.sealed.borrow_mut().insert(bucket);
        }
    }

    fn domain_of(
        &self,
        shards: &impl Shards,
        bucket: BucketId,
    ) -> Result<Option<Rc<Domain>>, StoreError> {
        let limits = shards.limits(bucket)?;
        Ok(limits.map(|limits| self.domain(limits.volume)))
    }

    fn domain(&self, volume: Name) -> Rc<Domain> {
        let mut domains = self.domains.borrow_mut();
        let new = || {
            self.numbers.set(self.numbers.get() + 1);
            Rc::new(Domain {
                number: self.numbers.get(),
                gate: Gate::default(),
                leased: RefCell::default(),
            })
        };
        domains.entry(volume).or_insert_with(new).clone()
    }

    /// What may be leased, at least what is needed; `None` when there is no quota any more. Under
    /// the domain's gate.
    async fn room(
        &self,
        shards: &impl Shards,
        domain: &Domain,
        bucket: BucketId,
        need: Usage,
    ) -> Result<Option<(Limits, Left)>, StoreError> {
        // While the gate was waited for, they may have changed.
        let Some(limits) = shards.limits(bucket)? else {
            return Ok(None);
        };
        adopt_what_is_new(shards, domain, bucket, &limits).await?;
        let left = || domain.leased.borrow().left(bucket, &limits);
        for settle in [false, true] {
            if left().does_for(need) {
                break;
            }
            self.forget_deleted(shards, domain)?;
            // The volume's other buckets have to do with it only where its own quota is short.
            let which = if left().volume < need.bytes {
                Which::Domain(domain.number)
            } else {
                Which::Bucket(bucket)
            };
            for shard in 0..shards.count() {
                let taken = shards.reclaim(shard, which, settle).await?;
                let mut leased = domain.leased.borrow_mut();
                taken
                    .into_iter()
                    .for_each(|(b, unused)| leased.take(b, unused));
            }
        }
        if left().does_for(need) {
            Ok(Some((limits, left())))
        } else {
            Err(StoreError::QuotaExceeded)
        }
    }

    fn forget_deleted(&self, shards: &impl Shards, domain: &Domain) -> Result<(), StoreError> {
        let mut sealed = self.sealed.borrow_mut();
        let mut leased = domain.leased.borrow_mut();
        for bucket in sealed
            .iter()
            .filter(|b| leased.buckets.contains_key(b))
            .copied()
            .collect::<Vec<_>>()
        {
            if shards.limits(bucket)?.is_none() {
                leased.forget(bucket);
                sealed.remove(&bucket);
            }
        }
        Ok(())
    }
}

/// Takes the bucket under the ledger's leases, or all of the volume's when that has a quota.
async fn adopt_what_is_new(
    shards: &impl Shards,
    domain: &Domain,
    bucket: BucketId,
    limits: &Limits,
) -> Result<(), StoreError> {
    let mut new = Vec::new();
    let whole = limits.volume_bytes.is_some();
    {
        let leased = domain.leased.borrow();
        if whole && !leased.whole {
            new = shards.buckets_of(&limits.volume)?;
            new.retain(|id| !leased.buckets.contains_key(id));
        }
        if !leased.buckets.contains_key(&bucket) && !new.contains(&bucket) {
            new.push(bucket);
        }
    }
    if new.is_empty() {
        domain.leased.borrow_mut().whole |= whole;
        return Ok(());
    }
    let mut adopted = Vec::with_capacity(new.len());
    for bucket in new {
        // One that was deleted meanwhile holds nothing that counts.
        if let Some(limits) = shards.limits(bucket)? {
            adopted.push((bucket, limits.limited(domain.number)));
        }
    }
    let adopted: Arc<[_]> = adopted.into();
    let mut held = Vec::new();
    for shard in 0..shards.count() {
        held.extend(shards.adopt(shard, adopted.clone()).await?);
    }
    let mut leased = domain.leased.borrow_mut();
    leased.whole |= whole;
    for (bucket, _) in adopted.iter() {
        leased.add(*bucket, Usage::ZERO);
    }
    for (bucket, held) in held {
        leased.add(bucket, held);
    }
    Ok(())
}
