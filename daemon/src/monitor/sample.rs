//! What there is to be known of the daemon at a moment: of each core by a message to it, so that no
//! counter is ever touched by two cores.

use crate::base::Timestamp;
use crate::base::buffer::pooled_bytes;
use crate::base::limits::LINK_METERS_SHOWN_MAX;
use crate::io::lines::LineStats;
use crate::io::process::{self, ProcessStats};
use crate::io::{Clock, Disk};
use crate::log::LogStats;
use crate::shard::links::UsedLink;
use crate::shard::meters::OperationMeter;
use crate::shard::{Core, LinkId, LinkStats};
use crate::store::CacheUse;
use crate::store::compact::Compaction;
use crate::store::scrub::ScrubStatus;
use std::collections::HashMap;
use std::rc::Rc;

/// What one core counted.
pub struct CoreSample {
    /// Its number.
    pub core: usize,
    /// Requests, by number of operation.
    pub operations: Vec<OperationMeter>,
    /// Errors, by number of code.
    pub codes: Vec<u64>,
    /// The other counters of requests.
    pub requests: RequestSample,
    /// Jobs from other cores.
    pub jobs: u64,
    /// Times the mailbox was emptied.
    pub job_batches: u64,
    /// Bytes of buffers that wait for reuse.
    pub pool_bytes: usize,
    /// Bytes of uploads in memory.
    pub upload_bytes: usize,
    /// Bytes of downloads in memory.
    pub download_bytes: usize,
    /// Its cache of objects that were read.
    pub cache: CacheUse,
    /// Links that are counted.
    pub links: usize,
    /// Links whose counters were given up.
    pub links_forgotten: u64,
    /// Its shards.
    pub shards: Vec<ShardSample>,
    latest_links: Vec<UsedLink>,
}

/// Counters of requests and connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestSample {
    /// Requests under way.
    pub in_progress: u64,
    /// Bytes of request bodies.
    pub received: u64,
    /// Bytes of answers' bodies.
    pub sent: u64,
    /// Answers that were not sent to their end.
    pub cut_off: u64,
    /// Connections that are open.
    pub connections: u64,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Connections that were refused.
    pub refused: u64,
}

/// A shard.
pub struct ShardSample {
    /// Its number.
    pub shard: u16,
    /// Its log.
    pub log: LogStats,
    /// Of its garbage.
    pub compaction: Compaction,
    /// Objects, uploads and parts.
    pub entries: usize,
    /// Memory that its index takes.
    pub index_bytes: usize,
    /// Its search for rot.
    pub scrub: ScrubStatus,
}

/// A link and what went through it, all cores together.
pub struct LinkSample {
    /// Its volume.
    pub volume: String,
    /// Its name.
    pub name: String,
    /// The counters.
    pub stats: LinkStats,
}

/// Everything.
pub struct Sample {
    /// The cores that answered.
    pub cores: Vec<CoreSample>,
    /// Links that were used last.
    pub links: Vec<LinkSample>,
    /// The audit log, if one is written.
    pub audit: Option<LineStats>,
    /// The process.
    pub process: ProcessStats,
    /// State of the namespace.
    pub generation: u64,
    /// When the daemon started.
    pub since: Timestamp,
}

/// Asks every core.
pub async fn collect<D: Disk, C: Clock>(core: &Rc<Core<D, C>>) -> Sample {
    let mut cores = Vec::new();
    for number in 0..core.cores() {
        let asked = core.on_core(number, |core| {
            let sample = of_core(core);
            async move { sample }
        });
        // A core that is stopping has nothing to say any more.
        cores.extend(asked.await);
    }
    let links = links(core, &mut cores).await;
    Sample {
        cores,
        links,
        audit: core.audit().map(|audit| audit.stats()),
        process: process::stats(),
        generation: core.names().generation(),
        since: core.meters().since,
    }
}

fn of_core<D: Disk, C: Clock>(core: &Rc<Core<D, C>>) -> CoreSample {
    let meters = core.meters();
    CoreSample {
        core: core.index(),
        operations: meters.operations(),
        codes: meters.codes(),
        requests: RequestSample {
            in_progress: meters.in_progress.get(),
            received: meters.received.get(),
            sent: meters.sent.get(),
            cut_off: meters.cut_off.get(),
            connections: meters.connections.get(),
            accepted: meters.accepted.get(),
            refused: meters.refused.get(),
        },
        jobs: meters.jobs.get(),
        job_batches: meters.job_batches.get(),
        pool_bytes: pooled_bytes(),
        upload_bytes: core.budget().used(),
        download_bytes: core.sending().used(),
        cache: core.cache().usage(),
        links: meters.links.len(),
        links_forgotten: meters.links.forgotten(),
        shards: core
            .own_stores()
            .map(|store| {
                let reader = store.reader();
                ShardSample {
                    shard: store.shard(),
                    log: store.log().stats(),
                    entries: reader.entries(),
                    compaction: store.compaction(),
                    index_bytes: reader.index_bytes(),
                    scrub: store.scrubber().status(),
                }
            })
            .collect(),
        latest_links: meters.links.latest(LINK_METERS_SHOWN_MAX),
    }
}

/// The links that were used last on any core, those that still exist, with all that went through
/// them: a second round, because what is among the last on one core need not be on another.
async fn links<D: Disk, C: Clock>(
    core: &Rc<Core<D, C>>,
    cores: &mut [CoreSample],
) -> Vec<LinkSample> {
    let mut found: HashMap<LinkId, UsedLink> = HashMap::new();
    for link in cores
        .iter_mut()
        .flat_map(|core| core.latest_links.drain(..))
    {
        let known = found.entry(link.id).or_insert_with(|| link.clone());
        known.stats.last_used = known.stats.last_used.max(link.stats.last_used);
    }
    let mut latest: Vec<UsedLink> = found.into_values().collect();
    latest.sort_by(|a, b| {
        let newest = b.stats.last_used.cmp(&a.stats.last_used);
        newest.then_with(|| a.place.cmp(&b.place))
    });
    latest.truncate(LINK_METERS_SHOWN_MAX);
    latest.retain(|link| exists(core, link));
    latest.sort_by(|a, b| a.place.cmp(&b.place));
    let sums = core.link_stats(latest.iter().map(|link| link.id).collect());
    let named = latest.iter().zip(sums.await);
    named
        .filter_map(|(link, stats)| {
            let (volume, name) = link.place.split_once('/')?;
            Some(LinkSample {
                volume: volume.to_owned(),
                name: name.to_owned(),
                stats,
            })
        })
        .collect()
}

/// Whether it is still the same link that has its name.
fn exists<D: Disk, C: Clock>(core: &Core<D, C>, link: &UsedLink) -> bool {
    let Some((volume, name)) = link.place.split_once('/') else {
        return false;
    };
    let entry = core.names().entry(volume, name).ok().flatten();
    entry.is_some_and(|entry| LinkId::new(volume, name, entry.created) == link.id)
}
