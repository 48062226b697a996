//! Buckets, and the lists in which buckets and links stand side by side.

use super::link::LinkView;
use super::{or_dash, quota, quota_text, yes_no};
use crate::output::{Shown, bytes};
use crate::time::{duration, iso_8601};
use chainring_protocol::message::{BucketInfo, Versioning};
use serde::Serialize;

/// A bucket or link.
#[derive(Serialize)]
#[serde(untagged)]
pub enum BucketView {
    Bucket(RealView),
    Link(Box<LinkView>),
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
    protected: bool,
    /// Seconds, 0 for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_uploads: Option<u64>,
}

impl From<BucketInfo> for BucketView {
    fn from(mut bucket: BucketInfo) -> Self {
        match bucket.link.take() {
            None => Self::Bucket(RealView::from(bucket)),
            Some(link) => Self::Link(Box::new(LinkView::new(bucket, link))),
        }
    }
}

impl From<BucketInfo> for RealView {
    fn from(bucket: BucketInfo) -> Self {
        Self {
            volume_name: bucket.bucket.volume,
            name: bucket.bucket.bucket,
            versioning: bucket.versioning == Versioning::Enabled,
            used_bytes: bucket.used_bytes,
            used_namespace: bucket.used_namespace,
            creation_time: iso_8601(bucket.created),
            modification_time: iso_8601(bucket.modified),
            quota_in_bytes: quota(bucket.quota_in_bytes),
            quota_in_namespace: quota(bucket.quota_in_namespace),
            bucket_layout: "OBJECT_STORE",
            owner: bucket.owner,
            link: false,
            protected: bucket.protected,
            expire_uploads: bucket.expire_uploads,
        }
    }
}

impl Shown for BucketView {
    const COLUMNS: &'static [&'static str] = &[
        "NAME", ">OBJECTS", ">BYTES", "OWNER", "CREATED", "LINK TO", "STATUS",
    ];

    fn row(&self) -> Vec<String> {
        match self {
            Self::Bucket(bucket) => vec![
                bucket.name.clone(),
                or_dash(bucket.used_namespace, |n| n.to_string()),
                or_dash(bucket.used_bytes, bytes),
                bucket.owner.clone(),
                bucket.creation_time.clone(),
                String::new(),
                String::new(),
            ],
            Self::Link(link) => vec![
                link.name.clone(),
                "-".to_owned(),
                "-".to_owned(),
                link.owner.clone(),
                link.creation_time.clone(),
                link.way(),
                link.status.to_owned(),
            ],
        }
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Bucket(bucket) => bucket.card(),
            Self::Link(link) => link.card(),
        }
    }
}

impl RealView {
    fn card(&self) -> Vec<(&'static str, String)> {
        let patience = match self.expire_uploads {
            None => "as the daemon says".to_owned(),
            Some(0) => "never".to_owned(),
            Some(seconds) => format!("after {}", duration(seconds.saturating_mul(1000))),
        };
        vec![
            ("bucket", format!("/{}/{}", self.volume_name, self.name)),
            ("owner", self.owner.clone()),
            ("objects", or_dash(self.used_namespace, |n| n.to_string())),
            ("bytes", or_dash(self.used_bytes, bytes)),
            ("space quota", quota_text(self.quota_in_bytes, bytes)),
            (
                "namespace quota",
                quota_text(self.quota_in_namespace, |n| n.to_string()),
            ),
            ("versioning", yes_no(self.versioning)),
            ("protected", yes_no(self.protected)),
            ("uploads expire", patience),
            ("created", self.creation_time.clone()),
            ("modified", self.modification_time.clone()),
        ]
    }
}
