//! Volumes.

use super::{or_dash, quota, quota_text};
use crate::output::{Shown, bytes};
use crate::time::iso_8601;
use chainring_protocol::message::VolumeInfo;
use serde::Serialize;

/// A volume.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeView {
    name: String,
    owner: String,
    quota_in_bytes: i64,
    quota_in_namespace: i64,
    used_namespace: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_bytes: Option<u64>,
    creation_time: String,
    modification_time: String,
    tenant: bool,
    ref_count: u32,
}

impl From<VolumeInfo> for VolumeView {
    fn from(volume: VolumeInfo) -> Self {
        Self {
            name: volume.name,
            owner: volume.owner,
            quota_in_bytes: quota(volume.quota_in_bytes),
            quota_in_namespace: quota(volume.quota_in_namespace),
            used_namespace: volume.used_namespace,
            used_bytes: volume.used_bytes,
            creation_time: iso_8601(volume.created),
            modification_time: iso_8601(volume.modified),
            tenant: volume.tenant,
            ref_count: volume.references,
        }
    }
}

impl Shown for VolumeView {
    const COLUMNS: &'static [&'static str] =
        &["NAME", "OWNER", ">BUCKETS", ">BYTES", ">QUOTA", "CREATED"];

    fn row(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.owner.clone(),
            self.used_namespace.to_string(),
            or_dash(self.used_bytes, bytes),
            quota_text(self.quota_in_bytes, bytes),
            self.creation_time.clone(),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        let mut card = vec![
            ("volume", format!("/{}", self.name)),
            ("owner", self.owner.clone()),
            ("buckets and links", self.used_namespace.to_string()),
            ("bytes", or_dash(self.used_bytes, bytes)),
            ("space quota", quota_text(self.quota_in_bytes, bytes)),
            (
                "namespace quota",
                quota_text(self.quota_in_namespace, |n| n.to_string()),
            ),
            ("created", self.creation_time.clone()),
            ("modified", self.modification_time.clone()),
        ];
        if self.tenant {
            let text = format!("the S3 namespace of tenant {}", self.name);
            card.push(("tenant", text));
        }
        card
    }
}
