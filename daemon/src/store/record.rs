//! Payloads of a shard's log records. `docs/format/records.md` shows them byte by byte.

use crate::base::codec::{Malformed, Put, Reader};
use crate::base::{BucketId, Location, Timestamp, UploadId, VersionId};
use crate::log::ExtentRef;
use crate::store::meta::{Checksum, ChecksumAlgorithm, ChecksumKind, ObjectMeta};

/// Record kinds of a shard's log. The log layer keeps 200 and up for itself.
pub mod kind {
    /// [`super::ObjectRecord`]
    pub const OBJECT: u8 = 1;
    /// [`super::DeleteRecord`]
    pub const DELETE: u8 = 2;
    /// [`super::UploadRecord`]
    pub const UPLOAD: u8 = 3;
    /// [`super::PartRecord`]
    pub const PART: u8 = 4;
    /// [`super::AbortRecord`]
    pub const ABORT: u8 = 5;
}

/// An S3 entity tag: an MD5, with the number of parts for a multipart object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ETag {
    /// MD5 of the body, or of the parts' MD5s.
    pub md5: [u8; 16],
    /// Parts of a multipart object, 0 for a plain one.
    pub parts: u32,
}

impl std::fmt::Display for ETag {
    /// Hexadecimal, `-N` for N parts, without quotes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in self.md5 {
            write!(f, "{byte:02x}")?;
        }
        if self.parts > 0 {
            write!(f, "-{}", self.parts)
        } else {
            Ok(())
        }
    }
}

/// Where a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Behind the record's head, this many bytes.
    Inline(u32),
    /// In extents of the same log, in order.
    Extents(Vec<ExtentRef>),
    /// In the parts of a completed upload, in order.
    Parts(Vec<PartRef>),
}

/// A part of a completed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartRef {
    /// Its number in the upload.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// MD5 of its bytes.
    pub md5: [u8; 16],
    /// Where its [`PartRecord`] is.
    pub at: Location,
    /// Bytes of that record, to read it in one go.
    pub record_len: u32,
    /// Its checksum, of the upload's algorithm; may be empty.
    pub checksum: Vec<u8>,
}

/// An object came to be (or was replaced).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRecord {
    /// The bucket it is in.
    pub bucket: BucketId,
    /// Its key.
    pub key: Vec<u8>,
    /// Its version.
    pub version: VersionId,
    /// Last modification.
    pub modified: Timestamp,
    /// Entity tag.
    pub etag: ETag,
    /// Bytes.
    pub size: u64,
    /// The upload that this record completes; the upload and its parts end with it.
    pub upload: Option<UploadId>,
    /// Everything else the client gave.
    pub meta: ObjectMeta,
    /// Where the bytes are.
    pub body: Body,
}

/// An object was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteRecord {
    /// The bucket it was in.
    pub bucket: BucketId,
    /// Its key.
    pub key: Vec<u8>,
    /// Its version.
    pub version: VersionId,
    /// When.
    pub modified: Timestamp,
}

/// A multipart upload began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRecord {
    /// The bucket it was started in. It stays there, whichever name later calls use.
    pub bucket: BucketId,
    /// The key of the object to be.
    pub key: Vec<u8>,
    /// Its id.
    pub upload: UploadId,
    /// When.
    pub started: Timestamp,
    /// What the object will carry.
    pub meta: ObjectMeta,
}

/// A part was uploaded (or replaced).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartRecord {
    /// The upload it belongs to.
    pub upload: UploadId,
    /// 1 to 10,000.
    pub number: u32,
    /// When.
    pub modified: Timestamp,
    /// MD5 of its bytes.
    pub md5: [u8; 16],
    /// Bytes.
    pub size: u64,
    /// Checksum, when there is one.
    pub checksum: Option<Checksum>,
    /// Where the bytes are: inline or extents.
    pub body: Body,
}

/// An upload was aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbortRecord {
    /// The bucket it was started in.
    pub bucket: BucketId,
    /// The key it was for.
    pub key: Vec<u8>,
    /// Its id.
    pub upload: UploadId,
}

/// Version of the payload encodings in this file.
const FORMAT: u8 = 1;

const BODY_INLINE: u8 = 0;
const BODY_EXTENTS: u8 = 1;
const BODY_PARTS: u8 = 2;

/// Encodes a head: everything of a payload but an inline body, behind its length.
fn framed(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    out.put_u32(0);
    out.put_u8(FORMAT);
    fill(&mut out);
    let len = u32::try_from(out.len() - 4).unwrap_or(u32::MAX);
    if let Some(slot) = out.get_mut(..4) {
        slot.copy_from_slice(&len.to_le_bytes());
    }
    out
}

/// Splits a payload into its head (format checked) and the inline body behind it.
fn unframed(payload: &[u8]) -> Result<(Reader<'_>, &[u8]), Malformed> {
    let mut reader = Reader::new(payload);
    let len = reader.u32()? as usize;
    let mut head = Reader::new(reader.take(len)?);
    if head.u8()? != FORMAT {
        return Err(Malformed("record format of another version"));
    }
    Ok((head, reader.rest()))
}

impl Body {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Inline(len) => {
                out.put_u8(BODY_INLINE);
                out.put_u32(*len);
            }
            Self::Extents(extents) => {
                out.put_u8(BODY_EXTENTS);
                out.put_varint(extents.len() as u64);
                for extent in extents {
                    out.put_u64(extent.at.to_u64());
                    out.put_u32(extent.len);
                }
            }
            Self::Parts(parts) => {
                out.put_u8(BODY_PARTS);
                out.put_varint(parts.len() as u64);
                for part in parts {
                    out.put_varint(u64::from(part.number));
                    out.put_varint(part.size);
                    out.extend_from_slice(&part.md5);
                    out.put_u64(part.at.to_u64());
                    out.put_u32(part.record_len);
                    out.put_bytes(&part.checksum);
                }
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.u8()? {
            BODY_INLINE => Ok(Self::Inline(reader.u32()?)),
            BODY_EXTENTS => {
                let mut extents = Vec::new();
                for _ in 0..reader.varint()? {
                    let at = Location::from_u64(reader.u64()?);
                    extents.push(ExtentRef {
                        at,
                        len: reader.u32()?,
                    });
                }
                Ok(Self::Extents(extents))
            }
            BODY_PARTS => {
                let mut parts = Vec::new();
                for _ in 0..reader.varint()? {
                    parts.push(PartRef {
                        number: narrow(reader.varint()?)?,
                        size: reader.varint()?,
                        md5: reader.array()?,
                        at: Location::from_u64(reader.u64()?),
                        record_len: reader.u32()?,
                        checksum: reader.bytes()?.to_vec(),
                    });
                }
                Ok(Self::Parts(parts))
            }
            _ => Err(Malformed("unknown body kind")),
        }
    }
}

fn narrow(value: u64) -> Result<u32, Malformed> {
    u32::try_from(value).map_err(|_| Malformed("number over 32 bits"))
}

impl ObjectRecord {
    /// The payload's head; an inline body follows it.
    #[must_use]
    pub fn encode_head(&self) -> Vec<u8> {
        framed(|out| {
            out.put_u64(self.bucket.0);
            out.put_bytes(&self.key);
            out.put_u64(self.version.0);
            out.put_u64(self.modified.0);
            out.extend_from_slice(&self.etag.md5);
            out.put_varint(u64::from(self.etag.parts));
            out.put_varint(self.size);
            out.put_u128(self.upload.map_or(0, |u| u.0));
            self.meta.encode(out);
            self.body.encode(out);
        })
    }

    /// Decodes a payload; the second value is the inline body (or empty).
    pub fn decode(payload: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let (mut head, rest) = unframed(payload)?;
        let record = Self {
            bucket: BucketId(head.u64()?),
            key: head.bytes()?.to_vec(),
            version: VersionId(head.u64()?),
            modified: Timestamp(head.u64()?),
            etag: ETag {
                md5: head.array()?,
                parts: narrow(head.varint()?)?,
            },
            size: head.varint()?,
            upload: Some(head.u128()?).filter(|&u| u != 0).map(UploadId),
            meta: ObjectMeta::decode(&mut head)?,
            body: Body::decode(&mut head)?,
        };
        head.finish()?;
        check_inline(&record.body, record.size, rest)?;
        Ok((record, rest))
    }
}

/// An inline body must be exactly as long as the head says.
fn check_inline(body: &Body, size: u64, rest: &[u8]) -> Result<(), Malformed> {
    let right = match body {
        Body::Inline(len) => *len as usize == rest.len() && u64::from(*len) == size,
        Body::Extents(_) | Body::Parts(_) => rest.is_empty(),
    };
    if right {
        Ok(())
    } else {
        Err(Malformed("body length"))
    }
}

impl DeleteRecord {
    /// The whole payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        framed(|out| {
            out.put_u64(self.bucket.0);
            out.put_bytes(&self.key);
            out.put_u64(self.version.0);
            out.put_u64(self.modified.0);
        })
    }

    /// Decodes a payload.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let (mut head, _) = unframed(payload)?;
        let record = Self {
            bucket: BucketId(head.u64()?),
            key: head.bytes()?.to_vec(),
            version: VersionId(head.u64()?),
            modified: Timestamp(head.u64()?),
        };
        head.finish()?;
        Ok(record)
    }
}

impl UploadRecord {
    /// The whole payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        framed(|out| {
            out.put_u64(self.bucket.0);
            out.put_bytes(&self.key);
            out.put_u128(self.upload.0);
            out.put_u64(self.started.0);
            self.meta.encode(out);
        })
    }

    /// Decodes a payload.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let (mut head, _) = unframed(payload)?;
        let record = Self {
            bucket: BucketId(head.u64()?),
            key: head.bytes()?.to_vec(),
            upload: UploadId(head.u128()?),
            started: Timestamp(head.u64()?),
            meta: ObjectMeta::decode(&mut head)?,
        };
        head.finish()?;
        Ok(record)
    }
}

impl PartRecord {
    /// The payload's head; an inline body follows it.
    #[must_use]
    pub fn encode_head(&self) -> Vec<u8> {
        framed(|out| {
            out.put_u128(self.upload.0);
            out.put_u32(self.number);
            out.put_u64(self.modified.0);
            out.extend_from_slice(&self.md5);
            out.put_varint(self.size);
            encode_checksum(self.checksum.as_ref(), out);
            self.body.encode(out);
        })
    }

    /// Decodes a payload; the second value is the inline body (or empty).
    pub fn decode(payload: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let (mut head, rest) = unframed(payload)?;
        let record = Self {
            upload: UploadId(head.u128()?),
            number: head.u32()?,
            modified: Timestamp(head.u64()?),
            md5: head.array()?,
            size: head.varint()?,
            checksum: decode_checksum(&mut head)?,
            body: Body::decode(&mut head)?,
        };
        head.finish()?;
        check_inline(&record.body, record.size, rest)?;
        Ok((record, rest))
    }
}

/// Algorithm (0 for none), then the value. A part's checksum always covers its bytes.
pub(crate) fn encode_checksum(checksum: Option<&Checksum>, out: &mut Vec<u8>) {
    match checksum {
        None => out.put_u8(0),
        Some(checksum) => {
            out.put_u8(checksum.algorithm as u8);
            out.put_bytes(&checksum.value);
        }
    }
}

pub(crate) fn decode_checksum(reader: &mut Reader<'_>) -> Result<Option<Checksum>, Malformed> {
    let algorithm = match reader.u8()? {
        0 => return Ok(None),
        number => ChecksumAlgorithm::from_u8(number).ok_or(Malformed("checksum"))?,
    };
    let value = reader.bytes()?.to_vec();
    Ok(Some(Checksum {
        algorithm,
        kind: ChecksumKind::FullObject,
        value,
    }))
}

impl AbortRecord {
    /// The whole payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        framed(|out| {
            out.put_u64(self.bucket.0);
            out.put_bytes(&self.key);
            out.put_u128(self.upload.0);
        })
    }

    /// Decodes a payload.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let (mut head, _) = unframed(payload)?;
        let record = Self {
            bucket: BucketId(head.u64()?),
            key: head.bytes()?.to_vec(),
            upload: UploadId(head.u128()?),
        };
        head.finish()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn object(body: Body, size: u64) -> ObjectRecord {
        ObjectRecord {
            bucket: BucketId(3),
            key: b"a/b\0c".to_vec(),
            version: VersionId::NULL,
            modified: Timestamp(1_700_000_000_123),
            etag: ETag {
                md5: [7; 16],
                parts: 2,
            },
            size,
            upload: Some(UploadId(99)),
            meta: ObjectMeta::default(),
            body,
        }
    }

    #[test]
    fn an_object_round_trips_with_every_kind_of_body() {
        let extents = Body::Extents(vec![ExtentRef {
            at: Location {
                segment: 1,
                offset: 8,
            },
            len: 5,
        }]);
        let part = PartRef {
            number: 1,
            size: 9,
            md5: [1; 16],
            at: Location {
                segment: 2,
                offset: 16,
            },
            record_len: 80,
            checksum: vec![1, 2],
        };
        for (body, inline) in [
            (Body::Inline(3), &b"xyz"[..]),
            (extents, b""),
            (Body::Parts(vec![part]), b""),
        ] {
            let record = object(body, 3);
            let mut payload = record.encode_head();
            payload.extend_from_slice(inline);
            assert_eq!(ObjectRecord::decode(&payload), Ok((record, inline)));
        }
    }

    #[test]
    fn a_body_of_another_length_is_refused() {
        let mut payload = object(Body::Inline(3), 3).encode_head();
        payload.extend_from_slice(b"xy");
        assert_eq!(
            ObjectRecord::decode(&payload),
            Err(Malformed("body length"))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = ObjectRecord::decode(&bytes);
            let _ = DeleteRecord::decode(&bytes);
            let _ = UploadRecord::decode(&bytes);
            let _ = PartRecord::decode(&bytes);
            let _ = AbortRecord::decode(&bytes);
        }
    }
}
