//! `chainring key ...`

mod transfer;

use super::{Daemon, list};
use crate::address::{self, KeyAddress};
use crate::args::Listing;
use crate::error::Error;
use crate::output::Output;
use crate::view::KeyView;
use chainring_protocol::message::{BucketName, KeyDelete, KeyInfoGet, KeyList};
use clap::Subcommand;
use std::path::PathBuf;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a file to a key
    #[command(
        after_help = "Examples:\n  chainring key put /vol1/bucket1/dir/report.csv ./report.csv\n  tar c . | chainring key put /vol1/bucket1/backup.tar -"
    )]
    Put {
        /// The key, /volume/bucket/key
        #[arg(value_parser = address::key)]
        key: KeyAddress,
        /// The file, or - for standard input
        file: PathBuf,
        /// The media type [default: none]
        #[arg(long = "type", short = 't', value_name = "TYPE")]
        content_type: Option<String>,
    },
    /// Write a key to a file
    ///
    /// The file appears when all of it has arrived.
    Get {
        /// The key, /volume/bucket/key
        #[arg(value_parser = address::key)]
        key: KeyAddress,
        /// The file, a folder, or - for standard output [default: the key's last part, here]
        file: Option<PathBuf>,
        /// Replace a file that exists
        #[arg(long, short)]
        force: bool,
    },
    /// Write a key to standard output
    Cat {
        /// The key, /volume/bucket/key
        #[arg(value_parser = address::key)]
        key: KeyAddress,
    },
    /// Show a key
    Info {
        /// The key, /volume/bucket/key
        #[arg(value_parser = address::key)]
        key: KeyAddress,
    },
    /// List the keys of a bucket or link
    #[command(visible_alias = "ls")]
    List {
        /// The bucket or link, /volume/bucket
        #[arg(value_parser = address::bucket)]
        bucket: BucketName,
        #[command(flatten)]
        listing: Listing,
    },
    /// Delete a key
    Delete {
        /// The key, /volume/bucket/key
        #[arg(value_parser = address::key)]
        key: KeyAddress,
    },
}

impl Command {
    /// Whether it reads standard input.
    pub fn reads_input(&self) -> bool {
        matches!(self, Self::Put { file, .. } if file.as_os_str() == transfer::STDIO)
    }
}

/// Does it.
pub fn run(command: Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Put {
            key,
            file,
            content_type,
        } => {
            let info = transfer::put(daemon, key, &file, content_type)?;
            output.done(&KeyView::from(info), "written")
        }
        Command::Get { key, file, force } => {
            transfer::get(daemon, key, file.as_deref(), force, output)
        }
        Command::Cat { key } => transfer::cat(daemon, key, output),
        Command::Info { key } => {
            let KeyAddress { bucket, key } = key;
            let info = daemon.call(&KeyInfoGet { bucket, key })?;
            output.show(&KeyView::from(info))
        }
        Command::List { bucket, listing } => list(
            &listing,
            output,
            |page| {
                let bucket = bucket.clone();
                Ok(daemon.call(&KeyList { bucket, page })?)
            },
            |entry| &entry.key,
            |entry| KeyView::entry(&bucket, entry),
            &format!(
                "no such keys in {bucket}; write one with `chainring key put {bucket}/KEY FILE`"
            ),
        ),
        Command::Delete { key } => {
            let KeyAddress { bucket, key } = key;
            daemon.call(&KeyDelete { bucket, key })?;
            output.say("deleted")
        }
    }
}
