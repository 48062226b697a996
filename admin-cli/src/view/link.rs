//! Links: where they lead, what they say, what went through them.

use crate::output::bytes;
use crate::time::iso_8601;
use chainring_protocol::message::{
    BucketInfo, BucketName, Delegation, LinkGeneration, LinkInfo, LinkStats,
};
use serde::Serialize;

/// A link. Ozone calls its name `bucketName` here and `name` everywhere else; both are given.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkView {
    volume_name: String,
    bucket_name: String,
    pub(super) name: String,
    source_volume: String,
    source_bucket: String,
    pub(super) creation_time: String,
    modification_time: String,
    pub(super) owner: String,
    link: bool,
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_volume: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_bucket: Option<String>,
    chain: Vec<String>,
    generation: u64,
    #[serde(flatten)]
    terms: Terms,
    delegated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    delegation: Option<DelegationView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stats: Option<StatsView>,
}

/// What a link says besides its source.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Terms {
    read_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_bucket_id: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DelegationView {
    grantor: String,
    time: String,
    valid: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatsView {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<String>,
}

impl From<Delegation> for DelegationView {
    fn from(delegation: Delegation) -> Self {
        Self {
            grantor: delegation.grantor,
            time: iso_8601(delegation.at),
            valid: delegation.valid,
        }
    }
}

impl From<LinkStats> for StatsView {
    fn from(stats: LinkStats) -> Self {
        Self {
            requests: stats.requests,
            errors: stats.errors,
            bytes_in: stats.bytes_in,
            bytes_out: stats.bytes_out,
            last_used: stats.last_used.map(iso_8601),
        }
    }
}

impl LinkView {
    /// The link `bucket`, which says `link`.
    pub(super) fn new(bucket: BucketInfo, link: LinkInfo) -> Self {
        let BucketName {
            volume,
            bucket: name,
        } = bucket.bucket;
        Self {
            volume_name: volume,
            bucket_name: name.clone(),
            name,
            source_volume: link.source.volume,
            source_bucket: link.source.bucket,
            creation_time: iso_8601(bucket.created),
            modification_time: iso_8601(bucket.modified),
            owner: bucket.owner,
            link: true,
            status: link.status.as_str(),
            resolved_volume: link.resolved.as_ref().map(|name| name.volume.clone()),
            resolved_bucket: link.resolved.map(|name| name.bucket),
            chain: link.chain.iter().map(ToString::to_string).collect(),
            generation: link.generation,
            terms: Terms {
                read_only: link.read_only,
                prefix: link.prefix,
                expiration_time: link.expires.map(iso_8601),
                bound_bucket_id: link.bind,
            },
            delegated: link.delegate.as_ref().is_some_and(|consent| consent.valid),
            delegation: link.delegate.map(Into::into),
            stats: link.stats.map(Into::into),
        }
    }

    pub(super) fn address(&self) -> String {
        format!("/{}/{}", self.volume_name, self.name)
    }

    fn source(&self) -> String {
        format!("/{}/{}", self.source_volume, self.source_bucket)
    }

    fn resolved(&self) -> Option<String> {
        let (volume, bucket) = (
            self.resolved_volume.as_ref()?,
            self.resolved_bucket.as_ref()?,
        );
        Some(format!("/{volume}/{bucket}"))
    }

    /// Its source, and the bucket at the end where that is another one.
    pub(super) fn way(&self) -> String {
        let source = self.source();
        match self.resolved() {
            Some(resolved) if resolved != source => format!("{source} -> {resolved}"),
            _ => source,
        }
    }

    pub(super) fn options(&self) -> String {
        let mut options = self.terms.words();
        options.extend(self.delegation.as_ref().map(DelegationView::words));
        options.join(", ")
    }

    pub(super) fn card(&self) -> Vec<(&'static str, String)> {
        let mut card = vec![
            ("link", self.address()),
            ("source", self.source()),
            ("status", self.status.to_owned()),
            (
                "resolved",
                self.resolved().unwrap_or_else(|| "-".to_owned()),
            ),
        ];
        // One hop is said already.
        if self.chain.len() > 2 {
            card.push(("chain", self.chain.join(" -> ")));
        }
        let options = self.options();
        if !options.is_empty() {
            card.push(("options", options));
        }
        card.extend([
            ("generation", self.generation.to_string()),
            ("owner", self.owner.clone()),
            ("created", self.creation_time.clone()),
            ("modified", self.modification_time.clone()),
        ]);
        if let Some(stats) = &self.stats {
            card.push((
                "requests",
                format!("{}, {} of them failed", stats.requests, stats.errors),
            ));
            let traffic = format!(
                "{} in, {} out",
                bytes(stats.bytes_in),
                bytes(stats.bytes_out)
            );
            card.push(("traffic", traffic));
            card.push(("last used", stats.last_used()));
        }
        card
    }
}

impl Terms {
    /// What a link said at one time.
    pub(super) fn then(generation: &LinkGeneration) -> Self {
        Self {
            read_only: generation.read_only,
            prefix: generation.prefix.clone(),
            expiration_time: generation.expires.map(iso_8601),
            bound_bucket_id: generation.bind,
        }
    }

    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.read_only.then(|| "read-only".to_owned()));
        words.extend(
            self.prefix
                .as_ref()
                .map(|prefix| format!("prefix {prefix}")),
        );
        words.extend(
            self.expiration_time
                .as_ref()
                .map(|time| format!("expires {time}")),
        );
        words.extend(
            self.bound_bucket_id
                .map(|id| format!("bound to bucket {id}")),
        );
        words
    }
}

impl DelegationView {
    fn words(&self) -> String {
        let grantor = &self.grantor;
        if self.valid {
            format!("delegated by {grantor}")
        } else {
            format!("consent of {grantor} does not hold")
        }
    }
}

impl StatsView {
    pub(super) fn last_used(&self) -> String {
        self.last_used.clone().unwrap_or_else(|| "never".to_owned())
    }
}
