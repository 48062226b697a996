//! `chainring link ...`

mod check;
mod graph;

use super::Daemon;
use crate::error::Error;
use crate::output::Output;
use chainring_protocol::message::{BucketInfo, LinkList, Paging};
use clap::Subcommand;

/// What to do with links.
#[derive(Debug, Subcommand)]
pub enum Command {
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
}

/// Does it.
pub fn run(command: Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Check(args) => check::run(&args, daemon, output),
        Command::Graph(args) => graph::run(&args, daemon, output),
    }
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
            page.after = format!("{}/{}", last.bucket.volume, last.bucket.bucket);
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
