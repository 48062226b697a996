//! What a record does to the index. Recovery and the live path go through the same functions, so
//! the index after a restart is the index before it.

use crate::base::{Location, UploadId};
use crate::index::IndexWriter;
use crate::store::entry::{ObjectEntry, PartEntry, UploadEntry};
use crate::store::error::StoreError;
use crate::store::keys;
use crate::store::record::{
    AbortRecord, DeleteRecord, ObjectRecord, PartRecord, UploadRecord, kind,
};
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
#[derive(Clone, Debug)]
pub struct Mutation {
    /// Changes of single keys.
    pub changes: Vec<Change>,
    /// An upload that ended: all of its parts go.
    pub ended: Option<UploadId>,
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
        }
    }

    /// An object record at `at` with a payload of `len` bytes.
    #[must_use]
    pub fn object(record: &ObjectRecord, at: Location, len: usize) -> Self {
        let entry = ObjectEntry {
            at,
            record_len: len32(len),
            size: record.size,
            modified: record.modified,
            etag: record.etag,
            checksum: record.meta.checksum.as_ref().map(|c| c.algorithm),
        };
        let key = keys::object(record.bucket, &record.key, record.version);
        let mut mutation = Self::one(key, encoded(|out| entry.encode(out)));
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

    /// A part record.
    #[must_use]
    pub fn part(record: &PartRecord, at: Location, len: usize) -> Self {
        let entry = PartEntry {
            at,
            record_len: len32(len),
            size: record.size,
            modified: record.modified,
            md5: record.md5,
            checksum: record.checksum.clone(),
        };
        let key = keys::part(record.upload, record.number);
        Self::one(key, encoded(|out| entry.encode(out)))
    }

    /// An abort record.
    #[must_use]
    pub fn abort(record: &AbortRecord) -> Self {
        let key = keys::upload(record.bucket, &record.key, record.upload);
        let mut mutation = Self::one(key, None);
        mutation.ended = Some(record.upload);
        mutation
    }

    /// What the record of this kind, found in the log, does.
    pub fn of_record(kind: u8, at: Location, payload: &[u8]) -> Result<Self, StoreError> {
        Ok(match kind {
            kind::OBJECT => Self::object(&ObjectRecord::decode(payload)?.0, at, payload.len()),
            kind::DELETE => Self::delete(&DeleteRecord::decode(payload)?),
            kind::UPLOAD => Self::upload(&UploadRecord::decode(payload)?, at, payload.len()),
            kind::PART => Self::part(&PartRecord::decode(payload)?.0, at, payload.len()),
            kind::ABORT => Self::abort(&AbortRecord::decode(payload)?),
            _ => return Err(crate::base::codec::Malformed("unknown record kind").into()),
        })
    }

    /// Makes the changes visible to every reader.
    pub fn apply(&self, index: &mut IndexWriter) {
        for change in &self.changes {
            match &change.value {
                Some(value) => {
                    index.insert(&change.key, value);
                }
                None => {
                    index.remove(&change.key);
                }
            }
        }
        if let Some(upload) = self.ended {
            remove_parts(index, upload);
        }
    }
}

fn remove_parts(index: &mut IndexWriter, upload: UploadId) {
    let prefix = keys::parts_prefix(upload);
    let mut found = Vec::new();
    index.reader().scan(Bound::Included(&prefix), |key, _| {
        if !key.starts_with(&prefix) {
            return ControlFlow::Break(());
        }
        found.push(key.to_vec());
        ControlFlow::Continue(())
    });
    for key in found {
        index.remove(&key);
    }
}
