//! What requests notice of a checkpoint: how long it holds the core at a stretch, and how much longer
//! a flushed write takes beside it.

use crate::phases::put;
use crate::store::Shards;
use chainringd::base::BucketId;
use chainringd::io::runtime;
use chainringd::store::StoreError;
use futures_util::future::join;
use std::cell::Cell;
use std::error::Error;
use std::time::{Duration, Instant};

/// How long writes are timed without a checkpoint.
const ALONE: Duration = Duration::from_secs(2);

/// What was found beside some work.
pub struct Found {
    /// Until it was done.
    pub seconds: f64,
    /// The longest time between two turns of a task that always wants one.
    pub held_ms: f64,
    /// The slowest write.
    pub slowest_ms: f64,
}

/// The same for some seconds without a checkpoint: what the machine does by itself.
pub async fn alone(shards: &Shards, bucket: BucketId) -> Result<Found, Box<dyn Error>> {
    let wait = async {
        runtime::sleep(ALONE).await;
        Ok(())
    };
    watch(shards, bucket, wait).await
}

/// Writes a checkpoint of every shard, with other work beside it.
pub async fn beside_checkpoint(shards: &Shards, bucket: BucketId) -> Result<Found, Box<dyn Error>> {
    let save = async {
        for shard in &shards.0 {
            shard.checkpoint(true).await?;
        }
        Ok(())
    };
    watch(shards, bucket, save).await
}

async fn watch(
    shards: &Shards,
    bucket: BucketId,
    work: impl Future<Output = Result<(), StoreError>>,
) -> Result<Found, Box<dyn Error>> {
    let end = Cell::new(false);
    let began = Instant::now();
    let work = async {
        let result = work.await;
        end.set(true);
        result
    };
    let others = join(slowest_write(shards, bucket, &end), longest_hold(&end));
    let (done, (slowest, held)) = join(work, others).await;
    done?;
    Ok(Found {
        seconds: began.elapsed().as_secs_f64(),
        held_ms: milliseconds(held),
        slowest_ms: slowest?,
    })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Writes one object again and again, each time to stable media.
async fn slowest_write(
    shards: &Shards,
    bucket: BucketId,
    end: &Cell<bool>,
) -> Result<f64, Box<dyn Error>> {
    let mut slowest = Duration::ZERO;
    while !end.get() {
        let began = Instant::now();
        put(shards, bucket, "beside".to_owned(), 1, b"x").await?;
        slowest = slowest.max(began.elapsed());
    }
    Ok(milliseconds(slowest))
}

/// The longest time between two turns of a task that always wants one.
async fn longest_hold(end: &Cell<bool>) -> Duration {
    let mut longest = Duration::ZERO;
    while !end.get() {
        let began = Instant::now();
        runtime::yield_now().await;
        longest = longest.max(began.elapsed());
    }
    longest
}
