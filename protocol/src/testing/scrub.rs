//! A scrubber that has found something.

use super::extras::Extras;
use crate::message::{
    BucketName, ScrubAction, ScrubDamage, ScrubInfo, ScrubObject, ScrubPhase, ScrubShard,
};

impl Extras {
    /// Obeys, and says how far it is.
    pub fn scrub(&mut self, action: Option<ScrubAction>) -> ScrubInfo {
        match action {
            None => {}
            Some(ScrubAction::Start | ScrubAction::Resume) => self.scrub_paused = false,
            Some(ScrubAction::Pause) => self.scrub_paused = true,
        }
        let phase = match self.scrub_paused {
            true => ScrubPhase::Paused,
            false => ScrubPhase::Running,
        };
        let bucket = BucketName {
            volume: "vol1".to_owned(),
            bucket: "bucket1".to_owned(),
        };
        ScrubInfo {
            rate: 16 << 20,
            shards: vec![ScrubShard {
                phase,
                passes: 3,
                done: 5,
                total: 20,
                bytes: 1 << 30,
                began: Some(1_800_000_000_000),
                ended: Some(1_799_999_000_000),
                damaged: 1,
            }],
            damage: vec![ScrubDamage {
                shard: 0,
                segment: 7,
                offset: 8192,
                until: 16384,
                what: "checksum".to_owned(),
                found: 1_799_998_000_000,
                objects: vec![ScrubObject {
                    bucket: Some(bucket),
                    key: "a\u{1b}key".to_owned(),
                }],
            }],
        }
    }
}
