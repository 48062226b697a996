//! Multipart uploads that are open.

use super::{BucketName, Paging, message};

message! {
    /// Lists open uploads in order of volume, bucket, key and id. The name of one, for paging, is
    /// `volume/bucket/key/id`.
    pub struct UploadList {
        /// Only those to buckets of this volume.
        pub volume: Option<String>,
        /// Only those to this bucket, or through this link.
        pub bucket: Option<BucketName>,
        /// Only those that have rested for so many milliseconds.
        pub rested: Option<u64>,
        /// Which of them; the prefix is one of keys.
        pub page: Paging,
    }
}

message! {
    /// An open upload.
    pub struct UploadInfo {
        /// Its bucket.
        pub bucket: BucketName,
        /// The key of the object to be.
        pub key: String,
        /// Its id, as S3 shows it.
        pub id: String,
        /// When it began, in milliseconds since 1970 UTC.
        pub started: u64,
        /// When its newest part came, or else when it began.
        pub active: u64,
        /// For how many milliseconds it has rested since then.
        pub rested: u64,
        /// Parts.
        pub parts: u32,
        /// Bytes of its parts.
        pub bytes: u64,
        /// When it ends if nothing comes of it until then; never when absent.
        pub expires: Option<u64>,
    }
}

message! {
    /// Ends an upload; its parts are gone.
    pub struct UploadAbort {
        /// Its bucket, or a link to it.
        pub bucket: BucketName,
        /// Its key.
        pub key: String,
        /// Its id.
        pub id: String,
        /// Only if it has rested for so many milliseconds.
        pub rested: Option<u64>,
    }
}

message! {
    /// What the upload had.
    pub struct UploadAborted {
        /// Parts.
        pub parts: u32,
        /// Bytes of them.
        pub bytes: u64,
    }
}
