//! `chainring bucket ...`

use super::{Daemon, list};
use crate::address;
use crate::args::Listing;
use crate::error::Error;
use crate::output::{Output, complain, printable};
use crate::view::BucketView;
use chainring_protocol::message::{
    BucketCreate, BucketDelete, BucketDeleted, BucketInfo, BucketInfoGet, BucketLink, BucketList,
    BucketName, LinkStatus,
};
use clap::Subcommand;

/// What to do with buckets.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a bucket
    #[command(after_help = "Example:\n  chainring bucket create /vol1/bucket1")]
    Create {
        /// The new bucket, /volume/bucket
        #[arg(value_parser = address::bucket)]
        bucket: BucketName,
        /// The user who owns it [default: the caller]
        #[arg(long, short, value_name = "NAME")]
        user: Option<String>,
    },
    /// Show a bucket under another name
    ///
    /// A link holds no data: whoever reads or writes it reads or writes its source. It is bound to
    /// the source's name. The source may be missing, or be a link itself; a link that leads nowhere
    /// is created with a warning.
    #[command(
        after_help = "Example:\n  chainring bucket link /vol1/bucket1 /s3v/common-bucket\n\nDeleting a link never touches its source."
    )]
    Link {
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
    },
    /// Show a bucket or link
    Info {
        /// The bucket or link, /volume/bucket
        #[arg(value_parser = address::bucket)]
        bucket: BucketName,
    },
    /// List the buckets and links of a volume
    #[command(visible_alias = "ls")]
    List {
        /// The volume, /volume
        #[arg(value_parser = address::volume)]
        volume: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Delete an empty bucket, or a link
    Delete {
        /// The bucket or link, /volume/bucket
        #[arg(value_parser = address::bucket)]
        bucket: BucketName,
    },
}

/// Does it.
pub fn run(command: Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Create { bucket, user } => {
            let sentence = format!("created bucket {bucket}");
            let create = BucketCreate {
                owner: user,
                ..BucketCreate::new(bucket)
            };
            let info = daemon.call(&create)?;
            output.done(&BucketView::from(info), &sentence)
        }
        Command::Link {
            source,
            link,
            strict,
            user,
        } => {
            let sentence = format!("created link {link} to {source}");
            let create = BucketLink {
                owner: user,
                strict,
                ..BucketLink::new(source, link)
            };
            let info = daemon.call(&create)?;
            warn_of_link(&info);
            output.done(&BucketView::from(info), &sentence)
        }
        Command::Info { bucket } => {
            let info = daemon.call(&BucketInfoGet { bucket })?;
            output.show(&BucketView::from(info))
        }
        Command::List { volume, listing } => list(
            &listing,
            output,
            |page| {
                let volume = volume.clone();
                Ok(daemon.call(&BucketList { volume, page })?)
            },
            |info| &info.bucket.bucket,
            BucketView::from,
            &format!(
                "no such buckets in /{volume}; create one with `chainring bucket create /{volume}/BUCKET`"
            ),
        ),
        Command::Delete { bucket } => {
            let delete = BucketDelete {
                bucket: bucket.clone(),
            };
            let deleted = daemon.call(&delete)?;
            warn_of_dangling(&deleted);
            let what = if deleted.link { "link" } else { "bucket" };
            output.say(&format!("deleted {what} {bucket}"))
        }
    }
}

/// Says on standard error that a new link leads nowhere.
fn warn_of_link(info: &BucketInfo) {
    let Some(link) = &info.link else {
        return;
    };
    let source = link.source.to_string();
    let source = printable(&source);
    match link.status {
        LinkStatus::Ok => {}
        LinkStatus::Dangling => complain!(
            "warning: {source} does not lead to a bucket; the link works once it does, until then \
             clients are told that there is no such bucket"
        ),
        LinkStatus::Loop => complain!("warning: {source} leads back to this link"),
        LinkStatus::TooDeep => complain!("warning: {source} is behind too many links"),
        other => complain!("warning: the link to {source} is {}", other.as_str()),
    }
}

/// Says on standard error which links lead nowhere now.
fn warn_of_dangling(deleted: &BucketDeleted) {
    for link in &deleted.dangling {
        complain!("warning: link {} dangles now", printable(&link.to_string()));
    }
    if deleted.more {
        complain!("warning: more links dangle now than are named here");
    }
}
