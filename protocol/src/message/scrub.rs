//! The scrubber, which looks for rot.

use super::{BucketName, byte_enum, message};

byte_enum! {
    /// What the scrubber is to do.
    pub enum ScrubAction {
        /// Begin a pass now, on every shard that is not in one.
        Start = 0 "start",
        /// Stop where it is.
        Pause = 1 "pause",
        /// Go on.
        Resume = 2 "resume",
    }
}

byte_enum! {
    /// What the scrubber of a shard does.
    pub enum ScrubPhase {
        /// Nothing, and never will.
        Off = 0 "off",
        /// It waits for the next pass.
        Waiting = 1 "waiting",
        /// A pass is under way.
        Running = 2 "running",
        /// It was stopped.
        Paused = 3 "paused",
    }
}

message! {
    /// Asks how far the scrubber is.
    pub struct ScrubGet {}
}

message! {
    /// Orders the scrubber, and asks how far it is.
    pub struct Scrub {
        /// What to do.
        pub action: ScrubAction,
    }
}

message! {
    /// How far the scrubber is.
    pub struct ScrubInfo {
        /// Bytes per second that it may read, all shards together; 0: it is off.
        pub rate: u64,
        /// Every shard, by number.
        pub shards: Vec<ScrubShard>,
        /// Damaged places, those that the daemon remembers; at most 200.
        pub damage: Vec<ScrubDamage>,
    }
}

message! {
    /// How far the scrubber of one shard is.
    pub struct ScrubShard {
        /// What it does.
        pub phase: ScrubPhase,
        /// Passes that came to their end since the daemon started.
        pub passes: u64,
        /// Segments that this pass, or the last one, has done ...
        pub done: u64,
        /// ... of so many.
        pub total: u64,
        /// Bytes read since the daemon started.
        pub bytes: u64,
        /// When this pass, or the last one, began.
        pub began: Option<u64>,
        /// When the last pass came to its end.
        pub ended: Option<u64>,
        /// Damaged places.
        pub damaged: u64,
    }
}

message! {
    /// A stretch of a log that cannot be read any more.
    pub struct ScrubDamage {
        /// The shard.
        pub shard: u16,
        /// The segment.
        pub segment: u32,
        /// First byte in doubt.
        pub offset: u32,
        /// First byte behind it, as far as that is known.
        pub until: u32,
        /// In what way.
        pub what: String,
        /// When it was found first.
        pub found: u64,
        /// Live objects that need it; empty when only outdated data was hit.
        pub objects: Vec<ScrubObject>,
    }
}

message! {
    /// An object that cannot be read any more.
    pub struct ScrubObject {
        /// Its bucket; without one it is no object but what `key` says.
        pub bucket: Option<BucketName>,
        /// Its key.
        pub key: String,
    }
}
