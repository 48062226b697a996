//! Links in lists: of all volumes, with what went through them, and of what one link was.

use super::link::{LinkView, Terms};
use crate::output::{Shown, bytes};
use crate::time::iso_8601;
use chainring_protocol::message::{BucketInfo, LinkGeneration};
use serde::Serialize;

/// A link in a list of links of all volumes.
#[derive(Serialize)]
#[serde(transparent)]
pub struct LinkRow(LinkView);

/// The same with what went through it.
#[derive(Serialize)]
#[serde(transparent)]
pub struct LinkStatsRow(LinkView);

impl LinkRow {
    /// A link; nothing for a bucket.
    pub fn new(mut bucket: BucketInfo) -> Option<Self> {
        let link = bucket.link.take()?;
        Some(Self(LinkView::new(bucket, link)))
    }
}

impl LinkStatsRow {
    /// A link; nothing for a bucket.
    pub fn new(bucket: BucketInfo) -> Option<Self> {
        LinkRow::new(bucket).map(|row| Self(row.0))
    }
}

impl Shown for LinkRow {
    const COLUMNS: &'static [&'static str] = &["LINK", "LINK TO", "STATUS", "OWNER", "OPTIONS"];

    fn row(&self) -> Vec<String> {
        let link = &self.0;
        vec![
            link.address(),
            link.way(),
            link.status.to_owned(),
            link.owner.clone(),
            link.options(),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        self.0.card()
    }
}

impl Shown for LinkStatsRow {
    const COLUMNS: &'static [&'static str] = &[
        "LINK",
        "LINK TO",
        "STATUS",
        ">REQUESTS",
        ">ERRORS",
        ">IN",
        ">OUT",
        "LAST USED",
    ];

    fn row(&self) -> Vec<String> {
        let link = &self.0;
        let mut row = vec![link.address(), link.way(), link.status.to_owned()];
        match &link.stats {
            Some(stats) => row.extend([
                stats.requests.to_string(),
                stats.errors.to_string(),
                bytes(stats.bytes_in),
                bytes(stats.bytes_out),
                stats.last_used(),
            ]),
            None => row.extend(["-"; 5].map(str::to_owned)),
        }
        row
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        self.0.card()
    }
}

/// What a link was at one time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerationView {
    generation: u64,
    source_volume: String,
    source_bucket: String,
    time: String,
    user: String,
    #[serde(flatten)]
    terms: Terms,
}

impl From<LinkGeneration> for GenerationView {
    fn from(generation: LinkGeneration) -> Self {
        Self {
            terms: Terms::then(&generation),
            generation: generation.generation,
            source_volume: generation.source.volume,
            source_bucket: generation.source.bucket,
            time: iso_8601(generation.at),
            user: generation.by,
        }
    }
}

impl Shown for GenerationView {
    const COLUMNS: &'static [&'static str] = &[">GENERATION", "SOURCE", "SINCE", "BY", "OPTIONS"];

    fn row(&self) -> Vec<String> {
        vec![
            self.generation.to_string(),
            format!("/{}/{}", self.source_volume, self.source_bucket),
            self.time.clone(),
            self.user.clone(),
            self.terms.words().join(", "),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
