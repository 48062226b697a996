//! The records of users, their access keys and tenants, as bytes.

use crate::base::Timestamp;
use crate::base::codec::{Malformed, Put, Reader};
use crate::namespace::fields;
use crate::namespace::name::Name;
use crate::namespace::record::{VERSION, begin, flags, name, optional_fields};
use crate::namespace::secret::{SECRET_CHARS_MAX, Secret};
use crate::namespace::types::UserId;
use crate::namespace::vault::{Role, Sealed, Vault};

/// Version of an access key whose secret is sealed.
const SEALED_VERSION: u8 = 2;
/// Bit of a user's flags: administrator.
const ADMIN: u64 = 1;
/// Bit of a member's flags: administrator of the tenant.
const TENANT_ADMIN: u64 = 1;
/// Bit of a member's flags: may appoint administrators.
const DELEGATED: u64 = 2;

/// What the log and the snapshots hold of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserRecord {
    pub(crate) id: UserId,
    pub(crate) display_name: String,
    pub(crate) admin: bool,
    pub(crate) created: Timestamp,
    pub(crate) groups: Vec<Name>,
    pub(crate) extra: Vec<u8>,
}

/// What they hold of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TenantRecord {
    pub(crate) created: Timestamp,
    pub(crate) extra: Vec<u8>,
}

/// The tenant an access key belongs to, and what it may do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) tenant: Name,
    pub(crate) admin: bool,
    pub(crate) delegated: bool,
}

/// A secret as it is kept.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    /// As it is: what stores of the first version hold, until the next start.
    Plain(Secret),
    Sealed(Sealed),
}

/// What they hold of an access key.
#[derive(Clone, Debug)]
pub(crate) struct KeyRecord {
    pub(crate) user: Name,
    pub(crate) secret: Kept,
    pub(crate) created: Timestamp,
    pub(crate) previous: Option<(Sealed, Timestamp)>,
    pub(crate) member: Option<Member>,
    pub(crate) extra: Vec<u8>,
}

impl UserRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.id.0);
        out.put_str(&self.display_name);
        out.put_varint(if self.admin { ADMIN } else { 0 });
        out.put_u64(self.created.0);
        if !self.groups.is_empty() {
            fields::put(&mut out, fields::GROUPS, &encode_names(&self.groups));
        }
        out.extend_from_slice(&self.extra);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = begin(bytes)?;
        let (id, display_name) = (UserId(reader.array()?), reader.str()?.to_owned());
        let admin = flags(&mut reader, ADMIN)? & ADMIN != 0;
        let created = Timestamp(reader.u64()?);
        let mut groups = Vec::new();
        let extra = fields::read(reader, |tag, value| match tag {
            fields::GROUPS => {
                groups = decode_names(value)?;
                Ok(true)
            }
            _ => Ok(false),
        })?;
        Ok(Self {
            id,
            display_name,
            admin,
            created,
            groups,
            extra,
        })
    }
}

impl TenantRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.put_u64(self.created.0);
        out.extend_from_slice(&self.extra);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = begin(bytes)?;
        Ok(Self {
            created: Timestamp(reader.u64()?),
            extra: optional_fields(reader)?,
        })
    }
}

impl Member {
    fn encode(&self) -> Vec<u8> {
        let admin = if self.admin { TENANT_ADMIN } else { 0 };
        let delegated = if self.delegated { DELEGATED } else { 0 };
        let mut out = Vec::new();
        out.put_varint(admin | delegated);
        out.put_str(&self.tenant);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let flags = flags(&mut reader, TENANT_ADMIN | DELEGATED)?;
        let tenant = name(&mut reader)?;
        reader.finish()?;
        Ok(Self {
            tenant,
            admin: flags & TENANT_ADMIN != 0,
            delegated: flags & DELEGATED != 0,
        })
    }
}

/// Names one after the other.
pub(crate) fn encode_names(names: &[Name]) -> Vec<u8> {
    let mut out = Vec::new();
    names.iter().for_each(|name| out.put_str(name));
    out
}

/// Inverse of [`encode_names`].
pub(crate) fn decode_names(bytes: &[u8]) -> Result<Vec<Name>, Malformed> {
    let mut reader = Reader::new(bytes);
    let mut names = Vec::new();
    while !reader.is_empty() {
        names.push(name(&mut reader)?);
    }
    Ok(names)
}

impl KeyRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 * SECRET_CHARS_MAX);
        let (version, secret) = match &self.secret {
            Kept::Plain(secret) => (VERSION, secret.expose().as_bytes()),
            Kept::Sealed(sealed) => (SEALED_VERSION, sealed.as_bytes()),
        };
        out.put_u8(version);
        out.put_str(&self.user);
        out.put_bytes(secret);
        out.put_u64(self.created.0);
        if let Some((sealed, until)) = &self.previous {
            let mut value = until.0.to_le_bytes().to_vec();
            value.put_bytes(sealed.as_bytes());
            fields::put(&mut out, fields::PREVIOUS, &value);
        }
        if let Some(member) = &self.member {
            fields::put(&mut out, fields::TENANT, &member.encode());
        }
        out.extend_from_slice(&self.extra);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        let user = name(&mut reader)?;
        let secret = match version {
            VERSION => {
                let secret = Secret::new(reader.str()?.to_owned());
                Kept::Plain(secret.map_err(|_| Malformed("secret"))?)
            }
            SEALED_VERSION => Kept::Sealed(Sealed::from_bytes(reader.bytes()?)?),
            _ => return Err(Malformed("unknown version of an access key")),
        };
        let created = Timestamp(reader.u64()?);
        let (mut previous, mut member) = (None, None);
        let extra = fields::read(reader, |tag, value| {
            match tag {
                fields::PREVIOUS => {
                    let mut value = Reader::new(value);
                    let until = Timestamp(value.u64()?);
                    previous = Some((Sealed::from_bytes(value.bytes()?)?, until));
                    value.finish()?;
                }
                fields::TENANT => member = Some(Member::decode(value)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            user,
            secret,
            created,
            previous,
            member,
            extra,
        })
    }
}

impl KeyRecord {
    /// The secret.
    pub(crate) fn open(&self, vault: &Vault, access_key: &str) -> Result<Secret, Malformed> {
        match &self.secret {
            Kept::Plain(secret) => Ok(secret.clone()),
            Kept::Sealed(sealed) => vault.open(sealed, access_key, Role::Current),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key_record(secret: Kept) -> KeyRecord {
        KeyRecord {
            user: Name::new("alice").unwrap(),
            secret,
            created: Timestamp(7),
            previous: Some((Sealed::from_bytes(&[1; 40]).unwrap(), Timestamp(9))),
            member: Some(Member {
                tenant: Name::new("acme").unwrap(),
                admin: true,
                delegated: false,
            }),
            extra: vec![0x05, 2, b'h', b'i'],
        }
    }

    #[test]
    fn access_keys_come_back() {
        let plain = Kept::Plain(Secret::new("plain-secret".into()).unwrap());
        let sealed = Kept::Sealed(Sealed::from_bytes(&[2; 60]).unwrap());
        for (kept, version) in [(plain, 1), (sealed, 2)] {
            let record = key_record(kept);
            let bytes = record.encode();
            assert_eq!(bytes[0], version);
            let again = KeyRecord::decode(&bytes).unwrap();
            assert_eq!(again.encode(), bytes);
            assert_eq!(
                (again.member, again.previous),
                (record.member, record.previous)
            );
        }
    }

    #[test]
    fn unknown_versions_and_flags_are_refused() {
        let good = key_record(Kept::Sealed(Sealed::from_bytes(&[2; 60]).unwrap())).encode();
        for version in [0, 3] {
            let mut bad = good.clone();
            bad[0] = version;
            assert!(KeyRecord::decode(&bad).is_err());
        }
        let mut member = key_record(Kept::Sealed(Sealed::from_bytes(&[2; 60]).unwrap()))
            .member
            .unwrap()
            .encode();
        assert!(Member::decode(&member).is_ok());
        member[0] = 4;
        assert!(Member::decode(&member).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = UserRecord::decode(&bytes);
            let _ = TenantRecord::decode(&bytes);
            let _ = KeyRecord::decode(&bytes);
            let _ = KeyRecord::decode(&[&[2, 1, b'a', 30][..], &bytes].concat());
        }
    }
}
