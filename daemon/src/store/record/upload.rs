//! Records of multipart uploads.

use super::Body;
use super::fields::{decode_checksum, encode_checksum, framed, put_upload, take_upload, unframed};
use crate::base::codec::{Malformed, Put};
use crate::base::{BucketId, Timestamp, UploadId};
use crate::store::meta::{Checksum, ObjectMeta};

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

impl UploadRecord {
    /// The whole payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        framed(|out| {
            put_upload(out, self.bucket, &self.key, self.upload);
            out.put_u64(self.started.0);
            self.meta.encode(out);
        })
    }

    /// Decodes a payload.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let (mut head, _) = unframed(payload)?;
        let (bucket, key, upload) = take_upload(&mut head)?;
        let record = Self {
            bucket,
            key,
            upload,
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
        record.body.check_inline(record.size, rest)?;
        Ok((record, rest))
    }
}

impl AbortRecord {
    /// The whole payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        framed(|out| {
            put_upload(out, self.bucket, &self.key, self.upload);
        })
    }

    /// Decodes a payload.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let (mut head, _) = unframed(payload)?;
        let (bucket, key, upload) = take_upload(&mut head)?;
        let record = Self {
            bucket,
            key,
            upload,
        };
        head.finish()?;
        Ok(record)
    }
}
