//! Ends uploads that nobody goes on with, shard by shard, in the background.

use crate::base::{BucketId, Timestamp};
use crate::io::{Clock, Disk};
use crate::namespace::{NamespaceReader, ReadError};
use crate::shard::Core;
use crate::shard::audit::{Line, Place};
use crate::store::{EndedUpload, Lifetime, Store};
use std::rc::Rc;
use std::time::Duration;

/// Longest time between two looks: a bucket may be told to be less patient at any moment.
const PERIOD_MAX: Duration = Duration::from_secs(600);
/// Shortest.
const PERIOD_MIN: Duration = Duration::from_secs(1);
/// By so much the clock may run ahead of the time that passed before it is not believed.
const CLOCK_LEAP: Duration = Duration::from_secs(60);

/// How long uploads of a bucket may rest: what the bucket says, or else the daemon's settings
/// (`None`: for ever).
pub fn lifetime(
    names: &NamespaceReader,
    bucket: BucketId,
    default: Option<Duration>,
) -> Result<Lifetime, ReadError> {
    let Some(entry) = names.bucket(bucket)? else {
        // Numbers are never used again, and a bucket is there before the first upload to it.
        return Ok(Lifetime::Over);
    };
    let own = entry.bucket().and_then(|bucket| bucket.expire_uploads);
    Ok(match own {
        Some(0) => Lifetime::Endless,
        Some(seconds) => Lifetime::Rest(Duration::from_secs(seconds)),
        None => default.map_or(Lifetime::Endless, Lifetime::Rest),
    })
}

/// Ends what is due in one shard, again and again. Never returns.
pub async fn expire_uploads<D: Disk, C: Clock>(
    core: Rc<Core<D, C>>,
    store: Rc<Store<D, C>>,
    default: Option<Duration>,
) {
    let clock = core.clock();
    let mut seen = (clock.now(), clock.monotonic());
    loop {
        let before = std::mem::replace(&mut seen, (clock.now(), clock.monotonic()));
        let mut next = None;
        if leapt(before, seen) {
            // Whoever set it may set it back. If not, the next look goes by it.
            tracing::warn!("the clock was set forward: no upload expires for now");
        } else {
            let of = |bucket| Ok(lifetime(core.names(), bucket, default)?);
            match store.expire_uploads(of, |ended| tell(&core, ended)).await {
                Ok(due) => next = due,
                Err(error) => tracing::warn!(%error, "uploads cannot be looked through"),
            }
        }
        let until = next.map(|due| Duration::from_millis(due.0.saturating_sub(clock.now().0)));
        let period = until
            .into_iter()
            .chain(default)
            .fold(PERIOD_MAX, Duration::min);
        clock.sleep(period.max(PERIOD_MIN)).await;
    }
}

/// Whether the clock went on by much more than the time did.
fn leapt(before: (Timestamp, Duration), now: (Timestamp, Duration)) -> bool {
    let shown = Duration::from_millis(now.0.0.saturating_sub(before.0.0));
    shown > now.1.saturating_sub(before.1) + CLOCK_LEAP
}

/// Tells the logs of an upload that was ended.
fn tell<D: Disk, C: Clock>(core: &Core<D, C>, ended: &EndedUpload) {
    let entry = core.names().bucket(ended.bucket).ok().flatten();
    let key = String::from_utf8_lossy(&ended.key);
    let place = entry
        .as_ref()
        .map(|entry| format!("/{}/{}", entry.volume, entry.name));
    tracing::info!(
        bucket = place.as_deref().unwrap_or("(deleted)"),
        key = &*key,
        upload = ended.upload.shown(ended.bucket),
        parts = ended.had.parts,
        bytes = ended.had.bytes,
        "an upload that nobody went on with has expired"
    );
    let Some(audit) = core.audit() else { return };
    let place = entry.as_ref().map(|entry| Place {
        volume: Some(&*entry.volume),
        name: &entry.name,
    });
    audit.record(&Line {
        time_us: core.clock().now_micros(),
        what: "upload expire",
        asked: place,
        resolved: place,
        key: Some(&ended.key),
        result: "OK",
        detail: Some(&format!(
            "upload {}, {} parts, {} bytes",
            ended.upload.shown(ended.bucket),
            ended.had.parts,
            ended.had.bytes
        )),
        ..Line::default()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_forward_is_not_believed_at_once() {
        let at = |shown, passed| (Timestamp(shown), Duration::from_millis(passed));
        assert!(!leapt(at(1_000, 0), at(601_000, 600_000)));
        assert!(!leapt(at(1_000, 0), at(40_000, 0)));
        assert!(leapt(at(1_000, 0), at(100_000, 5_000)));
        // Set back: nothing is due early.
        assert!(!leapt(at(900_000, 0), at(1_000, 600_000)));
    }
}
