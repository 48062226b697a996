//! How the daemon is.

use super::Engine;
use super::scrub::summary;
use crate::admin::failure;
use crate::base::ShardId;
use crate::base::limits::SEGMENT_BYTES;
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::store::StoreError;
use chainring_protocol::Failure;
use chainring_protocol::message::{Property, ShardState, ShardStatus, Status};

/// Names that are looked at before other tasks have their turn.
const TURN: usize = 1000;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn status(&self) -> Result<Status, Failure> {
        let about = &self.about;
        let uptime = self.core.clock().monotonic().saturating_sub(about.started);
        let (mut volumes, mut buckets, mut links) = (0, 0, 0);
        let mut last: Option<String> = None;
        loop {
            let page = self.names().list_volumes("", last.as_deref(), TURN);
            let page = page.map_err(failure::of_read)?;
            for volume in &page {
                volumes += 1;
                let (real, links_here) = self.count_kinds(&volume.name).await?;
                buckets += real;
                links += links_here;
            }
            last = page.last().map(|volume| volume.name.to_string());
            if page.len() < TURN {
                break;
            }
        }
        let mut shards = Vec::new();
        for shard in 0..u16::try_from(self.core.shards()).unwrap_or(u16::MAX) {
            shards.push(self.shard_status(ShardId(shard)).await?);
        }
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store: about.store,
            pid: about.pid,
            uptime_ms: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
            cores: u16::try_from(self.core.cores()).unwrap_or(u16::MAX),
            durability: about.durability,
            s3_endpoint: about.s3_endpoint.clone(),
            data_dir: about.data_dir.clone(),
            volumes,
            buckets,
            links,
            users: self.count_users().await?,
            shards,
            notes: vec![Property {
                name: "scrub".to_owned(),
                value: summary(&self.scrubbers(None).await?),
            }],
        })
    }

    async fn shard_status(&self, shard: ShardId) -> Result<ShardStatus, Failure> {
        let objects = self.core.reader(shard).entries() as u64;
        let stats = self
            .core
            .on_shard(shard, |store| async move {
                Ok::<_, StoreError>(store.log().stats())
            })
            .await
            .map_err(|error| failure::of_store(&error))?;
        Ok(ShardStatus {
            core: u16::try_from(self.core.owner(shard)).unwrap_or(u16::MAX),
            state: if stats.poisoned {
                ShardState::ReadOnly
            } else if stats.full {
                ShardState::Full
            } else {
                ShardState::Ok
            },
            objects,
            log_bytes: stats.segments as u64 * u64::from(SEGMENT_BYTES),
        })
    }

    /// Buckets and links of a volume.
    async fn count_kinds(&self, volume: &str) -> Result<(u64, u64), Failure> {
        let (mut buckets, mut links) = (0, 0);
        let mut last: Option<String> = None;
        loop {
            let page = self.names().list_buckets(volume, "", last.as_deref(), TURN);
            let page = page.map_err(failure::of_read)?;
            let links_here = page.iter().filter(|entry| entry.link().is_some()).count() as u64;
            links += links_here;
            buckets += page.len() as u64 - links_here;
            last = page.last().map(|entry| entry.name.to_string());
            if page.len() < TURN {
                return Ok((buckets, links));
            }
            yield_now().await;
        }
    }

    async fn count_users(&self) -> Result<u64, Failure> {
        let mut count = 0;
        let mut last: Option<String> = None;
        loop {
            let page = self.names().list_users(last.as_deref(), TURN);
            let page = page.map_err(failure::of_read)?;
            count += page.len() as u64;
            last = page.last().map(|user| user.name.to_string());
            if page.len() < TURN {
                return Ok(count);
            }
            yield_now().await;
        }
    }
}
