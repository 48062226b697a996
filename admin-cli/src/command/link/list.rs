//! `chainring link list`

use super::position;
use crate::address;
use crate::args::Listing;
use crate::command::{Daemon, list_where};
use crate::error::Error;
use crate::output::Output;
use crate::view::{LinkRow, LinkStatsRow};
use chainring_protocol::message::{BucketInfo, BucketName, LinkList, LinkStatus, Page, Paging};
use clap::ValueEnum;

pub(super) const EXAMPLES: &str = "\
Examples:
  chainring link list --source /vol1/bucket1    who points here
  chainring link list --status dangling         what leads nowhere
  chainring link list --stats                   what is in use";

/// Which links.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only links that lead over this bucket or link, /volume/bucket
    #[arg(long, value_name = "BUCKET", value_parser = address::bucket)]
    source: Option<BucketName>,
    /// Only links of this status
    #[arg(long, value_name = "STATUS")]
    status: Option<StatusName>,
    /// Only links of this volume, /volume
    #[arg(long, value_name = "VOLUME", value_parser = address::volume)]
    volume: Option<String>,
    /// Show what went through each link since the daemon started
    #[arg(long)]
    stats: bool,
    /// Only links whose names begin with this
    #[arg(
        long,
        short,
        value_name = "PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    prefix: String,
    /// Only links after this one, /volume/link
    #[arg(long, short, value_name = "LINK", value_parser = address::bucket)]
    start: Option<BucketName>,
    /// At most so many [default: all]
    #[arg(long, short, value_name = "COUNT")]
    length: Option<u64>,
}

/// A status on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StatusName {
    /// It leads to a bucket
    Ok,
    /// Its source does not exist
    Dangling,
    /// It leads back to itself
    Loop,
    /// It leads over too many links
    TooDeep,
    /// Its time is over
    Expired,
    /// The caller may not follow it
    Denied,
}

impl From<StatusName> for LinkStatus {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Ok => Self::Ok,
            StatusName::Dangling => Self::Dangling,
            StatusName::Loop => Self::Loop,
            StatusName::TooDeep => Self::TooDeep,
            StatusName::Expired => Self::Expired,
            StatusName::Denied => Self::Denied,
        }
    }
}

/// Does it.
pub fn run(args: Args, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    let listing = Listing {
        prefix: args.prefix,
        start: args.start.as_ref().map_or_else(String::new, position),
        length: args.length,
    };
    let ask = |page| {
        Ok(daemon.call(&LinkList {
            volume: args.volume.clone(),
            source: args.source.clone(),
            status: args.status.map(Into::into),
            page,
            stats: args.stats,
        })?)
    };
    print(&listing, args.stats, ask, output)
}

fn print(
    listing: &Listing,
    stats: bool,
    ask: impl FnMut(Paging) -> Result<Page<BucketInfo>, Error>,
    output: &mut Output,
) -> Result<(), Error> {
    const EMPTY: &str = "no such links; make one with `chainring bucket link SOURCE LINK`";
    let name = |info: &BucketInfo| position(&info.bucket);
    if stats {
        list_where(listing, output, ask, name, LinkStatsRow::new, EMPTY)
    } else {
        list_where(listing, output, ask, name, LinkRow::new, EMPTY)
    }
}
