//! What is printed of each message. JSON fields have the names and the order that Ozone gives them.

use crate::output::{Shown, bytes};
use crate::time::{duration, iso_8601};
use chainring_protocol::message::{
    AccessKeyInfo, BucketInfo, BucketName, KeyEntry, KeyInfo, LinkStatus, Status, UserInfo,
    Versioning, VolumeInfo,
};
use serde::Serialize;

/// Ozone's number for "no quota".
const NO_QUOTA: i64 = -1;

fn quota(limit: Option<u64>) -> i64 {
    limit.map_or(NO_QUOTA, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

fn quota_text(limit: i64, text: impl FnOnce(u64) -> String) -> String {
    u64::try_from(limit).map_or_else(|_| "none".to_owned(), text)
}

fn or_dash(count: Option<u64>, text: impl FnOnce(u64) -> String) -> String {
    count.map_or_else(|| "-".to_owned(), text)
}

/// A volume.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeView {
    name: String,
    owner: String,
    quota_in_bytes: i64,
    quota_in_namespace: i64,
    used_namespace: u64,
    creation_time: String,
    modification_time: String,
}

impl From<VolumeInfo> for VolumeView {
    fn from(volume: VolumeInfo) -> Self {
        Self {
            name: volume.name,
            owner: volume.owner,
            quota_in_bytes: quota(volume.quota_in_bytes),
            quota_in_namespace: quota(volume.quota_in_namespace),
            used_namespace: volume.used_namespace,
            creation_time: iso_8601(volume.created),
            modification_time: iso_8601(volume.modified),
        }
    }
}

impl Shown for VolumeView {
    const COLUMNS: &'static [&'static str] = &["NAME", "OWNER", ">BUCKETS", "CREATED"];

    fn row(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.owner.clone(),
            self.used_namespace.to_string(),
            self.creation_time.clone(),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        vec![
            ("volume", format!("/{}", self.name)),
            ("owner", self.owner.clone()),
            ("buckets and links", self.used_namespace.to_string()),
            ("space quota", quota_text(self.quota_in_bytes, bytes)),
            (
                "namespace quota",
                quota_text(self.quota_in_namespace, |n| n.to_string()),
            ),
            ("created", self.creation_time.clone()),
            ("modified", self.modification_time.clone()),
        ]
    }
}

/// A bucket or link.
#[derive(Serialize)]
#[serde(untagged)]
pub enum BucketView {
    Bucket(RealView),
    Link(LinkView),
}

/// A bucket.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RealView {
    volume_name: String,
    name: String,
    versioning: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_namespace: Option<u64>,
    creation_time: String,
    modification_time: String,
    quota_in_bytes: i64,
    quota_in_namespace: i64,
    bucket_layout: &'static str,
    owner: String,
    link: bool,
}

/// A link. Ozone calls its name `bucketName` here and `name` everywhere else; both are given.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkView {
    volume_name: String,
    bucket_name: String,
    name: String,
    source_volume: String,
    source_bucket: String,
    creation_time: String,
    modification_time: String,
    owner: String,
    link: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_volume: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_bucket: Option<String>,
    chain: Vec<String>,
    generation: u64,
}

impl From<BucketInfo> for BucketView {
    fn from(bucket: BucketInfo) -> Self {
        let (creation_time, modification_time) =
            (iso_8601(bucket.created), iso_8601(bucket.modified));
        let BucketName {
            volume,
            bucket: name,
        } = bucket.bucket;
        match bucket.link {
            None => Self::Bucket(RealView {
                volume_name: volume,
                name,
                versioning: bucket.versioning == Versioning::Enabled,
                used_bytes: bucket.used_bytes,
                used_namespace: bucket.used_namespace,
                creation_time,
                modification_time,
                quota_in_bytes: quota(bucket.quota_in_bytes),
                quota_in_namespace: quota(bucket.quota_in_namespace),
                bucket_layout: "OBJECT_STORE",
                owner: bucket.owner,
                link: false,
            }),
            Some(link) => Self::Link(LinkView {
                volume_name: volume,
                bucket_name: name.clone(),
                name,
                source_volume: link.source.volume,
                source_bucket: link.source.bucket,
                creation_time,
                modification_time,
                owner: bucket.owner,
                link: true,
                status: link.status.as_str(),
                resolved_volume: link.resolved.as_ref().map(|name| name.volume.clone()),
                resolved_bucket: link.resolved.map(|name| name.bucket),
                chain: link.chain.iter().map(ToString::to_string).collect(),
                generation: link.generation,
            }),
        }
    }
}

impl Shown for BucketView {
    const COLUMNS: &'static [&'static str] =
        &["NAME", ">OBJECTS", ">BYTES", "OWNER", "CREATED", "LINK TO"];

    fn row(&self) -> Vec<String> {
        match self {
            Self::Bucket(bucket) => vec![
                bucket.name.clone(),
                or_dash(bucket.used_namespace, |n| n.to_string()),
                or_dash(bucket.used_bytes, bytes),
                bucket.owner.clone(),
                bucket.creation_time.clone(),
                String::new(),
            ],
            Self::Link(link) => {
                let mut source = format!("/{}/{}", link.source_volume, link.source_bucket);
                if link.status != LinkStatus::Ok.as_str() {
                    source = format!("{source} ({})", link.status);
                }
                vec![
                    link.name.clone(),
                    "-".to_owned(),
                    "-".to_owned(),
                    link.owner.clone(),
                    link.creation_time.clone(),
                    source,
                ]
            }
        }
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Bucket(bucket) => vec![
                ("bucket", format!("/{}/{}", bucket.volume_name, bucket.name)),
                ("owner", bucket.owner.clone()),
                ("objects", or_dash(bucket.used_namespace, |n| n.to_string())),
                ("bytes", or_dash(bucket.used_bytes, bytes)),
                ("versioning", bucket.versioning.to_string()),
                ("space quota", quota_text(bucket.quota_in_bytes, bytes)),
                (
                    "namespace quota",
                    quota_text(bucket.quota_in_namespace, |n| n.to_string()),
                ),
                ("created", bucket.creation_time.clone()),
                ("modified", bucket.modification_time.clone()),
            ],
            Self::Link(link) => {
                let mut card = vec![
                    ("link", format!("/{}/{}", link.volume_name, link.name)),
                    (
                        "source",
                        format!("/{}/{}", link.source_volume, link.source_bucket),
                    ),
                    ("status", link.status.to_owned()),
                ];
                // One hop is said already.
                if link.chain.len() > 2 {
                    card.push(("chain", link.chain.join(" -> ")));
                }
                card.extend([
                    ("owner", link.owner.clone()),
                    ("created", link.creation_time.clone()),
                    ("modified", link.modification_time.clone()),
                ]);
                card
            }
        }
    }
}

/// A key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    volume_name: String,
    bucket_name: String,
    name: String,
    data_size: u64,
    e_tag: String,
    modification_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    metadata: serde_json::Map<String, serde_json::Value>,
}

impl KeyView {
    /// A key of a listing.
    pub fn entry(bucket: &BucketName, key: KeyEntry) -> Self {
        Self {
            volume_name: bucket.volume.clone(),
            bucket_name: bucket.bucket.clone(),
            name: key.key,
            data_size: key.size,
            e_tag: key.etag,
            modification_time: iso_8601(key.modified),
            content_type: None,
            version_id: None,
            metadata: serde_json::Map::new(),
        }
    }
}

impl From<KeyInfo> for KeyView {
    fn from(key: KeyInfo) -> Self {
        let metadata = key.metadata.into_iter();
        Self {
            volume_name: key.bucket.volume,
            bucket_name: key.bucket.bucket,
            name: key.key,
            data_size: key.size,
            e_tag: key.etag,
            modification_time: iso_8601(key.modified),
            content_type: key.content_type,
            version_id: key.version,
            metadata: metadata.map(|p| (p.name, p.value.into())).collect(),
        }
    }
}

impl Shown for KeyView {
    const COLUMNS: &'static [&'static str] = &[">SIZE", "MODIFIED", "KEY"];

    fn row(&self) -> Vec<String> {
        vec![
            bytes(self.data_size),
            self.modification_time.clone(),
            self.name.clone(),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        let mut card = vec![
            ("key", self.name.clone()),
            (
                "bucket",
                format!("/{}/{}", self.volume_name, self.bucket_name),
            ),
            (
                "size",
                format!("{} ({} bytes)", bytes(self.data_size), self.data_size),
            ),
            ("etag", self.e_tag.clone()),
            ("modified", self.modification_time.clone()),
        ];
        card.extend(self.content_type.clone().map(|text| ("type", text)));
        card.extend(self.version_id.clone().map(|text| ("version", text)));
        for (name, value) in &self.metadata {
            let value = value.as_str().unwrap_or_default();
            card.push(("metadata", format!("{name}={value}")));
        }
        card
    }
}

/// A user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    name: String,
    access_keys: Vec<AccessKeyView>,
    groups: Vec<String>,
    admin: bool,
    canonical_id: String,
    creation_time: String,
}

/// An access key of a user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessKeyView {
    access_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secret_until: Option<String>,
}

impl From<AccessKeyInfo> for AccessKeyView {
    fn from(key: AccessKeyInfo) -> Self {
        Self {
            access_key: key.access_key,
            tenant: key.tenant,
            old_secret_until: key.old_secret_until.map(iso_8601),
        }
    }
}

impl UserView {
    fn keys(&self) -> String {
        let keys = self.access_keys.iter().map(|key| key.access_key.as_str());
        keys.collect::<Vec<_>>().join(", ")
    }
}

impl From<UserInfo> for UserView {
    fn from(user: UserInfo) -> Self {
        Self {
            name: user.name,
            access_keys: user.access_keys.into_iter().map(Into::into).collect(),
            groups: user.groups,
            admin: user.admin,
            canonical_id: user.id,
            creation_time: iso_8601(user.created),
        }
    }
}

impl Shown for UserView {
    const COLUMNS: &'static [&'static str] = &["NAME", "ACCESS KEYS", "GROUPS", "ADMIN", "CREATED"];

    fn row(&self) -> Vec<String> {
        let yes_no = |yes| if yes { "yes" } else { "no" }.to_owned();
        vec![
            self.name.clone(),
            Some(self.keys())
                .filter(|keys| !keys.is_empty())
                .unwrap_or_else(|| "-".to_owned()),
            self.groups.join(", "),
            yes_no(self.admin),
            self.creation_time.clone(),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        vec![
            ("user", self.name.clone()),
            ("access keys", self.keys()),
            ("groups", self.groups.join(", ")),
            ("canonical id", self.canonical_id.clone()),
        ]
    }
}

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
