//! Keys of the object index. All of a shard's state lives in one ordered map of byte strings; the
//! first byte of a key says which kind of thing it is.
//!
//! ```text
//! object   01 | bucket u64 BE | escaped key 00 00 | version u64 BE
//! upload   02 | bucket u64 BE | escaped key 00 00 | upload id u128 BE
//! part     03 | upload id u128 BE | part number u32 BE
//! name     04 | place of an extent or of a part's record u64 BE | place of the record that names it u64 BE
//! ```
//!
//! A zero byte inside an object key is escaped as `00 FF`, so that the terminator `00 00` sorts
//! before every continuation and keys keep their byte order (the FoundationDB tuple encoding).

use crate::base::{BucketId, Location, UploadId, VersionId};

/// First byte of an object's index key.
pub const SPACE_OBJECT: u8 = 1;
/// First byte of an upload's index key.
pub const SPACE_UPLOAD: u8 = 2;
/// First byte of a part's index key.
pub const SPACE_PART: u8 = 3;
/// First byte of the index key that says which record names a place in the log.
pub const SPACE_NAMED: u8 = 4;

/// The index key that says that the record at `by` names what is at `place`.
#[must_use]
pub fn named(place: Location, by: Location) -> Vec<u8> {
    let mut out = named_prefix(place);
    out.extend_from_slice(&by.to_u64().to_be_bytes());
    out
}

/// Prefix of [`named`] for one place. A place at offset 0 comes before all others of its segment.
#[must_use]
pub fn named_prefix(place: Location) -> Vec<u8> {
    let mut out = Vec::with_capacity(17);
    out.push(SPACE_NAMED);
    out.extend_from_slice(&place.to_u64().to_be_bytes());
    out
}

/// The two places in an index key of [`named`].
#[must_use]
pub fn parse_named(index_key: &[u8]) -> Option<(Location, Location)> {
    let (place, by) = index_key
        .strip_prefix(&[SPACE_NAMED])?
        .split_at_checked(8)?;
    let place = u64::from_be_bytes(place.try_into().ok()?);
    let by = u64::from_be_bytes(by.try_into().ok()?);
    Some((Location::from_u64(place), Location::from_u64(by)))
}

/// Prefix of everything of one kind in a bucket.
#[must_use]
pub fn bucket_prefix(space: u8, bucket: BucketId) -> Vec<u8> {
    let mut out = Vec::with_capacity(9);
    out.push(space);
    out.extend_from_slice(&bucket.0.to_be_bytes());
    out
}

/// The bucket in an object's or upload's index key.
#[must_use]
pub fn bucket_of(index_key: &[u8]) -> Option<BucketId> {
    let number = index_key.get(1..9)?.first_chunk::<8>()?;
    Some(BucketId(u64::from_be_bytes(*number)))
}

/// The upload in an upload's index key.
#[must_use]
pub fn upload_of(index_key: &[u8]) -> Option<UploadId> {
    let (_, id) = index_key.split_last_chunk::<16>()?;
    Some(UploadId(u128::from_be_bytes(*id)))
}

fn push_escaped(out: &mut Vec<u8>, key: &[u8]) {
    let mut rest = key;
    while let Some(at) = memchr_zero(rest) {
        let (head, tail) = rest.split_at(at);
        out.extend_from_slice(head);
        out.extend_from_slice(&[0x00, 0xff]);
        rest = tail.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

fn memchr_zero(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(0, bytes)
}

/// The index key of one version of an object.
#[must_use]
pub fn object(bucket: BucketId, key: &[u8], version: VersionId) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + key.len() + 10);
    object_into(&mut out, bucket, key, version);
    out
}

/// [`object`] into a reused buffer, for the read path.
pub fn object_into(out: &mut Vec<u8>, bucket: BucketId, key: &[u8], version: VersionId) {
    out.clear();
    out.push(SPACE_OBJECT);
    out.extend_from_slice(&bucket.0.to_be_bytes());
    push_escaped(out, key);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&version.0.to_be_bytes());
}

/// The smallest index key of any object whose key is `key` or greater (when `exclusive`: greater
/// than `key` itself).
#[must_use]
pub fn object_seek(bucket: BucketId, key: &[u8], exclusive: bool) -> Vec<u8> {
    seek(SPACE_OBJECT, bucket, key, exclusive)
}

/// [`object_seek`] into a reused buffer.
pub fn object_seek_into(out: &mut Vec<u8>, bucket: BucketId, key: &[u8], exclusive: bool) {
    seek_into(out, SPACE_OBJECT, bucket, key, exclusive);
}

/// As [`object_seek`], for uploads.
#[must_use]
pub fn upload_seek(bucket: BucketId, key: &[u8], exclusive: bool) -> Vec<u8> {
    seek(SPACE_UPLOAD, bucket, key, exclusive)
}

fn seek(space: u8, bucket: BucketId, key: &[u8], exclusive: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + key.len() + 2);
    seek_into(&mut out, space, bucket, key, exclusive);
    out
}

fn seek_into(out: &mut Vec<u8>, space: u8, bucket: BucketId, key: &[u8], exclusive: bool) {
    out.clear();
    out.push(space);
    out.extend_from_slice(&bucket.0.to_be_bytes());
    push_escaped(out, key);
    if exclusive {
        // After `key 00 00 ...` and before `key 00 FF ...`, the next key that continues it.
        out.extend_from_slice(&[0x00, 0x01]);
    }
}

/// The index key of an upload.
#[must_use]
pub fn upload(bucket: BucketId, key: &[u8], upload: UploadId) -> Vec<u8> {
    let mut out = bucket_prefix(SPACE_UPLOAD, bucket);
    push_escaped(&mut out, key);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&upload.0.to_be_bytes());
    out
}

/// Prefix of the parts of an upload.
#[must_use]
pub fn parts_prefix(upload: UploadId) -> Vec<u8> {
    let mut out = Vec::with_capacity(21);
    out.push(SPACE_PART);
    out.extend_from_slice(&upload.0.to_be_bytes());
    out
}

/// The index key of a part.
#[must_use]
pub fn part(upload: UploadId, number: u32) -> Vec<u8> {
    let mut out = parts_prefix(upload);
    out.extend_from_slice(&number.to_be_bytes());
    out
}

/// The upload in a part's index key.
#[must_use]
pub fn upload_of_part(index_key: &[u8]) -> Option<UploadId> {
    let id = index_key.get(1..)?.first_chunk::<16>()?;
    Some(UploadId(u128::from_be_bytes(*id)))
}

/// The part number in a part's index key.
#[must_use]
pub fn parse_part(index_key: &[u8]) -> Option<u32> {
    let (_, number) = index_key.split_last_chunk::<4>()?;
    Some(u32::from_be_bytes(*number))
}

/// The object key in an object's index key. It is lent from there unless it holds zero bytes; then
/// it is put together in `scratch`.
#[must_use]
pub fn object_key<'k>(index_key: &'k [u8], scratch: &'k mut Vec<u8>) -> Option<&'k [u8]> {
    let (front, _) = index_key.split_last_chunk::<8>()?;
    let terminated = front.get(9..)?;
    let key = terminated.strip_suffix(&[0, 0])?;
    if memchr_zero(key).is_none() {
        return Some(key);
    }
    scratch.clear();
    unescape(terminated, scratch)?;
    Some(scratch)
}

/// Splits an upload's index key into the object key (appended to `key`, unescaped) and the upload.
#[must_use]
pub fn parse_upload(index_key: &[u8], key: &mut Vec<u8>) -> Option<UploadId> {
    let (front, id) = index_key.split_last_chunk::<16>()?;
    unescape(front.get(9..)?, key)?;
    Some(UploadId(u128::from_be_bytes(*id)))
}

fn unescape(terminated: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = terminated.strip_suffix(&[0, 0])?;
    while let Some(at) = memchr_zero(rest) {
        let (head, tail) = rest.split_at(at);
        out.extend_from_slice(head);
        rest = tail.strip_prefix(&[0x00, 0xff])?;
        out.push(0);
    }
    out.extend_from_slice(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key_bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(
            prop_oneof![Just(0u8), Just(1), Just(0xff), any::<u8>()],
            0..12,
        )
    }

    proptest! {
        #[test]
        fn order_is_kept_and_keys_round_trip(a in key_bytes(), b in key_bytes()) {
            let bucket = BucketId(7);
            let (x, y) = (object(bucket, &a, VersionId::NULL), object(bucket, &b, VersionId::NULL));
            prop_assert_eq!(a.cmp(&b), x.cmp(&y));
            let mut back = Vec::new();
            prop_assert_eq!(object_key(&x, &mut back), Some(a.as_slice()));
            // Seeking finds exactly the keys at or after (after) the one asked for.
            prop_assert_eq!(y >= object_seek(bucket, &a, false), b >= a);
            prop_assert_eq!(y >= object_seek(bucket, &a, true), b > a);
        }

        #[test]
        fn parsing_arbitrary_bytes_never_panics(bytes: Vec<u8>) {
            let mut key = Vec::new();
            let _ = object_key(&bytes, &mut key);
            let _ = parse_upload(&bytes, &mut key);
            let _ = parse_part(&bytes);
        }
    }
}
