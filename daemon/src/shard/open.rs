//! Making and opening the store of one data directory.

use crate::base::ShardId;
use crate::base::limits::SEGMENT_BYTES;
use crate::io::{Clock, Disk};
use crate::log::{Durability, LogConfig};
use crate::store::superblock::Superblock;
use crate::store::{Store, StoreConfig, StoreError};

/// Bytes of log after which a shard's index is checkpointed.
const CHECKPOINT_BYTES: u64 = 512 * 1024 * 1024;

/// A shard's folder.
#[must_use]
pub fn shard_dir(shard: ShardId) -> String {
    format!("shard-{:03}", shard.0)
}

fn store_config(superblock: &Superblock, shard: ShardId, durability: Durability) -> StoreConfig {
    StoreConfig {
        log: LogConfig {
            dir: shard_dir(shard),
            store: superblock.store,
            shard: shard.0,
            segment_bytes: SEGMENT_BYTES,
            durability,
        },
        checkpoint_bytes: CHECKPOINT_BYTES,
    }
}

/// Makes an empty shard.
pub async fn create_shard<D: Disk, C: Clock>(
    disk: D,
    clock: C,
    superblock: &Superblock,
    shard: ShardId,
) -> Result<(), StoreError> {
    let config = store_config(superblock, shard, Durability::Strict);
    Store::create(disk, clock, config).await.map(drop)
}

/// Opens a shard and recovers what its log holds.
pub async fn open_shard<D: Disk, C: Clock>(
    disk: D,
    clock: C,
    superblock: &Superblock,
    shard: ShardId,
    durability: Durability,
) -> Result<Store<D, C>, StoreError> {
    Store::open(disk, clock, store_config(superblock, shard, durability)).await
}
