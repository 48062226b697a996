//! The command line, as data: help and completions come from these definitions.

use crate::command::{
    batch, bucket, completions, key, link, prefix, s3, scrub, tenant, upload, user, verify, volume,
};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  chainring volume create /vol1
  chainring bucket create /vol1/bucket1
  chainring bucket link /vol1/bucket1 /s3v/common-bucket
  chainring bucket list /s3v
  chainring key put /s3v/common-bucket/report.csv ./report.csv

  Now S3 clients see the bucket `common-bucket`, with the bytes of /vol1/bucket1.

Several commands over one connection:
  chainring --execute 'volume create /vol2' --execute 'bucket create /vol2/bucket1'
  chainring batch commands.txt
  chainring shell

The daemon's socket is the first of these:
  --admin-socket PATH
  $CHAINRING_ADMIN_SOCKET
  ./chainring-data/admin.sock
  /run/chainring/admin.sock

Exit status: 0 done; 1 refused or failed, with `RESULT_CODE message` on stderr; 2 wrong usage.";

/// Administer a Chainring store.
///
/// A volume holds buckets; a bucket holds keys. A link shows a bucket of one volume under another
/// name in another volume, without copying a byte. S3 clients see the buckets and links of the
/// volume s3v.
#[derive(Debug, Parser)]
#[command(name = "chainring", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,

    /// Run this command, given without `chainring`; may be repeated
    ///
    /// The commands run in this order over one connection, and the first failure ends them.
    #[arg(long, short, value_name = "COMMAND")]
    pub execute: Vec<String>,

    /// Go on with the next --execute after a failure; the exit status is 1 all the same
    #[arg(long, requires = "execute")]
    pub keep_going: bool,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// The daemon's admin socket [default: see the end of `chainring --help`]
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "tcp")]
    pub admin_socket: Option<PathBuf>,

    /// Connect over TCP instead, with a login
    ///
    /// The access key comes from --key-id or $CHAINRING_ACCESS_KEY, its secret from
    /// $CHAINRING_SECRET_KEY. The user of that access key does everything, with that user's
    /// rights. The connection is authenticated both ways but not encrypted, so commands that show or
    /// set a secret are refused.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub tcp: Option<String>,

    /// The access key to log in with over TCP [default: $CHAINRING_ACCESS_KEY]
    #[arg(long, global = true, value_name = "KEY", requires = "tcp")]
    pub key_id: Option<String>,

    /// Do everything as this user, or access id of a tenant, with the rights of that one
    ///
    /// For administrators on the admin socket: the way to see what somebody else may do.
    #[arg(
        long = "as",
        global = true,
        value_name = "USER",
        conflicts_with = "tcp"
    )]
    pub act_as: Option<String>,

    #[command(flatten)]
    pub format: Format,
}

/// How things are printed.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Format {
    /// Print JSON, also on a terminal
    #[arg(long, global = true)]
    pub json: bool,

    /// Print a table, also into a pipe
    #[arg(long, global = true, conflicts_with = "json")]
    pub table: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create, show, list, limit and delete volumes, and say who may use them
    #[command(subcommand)]
    Volume(volume::Command),
    /// Create, link, show, list, limit and delete buckets, and say who may use them
    #[command(subcommand)]
    Bucket(bucket::Command),
    /// List, check and draw links, point them elsewhere and back again
    ///
    /// `bucket link` makes a link, `bucket info` shows one, `bucket delete` deletes one.
    #[command(subcommand)]
    Link(link::Command),
    /// Write, read, show, list, copy, rename and delete keys, and say who may use them
    #[command(subcommand)]
    Key(key::Command),
    /// List and end multipart uploads that were left unfinished
    #[command(subcommand)]
    Upload(upload::Command),
    /// Say who may use the keys that begin with something
    ///
    /// The rules of a prefix add to those of the bucket: they hold for every key that begins with it.
    #[command(subcommand)]
    Prefix(prefix::Command),
    /// Create, list and delete users, and put them into groups
    #[command(subcommand)]
    User(user::Command),
    /// Make, set and revoke the secrets of S3 users
    #[command(subcommand)]
    S3(s3::Command),
    /// Create, show, list and delete tenants, and give users access ids of them
    ///
    /// A tenant is a volume of the same name: an access id of a tenant sees that volume, not s3v, as its
    /// S3 namespace.
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// Show how the daemon is
    Status,
    /// Look for rot while the daemon serves: how far that is, what was found; start it, stop it
    ///
    /// In the background the daemon reads everything it has written from the device and compares it with
    /// its checksums. What is damaged is listed; reading it gives an error, never wrong bytes.
    #[command(subcommand)]
    Scrub(scrub::Command),
    /// Check a store that no daemon serves, without changing a byte of it
    ///
    /// Reads all of the store from the device: makes every index anew in memory and compares, verifies
    /// every live record and body, and explains every difference.
    Verify(verify::Args),
    /// Run the commands of a file over one connection
    Batch(batch::Args),
    /// Run commands as they are typed, over one connection
    ///
    /// Commands are given without `chainring`. Tab completes them, the arrow keys bring earlier ones
    /// back, Ctrl-D or `exit` ends the shell. When standard input is no terminal, this is
    /// `chainring batch -`.
    Shell,
    /// Print a completion script for a shell
    Completions(completions::Args),
}

impl Command {
    /// Whether it reads standard input.
    pub fn reads_input(&self) -> bool {
        match self {
            Self::Key(command) => command.reads_input(),
            Self::S3(command) => command.reads_input(),
            Self::Tenant(command) => command.reads_input(),
            _ => false,
        }
    }
}

/// Which part of a listing.
#[derive(Debug, clap::Args)]
pub struct Listing {
    /// Only names that begin with this
    #[arg(
        long,
        short,
        value_name = "PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    pub prefix: String,
    /// Only names after this one
    #[arg(
        long,
        short,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub start: String,
    /// At most so many [default: all]
    #[arg(long, short, value_name = "COUNT")]
    pub length: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        Args::command().debug_assert();
    }
}
