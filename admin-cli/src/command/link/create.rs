//! `chainring bucket link`, which is `chainring tenant linkbucket`, too.

use super::warn_of_status;
use crate::address;
use crate::command::Daemon;
use crate::error::Error;
use crate::output::Output;
use crate::time;
use crate::view::BucketView;
use chainring_protocol::message::{BucketLink, BucketName};
use clap::ValueEnum;

/// A link to be made.
#[derive(Debug, clap::Args)]
pub struct NewLink {
    /// What the link shows, /volume/bucket
    #[arg(value_parser = address::bucket)]
    source: BucketName,
    /// The new link, /volume/bucket
    #[arg(value_parser = address::bucket)]
    link: BucketName,
    /// Refuse a link that does not lead to a bucket now
    #[arg(long)]
    strict: bool,
    /// The user who owns the link [default: the caller]
    #[arg(long, short, value_name = "NAME")]
    user: Option<String>,
    /// Refuse every write through the link
    #[arg(long)]
    read_only: bool,
    /// Show only the keys that begin with this, without it: LINK/x is SOURCE/PREFIXx
    #[arg(long, value_name = "PREFIX", value_parser = key_prefix)]
    prefix: Option<String>,
    /// When the link stops to lead anywhere: a time, 2026-12-31T18:00:00Z, or how long from now, 7d
    #[arg(long, value_name = "TIME", value_parser = time::expiry)]
    expires: Option<u64>,
    /// What the link follows: a name, whichever bucket has it, or the bucket that is there now
    #[arg(long, value_name = "HOW", default_value = "name")]
    bind: Bind,
    /// Consent that the link's own access list decides alone
    #[arg(long)]
    delegate: bool,
}

/// What a link follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Bind {
    /// A name: a bucket that is deleted and made again is followed
    Name,
    /// The bucket that is there now: when it goes, the link dangles for good
    Id,
}

fn key_prefix(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("an empty prefix shows everything; leave it out".to_owned());
    }
    Ok(text.to_owned())
}

/// Makes a link.
pub fn create(link: NewLink, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    let sentence = format!("created link {} to {}", link.link, link.source);
    let info = daemon.call(&BucketLink {
        source: link.source,
        link: link.link,
        owner: link.user,
        strict: link.strict,
        read_only: link.read_only,
        prefix: link.prefix,
        expires: link.expires,
        bind_id: link.bind == Bind::Id,
        delegate: link.delegate,
    })?;
    warn_of_status(&info);
    output.done(&BucketView::from(info), &sentence)
}
