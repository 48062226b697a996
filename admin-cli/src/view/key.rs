//! Keys.

use crate::output::{Shown, bytes};
use crate::time::iso_8601;
use chainring_protocol::message::{BucketName, KeyEntry, KeyInfo};
use serde::Serialize;

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
