//! Buckets and links.

use super::{BucketName, LinkInfo, Paging, byte_enum, message};

message! {
    /// Creates a bucket.
    pub struct BucketCreate {
        /// Its name.
        pub bucket: BucketName,
        /// The user who owns it; the caller when absent.
        pub owner: Option<String>,
        /// Refuse to delete it while links point at it.
        pub protected: bool,
        /// Most bytes it may hold; no limit when absent.
        pub quota_in_bytes: Option<u64>,
        /// Most objects it may hold; no limit when absent.
        pub quota_in_namespace: Option<u64>,
    }
}

impl BucketCreate {
    /// The caller's bucket without quotas.
    #[must_use]
    pub const fn new(bucket: BucketName) -> Self {
        Self {
            bucket,
            owner: None,
            protected: false,
            quota_in_bytes: None,
            quota_in_namespace: None,
        }
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
        /// Refuse every write through the link.
        pub read_only: bool,
        /// Show only the keys that begin with this, without it.
        pub prefix: Option<String>,
        /// When the link stops to lead anywhere, in milliseconds since 1970 UTC.
        pub expires: Option<u64>,
        /// Bind the link to the bucket it leads to now, not to the name.
        pub bind_id: bool,
        /// Give the source owner's consent that the link's own access list decides. Only for who may
        /// write the source's access list.
        pub delegate: bool,
    }
}

impl BucketLink {
    /// The caller's plain link.
    #[must_use]
    pub const fn new(source: BucketName, link: BucketName) -> Self {
        Self {
            source,
            link,
            owner: None,
            strict: false,
            read_only: false,
            prefix: None,
            expires: None,
            bind_id: false,
            delegate: false,
        }
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
    /// Changes a bucket or link. What is absent stays as it is.
    pub struct BucketUpdate {
        /// Its name.
        pub bucket: BucketName,
        /// The user who is to own it.
        pub owner: Option<String>,
        /// Whether to refuse to delete it while links point at it; of a bucket only.
        pub protected: Option<bool>,
        /// Seconds that uploads to it may rest before they end, 0 for ever; without a value as the
        /// daemon's settings say. Of a bucket only.
        pub expire_uploads: Option<Option<u64>>,
    }
}

message! {
    /// Limits a bucket. What is absent stays as it is.
    pub struct BucketSetQuota {
        /// Its name.
        pub bucket: BucketName,
        /// Most bytes it may hold.
        pub bytes: Option<u64>,
        /// Most objects it may hold.
        pub namespace: Option<u64>,
    }
}

message! {
    /// Lifts a bucket's limits.
    pub struct BucketClearQuota {
        /// Its name.
        pub bucket: BucketName,
        /// That on bytes.
        pub bytes: bool,
        /// That on objects.
        pub namespace: bool,
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
        /// Whether a bucket stays while links point at it.
        pub protected: bool,
        /// Seconds that uploads to a bucket may rest before they end, 0 for ever; as the daemon's
        /// settings say when absent.
        pub expire_uploads: Option<u64>,
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
