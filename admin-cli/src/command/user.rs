//! `chainring user ...`

use super::s3::print_credentials;
use super::{Daemon, list};
use crate::args::Listing;
use crate::error::Error;
use crate::output::Output;
use crate::view::UserView;
use chainring_protocol::Secret;
use chainring_protocol::message::{UserCreate, UserDelete, UserList};
use clap::Subcommand;

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a user with an access key for S3
    ///
    /// The daemon makes the access key and the secret unless they are given. A secret that the
    /// daemon made is printed here, and never again.
    #[command(
        after_help = "Example:\n  chainring user create alice\n\nSafer than on the command line, where others can see it: set the secret with\n`chainring s3 setsecret alice`, which reads it from standard input."
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
        /// Let the user administer the store over TCP
        #[arg(long)]
        admin: bool,
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
    /// Delete a user
    Delete {
        /// The user's name
        name: String,
    },
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a value parser")]
fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text.to_owned()))
}

/// Does it.
pub fn run(command: Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Create {
            name,
            access_key,
            secret_key,
            admin,
            export,
        } => {
            let credentials = daemon.call(&UserCreate {
                name,
                access_key,
                secret: secret_key,
                admin,
                groups: Vec::new(),
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
        Command::Delete { name } => {
            daemon.call(&UserDelete { name: name.clone() })?;
            output.say(&format!("deleted user {name}"))
        }
    }
}
