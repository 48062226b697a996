//! What the index keeps beside a primary record, so that a request needs one probe: with a link
//! where it leads, with an access key whose it is.

use crate::base::Timestamp;
use crate::base::codec::{Malformed, Put, Reader};
use crate::namespace::gates::Way;
use crate::namespace::link::LinkRecord;
use crate::namespace::name::Name;
use crate::namespace::record::{self, EntryRecord, RecordKind};
use crate::namespace::record_user::{self, KeyRecord, UserRecord};
use crate::namespace::resolve::Followed;
use crate::namespace::types::{
    Credential, Entry, EntryKind, Link, LinkStatus, Resolution, Target, UserId,
};
use crate::namespace::vault::{Role, Vault};

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
        RecordKind::Link(link) => {
            let resolution = OfLink::decode(derived)?.resolution;
            EntryKind::Link(Box::new(shown_link(*link, resolution)))
        }
    };
    Ok(Entry {
        volume,
        name,
        owner: record.owner,
        created: record.created,
        modified: record.modified,
        kind,
        acl: record.acl,
    })
}

fn shown_link(link: LinkRecord, resolution: Resolution) -> Link {
    Link {
        source_volume: link.source.0,
        source_bucket: link.source.1,
        read_only: link.read_only,
        prefix: link.prefix,
        expires: link.expires,
        bind: link.bind,
        delegate: link.delegate,
        generation: link.turn.generation,
        changed: link.turn.at,
        changed_by: link.turn.by,
        resolution,
    }
}

const READ_ONLY: u8 = 1;
const PREFIX: u8 = 2;
const EXPIRES: u8 = 4;
/// The link itself is delegated.
const DELEGATED: u8 = 8;
/// A link on the way is delegated, this one or another.
const ANY_DELEGATED: u8 = 16;
/// A list of the way stands elsewhere.
const ELSEWHERE: u8 = 32;
const FLAGS: u8 = 63;

/// What is kept with a bucket: who may pass.
pub(crate) struct OfBucket<'a> {
    pub(crate) elsewhere: bool,
    pub(crate) way: &'a [u8],
}

impl<'a> OfBucket<'a> {
    pub(crate) fn encode(way: &Way) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + way.bytes.len());
        out.put_u8(if way.elsewhere { ELSEWHERE } else { 0 });
        out.extend_from_slice(&way.bytes);
        out
    }

    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u8()?;
        if flags & !ELSEWHERE != 0 {
            return Err(Malformed("flags of a bucket's way"));
        }
        Ok(Self {
            elsewhere: flags & ELSEWHERE != 0,
            way: reader.rest(),
        })
    }
}

/// What is kept with a link: where it leads, and who may pass.
pub(crate) struct OfLink<'a> {
    pub(crate) resolution: Resolution,
    /// Whether any link on the way is delegated.
    pub(crate) delegated: bool,
    pub(crate) elsewhere: bool,
    /// Empty when it leads nowhere.
    pub(crate) way: &'a [u8],
}

const STATUS: [LinkStatus; 4] = [
    LinkStatus::Ok,
    LinkStatus::Dangling,
    LinkStatus::Loop,
    LinkStatus::TooDeep,
];

impl<'a> OfLink<'a> {
    pub(crate) fn encode(followed: &Followed) -> Vec<u8> {
        let resolution = &followed.resolution;
        let elsewhere = followed.way.as_ref().is_some_and(|way| way.elsewhere);
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let status = STATUS.iter().position(|s| *s == resolution.status);
        let mut out = Vec::with_capacity(128);
        out.put_u8(status.and_then(|s| u8::try_from(s).ok()).unwrap_or(u8::MAX));
        out.put_u8(resolution.hops);
        out.put_u8(
            flag(resolution.read_only, READ_ONLY)
                | flag(resolution.prefix.is_some(), PREFIX)
                | flag(resolution.expires.is_some(), EXPIRES)
                | flag(resolution.delegated, DELEGATED)
                | flag(followed.delegated, ANY_DELEGATED)
                | flag(elsewhere, ELSEWHERE),
        );
        out.put_str(&resolution.volume);
        out.put_str(&resolution.bucket);
        resolution.prefix.iter().for_each(|p| out.put_str(p));
        resolution.expires.iter().for_each(|t| out.put_u64(t.0));
        if let (Some(target), Some(way)) = (&resolution.target, &followed.way) {
            record::put_bucket(&mut out, &target.bucket);
            out.put_str(&target.owner);
            out.put_u64(target.created.0);
            out.extend_from_slice(&way.bytes);
        }
        out
    }

    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let status = STATUS.get(usize::from(reader.u8()?)).copied();
        let status = status.ok_or(Malformed("status of a link"))?;
        let (hops, flags) = (reader.u8()?, reader.u8()?);
        if flags & !FLAGS != 0 {
            return Err(Malformed("flags of a link's way"));
        }
        let has = |flag: u8| flags & flag != 0;
        let (volume, bucket) = (record::name(&mut reader)?, record::name(&mut reader)?);
        let prefix = match has(PREFIX) {
            true => Some(reader.str()?.into()),
            false => None,
        };
        let expires = match has(EXPIRES) {
            true => Some(Timestamp(reader.u64()?)),
            false => None,
        };
        let target = match status {
            LinkStatus::Ok => Some(Target {
                bucket: record::bucket(&mut reader)?,
                owner: record::name(&mut reader)?,
                created: Timestamp(reader.u64()?),
            }),
            _ => None,
        };
        Ok(Self {
            resolution: Resolution {
                status,
                hops,
                volume,
                bucket,
                target,
                prefix,
                read_only: has(READ_ONLY),
                expires,
                delegated: has(DELEGATED),
            },
            delegated: has(ANY_DELEGATED),
            elsewhere: has(ELSEWHERE),
            way: reader.rest(),
        })
    }
}

/// The bytes of a link's value with another status; the link leads nowhere, before and after.
pub(crate) fn with_status(derived: &[u8], status: LinkStatus) -> Option<Vec<u8>> {
    let number = STATUS.iter().position(|s| *s == status)?;
    let (_, rest) = derived.split_first()?;
    Some([&[u8::try_from(number).ok()?], rest].concat())
}

/// What the index keeps with an access key of `user`.
pub(crate) fn encode_holder(user: &UserRecord) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&user.id.0);
    out.put_u8(u8::from(user.admin));
    out.put_str(&user.display_name);
    out.extend_from_slice(&record_user::encode_names(&user.groups));
    out
}

/// A value of the index as a credential.
pub(crate) fn credential(
    vault: &Vault,
    access_key: &str,
    value: &[u8],
) -> Result<Credential, Malformed> {
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
    let groups = record_user::decode_names(reader.rest())?;
    let (tenant_admin, delegated) = match &key.member {
        Some(member) => (member.admin, member.delegated),
        None => (false, false),
    };
    let secret = key.open(vault, access_key)?;
    let previous = key.previous.map(|(sealed, until)| {
        let secret = vault.open(&sealed, access_key, Role::Previous)?;
        Ok((secret, until))
    });
    Ok(Credential {
        access_key: access_key.to_owned(),
        secret,
        previous: previous.transpose()?,
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
            let vault = Vault::new(&crate::namespace::SecretsKey::new([1; 32]));
            let _ = credential(&vault, "abc", &bytes);
            let _ = OfLink::decode(&bytes);
            let _ = OfBucket::decode(&bytes);
        }
    }
}
