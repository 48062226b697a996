//! `getacl`, `addacl`, `removeacl` and `setacl`, of whatever has an access list.

use super::Daemon;
use crate::address::{self, KeyAddress};
use crate::error::Error;
use crate::output::Output;
use crate::view::AclView;
use chainring_protocol::message::{AclAction, AclEdit, AclGet, AclTarget, BucketName};
use clap::Subcommand;

const RULES: &str = "\
A rule is TYPE:NAME:RIGHTS[SCOPE].
  TYPE    user, group, world (every user) or anonymous (requests without a signature)
  NAME    the user or group; empty for world and anonymous
  RIGHTS  r read, w write, c create, d delete, l list, x read the access list, y write it, a all
  SCOPE   [ACCESS], the default: here; [DEFAULT]: for what is going to be created in the volume";

/// What can be done with an access list.
#[derive(Debug, Subcommand)]
pub enum Verbs<T: Target> {
    /// Show the access list: who, besides the owner, may do what
    #[command(after_help = T::example("getacl", ""))]
    Getacl {
        #[command(flatten)]
        target: T,
    },
    /// Give rights: the rules' rights are added to what their subjects have
    #[command(after_help = T::example("addacl", " --acl user:bob:rl,group:eng:a"))]
    Addacl {
        #[command(flatten)]
        target: T,
        #[command(flatten)]
        rules: Rules,
    },
    /// Take rights away: the rules' rights are removed from what their subjects have
    #[command(after_help = T::example("removeacl", " --acl user:bob:w"))]
    Removeacl {
        #[command(flatten)]
        target: T,
        #[command(flatten)]
        rules: Rules,
    },
    /// Replace the whole access list
    #[command(after_help = T::example("setacl", " --acl user:bob:rwl,world::r"))]
    Setacl {
        #[command(flatten)]
        target: T,
        #[command(flatten)]
        rules: Rules,
    },
}

/// Rules of the command line.
#[derive(Debug, clap::Args)]
pub struct Rules {
    /// The rules, with commas in between; may be repeated
    #[arg(
        id = "acl",
        long,
        visible_alias = "acls",
        short = 'a',
        value_name = "RULES",
        value_delimiter = ',',
        required = true
    )]
    rules: Vec<String>,
}

/// What has an access list.
pub trait Target: clap::Args + std::fmt::Debug {
    /// Whose it is, as the examples write it, with the words in front.
    const EXAMPLE: &'static str;

    /// What it is for the daemon.
    fn target(self) -> AclTarget;

    /// The end of the help of a verb.
    fn example(verb: &str, rules: &str) -> String {
        let (object, address) = Self::EXAMPLE.split_once(' ').unwrap_or_default();
        let head = format!("Example:\n  chainring {object} {verb} {address}{rules}");
        if rules.is_empty() {
            head
        } else {
            format!("{RULES}\n\n{head}")
        }
    }
}

/// A volume.
#[derive(Debug, clap::Args)]
pub struct VolumeTarget {
    /// The volume, /volume
    #[arg(value_parser = address::volume)]
    volume: String,
}

/// A bucket or link.
#[derive(Debug, clap::Args)]
pub struct BucketTarget {
    /// The bucket or link, /volume/bucket
    #[arg(value_parser = address::bucket)]
    bucket: BucketName,
    /// Of a link: not its own access list, but that of the bucket it leads to
    #[arg(long)]
    source: bool,
}

/// A key.
#[derive(Debug, clap::Args)]
pub struct KeyTarget {
    /// The key, /volume/bucket/key
    #[arg(value_parser = address::key)]
    key: KeyAddress,
}

/// The keys that begin with something.
#[derive(Debug, clap::Args)]
pub struct PrefixTarget {
    /// What the keys begin with, /volume/bucket/prefix
    #[arg(value_parser = address::prefix)]
    prefix: KeyAddress,
}

impl Target for VolumeTarget {
    const EXAMPLE: &'static str = "volume /vol1";

    fn target(self) -> AclTarget {
        AclTarget::volume(self.volume)
    }
}

impl Target for BucketTarget {
    const EXAMPLE: &'static str = "bucket /vol1/bucket1";

    fn target(self) -> AclTarget {
        AclTarget::bucket(self.bucket, self.source)
    }
}

impl Target for KeyTarget {
    const EXAMPLE: &'static str = "key /vol1/bucket1/report.csv";

    fn target(self) -> AclTarget {
        AclTarget::key(self.key.bucket, self.key.key)
    }
}

impl Target for PrefixTarget {
    const EXAMPLE: &'static str = "prefix /vol1/bucket1/logs/";

    fn target(self) -> AclTarget {
        AclTarget::prefix(self.prefix.bucket, self.prefix.key)
    }
}

/// Does it.
pub fn run<T: Target>(
    verb: Verbs<T>,
    daemon: Daemon<'_>,
    output: &mut Output,
) -> Result<(), Error> {
    let (target, rules, action) = match verb {
        Verbs::Getacl { target } => {
            let target = target.target();
            let acl = daemon.call(&AclGet { target })?;
            return output.show(&AclView::from(acl));
        }
        Verbs::Addacl { target, rules } => (target, rules, AclAction::Add),
        Verbs::Removeacl { target, rules } => (target, rules, AclAction::Remove),
        Verbs::Setacl { target, rules } => (target, rules, AclAction::Set),
    };
    let acl = daemon.call(&AclEdit {
        target: target.target(),
        action,
        rules: rules.rules,
    })?;
    let acl = AclView::from(acl);
    let rules = match acl.len() {
        1 => "1 rule".to_owned(),
        count => format!("{count} rules"),
    };
    let sentence = format!("the access list of {} has {rules} now", acl.place());
    output.done(&acl, &sentence)
}
