//! `chainring volume ...`

use super::acl::{self, Verbs, VolumeTarget};
use super::quota::{ClearQuota, NewQuota, SetQuota};
use super::{Daemon, list_where};
use crate::address;
use crate::args::Listing;
use crate::error::Error;
use crate::output::Output;
use crate::view::VolumeView;
use chainring_protocol::message::{
    VolumeClearQuota, VolumeCreate, VolumeDelete, VolumeInfoGet, VolumeList, VolumeSetQuota,
    VolumeUpdate,
};
use clap::Subcommand;

/// What to do with volumes.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a volume
    #[command(
        after_help = "Examples:\n  chainring volume create /vol1 --user alice\n  chainring volume create /vol2 --space-quota 10TB --namespace-quota 100"
    )]
    Create {
        /// The new volume, /volume
        #[arg(value_parser = address::volume)]
        volume: String,
        /// The user who owns it [default: the caller]
        #[arg(long, short, value_name = "NAME")]
        user: Option<String>,
        #[command(flatten)]
        quota: NewQuota,
    },
    /// Show a volume
    Info {
        /// The volume, /volume
        #[arg(value_parser = address::volume)]
        volume: String,
    },
    /// List volumes
    #[command(
        visible_alias = "ls",
        after_help = "Example:\n  chainring volume list --user alice"
    )]
    List {
        /// Only volumes that this user owns
        #[arg(long, short, value_name = "NAME")]
        user: Option<String>,
        /// As `ozone sh` has it: list all, which happens anyway
        #[arg(long, short, conflicts_with = "user", hide = true)]
        all: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// Give a volume another owner
    #[command(after_help = "Example:\n  chainring volume update /vol1 --user bob")]
    Update {
        /// The volume, /volume
        #[arg(value_parser = address::volume)]
        volume: String,
        /// The user who is to own it
        #[arg(long, short, value_name = "NAME")]
        user: String,
    },
    /// Delete an empty volume
    Delete {
        /// The volume, /volume
        #[arg(value_parser = address::volume)]
        volume: String,
    },
    /// Limit what a volume holds
    ///
    /// The space quota counts the bytes of all its buckets; links are not followed. The namespace
    /// quota counts buckets and links. A limit that is not named stays as it is.
    #[command(
        after_help = "Example:\n  chainring volume setquota /vol1 --space-quota 10TB --namespace-quota 100"
    )]
    Setquota {
        /// The volume, /volume
        #[arg(value_parser = address::volume)]
        volume: String,
        #[command(flatten)]
        quota: SetQuota,
    },
    /// Lift limits of a volume
    #[command(after_help = "Example:\n  chainring volume clrquota /vol1 --space-quota")]
    Clrquota {
        /// The volume, /volume
        #[arg(value_parser = address::volume)]
        volume: String,
        #[command(flatten)]
        quota: ClearQuota,
    },
    #[command(flatten)]
    Acl(Verbs<VolumeTarget>),
}

/// Does it.
pub fn run(command: Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Create {
            volume,
            user,
            quota,
        } => {
            let info = daemon.call(&VolumeCreate {
                name: volume,
                owner: user,
                quota_in_bytes: quota.space_quota,
                quota_in_namespace: quota.namespace_quota,
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
        Command::List { user, listing, .. } => list_where(
            &listing,
            output,
            |page| Ok(daemon.call(&VolumeList { page })?),
            |volume| volume.name.clone(),
            |volume| {
                let wanted = user.as_ref().is_none_or(|user| *user == volume.owner);
                wanted.then(|| VolumeView::from(volume))
            },
            "no such volumes; create one with `chainring volume create /VOLUME`",
        ),
        Command::Update { volume, user } => {
            let sentence = format!("volume /{volume} belongs to {user} now");
            let info = daemon.call(&VolumeUpdate {
                name: volume,
                owner: user,
            })?;
            output.done(&VolumeView::from(info), &sentence)
        }
        Command::Delete { volume } => {
            daemon.call(&VolumeDelete {
                name: volume.clone(),
            })?;
            output.say(&format!("deleted volume /{volume}"))
        }
        Command::Setquota { volume, quota } => {
            let sentence = format!("volume /{volume} is limited now");
            let info = daemon.call(&VolumeSetQuota {
                name: volume,
                bytes: quota.space_quota,
                namespace: quota.namespace_quota,
            })?;
            output.done(&VolumeView::from(info), &sentence)
        }
        Command::Clrquota { volume, quota } => {
            let sentence = format!("limits of volume /{volume} are lifted");
            let info = daemon.call(&VolumeClearQuota {
                name: volume,
                bytes: quota.space_quota,
                namespace: quota.namespace_quota,
            })?;
            output.done(&VolumeView::from(info), &sentence)
        }
        Command::Acl(verb) => acl::run(verb, daemon, output),
    }
}
