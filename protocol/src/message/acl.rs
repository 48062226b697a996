//! Access lists of volumes, buckets, links, keys and prefixes.

use super::{BucketName, byte_enum, message};

message! {
    /// What an access list belongs to.
    pub struct AclTarget {
        /// What kind of thing it is.
        pub kind: AclKind,
        /// The volume.
        pub volume: String,
        /// The bucket or link; empty for a volume.
        pub bucket: String,
        /// The key or prefix; empty for all else.
        pub key: String,
        /// Of a link, not the link but the bucket at the end of its chain.
        pub source: bool,
    }
}

impl AclTarget {
    /// A volume.
    #[must_use]
    pub fn volume(volume: impl Into<String>) -> Self {
        Self {
            kind: AclKind::Volume,
            volume: volume.into(),
            bucket: String::new(),
            key: String::new(),
            source: false,
        }
    }

    /// A bucket or link; with `source` what it leads to.
    #[must_use]
    pub fn bucket(name: BucketName, source: bool) -> Self {
        Self {
            kind: AclKind::Bucket,
            volume: name.volume,
            bucket: name.bucket,
            key: String::new(),
            source,
        }
    }

    /// A key of a bucket, by whichever name the bucket has.
    #[must_use]
    pub fn key(bucket: BucketName, key: impl Into<String>) -> Self {
        Self {
            kind: AclKind::Key,
            volume: bucket.volume,
            bucket: bucket.bucket,
            key: key.into(),
            source: false,
        }
    }

    /// The keys of a bucket that begin with a prefix.
    #[must_use]
    pub fn prefix(bucket: BucketName, prefix: impl Into<String>) -> Self {
        Self {
            kind: AclKind::Prefix,
            ..Self::key(bucket, prefix)
        }
    }
}

byte_enum! {
    /// What kind of thing has an access list.
    pub enum AclKind {
        /// A volume.
        Volume = 0 "volume",
        /// A bucket or link.
        Bucket = 1 "bucket",
        /// A key.
        Key = 2 "key",
        /// All keys that begin with something.
        Prefix = 3 "prefix",
    }
}

message! {
    /// Asks for an access list.
    pub struct AclGet {
        /// Of what.
        pub target: AclTarget,
    }
}

message! {
    /// Changes an access list.
    pub struct AclEdit {
        /// Of what.
        pub target: AclTarget,
        /// How.
        pub action: AclAction,
        /// The rules, each as people write it: `user:bob:rl`, `group:eng:a[DEFAULT]`, `world::r`.
        pub rules: Vec<String>,
    }
}

byte_enum! {
    /// How to change an access list.
    pub enum AclAction {
        /// Adds the rights of the rules to what their subjects have.
        Add = 0 "add",
        /// Takes the rights of the rules away from their subjects.
        Remove = 1 "remove",
        /// The rules are the whole list from now on.
        Set = 2 "set",
    }
}

message! {
    /// An access list.
    pub struct AclInfo {
        /// Of what: with `source` the name of the bucket that the link led to.
        pub target: AclTarget,
        /// The user who owns that, and may do anything with it.
        pub owner: String,
        /// The rules.
        pub rules: Vec<AclRule>,
        /// The canned access list that S3 gave it besides, for example `public-read`.
        pub canned: Option<String>,
    }
}

message! {
    /// Who may do what.
    pub struct AclRule {
        /// What kind of subject.
        pub kind: AclSubject,
        /// The user or group; empty for all else.
        pub name: String,
        /// The rights, a letter each: r(ead) w(rite) c(reate) d(elete) l(ist) x (read the list) y
        /// (write the list) a(ll) n(one).
        pub rights: String,
        /// Whether it holds here or is handed down.
        pub scope: AclScope,
    }
}

byte_enum! {
    /// Whom a rule speaks of.
    pub enum AclSubject {
        /// A user.
        User = 0 "user",
        /// The users of a group.
        Group = 1 "group",
        /// Every user.
        World = 2 "world",
        /// Whoever asks without signing.
        Anonymous = 3 "anonymous",
    }
}

byte_enum! {
    /// Where a rule holds.
    pub enum AclScope {
        /// Here.
        Access = 0 "ACCESS",
        /// In what is going to be created here.
        Default = 1 "DEFAULT",
    }
}
