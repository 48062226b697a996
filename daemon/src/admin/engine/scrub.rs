//! The scrubber: its orders, and how far it is.

use super::Engine;
use crate::admin::failure;
use crate::base::{BucketId, ShardId};
use crate::io::{Clock, Disk};
use crate::store::scrub::{Rot, ScrubOrder, ScrubPhase as Phase, ScrubStatus};
use crate::store::{StoreError, usage::NO_BUCKET};
use chainring_protocol::message::{
    BucketName, ScrubAction, ScrubDamage, ScrubInfo, ScrubObject, ScrubPhase, ScrubShard,
};
use chainring_protocol::{Failure, ResultCode};

/// Damaged places in an answer.
const DAMAGE_MAX: usize = 200;

impl<D: Disk, C: Clock> Engine<D, C> {
    /// Gives the order to every shard.
    pub(super) async fn scrub(&self, action: Option<ScrubAction>) -> Result<ScrubInfo, Failure> {
        let order = action.map(|action| match action {
            ScrubAction::Start => ScrubOrder::Start,
            ScrubAction::Pause => ScrubOrder::Pause,
            ScrubAction::Resume => ScrubOrder::Resume,
        });
        let mut info = ScrubInfo {
            rate: 0,
            shards: Vec::new(),
            damage: Vec::new(),
        };
        for (shard, status) in self.scrubbers(order).await? {
            if order.is_some() && status.phase == Phase::Off {
                let text = "scrubbing is off: the daemon was started with --scrub-rate 0";
                return Err(Failure::new(ResultCode::InvalidRequest, text));
            }
            info.rate += status.rate;
            for rot in &status.rot {
                if info.damage.len() < DAMAGE_MAX {
                    info.damage.push(self.damage(shard, rot));
                }
            }
            info.shards.push(shown(&status));
        }
        Ok(info)
    }

    /// Every shard's scrubber, after the order.
    pub(super) async fn scrubbers(
        &self,
        order: Option<ScrubOrder>,
    ) -> Result<Vec<(ShardId, ScrubStatus)>, Failure> {
        let mut found = Vec::new();
        for shard in (0..u16::try_from(self.core.shards()).unwrap_or(u16::MAX)).map(ShardId) {
            let asked = self.core.on_shard(shard, move |store| async move {
                if let Some(order) = order {
                    store.scrubber().order(order);
                }
                Ok::<_, StoreError>(store.scrubber().status())
            });
            let status = asked.await.map_err(|error| failure::of_store(&error))?;
            found.push((shard, status));
        }
        Ok(found)
    }

    fn damage(&self, shard: ShardId, rot: &Rot) -> ScrubDamage {
        let objects = rot.objects.iter();
        ScrubDamage {
            shard: shard.0,
            segment: rot.at.segment,
            offset: rot.at.offset,
            until: rot.until,
            what: rot.what.clone(),
            found: rot.found.0,
            objects: objects.map(|(id, key)| self.object(*id, key)).collect(),
        }
    }

    fn object(&self, id: BucketId, key: &[u8]) -> ScrubObject {
        let key = String::from_utf8_lossy(key).into_owned();
        let entry = self.names().bucket(id).ok().flatten();
        match entry {
            Some(entry) => ScrubObject {
                bucket: Some(BucketName {
                    volume: entry.volume.to_string(),
                    bucket: entry.name.to_string(),
                }),
                key,
            },
            None if id == NO_BUCKET => ScrubObject { bucket: None, key },
            None => ScrubObject {
                bucket: None,
                key: format!("{key}, in bucket {} that is gone", id.0),
            },
        }
    }
}

fn shown(status: &ScrubStatus) -> ScrubShard {
    ScrubShard {
        phase: match status.phase {
            Phase::Off => ScrubPhase::Off,
            Phase::Waiting => ScrubPhase::Waiting,
            Phase::Running => ScrubPhase::Running,
            Phase::Paused => ScrubPhase::Paused,
        },
        passes: status.passes,
        done: status.done as u64,
        total: status.total as u64,
        bytes: status.bytes,
        began: status.began.map(|time| time.0),
        ended: status.ended.map(|time| time.0),
        damaged: status.damaged,
    }
}

/// One line about all shards, for `status`.
pub(super) fn summary(shards: &[(ShardId, ScrubStatus)]) -> String {
    let all = || shards.iter().map(|(_, status)| status);
    let damaged: u64 = all().map(|status| status.damaged).sum();
    let (done, total) = (
        all().map(|status| status.done).sum::<usize>(),
        all().map(|status| status.total).sum::<usize>(),
    );
    let state = if all().any(|status| status.phase == Phase::Paused) {
        "paused".to_owned()
    } else if all().any(|status| status.phase == Phase::Running) {
        format!("{done} of {total} segments of this pass")
    } else if all().all(|status| status.phase == Phase::Off) {
        "off".to_owned()
    } else {
        let passes = all().map(|status| status.passes).min().unwrap_or(0);
        format!("waiting, {passes} passes done")
    };
    match damaged {
        0 => state,
        1 => format!("{state}; 1 DAMAGED PLACE, see `chainring scrub status`"),
        n => format!("{state}; {n} DAMAGED PLACES, see `chainring scrub status`"),
    }
}
