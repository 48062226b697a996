//! Volumes.

use super::{Paging, message};

message! {
    /// Creates a volume.
    pub struct VolumeCreate {
        /// Its name.
        pub name: String,
        /// The user who owns it; the caller when absent.
        pub owner: Option<String>,
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
        /// Most bytes its buckets may hold.
        pub quota_in_bytes: Option<u64>,
        /// Most buckets and links it may have.
        pub quota_in_namespace: Option<u64>,
    }
}
