//! The values of the namespace's tables, as bytes.
//!
//! Every record begins with its version and its fixed fields, and ends with optional fields, each a
//! tag byte and a counted value. That is where later features (read-only links, prefixes, quotas,
//! access control lists ...) go. A tag with the high bit set is *critical*: whoever does not know
//! it must refuse the record, because ignoring it would widen what the record allows. Other
//! unknown fields are carried along unchanged.

use crate::base::codec::{Malformed, Put, Reader};
use crate::base::{BucketId, Timestamp};
use crate::namespace::acl::Acl;
use crate::namespace::fields;
use crate::namespace::link::{LinkFields, LinkRecord, Turn};
use crate::namespace::name::Name;
use crate::namespace::types::{Bucket, CannedAcl};

/// Version of every record this code writes.
pub(crate) const VERSION: u8 = 1;
/// Bit of a bucket's flags: created with object lock.
const OBJECT_LOCK: u64 = 1;
/// Bit of a bucket's flags: stays as long as links name it.
const PROTECTED: u64 = 2;
/// Bit of a bucket's flags: how long an upload may rest follows.
const EXPIRE_UPLOADS: u64 = 8;
/// Bit of a bucket's flags: a quota of bytes follows.
const QUOTA_BYTES: u64 = 0x20;
/// Bit of a bucket's flags: a quota of objects follows.
const QUOTA_NAMESPACE: u64 = 0x40;
/// The flags of a bucket.
const BUCKET_FLAGS: u64 = OBJECT_LOCK | PROTECTED | EXPIRE_UPLOADS | QUOTA_BYTES | QUOTA_NAMESPACE;
/// What the log and the snapshots hold of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VolumeRecord {
    pub(crate) owner: Name,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) quota_bytes: Option<u64>,
    pub(crate) quota_namespace: Option<u64>,
    /// `None` when nobody ever gave it one.
    pub(crate) acl: Option<Acl>,
    pub(crate) extra: Vec<u8>,
}

/// What they hold of a bucket or a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntryRecord {
    pub(crate) owner: Name,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) kind: RecordKind,
    pub(crate) acl: Acl,
    pub(crate) extra: Vec<u8>,
}

/// Bucket or link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Bucket(Bucket),
    Link(Box<LinkRecord>),
}

impl VolumeRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.put_str(&self.owner);
        out.put_u64(self.created.0);
        out.put_u64(self.modified.0);
        fields::put_u64(&mut out, fields::QUOTA_BYTES, self.quota_bytes);
        fields::put_u64(&mut out, fields::QUOTA_NAMESPACE, self.quota_namespace);
        if let Some(acl) = &self.acl {
            fields::put(&mut out, fields::ACL, &acl.encode());
        }
        out.extend_from_slice(&self.extra);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = begin(bytes)?;
        let (owner, created) = (name(&mut reader)?, Timestamp(reader.u64()?));
        let modified = Timestamp(reader.u64()?);
        let (mut quota_bytes, mut quota_namespace, mut acl) = (None, None, None);
        let extra = fields::read(reader, |tag, value| match tag {
            fields::QUOTA_BYTES => fields::take_u64(&mut quota_bytes, value),
            fields::QUOTA_NAMESPACE => fields::take_u64(&mut quota_namespace, value),
            fields::ACL => {
                acl = Some(Acl::decode(value));
                Ok(true)
            }
            _ => Ok(false),
        })?;
        Ok(Self {
            owner,
            created,
            modified,
            quota_bytes,
            quota_namespace,
            acl,
            extra,
        })
    }
}

impl EntryRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        match &self.kind {
            RecordKind::Bucket(bucket) => {
                out.put_u8(1);
                put_bucket(&mut out, bucket);
            }
            RecordKind::Link(link) => {
                out.put_u8(2);
                out.put_str(&link.source.0);
                out.put_str(&link.source.1);
            }
        }
        out.put_str(&self.owner);
        out.put_u64(self.created.0);
        out.put_u64(self.modified.0);
        if !self.acl.is_empty() {
            fields::put(&mut out, fields::ACL, &self.acl.encode());
        }
        if let RecordKind::Link(link) = &self.kind {
            link.put_fields(&mut out, Some(Turn::first(self.created, self.owner)));
        }
        out.extend_from_slice(&self.extra);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = begin(bytes)?;
        let (mut source, mut of_bucket) = (None, None);
        match reader.u8()? {
            1 => of_bucket = Some(bucket(&mut reader)?),
            2 => source = Some((name(&mut reader)?, name(&mut reader)?)),
            _ => return Err(Malformed("unknown kind of entry")),
        }
        let (owner, created) = (name(&mut reader)?, Timestamp(reader.u64()?));
        let modified = Timestamp(reader.u64()?);
        let (mut acl, mut link) = (Acl::EMPTY, LinkFields::default());
        let extra = fields::read(reader, |tag, value| match tag {
            fields::ACL => {
                acl = Acl::decode(value);
                Ok(true)
            }
            _ => link.take(tag, value),
        })?;
        let kind = match (of_bucket, source) {
            (Some(bucket), _) if link.is_empty() => RecordKind::Bucket(bucket),
            (None, Some(source)) => {
                let link = link.with_source(source, Turn::first(created, owner));
                RecordKind::Link(Box::new(link))
            }
            _ => return Err(Malformed("fields of a link with a bucket")),
        };
        Ok(Self {
            owner,
            created,
            modified,
            kind,
            acl,
            extra,
        })
    }

    /// The link, if it is one.
    pub(crate) fn link(&self) -> Option<&LinkRecord> {
        match &self.kind {
            RecordKind::Link(link) => Some(link),
            RecordKind::Bucket(_) => None,
        }
    }
}

/// What of an entry a request needs: [`EntryRecord`] without what is not looked at.
pub(crate) struct Glance<'a> {
    /// `None` for a link.
    pub(crate) bucket: Option<Bucket>,
    pub(crate) owner: Name,
    pub(crate) created: Timestamp,
    /// The access control list, encoded.
    pub(crate) acl: &'a [u8],
    /// Of a link.
    pub(crate) generation: u64,
}

impl<'a> Glance<'a> {
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = begin(bytes)?;
        let bucket = match reader.u8()? {
            1 => Some(bucket(&mut reader)?),
            2 => {
                reader.bytes()?;
                reader.bytes()?;
                None
            }
            _ => return Err(Malformed("unknown kind of entry")),
        };
        let owner = name(&mut reader)?;
        let created = Timestamp(reader.u64()?);
        reader.u64()?;
        let (mut acl, mut generation): (&[u8], u64) = (&[], 1);
        while !reader.is_empty() {
            let (tag, value) = (reader.u8()?, reader.bytes()?);
            match tag {
                fields::ACL => acl = value,
                fields::LINK_TURN => generation = Reader::new(value).varint()?,
                // What these say about the whole way was derived.
                fields::LINK_READ_ONLY..fields::LINK_TURN => {}
                _ if tag & fields::CRITICAL == 0 => {}
                _ => return Err(Malformed("unknown critical field of a namespace record")),
            }
        }
        Ok(Self {
            bucket,
            owner,
            created,
            acl,
            generation,
        })
    }
}

/// The access control list of the keys of a bucket that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrefixRecord {
    pub(crate) prefix: Box<str>,
    pub(crate) acl: Acl,
    pub(crate) extra: Vec<u8>,
}

impl PrefixRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.put_str(&self.prefix);
        out.put_bytes(&self.acl.encode());
        out.extend_from_slice(&self.extra);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = begin(bytes)?;
        Ok(Self {
            prefix: reader.str()?.into(),
            acl: Acl::decode(reader.bytes()?),
            extra: optional_fields(reader)?,
        })
    }
}

/// The next bucket id.
pub(crate) fn encode_counter(next: u64) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.put_u64(next);
    out
}

/// Inverse of [`encode_counter`].
pub(crate) fn decode_counter(bytes: &[u8]) -> Result<u64, Malformed> {
    let mut reader = begin(bytes)?;
    let next = reader.u64()?;
    reader.finish()?;
    Ok(next)
}

/// A bucket's opaque property.
pub(crate) fn encode_property(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + value.len());
    out.put_u8(VERSION);
    out.extend_from_slice(value);
    out
}

/// Inverse of [`encode_property`].
pub(crate) fn decode_property(bytes: &[u8]) -> Result<&[u8], Malformed> {
    Ok(begin(bytes)?.rest())
}

pub(crate) fn put_bucket(out: &mut Vec<u8>, bucket: &Bucket) {
    out.put_u64(bucket.id.0);
    out.put_u8(bucket.acl.to_u8());
    let flag = |set: bool, flag: u64| if set { flag } else { 0 };
    let (bytes, namespace) = (bucket.quota_bytes, bucket.quota_namespace);
    out.put_varint(
        flag(bucket.object_lock, OBJECT_LOCK)
            | flag(bucket.protected, PROTECTED)
            | flag(bytes.is_some(), QUOTA_BYTES)
            | flag(namespace.is_some(), QUOTA_NAMESPACE)
            | flag(bucket.expire_uploads.is_some(), EXPIRE_UPLOADS),
    );
    [bytes, namespace, bucket.expire_uploads]
        .into_iter()
        .flatten()
        .for_each(|number| out.put_u64(number));
}

pub(crate) fn bucket(reader: &mut Reader<'_>) -> Result<Bucket, Malformed> {
    let (id, acl) = (BucketId(reader.u64()?), CannedAcl::from_u8(reader.u8()?)?);
    let flags = flags(reader, BUCKET_FLAGS)?;
    let mut number = |flag| match flags & flag {
        0 => Ok(None),
        _ => reader.u64().map(Some),
    };
    Ok(Bucket {
        id,
        acl,
        object_lock: flags & OBJECT_LOCK != 0,
        protected: flags & PROTECTED != 0,
        quota_bytes: number(QUOTA_BYTES)?,
        quota_namespace: number(QUOTA_NAMESPACE)?,
        expire_uploads: number(EXPIRE_UPLOADS)?,
    })
}

pub(crate) fn name(reader: &mut Reader<'_>) -> Result<Name, Malformed> {
    Name::from_bytes(reader.bytes()?).ok_or(Malformed("name"))
}

pub(crate) fn begin(bytes: &[u8]) -> Result<Reader<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    if reader.u8()? == VERSION {
        Ok(reader)
    } else {
        Err(Malformed("unknown version of a namespace record"))
    }
}

pub(crate) fn flags(reader: &mut Reader<'_>, known: u64) -> Result<u64, Malformed> {
    let flags = reader.varint()?;
    if flags & !known == 0 {
        Ok(flags)
    } else {
        Err(Malformed("unknown flags of a namespace record"))
    }
}

/// Checks the optional fields and returns them as they are.
pub(crate) fn optional_fields(reader: Reader<'_>) -> Result<Vec<u8>, Malformed> {
    let fields = reader.rest().to_vec();
    check_optional_fields(reader)?;
    Ok(fields)
}

/// For records of which none is known.
fn check_optional_fields(mut reader: Reader<'_>) -> Result<(), Malformed> {
    while !reader.is_empty() {
        if reader.u8()? & fields::CRITICAL != 0 {
            return Err(Malformed("unknown critical field of a namespace record"));
        }
        reader.bytes()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bucket_record() -> EntryRecord {
        EntryRecord {
            owner: Name::new("alice").unwrap(),
            created: Timestamp(7),
            modified: Timestamp(8),
            kind: RecordKind::Bucket(Bucket {
                id: BucketId(9),
                acl: CannedAcl::PublicRead,
                object_lock: true,
                protected: false,
                quota_bytes: None,
                quota_namespace: None,
                expire_uploads: None,
            }),
            acl: Acl::EMPTY,
            extra: Vec::new(),
        }
    }

    #[test]
    fn unknown_optional_fields_are_kept_and_critical_ones_refused() {
        let mut record = bucket_record();
        record.extra = vec![0x05, 2, b'h', b'i'];
        let bytes = record.encode();
        assert_eq!(EntryRecord::decode(&bytes).unwrap(), record);
        record.extra = vec![0x85, 2, b'h', b'i'];
        assert!(EntryRecord::decode(&record.encode()).is_err());
    }

    #[test]
    fn unknown_versions_kinds_flags_and_lists_are_refused() {
        let good = bucket_record().encode();
        for (at, value) in [(0, 2), (0, 0), (1, 0), (1, 3), (10, 4), (11, 4)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert!(EntryRecord::decode(&bad).is_err(), "byte {at} = {value}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = VolumeRecord::decode(&bytes);
            let _ = EntryRecord::decode(&bytes);
            let _ = decode_counter(&bytes);
        }

        #[test]
        fn what_decodes_encodes_to_the_same(bytes in proptest::collection::vec(0u8..4, 0..60)) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() { *first = 1; }
            if let Ok(record) = EntryRecord::decode(&bytes) {
                let again = EntryRecord::decode(&record.encode());
                prop_assert_eq!(again.ok(), Some(record));
            }
        }
    }
}
