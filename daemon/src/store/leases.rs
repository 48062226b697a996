//! What the ledger of quotas has a shard do: take a bucket under its leases, enlarge one, give back
//! what is not used, obey quotas that changed. `quota` has the shard's own side.

use crate::base::BucketId;
use crate::io::{Clock, Disk};
use crate::store::error::StoreError;
use crate::store::quota::{Governor, Grant, Limited, Which};
use crate::store::usage::{Usage, of_entry};
use crate::store::writer::Store;
use std::rc::Rc;

impl<D: Disk, C: Clock> Store<D, C> {
    /// Says who knows of quotas. A store that nobody told of them has none.
    pub fn govern(&self, governor: Rc<dyn Governor>) {
        self.quotas.govern(governor);
    }

    /// Leases buckets what they hold here, not a byte more, and returns that. From then on no write
    /// makes them grow without the ledger's leave.
    pub async fn adopt(&self, buckets: &[(BucketId, Limited)]) -> Vec<(BucketId, Usage)> {
        self.quotas
            .forget(buckets.iter().map(|(bucket, _)| *bucket));
        // Writes that began without a lease are counted once they are published.
        let drained = self.drain().await;
        let mut held = Vec::new();
        for (bucket, limited) in buckets {
            let mut holds = self.usage(*bucket);
            if drained.is_err() {
                holds = holds.plus(self.in_flight_at_most(*bucket));
            }
            let adopted = self.quotas.adopt(*bucket, *limited, holds);
            held.extend(adopted.map(|held| (*bucket, held)));
        }
        held
    }

    /// Enlarges a lease.
    pub fn grant(&self, grant: &Grant) {
        self.quotas.grant(grant, self.usage(grant.ask.bucket));
    }

    /// Takes back what is leased and not used. With `settle` everything that is on its way is waited
    /// for before: deletes then have given back what they free, and failed writes what they held.
    pub async fn reclaim(&self, which: Which, settle: bool) -> Vec<(BucketId, Usage)> {
        if settle {
            self.quotas.holds_ended(which).await;
            // When the log fails, what is on its way stays reserved.
            let _ = self.drain().await;
        }
        self.quotas.reclaim(which, |bucket| self.usage(bucket))
    }

    /// Quotas changed: what is known of them is void. Resolves when every write that was taken under
    /// the old ones is in the index.
    pub async fn end_leases(&self, domain: u64) -> Result<(), StoreError> {
        self.quotas.holds_ended(Which::Domain(domain)).await;
        self.quotas
            .forget(self.quotas.of_domain(domain).into_iter());
        self.quotas.next_epoch();
        self.drain().await
    }

    /// Resolves when everything that has its place in the log is published.
    async fn drain(&self) -> Result<(), StoreError> {
        drop(self.gate.enter().await);
        let last = self.queue.borrow().back().map(|pending| pending.at);
        match last {
            Some(at) => self.finish(at).await,
            None => Ok(()),
        }
    }

    /// No less than what the writes that are not published yet may add to a bucket.
    fn in_flight_at_most(&self, bucket: BucketId) -> Usage {
        let queue = self.queue.borrow();
        let changes = queue.iter().flat_map(|pending| &pending.mutation.changes);
        let new = changes.filter_map(|c| of_entry(&c.key, c.value.as_deref()?));
        let new = new.filter(|(of, _)| *of == bucket);
        new.fold(Usage::ZERO, |sum, (_, usage)| sum.plus(usage))
    }
}
