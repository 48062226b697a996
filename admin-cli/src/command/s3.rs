//! `chainring s3 ...`: the secrets that S3 requests are signed with.

use crate::connect::Session;
use crate::error::Error;
use crate::output::{Output, complain};
use chainring_protocol::Secret;
use chainring_protocol::message::{Credentials, S3SecretGet, S3SecretRevoke, S3SecretSet};
use clap::Subcommand;
use serde::Serialize;
use std::io::{BufRead, IsTerminal};

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a secret for a user who has none, and print it
    ///
    /// A secret is printed in the moment it is made and never again. For a user who has one this is
    /// S3_SECRET_ALREADY_EXISTS: revoke it first to get a new one.
    #[command(
        after_help = "Example:\n  eval \"$(chainring s3 getsecret alice --export)\"\n  aws --endpoint-url http://127.0.0.1:9878 s3 ls"
    )]
    Getsecret {
        #[command(flatten)]
        who: Who,
        /// Print shell commands that set the environment of S3 clients
        #[arg(long, short)]
        export: bool,
    },
    /// Set a user's secret, read from standard input
    #[command(after_help = "Example:\n  chainring s3 setsecret alice < secret.txt")]
    Setsecret {
        #[command(flatten)]
        who: Who,
    },
    /// Take a user's secret away: requests signed with it fail from then on
    Revokesecret {
        #[command(flatten)]
        who: Who,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

impl Command {
    /// Whether it reads standard input.
    pub const fn reads_input(&self) -> bool {
        matches!(self, Self::Setsecret { .. })
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
        Command::Getsecret { who, export } => {
            let credentials = session.daemon()?.call(&S3SecretGet {
                user: who.name(),
                another: false,
            })?;
            print_credentials(&credentials, export, output)
        }
        Command::Setsecret { who } => {
            let user = who.name();
            if std::io::stdin().is_terminal() {
                complain!("the new secret, then Enter (it is shown while you type):");
            }
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            let secret = Secret::new(line.trim_end_matches(['\r', '\n']).to_owned());
            if secret.expose().is_empty() {
                return Err(Error::Usage("standard input has no secret".to_owned()));
            }
            let credentials = session.daemon()?.call(&S3SecretSet {
                user,
                access_key: None,
                secret: Some(secret),
                keep_old: None,
            })?;
            print_credentials(&credentials, false, output)
        }
        Command::Revokesecret { who, yes } => {
            let user = who.name();
            if !yes && !confirmed(user.as_deref())? {
                return output.say("nothing was revoked");
            }
            session.daemon()?.call(&S3SecretRevoke {
                user,
                access_key: None,
            })?;
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

/// The names that Ozone prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CredentialsView<'a> {
    user: &'a str,
    aws_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_secret: Option<&'a str>,
}

/// Prints an access key, and its secret if it was made just now.
pub(super) fn print_credentials(
    credentials: &Credentials,
    export: bool,
    output: &mut Output,
) -> Result<(), Error> {
    let view = CredentialsView {
        user: &credentials.user,
        aws_access_key: &credentials.access_key,
        aws_secret: credentials.secret.as_ref().map(Secret::expose),
    };
    if output.json() {
        return output.print_json(&view);
    }
    let (key, secret) = if export {
        ("export AWS_ACCESS_KEY_ID=", "export AWS_SECRET_ACCESS_KEY=")
    } else {
        ("awsAccessKey=", "awsSecret=")
    };
    let quoted = |text: &str| if export { quote(text) } else { text.to_owned() };
    output.line(&format!("{key}{}", quoted(view.aws_access_key)))?;
    if let Some(text) = view.aws_secret {
        output.line(&format!("{secret}{}", quoted(text)))?;
        output.say("this secret is not shown again")?;
    }
    Ok(())
}

/// A word for a shell, whatever is in it.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_a_quoted_word_as_it_is() {
        assert_eq!(quote("a/b+c"), "'a/b+c'");
        assert_eq!(quote("it's $x"), r"'it'\''s $x'");
    }
}
