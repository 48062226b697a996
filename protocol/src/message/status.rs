//! How the daemon is.

use super::{Property, byte_enum, message};

message! {
    /// Asks how the daemon is.
    pub struct StatusGet {}
}

message! {
    /// How the daemon is.
    pub struct Status {
        /// The daemon's version.
        pub version: String,
        /// The store's identity.
        pub store: [u8; 16],
        /// The daemon's process.
        pub pid: u32,
        /// Milliseconds since it started.
        pub uptime_ms: u64,
        /// Pinned threads, one per core.
        pub cores: u16,
        /// What an answered write promises.
        pub durability: Durability,
        /// Where S3 clients connect, for example `http://127.0.0.1:9878`.
        pub s3_endpoint: String,
        /// The folder of the store.
        pub data_dir: String,
        /// Volumes.
        pub volumes: u64,
        /// Buckets, links not counted.
        pub buckets: u64,
        /// Links.
        pub links: u64,
        /// Users.
        pub users: u64,
        /// Every shard, by number.
        pub shards: Vec<ShardStatus>,
        /// Further figures, for people.
        pub notes: Vec<Property>,
    }
}

message! {
    /// How one shard is.
    pub struct ShardStatus {
        /// The core it lives on.
        pub core: u16,
        /// Whether it takes writes.
        pub state: ShardState,
        /// Objects in its index.
        pub objects: u64,
        /// Bytes of its log.
        pub log_bytes: u64,
    }
}

byte_enum! {
    /// Whether a shard takes writes.
    pub enum ShardState {
        /// It does.
        Ok = 0 "ok",
        /// A write or flush failed: it serves reads and refuses writes until the daemon restarts.
        ReadOnly = 1 "read-only",
        /// The disk is full: it serves reads and takes deletes.
        Full = 2 "full",
    }
}

byte_enum! {
    /// What an answered write promises.
    pub enum Durability {
        /// It is on stable media.
        Strict = 0 "strict",
        /// It will be, soon.
        Relaxed = 1 "relaxed",
    }
}
