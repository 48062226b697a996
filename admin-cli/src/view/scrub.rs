//! The scrubber.

use crate::output::{Shown, bytes};
use crate::time::iso_8601;
use chainring_protocol::message::{ScrubDamage, ScrubInfo, ScrubObject, ScrubShard};
use serde::Serialize;

/// How far it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScrubView {
    rate: u64,
    damaged: u64,
    shards: Vec<ShardView>,
    damage: Vec<DamageView>,
}

/// One shard.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShardView {
    shard: usize,
    state: &'static str,
    passes: u64,
    segments_done: u64,
    segments: u64,
    bytes_read: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass_began: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass_ended: Option<String>,
    damaged: u64,
}

/// A damaged place.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DamageView {
    shard: u16,
    file: String,
    segment: u32,
    offset: u32,
    until: u32,
    what: String,
    found: String,
    objects: Vec<String>,
}

impl From<ScrubInfo> for ScrubView {
    fn from(info: ScrubInfo) -> Self {
        let shards = info.shards.into_iter().enumerate();
        let shards: Vec<_> = shards.map(|(n, shard)| ShardView::new(n, &shard)).collect();
        Self {
            rate: info.rate,
            damaged: shards.iter().map(|shard| shard.damaged).sum(),
            shards,
            damage: info.damage.into_iter().map(DamageView::from).collect(),
        }
    }
}

impl ShardView {
    fn new(shard: usize, info: &ScrubShard) -> Self {
        Self {
            shard,
            state: info.phase.as_str(),
            passes: info.passes,
            segments_done: info.done,
            segments: info.total,
            bytes_read: info.bytes,
            pass_began: info.began.map(iso_8601),
            pass_ended: info.ended.map(iso_8601),
            damaged: info.damaged,
        }
    }

    fn text(&self) -> String {
        let percent = self.segments_done.saturating_mul(100) / self.segments.max(1);
        let state = match self.state {
            "running" | "paused" => format!(
                "{}, {} of {} segments ({percent} %)",
                self.state, self.segments_done, self.segments
            ),
            state => state.to_owned(),
        };
        let ended = match &self.pass_ended {
            Some(time) => format!("last pass ended {time}"),
            None => "no pass ended yet".to_owned(),
        };
        format!(
            "{}: {state}; {} passes, {ended}, {} read",
            self.shard,
            self.passes,
            bytes(self.bytes_read)
        )
    }
}

impl From<ScrubDamage> for DamageView {
    fn from(damage: ScrubDamage) -> Self {
        Self {
            shard: damage.shard,
            file: format!("shard-{:03}/seg-{:08x}", damage.shard, damage.segment),
            segment: damage.segment,
            offset: damage.offset,
            until: damage.until,
            what: damage.what,
            found: iso_8601(damage.found),
            objects: damage.objects.into_iter().map(named).collect(),
        }
    }
}

fn named(object: ScrubObject) -> String {
    match object.bucket {
        Some(bucket) => format!("/{}/{}/{}", bucket.volume, bucket.bucket, object.key),
        None => object.key,
    }
}

impl DamageView {
    fn text(&self) -> String {
        let whose = match self.objects.is_empty() {
            true => "only outdated data".to_owned(),
            false => self.objects.join(", "),
        };
        let Self { file, offset, .. } = self;
        format!(
            "{whose}: {file}, offset {offset}: {} (found {})",
            self.what, self.found
        )
    }
}

impl Shown for ScrubView {
    const COLUMNS: &'static [&'static str] = &[];

    fn row(&self) -> Vec<String> {
        Vec::new()
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        let rate = match self.rate {
            0 => "off".to_owned(),
            rate => format!("{} per second at most", bytes(rate)),
        };
        let mut card = vec![("rate", rate)];
        card.extend(self.shards.iter().map(|shard| ("shard", shard.text())));
        card.extend(self.damage.iter().map(|damage| ("DAMAGED", damage.text())));
        let more = self.damaged.saturating_sub(self.damage.len() as u64);
        if more > 0 {
            card.push(("DAMAGED", format!("and {more} places more")));
        }
        card
    }
}
