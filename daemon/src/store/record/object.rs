//! Records of objects.

use super::fields::{framed, narrow, put_version, take_version, unframed};
use super::{Body, ETag};
use crate::base::codec::{Malformed, Put};
use crate::base::{BucketId, Timestamp, UploadId, VersionId};
use crate::store::meta::ObjectMeta;

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

impl ObjectRecord {
    /// The payload's head; an inline body follows it.
    #[must_use]
    pub fn encode_head(&self) -> Vec<u8> {
        framed(|out| {
            put_version(out, self.bucket, &self.key, self.version);
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
        let (bucket, key, version) = take_version(&mut head)?;
        let record = Self {
            bucket,
            key,
            version,
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
        record.body.check_inline(record.size, rest)?;
        Ok((record, rest))
    }
}

impl ObjectRecord {
    /// Bytes of memory it takes, about.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let body = match &self.body {
            Body::Inline(_) => 0,
            Body::Extents(extents) => size_of_val(extents.as_slice()),
            Body::Parts(parts) => {
                let checksums: usize = parts.iter().map(|part| part.checksum.len()).sum();
                size_of_val(parts.as_slice()) + checksums
            }
        };
        size_of::<Self>() + self.key.len() + self.meta.memory_bytes() + body
    }
}

impl DeleteRecord {
    /// The whole payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        framed(|out| {
            put_version(out, self.bucket, &self.key, self.version);
            out.put_u64(self.modified.0);
        })
    }

    /// Decodes a payload.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let (mut head, _) = unframed(payload)?;
        let (bucket, key, version) = take_version(&mut head)?;
        let record = Self {
            bucket,
            key,
            version,
            modified: Timestamp(head.u64()?),
        };
        head.finish()?;
        Ok(record)
    }
}
