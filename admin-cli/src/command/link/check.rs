//! `chainring link check`

use super::every_link;
use crate::address;
use crate::command::Daemon;
use crate::error::Error;
use crate::output::{Output, Shown};
use crate::progress::Progress;
use chainring_protocol::message::{BucketInfo, LinkStatus};
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) const EXAMPLES: &str = "\
Examples:
  chainring link check
  chainring link check /s3v --bad || mail -s 'links are broken' storage-team";

/// Which links.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The volume, /volume [default: all of them]
    #[arg(value_parser = address::volume)]
    volume: Option<String>,
    /// Show only links that are not ok
    #[arg(long, short)]
    bad: bool,
}

/// A link and what following it finds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckView {
    volume_name: String,
    name: String,
    status: &'static str,
    source_volume: String,
    source_bucket: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_volume: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_bucket: Option<String>,
    chain: Vec<String>,
}

impl CheckView {
    fn new(info: BucketInfo) -> Option<Self> {
        let link = info.link?;
        let (resolved_volume, resolved_bucket) =
            link.resolved.map(|name| (name.volume, name.bucket)).unzip();
        Some(Self {
            volume_name: info.bucket.volume,
            name: info.bucket.bucket,
            status: link.status.as_str(),
            source_volume: link.source.volume,
            source_bucket: link.source.bucket,
            resolved_volume,
            resolved_bucket,
            chain: link.chain.iter().map(ToString::to_string).collect(),
        })
    }
}

impl Shown for CheckView {
    const COLUMNS: &'static [&'static str] = &["STATUS", "LINK", "WAY"];

    fn row(&self) -> Vec<String> {
        // The link itself has a column of its own.
        let way = self.chain.get(1..).filter(|way| !way.is_empty());
        let source = format!("/{}/{}", self.source_volume, self.source_bucket);
        vec![
            self.status.to_owned(),
            format!("/{}/{}", self.volume_name, self.name),
            way.map_or(source, |way| way.join(" -> ")),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Checks.
pub fn run(args: &Args, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    let mut count = 0_usize;
    let mut bad: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut progress = None;
    let mut list = output.list();
    every_link(args.volume.as_deref(), daemon, |mut links, more| {
        for link in links.iter().filter_map(|info| info.link.as_ref()) {
            count += 1;
            if link.status != LinkStatus::Ok {
                *bad.entry(link.status.as_str()).or_default() += 1;
            }
        }
        if more && progress.is_none() && !list.is_watched() {
            progress = Some(Progress::counting("links checked"));
        }
        if let Some(progress) = &progress {
            progress.add(links.len() as u64);
        }
        let is_bad = |info: &BucketInfo| {
            let link = info.link.as_ref();
            link.is_some_and(|link| link.status != LinkStatus::Ok)
        };
        links.retain(|info| !args.bad || is_bad(info));
        let views: Vec<CheckView> = links.into_iter().filter_map(CheckView::new).collect();
        list.page(&views)
    })?;
    drop(progress);
    let whose = args.volume.as_deref();
    let place = whose.map_or_else(String::new, |volume| format!(" in /{volume}"));
    list.finish(&if count == 0 {
        format!("no links{place}; `chainring bucket link SOURCE LINK` makes one")
    } else {
        format!("no bad links{place}")
    })?;
    let links = if count == 1 { "link" } else { "links" };
    if bad.is_empty() {
        if count > 0 && !args.bad {
            output.say(&format!("{count} {links}, every one ok"))?;
        }
        return Ok(());
    }
    let kinds: Vec<String> = bad
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    let bad: usize = bad.values().sum();
    Err(Error::Found(format!(
        "{bad} of {count} {links}{place} not ok: {}",
        kinds.join(", ")
    )))
}
