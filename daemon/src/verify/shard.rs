//! Checks one shard: the log, the two ways to its index, usage; then what the index leads to.

use super::bodies::{self, Env};
use super::explain::{
    self, CHECKPOINT, CHECKPOINT_OUTDATED, INDEX_DIFFERS, LOG_DAMAGE, MISSING_SEGMENT,
    OF_NO_BUCKET, PART_LEFT, REFUSED_RECORD, UPLOAD_LEFT, USAGE, WRONG_SHARD,
};
use super::finding::Findings;
use super::progress::{Phase, Progress};
use super::{BucketNames, Options};
use crate::base::{BucketId, Location, ShardId, UploadId};
use crate::index::{IndexReader, Visit};
use crate::io::Disk;
use crate::log::{Durability, LogError};
use crate::shard::core::shard_of;
use crate::shard::open::{Tuning, store_config};
use crate::store::entry::record_of;
use crate::store::inspect::{CheckpointState, Inspection, Rebuilt, inspect};
use crate::store::superblock::Superblock;
use crate::store::usage::{Counters, NO_BUCKET, of_entry};
use crate::store::{ObjectEntry, keys};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::ops::{Bound, ControlFlow};

/// What a shard was found to be.
#[derive(Clone, Debug, Default)]
pub struct ShardCheck {
    /// What is to be said about it.
    pub findings: Findings,
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Open uploads.
    pub uploads: u64,
    /// Parts of open uploads.
    pub parts: u64,
    /// Records and extents in the log, live or not.
    pub records: u64,
    /// How the index was saved.
    pub checkpoint: &'static str,
}

/// Checks a shard. An error means that it could not be checked.
pub async fn verify_shard<D: Disk>(
    disk: &D,
    superblock: &Superblock,
    shard: ShardId,
    buckets: &BucketNames,
    options: Options,
    progress: &Progress,
) -> Result<ShardCheck, LogError> {
    let config = store_config(superblock, shard, Tuning::new(Durability::Strict)).log;
    progress.begin(Phase::Log, 0);
    let found = inspect(disk, &config, |at| progress.at(u64::from(at.segment))).await?;
    let mut check = ShardCheck {
        records: found.recovery.records,
        ..ShardCheck::default()
    };
    check.log(&found);
    if let Some(started) = &found.started {
        let both = (started.reader.index(), found.from_log.reader.index());
        check.compare(both, buckets);
    }
    let served = found.started.as_ref().unwrap_or(&found.from_log);
    check.usage(served, buckets);
    let live = check.entries(served.reader.index(), superblock.shards, shard, buckets);
    progress.begin(Phase::Bodies, live.len() as u64);
    let env = Env {
        reader: &served.reader,
        log: &found.log,
        buckets,
        deep: options.deep,
        progress,
    };
    bodies::check(&env, live, &mut check.findings).await;
    progress.begin(Phase::Done, 0);
    Ok(check)
}

impl ShardCheck {
    /// What reading the log said.
    fn log<D: Disk>(&mut self, found: &Inspection<D>) {
        let mut covers = Location::ZERO;
        self.checkpoint = match &found.checkpoint {
            CheckpointState::Sound(at) => {
                covers = *at;
                "sound"
            }
            CheckpointState::Missing => "none",
            CheckpointState::Outdated => {
                let subject = Some("index.checkpoint".to_owned());
                let what = "it does not say which records name what";
                self.findings
                    .push(CHECKPOINT_OUTDATED.finding(None, subject, what));
                "outdated"
            }
            CheckpointState::Unusable(why) => {
                let subject = Some("index.checkpoint".to_owned());
                self.findings
                    .push(CHECKPOINT.finding(None, subject, why.clone()));
                "unusable"
            }
        };
        for damage in &found.recovery.damage {
            self.findings.push(explain::damage(&LOG_DAMAGE, damage));
        }
        for &segment in &found.recovery.missing {
            // Before that place, a missing file is one whose data was outdated. What is still needed
            // of it shows when it is read.
            let retired = found.retired.contains(&segment);
            if covers > Location::ZERO && segment >= covers.segment && !retired {
                let at = Location { segment, offset: 0 };
                let what = "the file is not there";
                self.findings
                    .push(MISSING_SEGMENT.finding(Some(at), None, what));
            }
        }
        if found.recovery.end < covers {
            let what = "the log ends before what the checkpoint was made of";
            let at = Some(found.recovery.end);
            self.findings.push(LOG_DAMAGE.finding(at, None, what));
        }
        for (at, why) in &found.refused {
            self.findings
                .push(REFUSED_RECORD.finding(Some(*at), None, why.clone()));
        }
    }

    /// What a start would serve beside what the log says.
    fn compare(&mut self, (started, log): (&IndexReader, &IndexReader), buckets: &BucketNames) {
        let visit = Visit::begin();
        let (mut one, mut other) = (started.cursor(&visit, &[]), log.cursor(&visit, &[]));
        loop {
            let order = match (one.entry(), other.entry()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            let (this, at, how) = match (order, one.entry(), other.entry()) {
                (Ordering::Less, Some((key, value)), _) => {
                    (key, value, "a start would serve it, the whole log has not")
                }
                (Ordering::Greater, _, Some((key, value))) => (
                    key,
                    value,
                    "the whole log has it, a start would not serve it",
                ),
                (_, Some((key, value)), Some((_, theirs))) if value != theirs => (
                    key,
                    value,
                    "a start would serve another version than the log has",
                ),
                (_, Some((key, value)), _) => (key, value, ""),
                _ => return,
            };
            if !how.is_empty() && is_compared(this) {
                let (at, subject) = (place(this, at), name(this, buckets));
                self.findings
                    .push(INDEX_DIFFERS.finding(at, Some(subject), how));
            }
            if order != Ordering::Greater {
                one.advance();
            }
            if order != Ordering::Less {
                other.advance();
            }
        }
    }

    /// The counters beside what the entries add up to.
    fn usage<D: Disk>(&mut self, served: &Rebuilt<D>, buckets: &BucketNames) {
        let mut scanned = Counters::default();
        served.reader.index().scan(Bound::Unbounded, |key, value| {
            scanned.changed(key, None, of_entry(key, value));
            ControlFlow::Continue(())
        });
        let counted: BTreeMap<_, _> = served.usage.all().into_iter().collect();
        let scanned: BTreeMap<_, _> = scanned.all().into_iter().collect();
        let ids: HashSet<_> = counted.keys().chain(scanned.keys()).copied().collect();
        for bucket in ids {
            let (count, scan) = (counted.get(&bucket), scanned.get(&bucket));
            let (count, scan) = (
                count.copied().unwrap_or_default(),
                scan.copied().unwrap_or_default(),
            );
            if count != scan {
                let what = format!(
                    "counted are {} objects with {} bytes, there are {} with {}",
                    count.objects, count.bytes, scan.objects, scan.bytes
                );
                let subject = bucket_name(bucket, buckets);
                self.findings.push(USAGE.finding(None, Some(subject), what));
            }
        }
    }

    /// Looks at every entry by itself; returns where the records are.
    fn entries(
        &mut self,
        index: &IndexReader,
        shards: u16,
        shard: ShardId,
        buckets: &BucketNames,
    ) -> Vec<Location> {
        let mut live = Vec::with_capacity(index.len());
        let mut uploads = HashSet::new();
        index.scan(Bound::Unbounded, |key, value| {
            if is_compared(key) {
                live.extend(place(key, value));
                self.entry(
                    key,
                    value,
                    (usize::from(shards), shard),
                    buckets,
                    &mut uploads,
                );
            }
            ControlFlow::Continue(())
        });
        live.sort_unstable();
        live
    }

    fn entry(
        &mut self,
        key: &[u8],
        value: &[u8],
        (shards, shard): (usize, ShardId),
        buckets: &BucketNames,
        uploads: &mut HashSet<UploadId>,
    ) {
        let at = place(key, value);
        let mut push = |kind: &explain::Kind, what: &str| {
            let finding = kind.finding(at, Some(name(key, buckets)), what);
            self.findings.push(finding);
        };
        let known = |bucket| {
            buckets
                .as_ref()
                .is_none_or(|names| names.contains_key(&bucket))
        };
        let bucket = keys::bucket_of(key).unwrap_or(NO_BUCKET);
        match key.first().copied() {
            Some(keys::SPACE_OBJECT) => {
                self.objects += 1;
                self.bytes += ObjectEntry::size_of(value).unwrap_or(0);
                let mut scratch = Vec::new();
                let object = keys::object_key(key, &mut scratch).unwrap_or_default();
                if !known(bucket) {
                    push(&OF_NO_BUCKET, "its bucket is not in the namespace");
                }
                let owner = shard_of(shards, bucket, object);
                if owner != shard {
                    push(&WRONG_SHARD, &format!("it belongs to shard {}", owner.0));
                }
            }
            Some(keys::SPACE_UPLOAD) => {
                self.uploads += 1;
                uploads.extend(keys::upload_of(key));
                if !known(bucket) {
                    push(&UPLOAD_LEFT, "its bucket is not in the namespace");
                }
            }
            _ => {
                self.parts += 1;
                // Uploads stand before all parts.
                if !keys::upload_of_part(key).is_some_and(|upload| uploads.contains(&upload)) {
                    push(&PART_LEFT, "its upload is not open");
                }
            }
        }
    }
}

/// Whether entries of this kind must be the same however the index was put together. Others are
/// aids that may name what is outdated.
fn is_compared(key: &[u8]) -> bool {
    matches!(
        key.first().copied(),
        Some(keys::SPACE_OBJECT | keys::SPACE_UPLOAD | keys::SPACE_PART)
    )
}

/// Where the record of an entry is.
pub(super) fn place(key: &[u8], value: &[u8]) -> Option<Location> {
    record_of(key, value).map(|(at, _)| at)
}

/// A bucket for people.
pub(super) fn bucket_name(bucket: BucketId, buckets: &BucketNames) -> String {
    let known = buckets.as_ref().and_then(|names| names.get(&bucket));
    known.map_or_else(|| format!("bucket number {}", bucket.0), Clone::clone)
}

/// An entry of the index for people.
pub(super) fn name(key: &[u8], buckets: &BucketNames) -> String {
    let bucket = || bucket_name(keys::bucket_of(key).unwrap_or(NO_BUCKET), buckets);
    let mut scratch = Vec::new();
    match key.first().copied() {
        Some(keys::SPACE_OBJECT) => {
            let object = keys::object_key(key, &mut scratch).unwrap_or_default();
            format!("{}/{}", bucket(), String::from_utf8_lossy(object))
        }
        Some(keys::SPACE_UPLOAD) => {
            let _ = keys::parse_upload(key, &mut scratch);
            let object = String::from_utf8_lossy(&scratch);
            format!("an upload to {}/{object}", bucket())
        }
        Some(keys::SPACE_PART) => match (keys::upload_of_part(key), keys::parse_part(key)) {
            (Some(upload), Some(number)) => {
                format!("part {number} of the upload {:032x}", upload.0)
            }
            _ => "a part of an upload".to_owned(),
        },
        _ => "an entry of no known kind".to_owned(),
    }
}
