//! The store in its folder: its shards, its buckets, its checkpoints.

use crate::Cli;
use chainringd::base::limits::SEGMENT_BYTES;
use chainringd::base::{BucketId, ShardId};
use chainringd::index::Visit;
use chainringd::io::{Clock, RealClock, UringDisk, entropy, runtime};
use chainringd::log::Durability;
use chainringd::shard::core::shard_of;
use chainringd::shard::open::{Tuning, create_shard, open_shard};
use chainringd::store::superblock::{Found, Superblock};
use chainringd::store::{Store, keys};
use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::rc::Rc;

/// A shard on the real disk.
pub type Shard = Store<UringDisk, RealClock>;

/// The bucket of the objects where no daemon made one.
const BUCKET: BucketId = BucketId(1 << 40);

/// Makes the store, unless a daemon did.
pub async fn create(cli: &Cli, disk: &UringDisk) -> Result<(), Box<dyn Error>> {
    if matches!(Superblock::find(disk).await?, Found::Store(_)) {
        return Ok(());
    }
    let mut store = [0; 16];
    entropy(&mut store);
    let superblock = Superblock {
        store,
        shards: cli.shards,
        created: RealClock.now().0,
    };
    superblock.begin(disk).await?;
    for shard in 0..cli.shards {
        create_shard(
            disk.clone(),
            RealClock,
            &superblock,
            ShardId(shard),
            SEGMENT_BYTES,
        )
        .await?;
    }
    Ok(Superblock::finish(disk).await?)
}

/// All shards, opened one after the other.
pub struct Shards(pub Vec<Rc<Shard>>);

impl Shards {
    /// Opens the store.
    pub async fn open(disk: &UringDisk) -> Result<Self, Box<dyn Error>> {
        let Found::Store(superblock) = Superblock::find(disk).await? else {
            return Err("there is no store in the folder".into());
        };
        let mut shards = Vec::new();
        for shard in 0..superblock.shards {
            let (disk, shard) = (disk.clone(), ShardId(shard));
            let store = open_shard(
                disk,
                RealClock,
                &superblock,
                shard,
                Tuning::new(Durability::Strict),
            );
            let store = Rc::new(store.await?);
            runtime::spawn_vital("log", store.log().run());
            shards.push(store);
        }
        Ok(Self(shards))
    }

    /// The shard of a key.
    pub fn of(&self, bucket: BucketId, key: &[u8]) -> Result<&Rc<Shard>, Box<dyn Error>> {
        let shard = shard_of(self.0.len(), bucket, key);
        Ok(self.0.get(usize::from(shard.0)).ok_or("no such shard")?)
    }

    /// A sum over the shards.
    pub fn sum(&self, of: impl Fn(&Shard) -> u64) -> u64 {
        self.0.iter().map(|shard| of(shard)).sum()
    }

    /// The buckets that hold something, in the order in which they were made: that of all the
    /// objects, and the small one, where a daemon made them.
    pub fn buckets(&self) -> (BucketId, Option<BucketId>) {
        let mut found = BTreeSet::new();
        let visit = Visit::begin();
        for shard in &self.0 {
            let reader = shard.reader();
            let first = keys::bucket_prefix(keys::SPACE_OBJECT, BucketId(0));
            let mut cursor = reader.index().cursor(&visit, &first);
            while let Some((key, _)) = cursor.entry()
                && key.starts_with(&[keys::SPACE_OBJECT])
                && let Some(bucket) = keys::bucket_of(key)
            {
                found.insert(bucket);
                let next = BucketId(bucket.0.saturating_add(1));
                cursor.seek(&keys::bucket_prefix(keys::SPACE_OBJECT, next));
            }
        }
        let mut found = found.into_iter();
        (found.next().unwrap_or(BUCKET), found.next())
    }

    /// Ends in order, but without a checkpoint.
    pub async fn close(&self) -> Result<(), Box<dyn Error>> {
        for shard in &self.0 {
            shard.log().close().await?;
        }
        Ok(())
    }
}

fn checkpoints(cli: &Cli) -> impl Iterator<Item = PathBuf> {
    let path = |shard| cli.dir.join(format!("shard-{shard:03}/index.checkpoint"));
    (0..cli.shards).map(path)
}

/// Bytes of the checkpoints.
pub fn checkpoint_bytes(cli: &Cli) -> std::io::Result<u64> {
    checkpoints(cli)
        .map(|path| Ok(std::fs::metadata(path)?.len()))
        .sum()
}

/// Deletes them.
pub fn remove_checkpoints(cli: &Cli) -> std::io::Result<()> {
    for path in checkpoints(cli) {
        if path.exists() {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}
