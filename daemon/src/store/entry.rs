//! Values of the object index: what LIST, HEAD and conditions need without reading the log, and
//! where the rest is.

use crate::base::codec::{Malformed, Put, Reader};
use crate::base::{BucketId, Location, Timestamp};
use crate::store::keys;
use crate::store::meta::{Checksum, ChecksumAlgorithm};
use crate::store::record::{self, ETag};

/// Where the record is that made an entry of the index what it is, and how long its payload; `None`
/// for entries that no record of their own stands behind.
#[must_use]
pub fn record_of(index_key: &[u8], value: &[u8]) -> Option<(Location, u32)> {
    match *index_key.first()? {
        keys::SPACE_OBJECT => ObjectEntry::decode(value)
            .ok()
            .map(|e| (e.at, e.record_len)),
        keys::SPACE_UPLOAD => UploadEntry::decode(value)
            .ok()
            .map(|e| (e.at, e.record_len)),
        keys::SPACE_PART => PartEntry::decode(value).ok().map(|e| (e.at, e.record_len)),
        _ => None,
    }
}

/// An object as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Where its record is.
    pub at: Location,
    /// Bytes of that record's payload, so that it can be read in one go.
    pub record_len: u32,
    /// Bytes of the object.
    pub size: u64,
    /// Last modification.
    pub modified: Timestamp,
    /// Entity tag.
    pub etag: ETag,
    /// Algorithm of the stored checksum, for listings.
    pub checksum: Option<ChecksumAlgorithm>,
    /// Whether its bytes stand elsewhere than in its record: in extents or parts.
    pub apart: bool,
}

/// In an object's first byte, beside the checksum's algorithm: [`ObjectEntry::apart`].
const APART: u8 = 0x80;

impl ObjectEntry {
    /// Appends the encoded form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let apart = if self.apart { APART } else { 0 };
        out.put_u8(self.checksum.map_or(0, |c| c as u8) | apart);
        out.put_u64(self.at.to_u64());
        out.put_varint(u64::from(self.record_len));
        out.put_varint(self.size);
        out.put_varint(self.modified.0);
        out.extend_from_slice(&self.etag.md5);
        out.put_varint(u64::from(self.etag.parts));
    }

    /// The size alone, for counting.
    pub fn size_of(bytes: &[u8]) -> Result<u64, Malformed> {
        let mut reader = Reader::new(bytes);
        reader.take(9)?;
        reader.varint()?;
        reader.varint()
    }

    /// Reads what [`ObjectEntry::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8()?;
        let entry = Self {
            checksum: ChecksumAlgorithm::from_u8(first & !APART),
            apart: first & APART != 0,
            at: Location::from_u64(reader.u64()?),
            record_len: u32_of(reader.varint()?)?,
            size: reader.varint()?,
            modified: Timestamp(reader.varint()?),
            etag: ETag {
                md5: reader.array()?,
                parts: u32_of(reader.varint()?)?,
            },
        };
        reader.finish()?;
        Ok(entry)
    }
}

fn u32_of(value: u64) -> Result<u32, Malformed> {
    u32::try_from(value).map_err(|_| Malformed("number over 32 bits"))
}

/// An upload as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadEntry {
    /// Where its record is.
    pub at: Location,
    /// Bytes of that record's payload.
    pub record_len: u32,
    /// When it began.
    pub started: Timestamp,
}

impl UploadEntry {
    /// Appends the encoded form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64(self.at.to_u64());
        out.put_varint(u64::from(self.record_len));
        out.put_varint(self.started.0);
    }

    /// Reads what [`UploadEntry::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let entry = Self {
            at: Location::from_u64(reader.u64()?),
            record_len: u32_of(reader.varint()?)?,
            started: Timestamp(reader.varint()?),
        };
        reader.finish()?;
        Ok(entry)
    }
}

/// A part as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartEntry {
    /// The bucket it counts for: the upload's.
    pub bucket: BucketId,
    /// Where its record is.
    pub at: Location,
    /// Bytes of that record's payload.
    pub record_len: u32,
    /// Bytes of the part.
    pub size: u64,
    /// When it was uploaded.
    pub modified: Timestamp,
    /// MD5 of its bytes.
    pub md5: [u8; 16],
    /// Its checksum, when there is one.
    pub checksum: Option<Checksum>,
}

impl PartEntry {
    /// Appends the encoded form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64(self.bucket.0);
        out.put_u64(self.at.to_u64());
        out.put_varint(u64::from(self.record_len));
        out.put_varint(self.size);
        out.put_varint(self.modified.0);
        out.extend_from_slice(&self.md5);
        record::encode_checksum(self.checksum.as_ref(), out);
    }

    /// The bucket and the size alone, for counting.
    pub fn size_of(bytes: &[u8]) -> Result<(BucketId, u64), Malformed> {
        let mut reader = Reader::new(bytes);
        let bucket = BucketId(reader.u64()?);
        reader.take(8)?;
        reader.varint()?;
        Ok((bucket, reader.varint()?))
    }

    /// Reads what [`PartEntry::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let entry = Self {
            bucket: BucketId(reader.u64()?),
            at: Location::from_u64(reader.u64()?),
            record_len: u32_of(reader.varint()?)?,
            size: reader.varint()?,
            modified: Timestamp(reader.varint()?),
            md5: reader.array()?,
            checksum: record::decode_checksum(&mut reader)?,
        };
        reader.finish()?;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_object_entry_is_small() {
        let entry = ObjectEntry {
            at: Location {
                segment: 12,
                offset: 4096,
            },
            record_len: 4300,
            size: 4096,
            modified: Timestamp(1_800_000_000_000),
            etag: ETag {
                md5: [9; 16],
                parts: 0,
            },
            checksum: None,
            apart: true,
        };
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        assert_eq!(ObjectEntry::decode(&bytes), Ok(entry));
        assert_eq!(ObjectEntry::size_of(&bytes), Ok(entry.size));
        assert!(bytes.len() <= 40, "{} bytes", bytes.len());
    }

    #[test]
    fn a_part_says_whose_it_is() {
        let entry = PartEntry {
            bucket: BucketId(3),
            at: Location {
                segment: 2,
                offset: 512,
            },
            record_len: 90,
            size: 5 << 20,
            modified: Timestamp(1_800_000_000_000),
            md5: [1; 16],
            checksum: None,
        };
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        assert_eq!(PartEntry::size_of(&bytes), Ok((entry.bucket, entry.size)));
        assert_eq!(PartEntry::decode(&bytes), Ok(entry));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = ObjectEntry::decode(&bytes);
            let _ = UploadEntry::decode(&bytes);
            let _ = PartEntry::decode(&bytes);
        }
    }
}
