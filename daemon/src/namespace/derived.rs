//! What the index keeps beside a primary record, so that a request needs one probe: with a link
//! where it leads, with an access key whose it is.

use crate::base::Timestamp;
use crate::base::codec::{Malformed, Put, Reader};
use crate::namespace::acl::Acl;
use crate::namespace::name::Name;
use crate::namespace::record::{self, EntryRecord, KeyRecord, RecordKind, UserRecord};
use crate::namespace::types::{
    Credential, Entry, EntryKind, Link, LinkStatus, Resolution, Target, UserId,
};

/// A value of the index: a primary record and what was derived for it.
pub(crate) fn pack(primary: &[u8], derived: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(primary.len() + derived.len() + 3);
    out.put_bytes(primary);
    out.extend_from_slice(derived);
    out
}

/// Inverse of [`pack`].
pub(crate) fn unpack(value: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(value);
    let primary = reader.bytes()?;
    Ok((primary, reader.rest()))
}

/// A value of the index as an entry.
pub(crate) fn entry(volume: Name, name: Name, value: &[u8]) -> Result<Entry, Malformed> {
    let (primary, derived) = unpack(value)?;
    let record = EntryRecord::decode(primary)?;
    let kind = match record.kind {
        RecordKind::Bucket(bucket) => EntryKind::Bucket(bucket),
        RecordKind::Link(source_volume, source_bucket) => EntryKind::Link(Box::new(Link {
            source_volume,
            source_bucket,
            read_only: false,
            prefix: None,
            expires: None,
            bind: None,
            delegate: None,
            generation: 1,
            changed: record.created,
            changed_by: record.owner,
            resolution: decode_resolution(derived)?,
        })),
    };
    Ok(Entry {
        volume,
        name,
        owner: record.owner,
        created: record.created,
        modified: record.modified,
        kind,
        acl: Acl::EMPTY,
    })
}

pub(crate) fn encode_resolution(resolution: &Resolution) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    out.put_u8(match resolution.status {
        LinkStatus::Ok => 0,
        LinkStatus::Dangling => 1,
        LinkStatus::Loop => 2,
        LinkStatus::TooDeep | LinkStatus::Expired => 3,
    });
    out.put_u8(resolution.hops);
    out.put_str(&resolution.volume);
    out.put_str(&resolution.bucket);
    if let Some(target) = &resolution.target {
        record::put_bucket(&mut out, &target.bucket);
        out.put_str(&target.owner);
        out.put_u64(target.created.0);
    }
    out
}

pub(crate) fn decode_resolution(bytes: &[u8]) -> Result<Resolution, Malformed> {
    let mut reader = Reader::new(bytes);
    let status = match reader.u8()? {
        0 => LinkStatus::Ok,
        1 => LinkStatus::Dangling,
        2 => LinkStatus::Loop,
        3 => LinkStatus::TooDeep,
        _ => return Err(Malformed("status of a link")),
    };
    let resolution = Resolution {
        status,
        hops: reader.u8()?,
        volume: record::name(&mut reader)?,
        bucket: record::name(&mut reader)?,
        target: match status {
            LinkStatus::Ok => Some(Target {
                bucket: record::bucket(&mut reader)?,
                owner: record::name(&mut reader)?,
                created: Timestamp(reader.u64()?),
            }),
            _ => None,
        },
        prefix: None,
        read_only: false,
        expires: None,
        delegated: false,
    };
    reader.finish()?;
    Ok(resolution)
}

/// What the index keeps with an access key of `user`.
pub(crate) fn encode_holder(user: &UserRecord) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&user.id.0);
    out.put_u8(u8::from(user.admin));
    out.put_str(&user.display_name);
    out.extend_from_slice(&record::encode_names(&user.groups));
    out
}

/// A value of the index as a credential.
pub(crate) fn credential(access_key: &str, value: &[u8]) -> Result<Credential, Malformed> {
    let (primary, derived) = unpack(value)?;
    let key = KeyRecord::decode(primary)?;
    let mut reader = Reader::new(derived);
    let id = UserId(reader.array()?);
    let admin = match reader.u8()? {
        0 => false,
        1 => true,
        _ => return Err(Malformed("holder of an access key")),
    };
    let display_name = reader.str()?.to_owned();
    let groups = record::decode_names(reader.rest())?;
    let (tenant_admin, delegated) = match &key.member {
        Some(member) => (member.admin, member.delegated),
        None => (false, false),
    };
    Ok(Credential {
        access_key: access_key.to_owned(),
        secret: key.secret,
        previous: key.previous,
        user: key.user,
        id,
        display_name,
        // Whoever may hand out an access id of a tenant must not make an administrator with it.
        admin: admin && key.member.is_none(),
        groups,
        tenant: key.member.map(|member| member.tenant),
        tenant_admin,
        delegated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let name = Name::new("abc").unwrap();
            let _ = entry(name, name, &bytes);
            let _ = credential("abc", &bytes);
            let _ = decode_resolution(&bytes);
        }
    }
}
