//! Buckets and links.

use super::{BucketName, Paging, byte_enum, message};

message! {
    /// Creates a bucket.
    pub struct BucketCreate {
        /// Its name.
        pub bucket: BucketName,
        /// The user who owns it; the caller when absent.
        pub owner: Option<String>,
    }
}

message! {
    /// Creates a link.
    pub struct BucketLink {
        /// What it shows. May be missing, or close a loop, unless `strict`.
        pub source: BucketName,
        /// The link's own name.
        pub link: BucketName,
        /// The user who owns the link; the caller when absent.
        pub owner: Option<String>,
        /// Refuse a link that would not lead to a bucket now.
        pub strict: bool,
    }
}

message! {
    /// Asks about one bucket or link.
    pub struct BucketInfoGet {
        /// Its name.
        pub bucket: BucketName,
    }
}

message! {
    /// Lists the buckets and links of a volume by name.
    pub struct BucketList {
        /// The volume.
        pub volume: String,
        /// Which ones.
        pub page: Paging,
    }
}

message! {
    /// Deletes an empty bucket, or a link. A link's source is never touched.
    pub struct BucketDelete {
        /// Its name.
        pub bucket: BucketName,
    }
}

message! {
    /// What deleting a bucket did.
    pub struct BucketDeleted {
        /// It was a link.
        pub link: bool,
        /// Links that dangle now.
        pub dangling: Vec<BucketName>,
        /// There are more of them than fit here.
        pub more: bool,
    }
}

message! {
    /// A bucket or link.
    pub struct BucketInfo {
        /// Its name.
        pub bucket: BucketName,
        /// The user who owns it.
        pub owner: String,
        /// When it was created, in milliseconds since 1970 UTC.
        pub created: u64,
        /// When it last changed.
        pub modified: u64,
        /// A bucket's number, never used again; 0 for a link.
        pub id: u64,
        /// What a link shows; absent for a bucket.
        pub link: Option<LinkInfo>,
        /// A bucket's versioning.
        pub versioning: Versioning,
        /// Bytes of a bucket's objects; absent for a link, or when not counted.
        pub used_bytes: Option<u64>,
        /// A bucket's objects, likewise.
        pub used_namespace: Option<u64>,
        /// Most bytes the bucket may hold.
        pub quota_in_bytes: Option<u64>,
        /// Most objects it may hold.
        pub quota_in_namespace: Option<u64>,
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
        /// Something the link's owner may not see.
        Denied = 5 "denied",
    }
}

byte_enum! {
    /// Whether overwritten objects are kept.
    pub enum Versioning {
        /// Never were.
        Unversioned = 0 "unversioned",
        /// They are.
        Enabled = 1 "enabled",
        /// No longer are.
        Suspended = 2 "suspended",
    }
}
