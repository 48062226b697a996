//! What each kind of finding means, and what to do about it.

use super::finding::{Finding, Severity};
use crate::base::Location;
use crate::log::Damage;
use crate::namespace::{EntryDiffers, NamespaceIssue};

/// A kind of finding: its name for programs, what it means, what to do.
pub(super) struct Kind(&'static str, Severity, &'static str, &'static str);

use Severity::{Difference, Note};

const RESTORE: &str = "Restore the object from a copy, or delete it and tell its users. Check the device \
                       (smartctl, kernel log): what rotted once may rot again.";
const REPORT: &str =
    "This should not happen on sound hardware. Keep a copy of the data folder and report it.";

pub(super) const LOG_DAMAGE: Kind = Kind(
    "log-damage",
    Difference,
    "Bytes of the log that were once safely written are not readable any more. Objects whose data \
     lies in them are listed one by one; where none is listed, only outdated data was hit.",
    "Check the device (smartctl, kernel log). Do not delete the shard's index.checkpoint: it may know \
     what the damaged log cannot tell any more.",
);
pub(super) const REFUSED_RECORD: Kind = Kind(
    "unknown-record",
    Difference,
    "The record is whole, but this version of the daemon cannot make sense of it. A start would refuse it.",
    "Was the store used with a newer version? Then use that one. If not, keep a copy of the data folder and \
     report it.",
);
pub(super) const UNREADABLE: Kind = Kind(
    "unreadable-object",
    Difference,
    "The object is listed, but reading it gives an error: its bytes on the device are not those that were \
     written. No wrong byte is ever served.",
    RESTORE,
);
pub(super) const MISSING_SEGMENT: Kind = Kind(
    "missing-segment",
    Difference,
    "A file of the log is gone that objects need. They are listed, and reading them gives an error.",
    "Was the file moved or deleted? Put it back while the daemon is down. Otherwise restore the objects from \
     a copy.",
);
pub(super) const RECORD_DIFFERS: Kind = Kind(
    "record-differs",
    Difference,
    "The index leads to a whole record that is not what the index says it is.",
    "Stop the daemon, remove the shard's index.checkpoint and start again: the index is made anew from the \
     log. If it comes back, keep a copy of the data folder and report it.",
);
pub(super) const INDEX_DIFFERS: Kind = Kind(
    "index-differs",
    Difference,
    "What a start would serve (checkpoint and the tail of the log) is not what the whole log says.",
    "If the log is damaged, the checkpoint is right: keep it. If it is not, stop the daemon, remove the \
     shard's index.checkpoint, start again, and report it.",
);
pub(super) const CHECKPOINT: Kind = Kind(
    "checkpoint-unusable",
    Difference,
    "The saved index of the shard is damaged. It is derived: the next start reads the whole log instead, \
     which takes longer and loses nothing.",
    "Start the daemon; it writes a new one. Check the device (smartctl, kernel log).",
);
pub(super) const CHECKPOINT_OUTDATED: Kind = Kind(
    "checkpoint-outdated",
    Note,
    "The saved index of the shard was written by an earlier version. The next start reads the whole log \
     instead, and saves it anew.",
    "Nothing has to be done.",
);
pub(super) const USAGE: Kind = Kind(
    "usage-differs",
    Difference,
    "The counters that quotas and `chainring bucket info` use are not what the objects add up to.",
    "Stop the daemon, remove the shard's index.checkpoint and start again: the counters are made anew.",
);
pub(super) const OF_NO_BUCKET: Kind = Kind(
    "object-of-no-bucket",
    Difference,
    "The namespace has no bucket of this number, so nobody can reach the object, and it takes space.",
    REPORT,
);
pub(super) const WRONG_SHARD: Kind = Kind(
    "wrong-shard",
    Difference,
    "Requests for this key ask another shard, so nobody can reach the object.",
    REPORT,
);
pub(super) const ETAG: Kind = Kind(
    "etag-differs",
    Difference,
    "The bytes pass their checksums, but their MD5 is not the ETag: they were wrong before they were \
     written, or the ETag was.",
    "Compare the object with its source. Check the machine's memory.",
);
pub(super) const UPLOAD_LEFT: Kind = Kind(
    "upload-of-no-bucket",
    Note,
    "The bucket was deleted while an upload was open. Nobody can complete it, and it takes space.",
    "Nothing has to be done.",
);
pub(super) const PART_LEFT: Kind = Kind(
    "part-of-no-upload",
    Difference,
    "The part belongs to no open upload, so nobody can use it, and it takes space.",
    REPORT,
);
const NAMES_DAMAGE: Kind = Kind(
    "namespace-log-damage",
    Difference,
    "A change of volumes, buckets, links or users that was acknowledged cannot be read any more. The daemon \
     does not start on it unless a newer snapshot or the index holds the change.",
    "Check the device (smartctl, kernel log). Keep all files of the folder `namespace`, and restore the file \
     from a copy of the same store if there is one.",
);
const SNAPSHOT: Kind = Kind(
    "snapshot-damaged",
    Difference,
    "One of the saved states of the namespace cannot be read. The other one and the log still give the whole \
     of it.",
    "Check the device (smartctl, kernel log). The daemon writes a new one as the namespace grows.",
);
const SNAPSHOT_DIFFERS: Kind = Kind(
    "snapshot-differs",
    Difference,
    "A saved state of the namespace says something else than the log.",
    REPORT,
);
const NAMES_RECORD: Kind = Kind(
    "namespace-record",
    Difference,
    "A record of the namespace's log is whole, but is no continuation of the one before it, or means nothing \
     to this version. The daemon does not start on it.",
    "Were files of another copy of the store put here? Put back those that belong together. Was the store \
     used with a newer version? Then use that one.",
);
const GAP: Kind = Kind(
    "namespace-gap",
    Difference,
    "The namespace's log does not have the change that its newest saved state ends with.",
    "Were files of another copy of the store put here? Put back those that belong together.",
);
const NAMES_INDEX: Kind = Kind(
    "namespace-index-damaged",
    Difference,
    "The mapped index of the namespace is damaged. It is derived: the next start makes it anew.",
    "Start the daemon. Check the device (smartctl, kernel log).",
);
const INDEX_AHEAD: Kind = Kind(
    "namespace-index-ahead",
    Difference,
    "The mapped index has a state that the log does not have: log and index are not of one time.",
    "Were files of another copy of the store put here, or lost? The next start makes the index anew from the \
     log; what only the index knew is lost then. Keep a copy of the folder `namespace` first.",
);
const ENTRY: Kind = Kind(
    "namespace-index-differs",
    Difference,
    "The mapped index, which requests ask, is not what the namespace's log says.",
    "Stop the daemon, remove namespace/index.map and start again: the index is made anew from the log. \
     Report it.",
);
const BUCKET_NUMBER: Kind = Kind(
    "bucket-number",
    Difference,
    "Buckets are told apart by their numbers: two with one number would show the same objects, and a number \
     that was never given may be given again.",
    REPORT,
);
pub(super) const NAMES_UNCLEAN: Kind = Kind(
    "namespace-index-unclean",
    Note,
    "The daemon did not stop in an orderly way. The next start makes the namespace's index anew, so it was \
     not compared.",
    "Nothing has to be done.",
);
pub(super) const NAMES_MISSING: Kind = Kind(
    "namespace-index-missing",
    Note,
    "There is no mapped index. The next start makes it.",
    "Nothing has to be done.",
);

impl Kind {
    pub(super) fn finding(
        &self,
        at: Option<Location>,
        subject: Option<String>,
        what: impl Into<String>,
    ) -> Finding {
        Finding {
            severity: self.1,
            kind: self.0,
            at,
            subject,
            what: what.into(),
            means: self.2,
            advice: self.3,
        }
    }
}

/// Damage in words.
pub(super) fn damage(kind: &Kind, damage: &Damage) -> Finding {
    let at = Location {
        segment: damage.segment,
        offset: damage.offset,
    };
    let stretch = match damage.until {
        u32::MAX => damage.what.to_owned(),
        until if until > damage.offset => {
            format!("{}, from {} to {until}", damage.what, damage.offset)
        }
        _ => damage.what.to_owned(),
    };
    kind.finding(Some(at), None, stretch)
}

/// An issue of the namespace in words.
pub(super) fn issue(issue: NamespaceIssue) -> Finding {
    match issue {
        NamespaceIssue::Damage(found) => damage(&NAMES_DAMAGE, &found),
        NamespaceIssue::Snapshot { name, why } => SNAPSHOT.finding(None, Some(name), why),
        NamespaceIssue::SnapshotDiffers { name, records: 0 } => SNAPSHOT_DIFFERS.finding(
            None,
            Some(name),
            "the log does not have the change it ends with",
        ),
        NamespaceIssue::SnapshotDiffers { name, records } => {
            SNAPSHOT_DIFFERS.finding(None, Some(name), format!("{records} records differ"))
        }
        NamespaceIssue::Record { at, why } => NAMES_RECORD.finding(Some(at), None, why),
        NamespaceIssue::Gap => GAP.finding(None, None, "the log begins too late or ends too early"),
        NamespaceIssue::Index(why) => {
            NAMES_INDEX.finding(None, Some("namespace/index.map".to_owned()), why)
        }
        NamespaceIssue::IndexAhead => INDEX_AHEAD.finding(
            None,
            Some("namespace/index.map".to_owned()),
            "its last change is not in the log",
        ),
        NamespaceIssue::Entry { what, how } => {
            let how = match how {
                EntryDiffers::Missing => "the log has it, the index has not",
                EntryDiffers::Superfluous => "the index has it, the log has not",
                EntryDiffers::Different => "index and log say different things",
            };
            ENTRY.finding(None, Some(what), how)
        }
        NamespaceIssue::BucketNumber { bucket, number } => BUCKET_NUMBER.finding(
            None,
            Some(bucket),
            format!("its number {number} is another's, or was never given"),
        ),
    }
}
