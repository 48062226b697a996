//! `chainring user ...`

use super::secret::{print_credentials, secret};
use super::{Daemon, list};
use crate::args::Listing;
use crate::error::Error;
use crate::output::Output;
use crate::view::UserView;
use chainring_protocol::Secret;
use chainring_protocol::message::{UserCreate, UserDelete, UserList, UserUpdate};
use clap::Subcommand;

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a user with an access key for S3
    ///
    /// The daemon makes the access key and the secret unless they are given. A secret that the
    /// daemon made is printed here, and never again.
    #[command(
        after_help = "Examples:\n  chainring user create alice\n  chainring user create bob --group eng --group ops\n\nSafer than on the command line, where others can see it: set the secret with\n`chainring s3 setsecret alice`, which reads it from standard input."
    )]
    Create {
        /// The user's name
        name: String,
        /// The access key [default: one is made]
        #[arg(long, value_name = "KEY")]
        access_key: Option<String>,
        /// The secret [default: one is made and shown once]
        #[arg(long, value_name = "SECRET", value_parser = secret, requires = "access_key")]
        secret_key: Option<Secret>,
        /// Let the user do everything: an administrator of the store
        #[arg(long)]
        admin: bool,
        /// A group the user is in; may be repeated
        #[arg(long, short, value_name = "GROUP", value_delimiter = ',')]
        group: Vec<String>,
        /// Print shell commands that set the environment of S3 clients
        #[arg(long, short)]
        export: bool,
    },
    /// List users
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        listing: Listing,
    },
    /// Put a user into groups
    ///
    /// Rules of access lists may speak of a group: whoever is in it has their rights.
    #[command(
        after_help = "Examples:\n  chainring user update alice --group eng --group ops\n  chainring user update alice --no-groups"
    )]
    Update {
        /// The user's name
        name: String,
        /// A group the user is in from now on, and in no other; may be repeated
        #[arg(
            long,
            short,
            value_name = "GROUP",
            value_delimiter = ',',
            required_unless_present = "no_groups"
        )]
        group: Vec<String>,
        /// Take the user out of all groups
        #[arg(long, conflicts_with = "group")]
        no_groups: bool,
    },
    /// Delete a user
    Delete {
        /// The user's name
        name: String,
    },
}

/// Does it.
pub fn run(command: Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Create {
            name,
            access_key,
            secret_key,
            admin,
            group,
            export,
        } => {
            let credentials = daemon.call(&UserCreate {
                name,
                access_key,
                secret: secret_key,
                admin,
                groups: group,
            })?;
            print_credentials(&credentials, export, output)
        }
        Command::List { listing } => list(
            &listing,
            output,
            |page| Ok(daemon.call(&UserList { page })?),
            |user| &user.name,
            UserView::from,
            "no such users; create one with `chainring user create NAME`",
        ),
        Command::Update { name, group, .. } => {
            let sentence = match group.as_slice() {
                [] => format!("user {name} is in no group now"),
                groups => format!("user {name} is in {} now", groups.join(", ")),
            };
            let user = daemon.call(&UserUpdate {
                name,
                groups: group,
            })?;
            output.done(&UserView::from(user), &sentence)
        }
        Command::Delete { name } => {
            daemon.call(&UserDelete { name: name.clone() })?;
            output.say(&format!("deleted user {name}"))
        }
    }
}
