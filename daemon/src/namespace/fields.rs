//! Optional fields at the end of a record: a tag byte and counted bytes each. The tags of all
//! records stand here, so that none is given twice.

use crate::base::codec::{Malformed, Put, Reader};

/// Bit of a tag that makes its field critical: who does not know it must refuse the record.
pub(crate) const CRITICAL: u8 = 0x80;

/// Of a volume: most bytes in its buckets, u64.
pub(crate) const QUOTA_BYTES: u8 = 0x90;
/// Of a volume: most buckets and links in it, u64.
pub(crate) const QUOTA_NAMESPACE: u8 = 0x91;
/// Of a volume, bucket or link: the access control list.
pub(crate) const ACL: u8 = 0x81;
/// Of a link: nothing may be written through it. Empty.
pub(crate) const LINK_READ_ONLY: u8 = 0x82;
/// Of a link: what the keys it shows begin with.
pub(crate) const LINK_PREFIX: u8 = 0x83;
/// Of a link: when it stops leading anywhere, u64.
pub(crate) const LINK_EXPIRES: u8 = 0x84;
/// Of a link: the number of the bucket it must lead to, u64.
pub(crate) const LINK_BIND: u8 = 0x85;
/// Of a link: who consents that its own list decides.
pub(crate) const LINK_CONSENT: u8 = 0x86;
/// Of a link: number of its source, when it was given and by whom.
pub(crate) const LINK_TURN: u8 = 0x87;
/// Of a user: the groups, counted names.
pub(crate) const GROUPS: u8 = 0x20;
/// Of an access key: the secret before this one and until when it holds.
pub(crate) const PREVIOUS: u8 = 0x21;
/// Of an access key: the tenant it belongs to, and what it may do there. Ignoring it would show
/// another volume.
pub(crate) const TENANT: u8 = 0xa0;

/// Gives every field to `take`, which says whether it knows the tag. Returns the others as they
/// are, to be carried along.
pub(crate) fn read<'a>(
    mut reader: Reader<'a>,
    mut take: impl FnMut(u8, &'a [u8]) -> Result<bool, Malformed>,
) -> Result<Vec<u8>, Malformed> {
    let mut others = Vec::new();
    while !reader.is_empty() {
        let (tag, value) = (reader.u8()?, reader.bytes()?);
        if take(tag, value)? {
            continue;
        }
        if tag & CRITICAL != 0 {
            return Err(Malformed("unknown critical field of a namespace record"));
        }
        put(&mut others, tag, value);
    }
    Ok(others)
}

/// Appends a field.
pub(crate) fn put(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    out.put_u8(tag);
    out.put_bytes(value);
}

/// Appends a number, if there is one.
pub(crate) fn put_u64(out: &mut Vec<u8>, tag: u8, value: Option<u64>) {
    if let Some(value) = value {
        put(out, tag, &value.to_le_bytes());
    }
}

/// Inverse of [`put_u64`]; a field that comes twice is refused.
pub(crate) fn take_u64(into: &mut Option<u64>, value: &[u8]) -> Result<bool, Malformed> {
    let bytes = <[u8; 8]>::try_from(value).map_err(|_| Malformed("number of a record"))?;
    match into.replace(u64::from_le_bytes(bytes)) {
        None => Ok(true),
        Some(_) => Err(Malformed("a field of a record comes twice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fields_are_taken_others_kept_and_critical_ones_refused() {
        let mut bytes = Vec::new();
        put(&mut bytes, 0x05, b"hi");
        put_u64(&mut bytes, QUOTA_BYTES, Some(7));
        let mut quota = None;
        let rest = read(Reader::new(&bytes), |tag, value| match tag {
            QUOTA_BYTES => take_u64(&mut quota, value),
            _ => Ok(false),
        });
        assert_eq!((quota, rest.unwrap()), (Some(7), vec![0x05, 2, b'h', b'i']));
        assert!(read(Reader::new(&bytes), |_, _| Ok(false)).is_err());
        assert!(take_u64(&mut quota, &[0; 8]).is_err(), "twice");
        assert!(take_u64(&mut None, &[0; 7]).is_err(), "short");
    }
}
