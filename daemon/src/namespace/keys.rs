//! Keys of the namespace's tables, as bytes that sort the way listings need them.
//!
//! A key is a table byte followed by names separated by a zero byte (no name holds one). Tables
//! below 0x80 are *primary*: they are what the log and the snapshots record. Tables from 0x80 on are
//! *derived* from them and exist in the index only.

use crate::base::BucketId;
use crate::base::codec::Malformed;
use crate::namespace::name::Name;
use crate::namespace::secret::is_access_key;

/// The next bucket id, under the empty key.
pub(crate) const COUNTER: u8 = 1;
/// volume -> volume record.
pub(crate) const VOLUME: u8 = 2;
/// volume, name -> bucket or link record.
pub(crate) const ENTRY: u8 = 3;
/// bucket id (big-endian), property (, chunk) -> property record.
pub(crate) const PROPERTY: u8 = 4;
/// user -> user record.
pub(crate) const USER: u8 = 5;
/// access key -> access key record.
pub(crate) const ACCESS_KEY: u8 = 6;
/// volume, name, generation (big-endian) -> a source that the link had.
pub(crate) const HISTORY: u8 = 0x11;
/// bucket id, length of a prefix (both big-endian), hash of the prefix -> the prefix and its list.
pub(crate) const PREFIX_ACL: u8 = 0x12;
/// tenant -> tenant record.
pub(crate) const TENANT: u8 = 0x10;
/// source volume, source name, link volume, link name -> nothing.
pub(crate) const LINKS_TO: u8 = 0x80;
/// bucket id -> volume, name.
pub(crate) const BUCKET_ID: u8 = 0x81;
/// user, access key -> the tenant, if it has one.
pub(crate) const KEYS_OF: u8 = 0x82;
/// key of a long value, 0, number -> a piece of the value.
pub(crate) const PIECES: u8 = 0x83;
/// grantor, volume, name -> nothing: the links that somebody has delegated.
pub(crate) const GRANTS: u8 = 0x84;
/// tenant, access id -> nothing.
pub(crate) const TENANT_IDS: u8 = 0x90;
/// volume (or nothing, for all of them) -> how many buckets and links.
pub(crate) const ENTRY_COUNT: u8 = 0x91;
/// owner, volume -> nothing.
pub(crate) const VOLUMES_OF: u8 = 0x92;

/// Refuses a key that cannot be one of a primary table: nothing else may come from a log or a
/// snapshot.
pub(crate) fn check(key: &[u8]) -> Result<(), Malformed> {
    let (table, rest) = key.split_first().ok_or(Malformed("no key"))?;
    let fine = match *table {
        COUNTER => rest.is_empty(),
        VOLUME | USER | TENANT => one_name(rest, 0).is_some_and(|name| !name.is_empty()),
        ENTRY => two_names(rest, 0).is_some_and(|(v, n)| !v.is_empty() && !n.is_empty()),
        PROPERTY => rest.len() == PROPERTY_KEY,
        PREFIX_ACL => rest.len() == PREFIX_ACL_KEY,
        HISTORY => past(key).is_some(),
        ACCESS_KEY => std::str::from_utf8(rest).is_ok_and(is_access_key),
        _ => return Err(Malformed("unknown table of the namespace")),
    };
    fine.then_some(()).ok_or(Malformed("key of the namespace"))
}

/// Bytes of a property's key behind the table byte.
const PROPERTY_KEY: usize = 9;

/// Bytes of a prefix's key behind the table byte.
const PREFIX_ACL_KEY: usize = 26;

/// Whether the log may hold keys of this table.
pub(crate) const fn is_primary(table: u8) -> bool {
    matches!(table, COUNTER..=ACCESS_KEY | TENANT..=PREFIX_ACL)
}

/// Whether the index keeps records of this table whole, each with what was derived for it.
pub(crate) const fn has_records(table: u8) -> bool {
    is_primary(table) && table != PROPERTY
}

/// A key under construction, on the stack.
#[derive(Clone)]
pub(crate) struct Key {
    len: usize,
    bytes: [u8; Key::CAPACITY],
}

impl Key {
    /// A table byte, four names of 63 bytes and what separates them; an access key has 128.
    const CAPACITY: usize = 1 + 4 * 64;

    /// The parts one after the other. Callers keep within the capacity, which the types of their
    /// names make certain.
    fn of(parts: &[&[u8]]) -> Self {
        let (mut len, mut bytes) = (0, [0; Self::CAPACITY]);
        for part in parts {
            let room = bytes.get_mut(len..len + part.len());
            room.expect("names fit a key").copy_from_slice(part);
            len += part.len();
        }
        Self { len, bytes }
    }

    pub(crate) fn counter() -> Self {
        Self::of(&[&[COUNTER]])
    }

    pub(crate) fn volume(name: &Name) -> Self {
        Self::of(&[&[VOLUME], name.as_bytes()])
    }

    pub(crate) fn entry(volume: &Name, name: &Name) -> Self {
        Self::of(&[&[ENTRY], volume.as_bytes(), &[0], name.as_bytes()])
    }

    /// What the keys of all entries of a volume begin with.
    pub(crate) fn entries_of(volume: &Name) -> Self {
        Self::of(&[&[ENTRY], volume.as_bytes(), &[0]])
    }

    /// One of the sources a link had.
    pub(crate) fn past(link: (&Name, &Name), generation: u64) -> Self {
        Self::of(&[&Self::history_of(link), &generation.to_be_bytes()])
    }

    /// What the keys of all sources begin with that a link had.
    pub(crate) fn history_of(link: (&Name, &Name)) -> Self {
        let (volume, name) = (link.0.as_bytes(), link.1.as_bytes());
        Self::of(&[&[HISTORY], volume, &[0], name, &[0]])
    }

    pub(crate) fn prefix_acl(bucket: BucketId, prefix: &str) -> Self {
        let hash = xxhash_rust::xxh3::xxh3_128(prefix.as_bytes());
        let len = u16::try_from(prefix.len()).unwrap_or(u16::MAX);
        Self::of(&[&Self::prefixes_of(bucket, len), &hash.to_be_bytes()])
    }

    /// What the keys of all prefixes of this length of a bucket begin with; in the order of keys,
    /// those of longer ones come behind.
    pub(crate) fn prefixes_of(bucket: BucketId, len: u16) -> Self {
        Self::of(&[&Self::all_prefixes_of(bucket), &len.to_be_bytes()])
    }

    /// What the keys of all prefixes of a bucket begin with.
    pub(crate) fn all_prefixes_of(bucket: BucketId) -> Self {
        Self::of(&[&[PREFIX_ACL], &bucket.0.to_be_bytes()])
    }

    pub(crate) fn grant(grantor: &Name, link: (&Name, &Name)) -> Self {
        let (volume, name) = (link.0.as_bytes(), link.1.as_bytes());
        Self::of(&[&Self::grants_of(grantor), volume, &[0], name])
    }

    /// What the keys of all links begin with that somebody has delegated.
    pub(crate) fn grants_of(grantor: &Name) -> Self {
        Self::of(&[&[GRANTS], grantor.as_bytes(), &[0]])
    }

    pub(crate) fn property(bucket: BucketId, property: u8) -> Self {
        Self::of(&[&[PROPERTY], &bucket.0.to_be_bytes(), &[property]])
    }

    pub(crate) fn properties_of(bucket: BucketId) -> Self {
        Self::of(&[&[PROPERTY], &bucket.0.to_be_bytes()])
    }

    /// One piece of a property, as the index keeps it.
    pub(crate) fn chunk(property: &[u8], chunk: u16) -> Self {
        Self::of(&[property, &chunk.to_be_bytes()])
    }

    pub(crate) fn user(name: &Name) -> Self {
        Self::of(&[&[USER], name.as_bytes()])
    }

    /// `access_key` must have passed [`crate::namespace::secret::is_access_key`].
    pub(crate) fn access_key(access_key: &str) -> Self {
        Self::of(&[&[ACCESS_KEY], access_key.as_bytes()])
    }

    pub(crate) fn link_to(source: (&Name, &Name), link: (&Name, &Name)) -> Self {
        let (volume, name) = (link.0.as_bytes(), link.1.as_bytes());
        Self::of(&[&Self::links_to(source), volume, &[0], name])
    }

    /// What the keys of all links to a source begin with.
    pub(crate) fn links_to(source: (&Name, &Name)) -> Self {
        let (volume, name) = (source.0.as_bytes(), source.1.as_bytes());
        Self::of(&[&[LINKS_TO], volume, &[0], name, &[0]])
    }

    pub(crate) fn bucket_id(id: BucketId) -> Self {
        Self::of(&[&[BUCKET_ID], &id.0.to_be_bytes()])
    }

    pub(crate) fn key_of(user: &Name, access_key: &str) -> Self {
        Self::of(&[&Self::keys_of(user), access_key.as_bytes()])
    }

    /// What the keys of all access keys of a user begin with.
    pub(crate) fn keys_of(user: &Name) -> Self {
        Self::of(&[&[KEYS_OF], user.as_bytes(), &[0]])
    }

    pub(crate) fn tenant(name: &Name) -> Self {
        Self::of(&[&[TENANT], name.as_bytes()])
    }

    pub(crate) fn tenant_id(tenant: &Name, access_id: &str) -> Self {
        Self::of(&[&Self::tenant_ids(tenant), access_id.as_bytes()])
    }

    /// What the keys of all access ids of a tenant begin with.
    pub(crate) fn tenant_ids(tenant: &Name) -> Self {
        Self::of(&[&[TENANT_IDS], tenant.as_bytes(), &[0]])
    }

    pub(crate) fn entry_count(volume: &Name) -> Self {
        Self::of(&[&[ENTRY_COUNT], volume.as_bytes()])
    }

    pub(crate) fn volume_of(owner: &Name, volume: &Name) -> Self {
        Self::of(&[&Self::volumes_of(owner), volume.as_bytes()])
    }

    /// What the keys of all volumes of an owner begin with.
    pub(crate) fn volumes_of(owner: &Name) -> Self {
        Self::of(&[&[VOLUMES_OF], owner.as_bytes(), &[0]])
    }
}

impl std::ops::Deref for Key {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

/// What of a piece's key names the property.
pub(crate) fn property_of(key: &[u8]) -> &[u8] {
    key.len()
        .checked_sub(2)
        .and_then(|len| key.get(..len))
        .unwrap_or(&[])
}

/// The two names a key ends with, after `prefix` bytes.
pub(crate) fn two_names(key: &[u8], prefix: usize) -> Option<(Name, Name)> {
    let rest = std::str::from_utf8(key.get(prefix..)?).ok()?;
    let (volume, name) = rest.split_once('\0')?;
    Some((Name::new(volume)?, Name::new(name)?))
}

/// Link and generation of a key of the history.
pub(crate) fn past(key: &[u8]) -> Option<((Name, Name), u64)> {
    let (names, generation) = key.get(1..)?.split_last_chunk()?;
    let (0, names) = names.split_last().map(|(last, names)| (*last, names))? else {
        return None;
    };
    let link = two_names(names, 0).filter(|(v, n)| !v.is_empty() && !n.is_empty())?;
    Some((link, u64::from_be_bytes(*generation)))
}

/// The length of the prefix that a key of a prefix's list is about.
pub(crate) fn prefix_len(key: &[u8]) -> Option<u16> {
    let len = key.get(9..11)?;
    Some(u16::from_be_bytes(len.try_into().ok()?))
}

/// The one name a key ends with, after `prefix` bytes.
pub(crate) fn one_name(key: &[u8], prefix: usize) -> Option<Name> {
    Name::new(std::str::from_utf8(key.get(prefix..)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_the_longest_fit() {
        let long = Name::new(&"x".repeat(63)).unwrap();
        let short = Name::new("abc").unwrap();
        let key = Key::entry(&short, &long);
        assert_eq!(two_names(&key, 1), Some((short, long)));
        let key = Key::link_to((&long, &long), (&long, &long));
        assert_eq!(
            two_names(&key, Key::links_to((&long, &long)).len()),
            Some((long, long))
        );
        assert_eq!(one_name(&Key::user(&short), 1), Some(short));
        assert_eq!(Key::access_key(&"k".repeat(128)).len(), 129);
    }

    #[test]
    fn a_volume_is_not_a_prefix_of_another() {
        let (a, ab) = (Name::new("vol").unwrap(), Name::new("vol1").unwrap());
        assert!(!Key::entry(&ab, &a).starts_with(&Key::entries_of(&a)));
    }
}
