//! Secrets on their way in and out: read from standard input, printed in the moment they are made.

use crate::error::Error;
use crate::output::{Output, complain};
use crate::time;
use chainring_protocol::Secret;
use chainring_protocol::message::Credentials;
use serde::Serialize;
use std::io::{BufRead, IsTerminal};

/// A secret to be set.
#[derive(Debug, clap::Args)]
pub struct NewSecret {
    /// The secret; better not here, where others can see it, but on standard input
    #[arg(long, short, value_name = "SECRET", value_parser = secret)]
    secret: Option<Secret>,
    /// Let the daemon make the secret, and print it
    #[arg(long, short, conflicts_with = "secret")]
    generate: bool,
    /// For how long the old secret stays good too, as 90m, 24h or 7d [default: not at all]
    #[arg(long, value_name = "DURATION", value_parser = time::seconds)]
    pub keep_old: Option<u64>,
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a value parser")]
pub fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text.to_owned()))
}

impl NewSecret {
    /// Whether it comes from standard input.
    pub const fn reads_input(&self) -> bool {
        self.secret.is_none() && !self.generate
    }

    /// The secret; `None` when the daemon is to make it.
    pub fn take(&mut self) -> Result<Option<Secret>, Error> {
        if self.reads_input() {
            return read().map(Some);
        }
        Ok(self.secret.take())
    }
}

/// A line of standard input.
fn read() -> Result<Secret, Error> {
    if std::io::stdin().is_terminal() {
        complain!("the new secret, then Enter (it is shown while you type):");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let secret = Secret::new(line.trim_end_matches(['\r', '\n']).to_owned());
    if secret.expose().is_empty() {
        return Err(Error::Usage("standard input has no secret".to_owned()));
    }
    Ok(secret)
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
pub fn print_credentials(
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
