//! What a segment holds that must not be lost with it.

use crate::base::codec::Malformed;
use crate::base::{BucketId, Location, UploadId};
use crate::index::IndexReader;
use crate::io::Disk;
use crate::log::{LogError, LogReader, RecordView};
use crate::store::entry::record_of;
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::record::{
    AbortRecord, DeleteRecord, Guard, ObjectRecord, PartRecord, RetiredRecord, UploadRecord, kind,
};
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

/// Something that ended, as long as older records of it may be in the log.
#[derive(Debug)]
pub(super) enum End {
    Object(Guard<DeleteRecord>),
    Upload(Guard<AbortRecord>),
    Segment(RetiredRecord),
}

impl End {
    /// Segment where it stood first.
    pub(super) const fn since(&self) -> u32 {
        match self {
            Self::Object(guard) => guard.since,
            Self::Upload(guard) => guard.since,
            Self::Segment(record) => record.segment,
        }
    }

    /// The index key of what ended.
    pub(super) fn index_key(&self) -> Option<Vec<u8>> {
        match self {
            Self::Object(Guard { record, .. }) => {
                Some(keys::object(record.bucket, &record.key, record.version))
            }
            Self::Upload(Guard { record, .. }) => {
                Some(keys::upload(record.bucket, &record.key, record.upload))
            }
            Self::Segment(_) => None,
        }
    }
}

/// What is alive in a segment, or was when it was looked at.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Records of objects, by index key.
    pub objects: BTreeMap<Vec<u8>, Location>,
    /// Records of unfinished uploads.
    pub uploads: BTreeMap<Vec<u8>, Location>,
    /// Records of parts of unfinished uploads.
    pub parts: BTreeMap<Vec<u8>, Location>,
    /// Extents and their tags, and records of parts that objects may name.
    pub named: BTreeMap<Location, u128>,
    pub ends: Vec<End>,
}

/// The length of the record at `at`, if the index names it under this key.
pub(super) fn len_named(index: &IndexReader, index_key: &[u8], at: Location) -> Option<u32> {
    let (place, len) = index
        .get(index_key, |value| record_of(index_key, value))
        .flatten()?;
    (place == at).then_some(len)
}

/// Whether the index names the record at `at` under this key.
pub(super) fn names(index: &IndexReader, index_key: &[u8], at: Location) -> bool {
    len_named(index, index_key, at).is_some()
}

/// The records that name the place.
pub(super) fn namers(index: &IndexReader, place: Location) -> Vec<Location> {
    let prefix = keys::named_prefix(place);
    let mut found = Vec::new();
    index.scan(Bound::Included(&prefix), |key, _| {
        let Some((_, by)) = keys::parse_named(key).filter(|(at, _)| *at == place) else {
            return ControlFlow::Break(());
        };
        found.push(by);
        ControlFlow::Continue(())
    });
    found
}

impl Survey {
    /// Reads a segment. Damage fails it: what is there may be alive.
    pub(super) async fn take<D: Disk>(
        log: &LogReader<D>,
        index: &IndexReader,
        segment: u32,
    ) -> Result<Self, StoreError> {
        let mut survey = Self::default();
        let visit = |at, view: RecordView<'_>| {
            survey
                .visit(index, at, view)
                .map_err(|error| LogError::Refused {
                    at,
                    reason: error.to_string(),
                })
        };
        let damage = log.walk(segment, visit).await?;
        match damage.first() {
            Some(damage) => Err(LogError::from(*damage).into()),
            None => Ok(survey),
        }
    }

    fn visit(
        &mut self,
        index: &IndexReader,
        at: Location,
        view: RecordView<'_>,
    ) -> Result<(), Malformed> {
        let (kind, payload) = match view {
            RecordView::Extent { tag, .. } => {
                self.may_be_named(index, at, tag);
                return Ok(());
            }
            RecordView::Record { kind, payload } => (kind, payload),
        };
        let since = at.segment;
        match kind {
            kind::OBJECT => {
                let (record, _) = ObjectRecord::decode(payload)?;
                let key = keys::object(record.bucket, &record.key, record.version);
                if names(index, &key, at) {
                    self.objects.insert(key, at);
                } else if let Some(upload) = record.upload {
                    self.completed(since, record.bucket, record.key, upload);
                }
            }
            kind::UPLOAD => {
                let record = UploadRecord::decode(payload)?;
                let key = keys::upload(record.bucket, &record.key, record.upload);
                if names(index, &key, at) {
                    self.uploads.insert(key, at);
                }
            }
            kind::PART => {
                let (record, _) = PartRecord::decode(payload)?;
                let key = keys::part(record.upload, record.number);
                if names(index, &key, at) {
                    self.parts.insert(key, at);
                } else {
                    self.may_be_named(index, at, 0);
                }
            }
            kind::MOVED_PART => self.may_be_named(index, at, 0),
            kind::DELETE => self.ends.push(End::Object(Guard {
                since,
                record: DeleteRecord::decode(payload)?,
            })),
            kind::ABORT => self.ends.push(End::Upload(Guard {
                since,
                record: AbortRecord::decode(payload)?,
            })),
            kind::RETIRED => self
                .ends
                .push(End::Segment(RetiredRecord::decode(payload)?)),
            kind::MOVED_DELETE => {
                let guard = Guard::decode(payload, DeleteRecord::decode)?;
                self.ends.push(End::Object(guard));
            }
            kind::MOVED_ABORT => {
                let guard = Guard::decode(payload, AbortRecord::decode)?;
                self.ends.push(End::Upload(guard));
            }
            _ => return Err(Malformed("unknown record kind")),
        }
        Ok(())
    }

    fn may_be_named(&mut self, index: &IndexReader, at: Location, tag: u128) {
        if !namers(index, at).is_empty() {
            self.named.insert(at, tag);
        }
    }

    /// The object that an upload became is gone, but its record still says that the upload ended.
    fn completed(&mut self, since: u32, bucket: BucketId, key: Vec<u8>, upload: UploadId) {
        let record = AbortRecord {
            bucket,
            key,
            upload,
        };
        self.ends.push(End::Upload(Guard { since, record }));
    }
}
