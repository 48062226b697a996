//! Filling and opening the store, in process.

use crate::Cli;
use crate::figures::{Filled, Opened, resident};
use chainringd::base::{AlignedBuf, BucketId, ShardId};
use chainringd::io::{Clock, RealClock, UringDisk, entropy, runtime};
use chainringd::log::Durability;
use chainringd::shard::open::{create_shard, open_shard};
use chainringd::store::superblock::{Found, Superblock};
use chainringd::store::{ETag, NewBody, NewObject, ObjectMeta, Store, WriteCondition};
use futures_util::future::join_all;
use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use std::time::Instant;

const SHARD: ShardId = ShardId(0);
const BUCKET: BucketId = BucketId(1 << 40);

type RealStore = Store<UringDisk, RealClock>;

/// Writes the objects and closes the store with a checkpoint, as the daemon does.
pub fn fill(cli: &Cli) -> Result<Filled, Box<dyn Error>> {
    runtime::run_on_core(cli.cpu, async {
        let disk = UringDisk::open(&cli.dir)?;
        if !matches!(Superblock::find(&disk).await?, Found::Store(_)) {
            create(&disk).await?;
        }
        let store = open_store(&disk).await?;
        let began = Instant::now();
        let next = Cell::new(0);
        let writers = (0..cli.in_flight).map(|_| write(&store, cli, &next));
        for result in join_all(writers).await {
            result?;
        }
        let fill_seconds = began.elapsed().as_secs_f64();
        let began = Instant::now();
        store.checkpoint(true).await?;
        let checkpoint_seconds = began.elapsed().as_secs_f64();
        let stats = store.log().stats();
        let filled = Filled {
            objects: store.reader().entries() as u64,
            fill_seconds,
            checkpoint_seconds,
            index_bytes: store.reader().index_bytes() as u64,
            log_bytes: stats.bytes,
            flushes: stats.flushes,
            resident_bytes: resident("self")?,
        };
        store.log().close().await?;
        Ok(filled)
    })?
}

async fn create(disk: &UringDisk) -> Result<(), Box<dyn Error>> {
    let mut store = [0; 16];
    entropy(&mut store);
    let superblock = Superblock {
        store,
        shards: 1,
        created: RealClock.now().0,
    };
    superblock.begin(disk).await?;
    create_shard(disk.clone(), RealClock, &superblock, SHARD).await?;
    Ok(Superblock::finish(disk).await?)
}

async fn open_store(disk: &UringDisk) -> Result<Rc<RealStore>, Box<dyn Error>> {
    let Found::Store(superblock) = Superblock::find(disk).await? else {
        return Err("there is no store in the folder".into());
    };
    if superblock.shards != 1 {
        return Err("the store must have one shard".into());
    }
    let opening = open_shard(
        disk.clone(),
        RealClock,
        &superblock,
        SHARD,
        Durability::Strict,
    );
    let store = Rc::new(opening.await?);
    runtime::spawn_vital("log", store.log().run());
    Ok(store)
}

/// One of the writers: takes the next object until there are no more.
async fn write(store: &RealStore, cli: &Cli, next: &Cell<u64>) -> Result<(), Box<dyn Error>> {
    let body = vec![b'x'; cli.size];
    loop {
        let number = next.get();
        if number >= cli.n {
            return Ok(());
        }
        next.set(number + 1);
        let shuffled = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let name = if cli.sequential { number } else { shuffled };
        let object = NewObject {
            bucket: BUCKET,
            key: format!("photos/{:03}/{name:016x}.jpg", name >> 54).into_bytes(),
            etag: ETag {
                md5: u128::from(shuffled).to_be_bytes(),
                parts: 0,
            },
            size: cli.size as u64,
            meta: ObjectMeta::default(),
            body: NewBody::Inline(AlignedBuf::copy_of(&body), 0),
            condition: WriteCondition::default(),
            modified: None,
        };
        store.put(object).await?;
    }
}

/// Opens the store and says what that took.
pub fn open(cli: &Cli) -> Result<Opened, Box<dyn Error>> {
    runtime::run_on_core(cli.cpu, async {
        let disk = UringDisk::open(&cli.dir)?;
        let began = Instant::now();
        let store = open_store(&disk).await?;
        let seconds = began.elapsed().as_secs_f64();
        let opened = Opened {
            objects: store.reader().entries() as u64,
            seconds,
            index_bytes: store.reader().index_bytes() as u64,
            resident_bytes: resident("self")?,
        };
        store.log().close().await?;
        Ok(opened)
    })?
}
