//! The shards of a store, without its names.

use super::{Shape, SimStore, words};
use chainringd::base::ShardId;
use chainringd::io::sim::{self, SimClock, SimDisk};
use chainringd::store::Store;
use std::rc::Rc;

/// All shards of a store. Their background work runs when it is asked for.
pub struct Shards {
    pub(super) stores: Vec<Rc<SimStore>>,
}

impl Shards {
    /// Opens the shards on a disk.
    pub async fn open(disk: &SimDisk, shape: &Shape) -> Result<Self, String> {
        let mut stores = Vec::new();
        for shard in (0..shape.shards).map(ShardId) {
            let store = Store::open(disk.clone(), SimClock, shape.store(shard)).await;
            stores.push(Rc::new(words(store)?));
        }
        Ok(Self { stores })
    }

    /// Begins their background work.
    pub fn run(&self) {
        for store in &self.stores {
            sim::spawn(store.log().run());
        }
    }

    /// Saves every shard's index.
    pub async fn checkpoint(&self) -> Result<(), String> {
        for store in &self.stores {
            words(store.checkpoint(true).await)?;
        }
        Ok(())
    }

    /// Ends their logs in an orderly way.
    pub async fn close(&self) -> Result<(), String> {
        for store in &self.stores {
            words(store.log().close().await)?;
        }
        Ok(())
    }

    /// Records appended to their logs since they were opened.
    #[must_use]
    pub fn records(&self) -> u64 {
        let logs = self.stores.iter().map(|store| store.log().stats().records);
        logs.sum()
    }

    /// Whether a failed write or flush ended a log.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        let mut stores = self.stores.iter();
        stores.any(|store| store.log().stats().poisoned)
    }
}
