//! `chainring bucket ...`

use super::acl::{self, BucketTarget, Verbs};
use super::link::{NewLink, create};
use super::quota::{ClearQuota, NewQuota, SetQuota};
use super::{Daemon, list};
use crate::address;
use crate::args::Listing;
use crate::error::Error;
use crate::output::{Output, complain, printable};
use crate::time;
use crate::view::BucketView;
use chainring_protocol::message::{
    BucketClearQuota, BucketCreate, BucketDelete, BucketDeleted, BucketInfoGet, BucketList,
    BucketName, BucketSetQuota, BucketUpdate,
};
use clap::Subcommand;

/// What to do with buckets.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a bucket
    #[command(
        after_help = "Examples:\n  chainring bucket create /vol1/bucket1\n  chainring bucket create /vol1/dataset --protected --space-quota 2TB"
    )]
    Create {
        /// The new bucket, /volume/bucket
        #[arg(value_parser = address::bucket)]
        bucket: BucketName,
        /// The user who owns it [default: the caller]
        #[arg(long, short, value_name = "NAME")]
        user: Option<String>,
        /// Refuse to delete it while links point at it
        #[arg(long)]
        protected: bool,
        #[command(flatten)]
        quota: NewQuota,
    },
    /// Show a bucket under another name
    ///
    /// A link holds no data: whoever reads or writes it reads or writes its source. It is bound to
    /// the source's name. The source may be missing, or be a link itself; a link that leads nowhere
    /// is created with a warning.
    ///
    /// Whoever follows a link needs the right to read the link and the right for what is to be done
    /// on the source: a link narrows, it never widens. With --delegate the link's own access list
    /// decides alone; only someone who may change the source's access list can give that consent.
    #[command(
        after_help = "Examples:\n  chainring bucket link /vol1/bucket1 /s3v/common-bucket\n  chainring bucket link /vol1/bucket1 /s3v/logs --prefix logs/ --read-only --expires 7d\n  chainring bucket link /vol1/bucket1 /tenant1/shared --delegate\n\nDeleting a link never touches its source."
    )]
    Link(NewLink),
    /// Show a bucket or link
    ///
    /// Of a link: where it leads, whether there is a bucket, and what went through it.
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
    /// Change the owner of a bucket or link, or what else is said of a bucket
    #[command(
        after_help = "Examples:\n  chainring bucket update /vol1/bucket1 --user bob\n  chainring bucket update /vol1/bucket1 --protected\n  chainring bucket update /vol1/bucket1 --protected=false\n  chainring bucket update /vol1/bucket1 --expire-uploads 1d"
    )]
    Update {
        /// The bucket or link, /volume/bucket
        #[arg(value_parser = address::bucket)]
        bucket: BucketName,
        /// The user who is to own it
        #[arg(
            long,
            short,
            value_name = "NAME",
            required_unless_present_any = ["protected", "expire_uploads"]
        )]
        user: Option<String>,
        /// Whether to refuse to delete it while links point at it
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        protected: Option<bool>,
        /// End multipart uploads to it of which nothing has come for so long: 12h, 7d, off for
        /// never, default for what the daemon was started with
        #[arg(long, value_name = "DURATION", value_parser = patience)]
        expire_uploads: Option<Patience>,
    },
    /// Delete an empty bucket, or a link
    ///
    /// Of a link nothing but the link goes. Links that led to a bucket stay when it goes, and dangle.
    Delete {
        /// The bucket or link, /volume/bucket
        #[arg(value_parser = address::bucket)]
        bucket: BucketName,
    },
    /// Limit what a bucket holds
    ///
    /// What would exceed the limit is refused. A limit that is not named stays as it is. A link has no
    /// quota: set it on the source.
    #[command(
        after_help = "Example:\n  chainring bucket setquota /vol1/bucket1 --space-quota 512MB"
    )]
    Setquota {
        /// The bucket, /volume/bucket
        #[arg(value_parser = address::bucket)]
        bucket: BucketName,
        #[command(flatten)]
        quota: SetQuota,
    },
    /// Lift limits of a bucket
    #[command(
        after_help = "Example:\n  chainring bucket clrquota /vol1/bucket1 --space-quota --namespace-quota"
    )]
    Clrquota {
        /// The bucket, /volume/bucket
        #[arg(value_parser = address::bucket)]
        bucket: BucketName,
        #[command(flatten)]
        quota: ClearQuota,
    },
    #[command(flatten)]
    Acl(Verbs<BucketTarget>),
}

/// Seconds that uploads may rest, 0 for ever; `None`: as the daemon says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience(Option<u64>);

fn patience(text: &str) -> Result<Patience, String> {
    match text {
        "off" => Ok(Patience(Some(0))),
        "default" => Ok(Patience(None)),
        text => time::seconds(text).map(|seconds| Patience(Some(seconds))),
    }
}

/// Does it.
pub fn run(command: Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Create {
            bucket,
            user,
            protected,
            quota,
        } => {
            let sentence = format!("created bucket {bucket}");
            let create = BucketCreate {
                bucket,
                owner: user,
                protected,
                quota_in_bytes: quota.space_quota,
                quota_in_namespace: quota.namespace_quota,
            };
            let info = daemon.call(&create)?;
            output.done(&BucketView::from(info), &sentence)
        }
        Command::Link(link) => create(link, daemon, output),
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
        Command::Update {
            bucket,
            user,
            protected,
            expire_uploads,
        } => {
            let sentence = format!("{bucket} is changed");
            let update = BucketUpdate {
                bucket,
                owner: user,
                protected,
                expire_uploads: expire_uploads.map(|patience| patience.0),
            };
            let info = daemon.call(&update)?;
            output.done(&BucketView::from(info), &sentence)
        }
        Command::Delete { bucket } => {
            let delete = BucketDelete {
                bucket: bucket.clone(),
            };
            let deleted = daemon.call(&delete)?;
            warn_of_dangling(&deleted);
            let what = if deleted.link { "link" } else { "bucket" };
            output.say(&format!("deleted {what} {bucket}"))
        }
        Command::Setquota { bucket, quota } => {
            let sentence = format!("bucket {bucket} is limited now");
            let info = daemon.call(&BucketSetQuota {
                bucket,
                bytes: quota.space_quota,
                namespace: quota.namespace_quota,
            })?;
            output.done(&BucketView::from(info), &sentence)
        }
        Command::Clrquota { bucket, quota } => {
            let sentence = format!("limits of bucket {bucket} are lifted");
            let info = daemon.call(&BucketClearQuota {
                bucket,
                bytes: quota.space_quota,
                namespace: quota.namespace_quota,
            })?;
            output.done(&BucketView::from(info), &sentence)
        }
        Command::Acl(verb) => acl::run(verb, daemon, output),
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
