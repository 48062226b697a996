//! What the encodings of several kinds share: the frame, the names of things, checksums.

use crate::base::codec::{Malformed, Put, Reader};
use crate::base::{BucketId, UploadId, VersionId};
use crate::store::meta::{Checksum, ChecksumAlgorithm, ChecksumKind};

/// Version of the payload encodings of this module.
const FORMAT: u8 = 1;

/// Encodes a head: everything of a payload but an inline body, behind its length.
pub(super) fn framed(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
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
pub(super) fn unframed(payload: &[u8]) -> Result<(Reader<'_>, &[u8]), Malformed> {
    let mut reader = Reader::new(payload);
    let len = reader.u32()? as usize;
    let mut head = Reader::new(reader.take(len)?);
    if head.u8()? != FORMAT {
        return Err(Malformed("record format of another version"));
    }
    Ok((head, reader.rest()))
}

pub(super) fn narrow(value: u64) -> Result<u32, Malformed> {
    u32::try_from(value).map_err(|_| Malformed("number over 32 bits"))
}

/// A bucket and a key, whose records begin with them.
pub(super) fn put_name(out: &mut Vec<u8>, bucket: BucketId, key: &[u8]) {
    out.put_u64(bucket.0);
    out.put_bytes(key);
}

pub(super) fn take_name(head: &mut Reader<'_>) -> Result<(BucketId, Vec<u8>), Malformed> {
    Ok((BucketId(head.u64()?), head.bytes()?.to_vec()))
}

/// A version of an object.
pub(super) fn put_version(out: &mut Vec<u8>, bucket: BucketId, key: &[u8], version: VersionId) {
    put_name(out, bucket, key);
    out.put_u64(version.0);
}

pub(super) fn take_version(
    head: &mut Reader<'_>,
) -> Result<(BucketId, Vec<u8>, VersionId), Malformed> {
    let (bucket, key) = take_name(head)?;
    Ok((bucket, key, VersionId(head.u64()?)))
}

/// An upload for a key.
pub(super) fn put_upload(out: &mut Vec<u8>, bucket: BucketId, key: &[u8], upload: UploadId) {
    put_name(out, bucket, key);
    out.put_u128(upload.0);
}

pub(super) fn take_upload(
    head: &mut Reader<'_>,
) -> Result<(BucketId, Vec<u8>, UploadId), Malformed> {
    let (bucket, key) = take_name(head)?;
    Ok((bucket, key, UploadId(head.u128()?)))
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
