//! `chainring tenant ...`

use super::link::{NewLink, create};
use super::list;
use super::tenant_user;
use crate::address;
use crate::args::Listing;
use crate::connect::Session;
use crate::error::Error;
use crate::output::Output;
use crate::view::TenantView;
use chainring_protocol::message::{TenantCreate, TenantDelete, TenantInfoGet, TenantList};
use clap::Subcommand;

/// What to do with tenants.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a tenant and its volume
    #[command(
        after_help = "Example:\n  chainring tenant create tenant1\n  chainring tenant user assign alice --tenant tenant1\n  chainring tenant linkbucket /vol1/bucket1 /tenant1/bucket1 --delegate"
    )]
    Create {
        /// The tenant, and the name of its volume
        #[arg(value_parser = address::volume)]
        tenant: String,
        /// The user who owns the volume [default: the caller]
        #[arg(long, short, value_name = "NAME")]
        user: Option<String>,
        /// Take a volume of that name that exists, with all that is in it
        #[arg(long, short)]
        force: bool,
    },
    /// Show a tenant
    Info {
        /// The tenant
        #[arg(value_parser = address::volume)]
        tenant: String,
    },
    /// List tenants
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        listing: Listing,
    },
    /// Delete a tenant that has no users
    ///
    /// Its volume stays, with all that is in it; `chainring volume delete` deletes it when it is empty.
    Delete {
        /// The tenant
        #[arg(value_parser = address::volume)]
        tenant: String,
    },
    /// Show a bucket to a tenant: `bucket link` under the name that `ozone tenant` has for it
    #[command(
        visible_aliases = ["bucket-link", "link-bucket"],
        after_help = "Example:\n  chainring tenant linkbucket /vol1/bucket1 /tenant1/bucket1 --delegate\n\nWith --delegate the tenant needs no right on the volume behind the link."
    )]
    Linkbucket(NewLink),
    /// Give users access ids of a tenant, and take them away
    #[command(subcommand)]
    User(tenant_user::Command),
}

impl Command {
    /// Whether it reads standard input.
    pub const fn reads_input(&self) -> bool {
        match self {
            Self::User(command) => command.reads_input(),
            _ => false,
        }
    }
}

/// Does it.
pub fn run(command: Command, session: &mut Session, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Create {
            tenant,
            user,
            force,
        } => {
            let sentence = format!(
                "created tenant {tenant}; `chainring tenant user assign USER --tenant {tenant}` gives a \
                 user an access id"
            );
            let info = session.daemon()?.call(&TenantCreate {
                name: tenant,
                owner: user,
                force,
            })?;
            output.done(&TenantView::from(info), &sentence)
        }
        Command::Info { tenant } => {
            let info = session.daemon()?.call(&TenantInfoGet { name: tenant })?;
            output.show(&TenantView::from(info))
        }
        Command::List { listing } => {
            let daemon = session.daemon()?;
            list(
                &listing,
                output,
                |page| Ok(daemon.call(&TenantList { page })?),
                |tenant| &tenant.name,
                TenantView::from,
                "no such tenants; create one with `chainring tenant create NAME`",
            )
        }
        Command::Delete { tenant } => {
            session.daemon()?.call(&TenantDelete {
                name: tenant.clone(),
            })?;
            let sentence = format!("deleted tenant {tenant}; its volume /{tenant} is still there");
            output.say(&sentence)
        }
        Command::Linkbucket(link) => create(link, session.daemon()?, output),
        Command::User(command) => tenant_user::run(command, session, output),
    }
}
