//! Filling and opening the store, in process.

use crate::Cli;
use crate::figures::{Filled, Opened, Tail, resident};
use crate::stall;
use crate::store::{self, Shards};
use chainringd::base::{AlignedBuf, BucketId};
use chainringd::io::{UringDisk, runtime};
use chainringd::store::{ETag, NewBody, NewObject, ObjectMeta, WriteCondition};
use futures_util::future::join_all;
use std::cell::Cell;
use std::error::Error;
use std::time::Instant;

/// Objects of the small bucket.
pub const FEW: u64 = 10_000;

/// Writes the objects and closes the store with a checkpoint, as the daemon does.
pub fn fill(cli: &Cli) -> Result<Filled, Box<dyn Error>> {
    runtime::run_on_core(cli.cpu, async {
        let disk = UringDisk::open(&cli.dir)?;
        store::create(cli, &disk).await?;
        let shards = Shards::open(&disk).await?;
        let before = shards.sum(|shard| shard.reader().entries() as u64);
        let (many, few) = shards.buckets();
        let began = Instant::now();
        write_all(&shards, cli, many, cli.n).await?;
        let fill_seconds = began.elapsed().as_secs_f64();
        if let Some(few) = few {
            write_all(&shards, cli, few, FEW).await?;
        }
        let alone = stall::alone(&shards, many).await?;
        let beside = stall::beside_checkpoint(&shards, many).await?;
        let filled = Filled {
            objects: shards.sum(|shard| shard.reader().entries() as u64),
            // One more was written beside the checkpoint.
            wanted: cli.n + few.map_or(0, |_| FEW) + before + 1,
            fill_seconds,
            checkpoint_seconds: beside.seconds,
            checkpoint_held_ms: beside.held_ms,
            slowest_beside_ms: beside.slowest_ms,
            held_alone_ms: alone.held_ms,
            slowest_alone_ms: alone.slowest_ms,
            index_bytes: shards.sum(|shard| shard.reader().index_bytes() as u64),
            log_bytes: shards.sum(|shard| shard.log().stats().bytes),
            flushes: shards.sum(|shard| shard.log().stats().flushes),
            resident_bytes: resident("self")?,
        };
        shards.close().await?;
        Ok(filled)
    })?
}

async fn write_all(
    shards: &Shards,
    cli: &Cli,
    bucket: BucketId,
    count: u64,
) -> Result<(), Box<dyn Error>> {
    let next = Cell::new(0);
    let writers = (0..cli.in_flight).map(|_| write(shards, cli, bucket, count, &next));
    join_all(writers).await.into_iter().collect()
}

/// One of the writers: takes the next object until there are no more.
async fn write(
    shards: &Shards,
    cli: &Cli,
    bucket: BucketId,
    count: u64,
    next: &Cell<u64>,
) -> Result<(), Box<dyn Error>> {
    let body = vec![b'x'; cli.size];
    loop {
        let number = next.get();
        if number >= count {
            return Ok(());
        }
        next.set(number + 1);
        let shuffled = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let name = if cli.sequential { number } else { shuffled };
        put(shards, bucket, key(name), shuffled, &body).await?;
    }
}

/// The key of an object: in one of 1,000 folders, as its name says.
pub fn key(name: u64) -> String {
    let folder = (u128::from(name) * 1000) >> 64;
    format!("photos/{folder:03}/{name:016x}.jpg")
}

/// Writes one object; done when it is flushed.
pub async fn put(
    shards: &Shards,
    bucket: BucketId,
    key: String,
    tag: u64,
    body: &[u8],
) -> Result<(), Box<dyn Error>> {
    let object = NewObject {
        bucket,
        key: key.into_bytes(),
        etag: ETag {
            md5: u128::from(tag).to_be_bytes(),
            parts: 0,
        },
        size: body.len() as u64,
        meta: ObjectMeta::default(),
        body: NewBody::Inline(AlignedBuf::copy_of(body), 0),
        condition: WriteCondition::default(),
        modified: None,
    };
    let shard = shards.of(bucket, &object.key)?;
    shard.put(object).await?;
    Ok(())
}

/// Opens the store and says what that took.
pub fn open(cli: &Cli) -> Result<Opened, Box<dyn Error>> {
    runtime::run_on_core(cli.cpu, async {
        let disk = UringDisk::open(&cli.dir)?;
        let began = Instant::now();
        let shards = Shards::open(&disk).await?;
        let seconds = began.elapsed().as_secs_f64();
        let opened = Opened {
            objects: shards.sum(|shard| shard.reader().entries() as u64),
            seconds,
            index_bytes: shards.sum(|shard| shard.reader().index_bytes() as u64),
            resident_bytes: resident("self")?,
        };
        shards.close().await?;
        Ok(opened)
    })?
}

/// Opens the store, writes the first of the objects again, and leaves everything as it is then.
pub fn crash(cli: &Cli) -> Result<Tail, Box<dyn Error>> {
    runtime::run_on_core(cli.cpu, async {
        let disk = UringDisk::open(&cli.dir)?;
        let shards = Shards::open(&disk).await?;
        let (many, _) = shards.buckets();
        let objects = cli.tail.min(cli.n);
        let log_bytes = |shards: &Shards| shards.sum(|shard| shard.log().stats().bytes);
        let before = log_bytes(&shards);
        write_all(&shards, cli, many, objects).await?;
        let log_bytes = log_bytes(&shards) - before;
        Ok(Tail { objects, log_bytes })
    })?
}
