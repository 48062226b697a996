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

/// How a shard is kept, beyond what the store itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// When a write is acknowledged.
    pub durability: Durability,
    /// Bytes of segments that are made from now on; those there are keep their size.
    pub segment_bytes: u32,
    /// Bytes of log after which the index is checkpointed.
    pub checkpoint_bytes: u64,
}

impl Tuning {
    /// As everybody has it.
    #[must_use]
    pub const fn new(durability: Durability) -> Self {
        Self {
            durability,
            segment_bytes: SEGMENT_BYTES,
            checkpoint_bytes: CHECKPOINT_BYTES,
        }
    }
}

/// How a shard is kept.
#[must_use]
pub fn store_config(superblock: &Superblock, shard: ShardId, tuning: Tuning) -> StoreConfig {
    StoreConfig {
        log: LogConfig {
            dir: shard_dir(shard),
            store: superblock.store,
            shard: shard.0,
            segment_bytes: tuning.segment_bytes,
            durability: tuning.durability,
        },
        checkpoint_bytes: tuning.checkpoint_bytes,
    }
}

/// Makes an empty shard.
pub async fn create_shard<D: Disk, C: Clock>(
    disk: D,
    clock: C,
    superblock: &Superblock,
    shard: ShardId,
    segment_bytes: u32,
) -> Result<(), StoreError> {
    let tuning = Tuning {
        segment_bytes,
        ..Tuning::new(Durability::Strict)
    };
    let config = store_config(superblock, shard, tuning);
    Store::create(disk, clock, config).await.map(drop)
}

/// Opens a shard and recovers what its log holds.
pub async fn open_shard<D: Disk, C: Clock>(
    disk: D,
    clock: C,
    superblock: &Superblock,
    shard: ShardId,
    tuning: Tuning,
) -> Result<Store<D, C>, StoreError> {
    Store::open(disk, clock, store_config(superblock, shard, tuning)).await
}
