//! The shards of a store, without its names.

use super::{Shape, SimStore, words};
use chainringd::base::{Location, ShardId};
use chainringd::io::sim::{self, Keep, SimClock, SimDisk};
use chainringd::log::{Log, RecordView};
use chainringd::store::Store;
use chainringd::store::compact::Aim;
use chainringd::store::record::{DeleteRecord, ObjectRecord, kind};
use std::rc::Rc;

/// Passes after which compaction has done what it can: what was moved is garbage again when later
/// operations replace it.
const PASSES_MAX: usize = 8;

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

    /// What the shards' logs hold, a line for each record, for people. Looking changes nothing: a disk
    /// is left as it is, its source of random numbers included, or a history would be another one when
    /// somebody wants to read it.
    pub async fn log_lines(disk: &SimDisk, shape: &Shape) -> Vec<String> {
        let (image, block) = (disk.image(), disk.block_size());
        let mut lines = Vec::new();
        for shard in (0..shape.shards).map(ShardId) {
            let visit = |at, view: RecordView<'_>| {
                lines.push(format!("shard {} {at:?} {}", shard.0, line(&view)));
                Ok(())
            };
            let copy = image.crashed_disk(Keep::All, 1).with_block_size(block);
            let config = shape.store(shard).log;
            let opened = Log::open(copy, SimClock, config, Location::ZERO, visit).await;
            lines.push(match opened {
                Ok((_, recovery)) => format!("shard {}: {recovery:?}", shard.0),
                Err(error) => format!("shard {}: {error}", shard.0),
            });
        }
        lines
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

    /// Gives the room of garbage back, until there is none.
    pub async fn compact(&self) -> Result<(), String> {
        for store in &self.stores {
            for _ in 0..PASSES_MAX {
                let pass = words(store.compact(Aim::Everything).await)?;
                if pass.cleaned == 0 && pass.retired == 0 {
                    break;
                }
            }
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

fn line(view: &RecordView<'_>) -> String {
    match view {
        RecordView::Extent { len, .. } => format!("extent of {len} bytes"),
        RecordView::Record { kind, payload } => match *kind {
            kind::OBJECT => format!(
                "{:?}",
                ObjectRecord::decode(payload).map(|(record, _)| record)
            ),
            kind::DELETE => format!("{:?}", DeleteRecord::decode(payload)),
            kind => format!("record of kind {kind}, {} bytes", payload.len()),
        },
    }
}
