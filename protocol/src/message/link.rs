//! Links: where they lead, who may change that, and what they were.

use super::{BucketName, Paging, byte_enum, message};

message! {
    /// Lists links by volume and name, those that fit everything that is asked for.
    pub struct LinkList {
        /// Only links of this volume.
        pub volume: Option<String>,
        /// Only links whose chain has this name in it, other than as the link itself.
        pub source: Option<BucketName>,
        /// Only links of this status.
        pub status: Option<LinkStatus>,
        /// Which ones. Its prefix is one of links' names; it goes on after `volume/link`, a link's
        /// whole name. A page with more after it has at least one entry.
        pub page: Paging,
        /// With [`LinkInfo::stats`].
        pub stats: bool,
    }
}

message! {
    /// Points a link at another source, in one step: a request sees the old one or the new one.
    pub struct LinkSetSource {
        /// The link.
        pub link: BucketName,
        /// What it is to show. May be missing, or close a loop.
        pub source: BucketName,
        /// Refuse unless this is its source now.
        pub expect: Option<BucketName>,
        /// Refuse unless this is its generation now.
        pub expect_generation: Option<u64>,
        /// Consent to the new source, as [`super::BucketLink::delegate`]; otherwise there is none any more.
        pub delegate: bool,
    }
}

message! {
    /// Asks for what a link was.
    pub struct LinkHistory {
        /// The link.
        pub link: BucketName,
    }
}

message! {
    /// Makes a link what it was, as a new generation. A consent that was given then does not come back.
    pub struct LinkRollback {
        /// The link.
        pub link: BucketName,
        /// The generation; the one before today's when absent.
        pub to: Option<u64>,
    }
}

message! {
    /// Takes the consent back that a delegated link stands on: it becomes a plain one.
    pub struct LinkRevoke {
        /// The link.
        pub link: BucketName,
    }
}

message! {
    /// Where a link leads.
    pub struct LinkInfo {
        /// The name in the link.
        pub source: BucketName,
        /// What following it finds now.
        pub status: LinkStatus,
        /// The bucket at the end of the chain, when there is one.
        pub resolved: Option<BucketName>,
        /// Every name on the way, the link itself first, as far as it can be followed.
        pub chain: Vec<BucketName>,
        /// How often the link was pointed somewhere, starting at 1.
        pub generation: u64,
        /// Every write through it is refused.
        pub read_only: bool,
        /// It shows only the keys that begin with this, without it.
        pub prefix: Option<String>,
        /// When it stops to lead anywhere, in milliseconds since 1970 UTC.
        pub expires: Option<u64>,
        /// The number of the bucket that it is bound to; absent when it is bound to a name.
        pub bind: Option<u64>,
        /// Whose consent makes the link's own access list decide.
        pub delegate: Option<Delegation>,
        /// What went through it, when that was asked for: in answers to [`LinkList`] with `stats`,
        /// and to [`super::BucketInfoGet`].
        pub stats: Option<LinkStats>,
    }
}

message! {
    /// The consent that a delegated link stands on.
    pub struct Delegation {
        /// The user who gave it.
        pub grantor: String,
        /// When, in milliseconds since 1970 UTC.
        pub at: u64,
        /// Whether it still holds: the link leads to that bucket, and the user may still write its
        /// access list.
        pub valid: bool,
    }
}

message! {
    /// What went through a link since the daemon started.
    pub struct LinkStats {
        /// Requests.
        pub requests: u64,
        /// Bytes that clients sent.
        pub bytes_in: u64,
        /// Bytes that clients were sent.
        pub bytes_out: u64,
        /// Requests that were answered an error.
        pub errors: u64,
        /// When the last one came, in milliseconds since 1970 UTC.
        pub last_used: Option<u64>,
    }
}

message! {
    /// What a link was, oldest first, today's last. Only so many are kept.
    pub struct LinkGenerations {
        /// The link.
        pub link: BucketName,
        /// The generations.
        pub generations: Vec<LinkGeneration>,
    }
}

message! {
    /// What a link was at one time.
    pub struct LinkGeneration {
        /// Its number.
        pub generation: u64,
        /// The name in the link.
        pub source: BucketName,
        /// Every write through it was refused.
        pub read_only: bool,
        /// It showed only the keys that begin with this.
        pub prefix: Option<String>,
        /// When it was to stop to lead anywhere.
        pub expires: Option<u64>,
        /// The number of the bucket that it was bound to.
        pub bind: Option<u64>,
        /// When it became that, in milliseconds since 1970 UTC.
        pub at: u64,
        /// The user who made it that.
        pub by: String,
    }
}

byte_enum! {
    /// What following a link finds.
    pub enum LinkStatus {
        /// A bucket.
        Ok = 0 "ok",
        /// Nothing.
        Dangling = 1 "dangling",
        /// The link again.
        Loop = 2 "loop",
        /// More hops than are allowed.
        TooDeep = 3 "too-deep",
        /// A link whose time is over.
        Expired = 4 "expired",
        /// Something that the caller may not see.
        Denied = 5 "denied",
    }
}
