//! `chainring key ...`

mod transfer;

use super::acl::{self, KeyTarget, Verbs};
use super::{Daemon, list};
use crate::address::{self, KeyAddress};
use crate::args::Listing;
use crate::connect::with_patience;
use crate::error::Error;
use crate::output::Output;
use crate::progress::Progress;
use crate::view::KeyView;
use chainring_protocol::Call;
use chainring_protocol::client::ClientError;
use chainring_protocol::message::{BucketName, KeyCopy, KeyDelete, KeyInfoGet, KeyList, KeyRename};
use clap::Subcommand;
use std::path::PathBuf;

/// Requests that are sent before the first of their answers is waited for.
const DELETES_AT_ONCE: usize = 16;

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
    /// Delete keys
    ///
    /// A key that cannot be deleted is reported and does not stop the others.
    Delete {
        /// The keys, /volume/bucket/key
        #[arg(value_parser = address::key, required = true, value_name = "KEY")]
        keys: Vec<KeyAddress>,
    },
    /// Give a key another name in its bucket
    ///
    /// The daemon writes the object under its new name, unless a key has it, and then deletes the old
    /// name. Whoever looks in between finds both, and a crash in between leaves both. Large objects
    /// take their time: their bytes are copied inside the daemon.
    #[command(
        after_help = "Examples, which do the same:\n  chainring key rename /vol1/bucket1/draft.csv /vol1/bucket1/report.csv\n  chainring key rename /vol1/bucket1 draft.csv report.csv"
    )]
    Rename(Pair),
    /// Copy a key inside the daemon, replacing what has the new name
    ///
    /// Content type, metadata and tags go with the bytes. The copy is yours; who may do what with the
    /// source is not copied.
    #[command(
        after_help = "Examples:\n  chainring key cp /vol1/bucket1/report.csv /vol2/archive/2026/report.csv\n  chainring key cp /vol1/bucket1 report.csv report-2.csv"
    )]
    Cp(Pair),
    #[command(flatten)]
    Acl(Verbs<KeyTarget>),
}

/// Two keys.
#[derive(Debug, clap::Args)]
pub struct Pair {
    /// The key, /volume/bucket/key, or a bucket in which both keys are
    from: String,
    /// The new name, /volume/bucket/key; after a bucket the key in it
    to: String,
    /// After a bucket: the new name in it
    #[arg(value_name = "NEW")]
    new: Option<String>,
}

impl Pair {
    /// The two keys.
    fn keys(self) -> Result<(KeyAddress, KeyAddress), Error> {
        let keys = match self.new {
            None => address::key(&self.from).and_then(|from| Ok((from, address::key(&self.to)?))),
            Some(new) => address::bucket(&self.from).and_then(|bucket| {
                let key = |key: String| match key.is_empty() {
                    true => Err("a key has at least one character".to_owned()),
                    false => Ok(KeyAddress {
                        bucket: bucket.clone(),
                        key,
                    }),
                };
                Ok((key(self.to)?, key(new)?))
            }),
        };
        keys.map_err(Error::Usage)
    }
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
        Command::Acl(verb) => acl::run(verb, daemon, output),
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
        Command::Delete { keys } => delete(keys, daemon, output),
        Command::Rename(pair) => {
            let (from, to) = pair.keys()?;
            if from.bucket != to.bucket {
                return Err(Error::Usage(
                    "a key is renamed in its bucket; `chainring key cp` copies it to another one"
                        .to_owned(),
                ));
            }
            let sentence = format!("renamed to {}", to.key);
            let call = KeyRename {
                bucket: from.bucket,
                from: from.key,
                to: to.key,
            };
            let info = call_for_long(daemon, &call)?;
            output.done(&KeyView::from(info), &sentence)
        }
        Command::Cp(pair) => {
            let (from, to) = pair.keys()?;
            let sentence = format!("copied to {}/{}", to.bucket, to.key);
            let call = KeyCopy {
                from: from.bucket,
                from_key: from.key,
                to: to.bucket,
                to_key: to.key,
            };
            let info = call_for_long(daemon, &call)?;
            output.done(&KeyView::from(info), &sentence)
        }
    }
}

/// Asks for what may take long, and shows that it goes on.
fn call_for_long<C: Call>(daemon: Daemon<'_>, call: &C) -> Result<C::Reply, Error> {
    let waiting = Progress::waiting();
    let reply = with_patience(daemon, |daemon| daemon.call(call));
    drop(waiting);
    Ok(reply?)
}

/// Deletes keys, several at once; what goes wrong with one is not the others' matter.
fn delete(keys: Vec<KeyAddress>, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    let count = keys.len();
    let mut failures: Vec<Error> = Vec::new();
    for keys in keys.chunks(DELETES_AT_ONCE) {
        let mut pending = Vec::with_capacity(keys.len());
        for KeyAddress { bucket, key } in keys.iter().cloned() {
            pending.push(daemon.submit(&KeyDelete { bucket, key })?);
        }
        for pending in pending {
            match daemon.wait(pending) {
                Ok(_) => {}
                Err(error @ ClientError::Refused(_)) => failures.push(error.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }
    match failures.len() {
        0 if count == 1 => output.say("deleted"),
        0 => output.say(&format!("deleted {count} keys")),
        1 => Err(failures.remove(0)),
        _ => Err(Error::Several(failures)),
    }
}
