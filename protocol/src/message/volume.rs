//! Volumes.

use super::{Paging, message};

message! {
    /// Creates a volume.
    pub struct VolumeCreate {
        /// Its name.
        pub name: String,
        /// The user who owns it; the caller when absent.
        pub owner: Option<String>,
        /// Most bytes its buckets may hold; no limit when absent.
        pub quota_in_bytes: Option<u64>,
        /// Most buckets and links it may have; no limit when absent.
        pub quota_in_namespace: Option<u64>,
    }
}

impl VolumeCreate {
    /// The caller's volume without quotas.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            owner: None,
            quota_in_bytes: None,
            quota_in_namespace: None,
        }
    }
}

message! {
    /// Asks about one volume.
    pub struct VolumeInfoGet {
        /// Its name.
        pub name: String,
    }
}

message! {
    /// Lists volumes by name.
    pub struct VolumeList {
        /// Which ones.
        pub page: Paging,
    }
}

message! {
    /// Deletes an empty volume.
    pub struct VolumeDelete {
        /// Its name.
        pub name: String,
    }
}

message! {
    /// Gives a volume another owner.
    pub struct VolumeUpdate {
        /// Its name.
        pub name: String,
        /// The user who is to own it.
        pub owner: String,
    }
}

message! {
    /// Limits a volume. What is absent stays as it is.
    pub struct VolumeSetQuota {
        /// Its name.
        pub name: String,
        /// Most bytes its buckets may hold together.
        pub bytes: Option<u64>,
        /// Most buckets and links it may have.
        pub namespace: Option<u64>,
    }
}

message! {
    /// Lifts a volume's limits.
    pub struct VolumeClearQuota {
        /// Its name.
        pub name: String,
        /// That on bytes.
        pub bytes: bool,
        /// That on buckets and links.
        pub namespace: bool,
    }
}

message! {
    /// A volume.
    pub struct VolumeInfo {
        /// Its name.
        pub name: String,
        /// The user who owns it.
        pub owner: String,
        /// When it was created, in milliseconds since 1970 UTC.
        pub created: u64,
        /// When it last changed.
        pub modified: u64,
        /// Buckets and links in it.
        pub used_namespace: u64,
        /// Bytes of its buckets, links not followed; absent when not counted.
        pub used_bytes: Option<u64>,
        /// Most bytes its buckets may hold.
        pub quota_in_bytes: Option<u64>,
        /// Most buckets and links it may have.
        pub quota_in_namespace: Option<u64>,
        /// Whether it is a tenant's.
        pub tenant: bool,
        /// What needs it to stay: a tenant, and the tenant's access ids.
        pub references: u32,
    }
}
