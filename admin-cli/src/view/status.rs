//! The daemon.

use crate::output::{Shown, bytes};
use crate::time::duration;
use chainring_protocol::message::Status;
use serde::Serialize;

/// The daemon.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    version: String,
    store: String,
    pid: u32,
    uptime_ms: u64,
    cores: u16,
    durability: &'static str,
    s3_endpoint: String,
    data_dir: String,
    volumes: u64,
    buckets: u64,
    links: u64,
    users: u64,
    objects: u64,
    log_bytes: u64,
    shards: Vec<ShardView>,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    notes: serde_json::Map<String, serde_json::Value>,
}

/// One shard.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShardView {
    shard: usize,
    core: u16,
    state: &'static str,
    objects: u64,
    log_bytes: u64,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        let shards = status.shards.iter().enumerate();
        Self {
            version: status.version,
            store: uuid(&status.store),
            pid: status.pid,
            uptime_ms: status.uptime_ms,
            cores: status.cores,
            durability: status.durability.as_str(),
            s3_endpoint: status.s3_endpoint,
            data_dir: status.data_dir,
            volumes: status.volumes,
            buckets: status.buckets,
            links: status.links,
            users: status.users,
            objects: status.shards.iter().map(|shard| shard.objects).sum(),
            log_bytes: status.shards.iter().map(|shard| shard.log_bytes).sum(),
            shards: shards
                .map(|(number, shard)| ShardView {
                    shard: number,
                    core: shard.core,
                    state: shard.state.as_str(),
                    objects: shard.objects,
                    log_bytes: shard.log_bytes,
                })
                .collect(),
            notes: status
                .notes
                .into_iter()
                .map(|note| (note.name, note.value.into()))
                .collect(),
        }
    }
}

impl Shown for StatusView {
    const COLUMNS: &'static [&'static str] = &[];

    fn row(&self) -> Vec<String> {
        Vec::new()
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        let mut card = vec![
            (
                "daemon",
                format!(
                    "chainringd {}, process {}, up {}",
                    self.version,
                    self.pid,
                    duration(self.uptime_ms)
                ),
            ),
            ("S3 endpoint", self.s3_endpoint.clone()),
            ("data", format!("{} (store {})", self.data_dir, self.store)),
            ("durability", self.durability.to_owned()),
            (
                "namespace",
                [
                    counted(self.volumes, "volume"),
                    counted(self.buckets, "bucket"),
                    counted(self.links, "link"),
                    counted(self.users, "user"),
                ]
                .join(", "),
            ),
            (
                "objects",
                format!("{}, {} of log", self.objects, bytes(self.log_bytes)),
            ),
            (
                "cores",
                format!(
                    "{} with {}",
                    self.cores,
                    counted(self.shards.len() as u64, "shard")
                ),
            ),
        ];
        for (name, value) in &self.notes {
            let value = value.as_str().unwrap_or_default();
            card.push(("note", format!("{name}: {value}")));
        }
        for shard in self.shards.iter().filter(|shard| shard.state != "ok") {
            let text = format!("shard {} is {}", shard.shard, shard.state);
            card.push(("WARNING", text));
        }
        card
    }
}

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn uuid(bytes: &[u8; 16]) -> String {
    let mut text = String::new();
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
