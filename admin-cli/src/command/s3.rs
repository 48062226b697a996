//! `chainring s3 ...`: the secrets that S3 requests are signed with.

use super::secret::{NewSecret, print_credentials};
use crate::connect::Session;
use crate::error::Error;
use crate::output::Output;
use chainring_protocol::message::{S3SecretGet, S3SecretRevoke, S3SecretSet};
use clap::Subcommand;
use std::io::{BufRead, IsTerminal};

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a secret for a user who has none, and print it
    ///
    /// A secret is printed in the moment it is made and never again. For a user who has one this is
    /// S3_SECRET_ALREADY_EXISTS: revoke it first to get a new one, or ask with --new for one more access
    /// key.
    #[command(
        visible_alias = "get-secret",
        after_help = "Example:\n  eval \"$(chainring s3 getsecret alice --export)\"\n  aws --endpoint-url http://127.0.0.1:9878 s3 ls"
    )]
    Getsecret {
        #[command(flatten)]
        who: Who,
        /// Make one more access key for a user who has some
        #[arg(long, short)]
        new: bool,
        /// Print shell commands that set the environment of S3 clients
        #[arg(long, short)]
        export: bool,
    },
    /// Set a user's secret, read from standard input
    ///
    /// With --keep-old both secrets are good for a while, so that clients can change over one by one.
    #[command(
        visible_alias = "set-secret",
        after_help = "Examples:\n  chainring s3 setsecret alice < secret.txt\n  chainring s3 setsecret alice --generate --keep-old 24h"
    )]
    Setsecret {
        #[command(flatten)]
        who: Who,
        /// Of which access key; needed when the user has several
        #[arg(long, value_name = "KEY")]
        access_key: Option<String>,
        #[command(flatten)]
        secret: NewSecret,
        /// Print shell commands that set the environment of S3 clients
        #[arg(long, short)]
        export: bool,
    },
    /// Take a user's secrets away: requests signed with them fail from then on
    #[command(
        visible_alias = "revoke-secret",
        after_help = "Examples:\n  chainring s3 revokesecret alice\n  chainring s3 revokesecret alice --access-key AKIAIOSFODNN7EXAMPLE"
    )]
    Revokesecret {
        #[command(flatten)]
        who: Who,
        /// Only this access key [default: all]
        #[arg(long, value_name = "KEY")]
        access_key: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

impl Command {
    /// Whether it reads standard input.
    pub const fn reads_input(&self) -> bool {
        match self {
            Self::Setsecret { secret, .. } => secret.reads_input(),
            Self::Getsecret { .. } | Self::Revokesecret { .. } => false,
        }
    }
}

/// Whose secret.
#[derive(Debug, clap::Args)]
pub struct Who {
    /// The user [default: the caller; on the admin socket the store's first user]
    #[arg(value_name = "USER")]
    name: Option<String>,
    /// The user, as `ozone s3` has it
    #[arg(long, short, value_name = "USER", conflicts_with = "name", hide = true)]
    user: Option<String>,
}

impl Who {
    fn name(self) -> Option<String> {
        self.name.or(self.user)
    }
}

/// Does it. Connects only after people and pipes have said what they have to say.
pub fn run(command: Command, session: &mut Session, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Getsecret { who, new, export } => {
            let get = S3SecretGet {
                user: who.name(),
                another: new,
            };
            let credentials = session.daemon()?.call(&get)?;
            print_credentials(&credentials, export, output)
        }
        Command::Setsecret {
            who,
            access_key,
            mut secret,
            export,
        } => {
            let set = S3SecretSet {
                user: who.name(),
                access_key,
                secret: secret.take()?,
                keep_old: secret.keep_old,
            };
            let credentials = session.daemon()?.call(&set)?;
            print_credentials(&credentials, export, output)
        }
        Command::Revokesecret {
            who,
            access_key,
            yes,
        } => {
            let user = who.name();
            if !yes && !confirmed(user.as_deref())? {
                return output.say("nothing was revoked");
            }
            session
                .daemon()?
                .call(&S3SecretRevoke { user, access_key })?;
            output.say("the secret is revoked")
        }
    }
}

/// Asks whoever sits at the terminal; scripts are not asked when they name the user.
fn confirmed(user: Option<&str>) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return match user {
            Some(_) => Ok(true),
            None => Err(Error::Usage("name the user, or add --yes".to_owned())),
        };
    }
    let whose = user.unwrap_or("the store's first user");
    eprint!("revoke the secret of {whose}? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
