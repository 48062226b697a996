//! What one batch of commands does to the primary tables: the content of a record of the namespace
//! log. Replaying it needs no clock, no chance and no decision.

use crate::base::codec::{Malformed, Put, Reader};
use crate::namespace::keys;
use crate::namespace::link::LinkRecord;
use crate::namespace::record::{self, EntryRecord, PrefixRecord, VolumeRecord};
use crate::namespace::record_user::{KeyRecord, TenantRecord, UserRecord};
use std::fmt;

/// Kind of the records in the namespace log.
pub(crate) const BATCH: u8 = 1;
/// Version of a batch's encoding.
const VERSION: u8 = 1;
const PUT: u8 = 1;
const REMOVE: u8 = 2;

/// A primary record set or removed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Table byte and key.
    pub(crate) key: Vec<u8>,
    /// The record, `None` when it is removed.
    pub(crate) value: Option<Vec<u8>>,
}

impl Change {
    pub(crate) fn put(key: &[u8], value: Vec<u8>) -> Self {
        Self {
            key: key.to_vec(),
            value: Some(value),
        }
    }

    pub(crate) fn remove(key: &[u8]) -> Self {
        Self {
            key: key.to_vec(),
            value: None,
        }
    }

    pub(crate) fn table(&self) -> u8 {
        self.key.first().copied().unwrap_or(0)
    }
}

/// Refuses a key that has no place in the primary tables, and a record that this version does not
/// understand completely.
pub(crate) fn check(key: &[u8], value: Option<&[u8]>) -> Result<(), Malformed> {
    keys::check(key)?;
    let Some(value) = value else {
        return Ok(());
    };
    match key.first().copied() {
        Some(keys::COUNTER) => record::decode_counter(value).map(|_| ()),
        Some(keys::VOLUME) => VolumeRecord::decode(value).map(|_| ()),
        Some(keys::ENTRY) => EntryRecord::decode(value).map(|_| ()),
        Some(keys::PROPERTY) => record::decode_property(value).map(|_| ()),
        Some(keys::USER) => UserRecord::decode(value).map(|_| ()),
        Some(keys::ACCESS_KEY) => KeyRecord::decode(value).map(|_| ()),
        Some(keys::TENANT) => TenantRecord::decode(value).map(|_| ()),
        Some(keys::HISTORY) => {
            let past = LinkRecord::decode_past(value)?;
            let generation = keys::past(key).map(|(_, generation)| generation);
            let same = generation == Some(past.turn.generation);
            same.then_some(())
                .ok_or(Malformed("number of a past source"))
        }
        Some(keys::PREFIX_ACL) => PrefixRecord::decode(value).map(|_| ()),
        _ => Err(Malformed("unknown table of the namespace")),
    }
}

impl fmt::Debug for Change {
    /// Without the value, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.value.is_some() {
            "put"
        } else {
            "remove"
        };
        write!(f, "{what} {:?}", String::from_utf8_lossy(&self.key))
    }
}

/// A record of the namespace log under construction. Each carries the digest of the one before it,
/// so that a gap or another history cannot pass for a continuation.
pub(crate) struct Batch {
    head: Vec<u8>,
    body: Vec<u8>,
    count: u64,
    removes: bool,
}

impl Batch {
    /// The batch after the one with the given digest (0 for the first).
    pub(crate) fn after(digest: u64) -> Self {
        let mut head = vec![VERSION];
        head.put_u64(digest);
        Self {
            head,
            body: Vec::new(),
            count: 0,
            removes: false,
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) const fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether it removes anything.
    pub(crate) const fn removes(&self) -> bool {
        self.removes
    }

    pub(crate) fn push(&mut self, change: &Change) {
        self.count += 1;
        match &change.value {
            Some(value) => {
                self.body.put_u8(PUT);
                self.body.put_bytes(&change.key);
                self.body.put_bytes(value);
            }
            None => {
                self.removes = true;
                self.body.put_u8(REMOVE);
                self.body.put_bytes(&change.key);
            }
        }
    }

    /// The record's payload and its digest.
    pub(crate) fn finish(mut self) -> (Vec<u8>, u64) {
        self.head.put_varint(self.count);
        self.head.append(&mut self.body);
        let digest = digest(&self.head);
        (self.head, digest)
    }
}

/// The digest of a record's payload, never 0.
pub(crate) fn digest(payload: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(payload).max(1)
}

/// A record read back: the digest of the record before it, and the changes.
pub(crate) fn decode(payload: &[u8]) -> Result<(u64, Vec<Change>), Malformed> {
    let mut reader = Reader::new(payload);
    if reader.u8()? != VERSION {
        return Err(Malformed("unknown version of a namespace batch"));
    }
    let previous = reader.u64()?;
    let count = reader.varint()?;
    let mut changes = Vec::new();
    for _ in 0..count {
        let op = reader.u8()?;
        let key = reader.bytes()?.to_vec();
        let value = match op {
            PUT => Some(reader.bytes()?.to_vec()),
            REMOVE => None,
            _ => return Err(Malformed("unknown kind of namespace change")),
        };
        let change = Change { key, value };
        check(&change.key, change.value.as_deref())?;
        changes.push(change);
    }
    reader.finish()?;
    Ok((previous, changes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_batch_comes_back() {
        let changes = [
            Change::put(&[keys::COUNTER], record::encode_counter(5)),
            Change::remove(&[keys::VOLUME, b'a', b'b', b'c']),
        ];
        let mut batch = Batch::after(77);
        assert!(batch.is_empty());
        changes.iter().for_each(|change| batch.push(change));
        let (payload, sum) = batch.finish();
        assert_eq!(sum, digest(&payload));
        assert_eq!(decode(&payload), Ok((77, changes.to_vec())));
    }

    #[test]
    fn unknown_versions_tables_and_kinds_are_refused() {
        let batch = |change: Change| {
            let mut batch = Batch::after(0);
            batch.push(&change);
            batch.finish().0
        };
        assert!(decode(&batch(Change::put(&[99], vec![1]))).is_err());
        assert!(decode(&batch(Change::remove(&[keys::LINKS_TO]))).is_err());
        assert!(decode(&batch(Change::put(&[keys::COUNTER], vec![9; 9]))).is_err());
        let mut good = batch(Change::remove(&[keys::VOLUME, b'a']));
        assert!(decode(&good).is_ok());
        good[0] = 2;
        assert!(decode(&good).is_err());
        good[0] = 1;
        good[10] = 3;
        assert!(decode(&good).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
            let _ = decode(&[&[VERSION; 9][..], &bytes].concat());
        }
    }
}
