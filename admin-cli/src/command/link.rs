//! `chainring link ...`: what can be done with links besides making and deleting them.

mod check;
mod create;
mod graph;
mod list;

use super::Daemon;
use crate::address;
use crate::error::Error;
use crate::output::{Output, complain, printable};
use crate::view::{BucketView, GenerationView};
use chainring_protocol::message::{
    BucketInfo, BucketName, LinkHistory, LinkList, LinkRevoke, LinkRollback, LinkSetSource,
    LinkStatus, Paging,
};
use clap::Subcommand;

pub use create::{NewLink, create};

/// What to do with links.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List links of all volumes: where they lead, and whether anything is there
    #[command(visible_alias = "ls", after_help = list::EXAMPLES)]
    List(list::Args),
    /// Check that every link leads to a bucket
    ///
    /// Shows the status of each link: ok, dangling (its source is missing), loop, too-deep, expired or
    /// denied. The exit status is 1 if one of them is not ok.
    #[command(after_help = check::EXAMPLES)]
    Check(check::Args),
    /// Draw links and what they lead to
    ///
    /// Names stand in boxes, with arrows from each link to its source. What a link says besides its
    /// source stands along its arrow.
    #[command(after_help = graph::EXAMPLES)]
    Graph(graph::Args),
    /// Point a link at another source
    ///
    /// The change is one step: every request sees the old source or the new one. Uploads and listings
    /// that are under way finish on the old one. What the link said before is kept: `link history` shows
    /// it, `link rollback` brings it back. With --expect or --expect-generation nothing is changed, and the
    /// answer is LINK_CHANGED, when somebody else was faster.
    #[command(
        after_help = "Examples:\n  chainring link set-source /s3v/dataset /vol1/dataset-2026-02\n  chainring link set-source /s3v/dataset /vol1/green --expect /vol1/blue"
    )]
    SetSource {
        /// The link, /volume/link
        #[arg(value_parser = address::bucket)]
        link: BucketName,
        /// What it is to show, /volume/bucket
        #[arg(value_parser = address::bucket)]
        source: BucketName,
        /// Only if this is its source now, /volume/bucket
        #[arg(long, value_name = "BUCKET", value_parser = address::bucket)]
        expect: Option<BucketName>,
        /// Only if this is its generation now
        #[arg(long, value_name = "NUMBER")]
        expect_generation: Option<u64>,
        /// Consent that the link's own access list decides about the new source, too; otherwise the
        /// link is a plain one from then on
        #[arg(long)]
        delegate: bool,
    },
    /// Show what a link was, oldest first
    #[command(after_help = "Example:\n  chainring link history /s3v/dataset")]
    History {
        /// The link, /volume/link
        #[arg(value_parser = address::bucket)]
        link: BucketName,
    },
    /// Make a link what it was
    ///
    /// That is a change like any other, so it can be rolled back, too.
    #[command(
        after_help = "Examples:\n  chainring link rollback /s3v/dataset\n  chainring link rollback /s3v/dataset --to 3"
    )]
    Rollback {
        /// The link, /volume/link
        #[arg(value_parser = address::bucket)]
        link: BucketName,
        /// The generation, as `link history` numbers them [default: the one before today's]
        #[arg(long, value_name = "NUMBER")]
        to: Option<u64>,
    },
    /// Take back the consent that a delegated link stands on
    ///
    /// The link becomes a plain one: from then on the source's access list counts again. For whoever may
    /// change the source's access list, and for the link's owner.
    #[command(after_help = "Example:\n  chainring link revoke /tenant1/shared")]
    Revoke {
        /// The link, /volume/link
        #[arg(value_parser = address::bucket)]
        link: BucketName,
    },
}

/// Does it.
pub fn run(command: Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(args, daemon, output),
        Command::Check(args) => check::run(&args, daemon, output),
        Command::Graph(args) => graph::run(&args, daemon, output),
        Command::SetSource {
            link,
            source,
            expect,
            expect_generation,
            delegate,
        } => {
            let sentence = format!("{link} leads to {source} now");
            let info = daemon.call(&LinkSetSource {
                link,
                source,
                expect,
                expect_generation,
                delegate,
            })?;
            warn_of_status(&info);
            output.done(&BucketView::from(info), &sentence)
        }
        Command::History { link } => {
            let history = daemon.call(&LinkHistory { link })?;
            let views: Vec<GenerationView> =
                history.generations.into_iter().map(Into::into).collect();
            let mut printed = output.list();
            printed.page(&views)?;
            printed.finish("nothing is kept of this link")
        }
        Command::Rollback { link, to } => {
            let info = daemon.call(&LinkRollback { link, to })?;
            warn_of_status(&info);
            let source = info.link.as_ref().map(|link| link.source.to_string());
            let sentence = format!(
                "{} leads to {} again",
                info.bucket,
                source.unwrap_or_default()
            );
            output.done(&BucketView::from(info), &sentence)
        }
        Command::Revoke { link } => {
            let sentence = format!("{link} is a plain link now");
            let info = daemon.call(&LinkRevoke { link })?;
            output.done(&BucketView::from(info), &sentence)
        }
    }
}

/// Where a listing goes on after a link.
fn position(link: &BucketName) -> String {
    format!("{}/{}", link.volume, link.bucket)
}

/// Gives the links of a volume, or all, to `look`, page by page.
fn every_link(
    volume: Option<&str>,
    daemon: Daemon<'_>,
    mut look: impl FnMut(Vec<BucketInfo>, bool) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut page = Paging::first();
    loop {
        let links = daemon.call(&LinkList {
            volume: volume.map(str::to_owned),
            source: None,
            status: None,
            page: page.clone(),
            stats: false,
        })?;
        let more = links.more;
        if let Some(last) = links.entries.last() {
            page.after = position(&last.bucket);
        } else if more {
            let error = chainring_protocol::client::ClientError::Unexpected("an empty page");
            return Err(error.into());
        }
        look(links.entries, more)?;
        if !more {
            return Ok(());
        }
    }
}

/// Says on standard error that a new or changed link leads nowhere.
fn warn_of_status(info: &BucketInfo) {
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
        LinkStatus::Expired => {
            complain!("warning: the link to {source}, or one it leads over, is expired")
        }
        LinkStatus::Denied => complain!("warning: you may not follow this link to {source}"),
    }
}
