//! What a bucket or a volume holds: every shard's counters, added up.

use crate::base::BucketId;
use crate::io::{Clock, Disk};
use crate::namespace::{Entry, NamespaceReader, ReadError};
use crate::shard::Core;
use crate::store::{StoreError, Usage};
use std::sync::Arc;

/// Names that are read at a time.
const PAGE: usize = 1000;

impl<D: Disk, C: Clock> Core<D, C> {
    /// Bytes and objects of a bucket, exactly: everything that was acknowledged before is in it.
    pub async fn usage(&self, bucket: BucketId) -> Result<Usage, StoreError> {
        self.usage_of([bucket].into()).await
    }

    /// Of all buckets of a volume together; links do not count.
    pub async fn usage_of_volume(&self, volume: &str) -> Result<Usage, StoreError> {
        let buckets = buckets_of(self.names(), volume)?;
        self.usage_of(buckets.into()).await
    }

    /// Of these buckets together.
    async fn usage_of(&self, buckets: Arc<[BucketId]>) -> Result<Usage, StoreError> {
        let mut sum = Usage::ZERO;
        for shard in self.all_shards() {
            let buckets = buckets.clone();
            let job = move |store: std::rc::Rc<crate::store::Store<D, C>>| async move {
                let held = buckets.iter().map(|bucket| store.usage(*bucket));
                Ok(held.fold(Usage::ZERO, Usage::plus))
            };
            sum = sum.plus(self.on_shard(shard, job).await?);
        }
        Ok(sum)
    }
}

/// The numbers of a volume's buckets.
pub(super) fn buckets_of(
    names: &NamespaceReader,
    volume: &str,
) -> Result<Vec<BucketId>, ReadError> {
    let mut found = Vec::new();
    let mut last = None;
    loop {
        let page = names.list_buckets(volume, "", last.as_deref(), PAGE)?;
        found.extend(
            page.iter()
                .filter_map(Entry::bucket)
                .map(|bucket| bucket.id),
        );
        if page.len() < PAGE {
            return Ok(found);
        }
        last = page.last().map(|entry| entry.name.to_string());
    }
}
