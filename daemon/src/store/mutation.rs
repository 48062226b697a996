//! What a record does to the index. Recovery and the live path go through the same functions, so
//! the index after a restart is the index before it.

use crate::base::codec::{Malformed, Put, Reader};
use crate::base::{BucketId, Location, UploadId};
use crate::index::IndexWriter;
use crate::store::entry::{ObjectEntry, PartEntry, UploadEntry};
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::record::{
    AbortRecord, Body, DeleteRecord, Guard, ObjectRecord, PartRecord, RetiredRecord, UploadRecord,
    kind,
};
use crate::store::usage::{Counters, NO_BUCKET, of_entry};
use std::collections::{BTreeSet, HashMap};
use std::ops::{Bound, ControlFlow};

/// A change of one index key: a new value, or `None` to remove it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The index key.
    pub key: Vec<u8>,
    /// Its value from now on.
    pub value: Option<Vec<u8>>,
}

/// Everything one record changes.
#[derive(Clone, Debug, Default)]
pub struct Mutation {
    /// Changes of single keys.
    pub changes: Vec<Change>,
    /// An upload that ended: all of its parts go.
    pub ended: Option<UploadId>,
    /// What the record names elsewhere in the log.
    names: Vec<Named>,
    /// The record's own place.
    at: Location,
}

/// Something in the log that a record elsewhere names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it is.
    pub place: Location,
    /// What it is.
    pub what: What,
    /// Bytes of its body or payload.
    pub len: u32,
}

/// What a record may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// Bytes.
    #[default]
    Extent,
    /// The record of a part.
    Part,
}

impl Named {
    fn all(body: &Body) -> Vec<Self> {
        match body {
            Body::Inline(_) => Vec::new(),
            Body::Extents(extents) => extents
                .iter()
                .map(|extent| Self {
                    place: extent.at,
                    what: What::Extent,
                    len: extent.len,
                })
                .collect(),
            Body::Parts(parts) => parts
                .iter()
                .map(|part| Self {
                    place: part.at,
                    what: What::Part,
                    len: part.record_len,
                })
                .collect(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(6);
        out.put_u8(match self.what {
            What::Extent => 1,
            What::Part => 2,
        });
        out.put_varint(u64::from(self.len));
        out
    }

    /// Reads what the index says of `place`.
    pub fn decode(place: Location, value: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(value);
        let what = match reader.u8()? {
            1 => What::Extent,
            2 => What::Part,
            _ => return Err(Malformed("kind of what is named")),
        };
        let len = u32::try_from(reader.varint()?).map_err(|_| Malformed("length over 32 bits"))?;
        reader.finish()?;
        Ok(Self { place, what, len })
    }
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(48);
    encode(&mut out);
    Some(out)
}

fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Mutation {
    fn one(key: Vec<u8>, value: Option<Vec<u8>>) -> Self {
        Self {
            changes: vec![Change { key, value }],
            ended: None,
            names: Vec::new(),
            at: Location::ZERO,
        }
    }

    fn naming(mut self, body: &Body, at: Location) -> Self {
        self.names = Named::all(body);
        self.at = at;
        self
    }

    /// An object record at `at` with a payload of `len` bytes.
    #[must_use]
    pub fn object(record: &ObjectRecord, at: Location, len: usize) -> Self {
        let key = keys::object(record.bucket, &record.key, record.version);
        Self::object_with_key(key, record, at, len)
    }

    /// [`Mutation::object`] where the index key is at hand.
    #[must_use]
    pub fn object_with_key(key: Vec<u8>, record: &ObjectRecord, at: Location, len: usize) -> Self {
        let entry = ObjectEntry {
            at,
            record_len: len32(len),
            size: record.size,
            modified: record.modified,
            etag: record.etag,
            checksum: record.meta.checksum.as_ref().map(|c| c.algorithm),
            apart: !matches!(record.body, Body::Inline(_)),
        };
        let mut mutation =
            Self::one(key, encoded(|out| entry.encode(out))).naming(&record.body, at);
        if let Some(upload) = record.upload {
            let key = keys::upload(record.bucket, &record.key, upload);
            mutation.changes.push(Change { key, value: None });
            mutation.ended = Some(upload);
        }
        mutation
    }

    /// A delete record.
    #[must_use]
    pub fn delete(record: &DeleteRecord) -> Self {
        Self::one(
            keys::object(record.bucket, &record.key, record.version),
            None,
        )
    }

    /// An upload record.
    #[must_use]
    pub fn upload(record: &UploadRecord, at: Location, len: usize) -> Self {
        let entry = UploadEntry {
            at,
            record_len: len32(len),
            started: record.started,
        };
        let key = keys::upload(record.bucket, &record.key, record.upload);
        Self::one(key, encoded(|out| entry.encode(out)))
    }

    /// A part record of an upload in `bucket`.
    #[must_use]
    pub fn part(record: &PartRecord, bucket: BucketId, at: Location, len: usize) -> Self {
        let entry = PartEntry {
            bucket,
            at,
            record_len: len32(len),
            size: record.size,
            modified: record.modified,
            md5: record.md5,
            checksum: record.checksum.clone(),
        };
        let key = keys::part(record.upload, record.number);
        Self::one(key, encoded(|out| entry.encode(out))).naming(&record.body, at)
    }

    /// A part's record that was moved after its upload had become an object. It changes nothing but
    /// where its bytes are named.
    #[must_use]
    pub fn moved_part(record: &PartRecord, at: Location) -> Self {
        Self {
            changes: Vec::new(),
            ended: None,
            names: Named::all(&record.body),
            at,
        }
    }

    /// An abort record.
    #[must_use]
    pub fn abort(record: &AbortRecord) -> Self {
        let key = keys::upload(record.bucket, &record.key, record.upload);
        let mut mutation = Self::one(key, None);
        mutation.ended = Some(record.upload);
        mutation
    }

    /// Makes the changes visible to every reader, and counts them. Returns how many entries of
    /// [`keys::named`] are new.
    pub fn apply(&self, index: &mut IndexWriter, usage: &mut Counters) -> usize {
        for Change { key, value } in &self.changes {
            let seen = |old: &[u8]| of_entry(key, old);
            match value {
                Some(value) => {
                    let old = index.replace(key, value, seen);
                    usage.changed(key, old.flatten(), of_entry(key, value));
                }
                None => usage.changed(key, index.take(key, seen).flatten(), None),
            }
        }
        let mut new = 0;
        for named in &self.names {
            let key = keys::named(named.place, self.at);
            new += usize::from(!index.insert(&key, &named.encode()));
        }
        if let Some(upload) = self.ended {
            for key in parts_of(index, upload) {
                let old = index.take(&key, |old| of_entry(&key, old));
                usage.changed(&key, old.flatten(), None);
            }
        }
        new
    }
}

fn parts_of(index: &IndexWriter, upload: UploadId) -> Vec<Vec<u8>> {
    let prefix = keys::parts_prefix(upload);
    let mut found = Vec::new();
    index.reader().scan(Bound::Included(&prefix), |key, _| {
        if !key.starts_with(&prefix) {
            return ControlFlow::Break(());
        }
        found.push(key.to_vec());
        ControlFlow::Continue(())
    });
    found
}

/// Turns the records of a log into what they do. A part's record does not name its bucket, so that
/// the uploads have to be known while a log is replayed.
pub struct Replay(HashMap<UploadId, BucketId>, BTreeSet<u32>);

impl Replay {
    /// Begins over an index; looks at its open uploads only.
    #[must_use]
    pub fn over(index: &IndexWriter) -> Self {
        let mut uploads = HashMap::new();
        let start = [keys::SPACE_UPLOAD];
        index.reader().scan(Bound::Included(&start), |key, _| {
            if !key.starts_with(&start) {
                return ControlFlow::Break(());
            }
            uploads.extend(keys::upload_of(key).zip(keys::bucket_of(key)));
            ControlFlow::Continue(())
        });
        Self(uploads, BTreeSet::new())
    }

    /// The segments that left the log, as far as it says so.
    #[must_use]
    pub const fn retired(&self) -> &BTreeSet<u32> {
        &self.1
    }

    /// The log has ended. Parts whose upload came behind them, as moved records do, are counted for
    /// its bucket now; parts without an open upload go.
    pub fn finish(&self, index: &mut IndexWriter, usage: &mut Counters) -> Result<(), Malformed> {
        let mut wrong = Vec::new();
        let start = [keys::SPACE_PART];
        index.reader().scan(Bound::Included(&start), |key, value| {
            if !key.starts_with(&start) {
                return ControlFlow::Break(());
            }
            let right = keys::upload_of_part(key).and_then(|upload| self.0.get(&upload));
            let there = PartEntry::size_of(value).map(|(bucket, _)| bucket);
            if !right.is_some_and(|bucket| there.as_ref() == Ok(bucket)) {
                wrong.push((key.to_vec(), value.to_vec(), right.copied()));
            }
            ControlFlow::Continue(())
        });
        for (key, value, bucket) in wrong {
            let old = of_entry(&key, &value);
            let Some(bucket) = bucket else {
                index.remove(&key);
                usage.changed(&key, old, None);
                continue;
            };
            let mut entry = PartEntry::decode(&value)?;
            entry.bucket = bucket;
            let value = encoded(|out| entry.encode(out)).unwrap_or_default();
            index.insert(&key, &value);
            usage.changed(&key, old, of_entry(&key, &value));
        }
        Ok(())
    }

    /// What the record of this kind, found in the log, does.
    pub fn mutation(
        &mut self,
        kind: u8,
        at: Location,
        payload: &[u8],
    ) -> Result<Mutation, StoreError> {
        Ok(match kind {
            kind::OBJECT => {
                let (record, _) = ObjectRecord::decode(payload)?;
                if let Some(upload) = record.upload {
                    self.0.remove(&upload);
                }
                Mutation::object(&record, at, payload.len())
            }
            kind::DELETE => Mutation::delete(&DeleteRecord::decode(payload)?),
            kind::UPLOAD => {
                let record = UploadRecord::decode(payload)?;
                self.0.insert(record.upload, record.bucket);
                Mutation::upload(&record, at, payload.len())
            }
            kind::PART => {
                let (record, _) = PartRecord::decode(payload)?;
                let bucket = self.0.get(&record.upload).copied().unwrap_or(NO_BUCKET);
                Mutation::part(&record, bucket, at, payload.len())
            }
            kind::ABORT => {
                let record = AbortRecord::decode(payload)?;
                self.0.remove(&record.upload);
                Mutation::abort(&record)
            }
            kind::MOVED_PART => {
                let (record, _) = PartRecord::decode(payload)?;
                Mutation::moved_part(&record, at)
            }
            kind::MOVED_DELETE => {
                Mutation::delete(&Guard::decode(payload, DeleteRecord::decode)?.record)
            }
            kind::MOVED_ABORT => {
                let record = Guard::decode(payload, AbortRecord::decode)?.record;
                self.0.remove(&record.upload);
                Mutation::abort(&record)
            }
            kind::RETIRED => {
                self.1.insert(RetiredRecord::decode(payload)?.segment);
                Mutation::default()
            }
            _ => return Err(Malformed("unknown record kind").into()),
        })
    }
}
