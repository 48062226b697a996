//! Keys: the objects of a bucket, by whichever name the bucket has.

use super::{BucketName, Paging, message};

message! {
    /// Begins to write a key. Data frames and an end follow under the same request; the answer comes
    /// when the object is durable, or earlier when it cannot be.
    pub struct KeyPut {
        /// The bucket or link.
        pub bucket: BucketName,
        /// The key.
        pub key: String,
        /// Bytes that are going to come, when known: then it is an error if they do not.
        pub size: Option<u64>,
        /// The media type.
        pub content_type: Option<String>,
    }
}

message! {
    /// Reads a key: the answer describes it, then its bytes follow in data frames.
    pub struct KeyGet {
        /// The bucket or link.
        pub bucket: BucketName,
        /// The key.
        pub key: String,
    }
}

message! {
    /// Asks about one key.
    pub struct KeyInfoGet {
        /// The bucket or link.
        pub bucket: BucketName,
        /// The key.
        pub key: String,
    }
}

message! {
    /// Lists keys in order.
    pub struct KeyList {
        /// The bucket or link.
        pub bucket: BucketName,
        /// Which ones.
        pub page: Paging,
    }
}

message! {
    /// Deletes a key.
    pub struct KeyDelete {
        /// The bucket or link.
        pub bucket: BucketName,
        /// The key.
        pub key: String,
    }
}

message! {
    /// Gives a key another name in its bucket. Refused when an object has that name.
    pub struct KeyRename {
        /// The bucket or link.
        pub bucket: BucketName,
        /// The key.
        pub from: String,
        /// The new name.
        pub to: String,
    }
}

message! {
    /// Copies a key inside the daemon, replacing an object that has the new name.
    pub struct KeyCopy {
        /// The bucket or link to copy from.
        pub from: BucketName,
        /// The key in it.
        pub from_key: String,
        /// The bucket or link to copy to.
        pub to: BucketName,
        /// The key in that.
        pub to_key: String,
    }
}

message! {
    /// An object.
    pub struct KeyInfo {
        /// The bucket or link it was asked for by.
        pub bucket: BucketName,
        /// The key.
        pub key: String,
        /// Bytes.
        pub size: u64,
        /// The entity tag as S3 shows it, without quotes.
        pub etag: String,
        /// When it was written, in milliseconds since 1970 UTC.
        pub modified: u64,
        /// The media type.
        pub content_type: Option<String>,
        /// The version, when the bucket keeps versions.
        pub version: Option<String>,
        /// What the writer attached.
        pub metadata: Vec<Property>,
    }
}

message! {
    /// A name with a value.
    pub struct Property {
        /// The name.
        pub name: String,
        /// The value.
        pub value: String,
    }
}

message! {
    /// An object in a listing.
    pub struct KeyEntry {
        /// The key.
        pub key: String,
        /// Bytes.
        pub size: u64,
        /// The entity tag as S3 shows it, without quotes.
        pub etag: String,
        /// When it was written, in milliseconds since 1970 UTC.
        pub modified: u64,
    }
}
