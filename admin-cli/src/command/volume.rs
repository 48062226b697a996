//! `chainring volume ...`

use super::{Daemon, list};
use crate::address;
use crate::args::Listing;
use crate::error::Error;
use crate::output::Output;
use crate::view::VolumeView;
use chainring_protocol::message::{VolumeCreate, VolumeDelete, VolumeInfoGet, VolumeList};
use clap::Subcommand;

/// What to do with volumes.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a volume
    #[command(after_help = "Example:\n  chainring volume create /vol1 --user alice")]
    Create {
        /// The new volume, /volume
        #[arg(value_parser = address::volume)]
        volume: String,
        /// The user who owns it [default: the caller]
        #[arg(long, short, value_name = "NAME")]
        user: Option<String>,
    },
    /// Show a volume
    Info {
        /// The volume, /volume
        #[arg(value_parser = address::volume)]
        volume: String,
    },
    /// List volumes
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        listing: Listing,
    },
    /// Delete an empty volume
    Delete {
        /// The volume, /volume
        #[arg(value_parser = address::volume)]
        volume: String,
    },
}

/// Does it.
pub fn run(command: Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Create { volume, user } => {
            let info = daemon.call(&VolumeCreate {
                name: volume,
                owner: user,
                quota_in_bytes: None,
                quota_in_namespace: None,
            })?;
            let name = info.name.clone();
            let sentence = format!(
                "created volume /{name}; `chainring bucket create /{name}/BUCKET` makes a bucket in it"
            );
            output.done(&VolumeView::from(info), &sentence)
        }
        Command::Info { volume } => {
            let info = daemon.call(&VolumeInfoGet { name: volume })?;
            output.show(&VolumeView::from(info))
        }
        Command::List { listing } => list(
            &listing,
            output,
            |page| Ok(daemon.call(&VolumeList { page })?),
            |volume| &volume.name,
            VolumeView::from,
            "no such volumes; create one with `chainring volume create /VOLUME`",
        ),
        Command::Delete { volume } => {
            daemon.call(&VolumeDelete {
                name: volume.clone(),
            })?;
            output.say(&format!("deleted volume /{volume}"))
        }
    }
}
