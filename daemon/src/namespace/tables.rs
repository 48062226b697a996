//! Typed reads of the namespace's tables, of any state of the index.

use crate::base::BucketId;
use crate::base::codec::Malformed;
use crate::index::map::Lookup;
use crate::namespace::acl::Acl;
use crate::namespace::derived;
use crate::namespace::error::ReadError;
use crate::namespace::keys::{self, Key};
use crate::namespace::link::LinkRecord;
use crate::namespace::name::Name;
use crate::namespace::record::{self, EntryRecord, PrefixRecord, VolumeRecord};
use crate::namespace::record_user::{KeyRecord, TenantRecord, UserRecord};
use crate::namespace::tenant::{Tenant, TenantUser};
use crate::namespace::types::{Credential, Entry, LinkPage, User, Volume};
use crate::namespace::vault::Vault;
use crate::namespace::{rights, values};
use std::collections::VecDeque;
use std::ops::ControlFlow;

pub(crate) type Read<T> = Result<T, ReadError>;

/// The records a link's way depends on, wherever they are kept.
pub(crate) trait Tables {
    fn entry_record(&self, volume: &Name, name: &Name) -> Read<Option<EntryRecord>>;
    fn volume_record(&self, name: &Name) -> Read<Option<VolumeRecord>>;
    fn user_record(&self, name: &Name) -> Read<Option<UserRecord>>;
}

impl<L: Lookup> Tables for L {
    fn entry_record(&self, volume: &Name, name: &Name) -> Read<Option<EntryRecord>> {
        primary(self, &Key::entry(volume, name), EntryRecord::decode)
    }

    fn volume_record(&self, name: &Name) -> Read<Option<VolumeRecord>> {
        volume_record(self, name)
    }

    fn user_record(&self, name: &Name) -> Read<Option<UserRecord>> {
        user_record(self, name)
    }
}

fn primary<T>(
    map: &impl Lookup,
    key: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> Read<Option<T>> {
    let Some(value) = values::get(map, key)? else {
        return Ok(None);
    };
    let (primary, _) = derived::unpack(&value)?;
    Ok(Some(decode(primary)?))
}

pub(crate) fn volume_record(map: &impl Lookup, name: &Name) -> Read<Option<VolumeRecord>> {
    primary(map, &Key::volume(name), VolumeRecord::decode)
}

pub(crate) fn user_record(map: &impl Lookup, name: &Name) -> Read<Option<UserRecord>> {
    primary(map, &Key::user(name), UserRecord::decode)
}

pub(crate) fn key_record(map: &impl Lookup, access_key: &str) -> Read<Option<KeyRecord>> {
    primary(map, &Key::access_key(access_key), KeyRecord::decode)
}

/// The id the next bucket gets.
pub(crate) fn next_bucket(map: &impl Lookup) -> Read<u64> {
    Ok(primary(map, &Key::counter(), record::decode_counter)?.unwrap_or(1))
}

pub(crate) fn tenant_record(map: &impl Lookup, name: &Name) -> Read<Option<TenantRecord>> {
    primary(map, &Key::tenant(name), TenantRecord::decode)
}

/// A volume with everything known of it.
pub(crate) fn volume(map: &impl Lookup, name: &Name) -> Read<Option<Volume>> {
    let Some(record) = volume_record(map, name)? else {
        return Ok(None);
    };
    let tenant = tenant_record(map, name)?.is_some();
    Ok(Some(Volume {
        name: *name,
        owner: record.owner,
        created: record.created,
        modified: record.modified,
        acl: rights::acl_of_volume(name, record.acl),
        quota_bytes: record.quota_bytes,
        quota_namespace: record.quota_namespace,
        used_namespace: entry_count(map, name)?,
        tenant,
        references: if tenant { tenant_size(map, name)? } else { 0 },
    }))
}

/// How many buckets and links a volume has; all volumes together, for the empty name.
pub(crate) fn entry_count(map: &impl Lookup, volume: &Name) -> Read<u64> {
    let Some(value) = map.value(&Key::entry_count(volume))? else {
        return Ok(0);
    };
    let bytes = <[u8; 8]>::try_from(value.as_slice());
    let bytes = bytes.map_err(|_| crate::base::codec::Malformed("number of entries"))?;
    Ok(u64::from_le_bytes(bytes))
}

/// How many volumes an owner has; not more than `limit` are counted.
pub(crate) fn volumes_of(map: &impl Lookup, owner: &Name, limit: usize) -> Read<usize> {
    let mut count = 0;
    with_prefix(map, &Key::volumes_of(owner), &[], |_, _| {
        count += 1;
        if count < limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(count)
}

/// A tenant with everything known of it.
pub(crate) fn tenant(map: &impl Lookup, name: &Name) -> Read<Option<Tenant>> {
    let Some(record) = tenant_record(map, name)? else {
        return Ok(None);
    };
    Ok(Some(Tenant {
        name: *name,
        created: record.created,
        users: tenant_size(map, name)?,
    }))
}

fn tenant_size(map: &impl Lookup, tenant: &Name) -> Read<u32> {
    let mut count = 0u32;
    with_prefix(map, &Key::tenant_ids(tenant), &[], |_, _| {
        count = count.saturating_add(1);
        ControlFlow::Continue(())
    })?;
    Ok(count)
}

/// The access ids of a tenant in order, those after `after`.
pub(crate) fn tenant_ids(
    map: &impl Lookup,
    tenant: &Name,
    after: &str,
    limit: usize,
) -> Read<Vec<String>> {
    let mut found = Vec::new();
    with_prefix(map, &Key::tenant_ids(tenant), after.as_bytes(), |id, _| {
        if found.len() >= limit {
            return ControlFlow::Break(());
        }
        if id > after.as_bytes() {
            found.push(String::from_utf8_lossy(id).into_owned());
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// What an access id says about its user's place in a tenant; nothing for any other access key.
pub(crate) fn tenant_user(map: &impl Lookup, access_id: &str) -> Read<Option<TenantUser>> {
    let Some(record) = key_record(map, access_id)? else {
        return Ok(None);
    };
    Ok(record.member.map(|member| TenantUser {
        tenant: member.tenant,
        user: record.user,
        access_id: access_id.to_owned(),
        admin: member.admin,
        delegated: member.delegated,
        created: record.created,
    }))
}

/// A bucket or link with everything known of it.
pub(crate) fn entry(map: &impl Lookup, volume: &Name, name: &Name) -> Read<Option<Entry>> {
    match values::get(map, &Key::entry(volume, name))? {
        Some(value) => Ok(Some(derived::entry(*volume, *name, &value)?)),
        None => Ok(None),
    }
}

/// The name of a bucket.
pub(crate) fn bucket_name(map: &impl Lookup, id: BucketId) -> Read<Option<(Name, Name)>> {
    let Some(value) = map.value(&Key::bucket_id(id))? else {
        return Ok(None);
    };
    let names = keys::two_names(&value, 0).ok_or(Malformed("bucket name"))?;
    Ok(Some(names))
}

/// An access key with its secret and its holder.
pub(crate) fn credential(
    map: &impl Lookup,
    vault: &Vault,
    access_key: &str,
) -> Read<Option<Credential>> {
    match values::get(map, &Key::access_key(access_key))? {
        Some(value) => Ok(Some(derived::credential(vault, access_key, &value)?)),
        None => Ok(None),
    }
}

/// A user with its access keys.
pub(crate) fn user(map: &impl Lookup, name: &Name) -> Read<Option<User>> {
    let Some(record) = user_record(map, name)? else {
        return Ok(None);
    };
    let (tenant_ids, access_keys) = keys_of(map, name)?
        .into_iter()
        .partition::<Vec<_>, _>(|(_, of_tenant)| *of_tenant);
    let names = |keys: Vec<(String, bool)>| keys.into_iter().map(|(key, _)| key).collect();
    Ok(Some(User {
        name: *name,
        id: record.id,
        display_name: record.display_name,
        admin: record.admin,
        created: record.created,
        groups: record.groups,
        access_keys: names(access_keys),
        tenant_ids: names(tenant_ids),
    }))
}

/// The access keys of a user, and whether each is one of a tenant.
pub(crate) fn keys_of(map: &impl Lookup, user: &Name) -> Read<Vec<(String, bool)>> {
    let mut found = Vec::new();
    with_prefix(map, &Key::keys_of(user), &[], |rest, tenant| {
        found.push((
            String::from_utf8_lossy(rest).into_owned(),
            !tenant.is_empty(),
        ));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Links that name a source directly, in order, after the `after` one.
pub(crate) fn links_to(
    map: &impl Lookup,
    source: (&Name, &Name),
    after: Option<(Name, Name)>,
    limit: usize,
) -> Read<Vec<(Name, Name)>> {
    let prefix = Key::links_to(source);
    let start = after.map_or_else(Vec::new, |(volume, name)| {
        [volume.as_bytes(), &[0], name.as_bytes(), &[0]].concat()
    });
    let mut found = Vec::new();
    with_prefix(map, &prefix, &start, |rest, _| {
        if found.len() >= limit {
            return ControlFlow::Break(());
        }
        found.extend(keys::two_names(rest, 0));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Links in order of their (volume, name), after `after`, as far as `limit` buckets and links go;
/// and the last one looked at when there may be more.
pub(crate) fn all_links(
    map: &impl Lookup,
    after: Option<(Name, Name)>,
    limit: usize,
) -> Read<LinkPage> {
    let start = after.map_or_else(Vec::new, |(volume, name)| {
        [volume.as_bytes(), &[0], name.as_bytes(), &[0]].concat()
    });
    let (mut seen, mut last, mut links) = (0, None, Ok(Vec::new()));
    with_prefix(map, &[keys::ENTRY], &start, |key, value| {
        if seen == limit {
            return ControlFlow::Break(());
        }
        let names = keys::two_names(key, 0).ok_or(Malformed("entry key"));
        let entry = names.and_then(|(volume, name)| {
            last = Some((volume, name));
            derived::entry(volume, name, value)
        });
        match (&mut links, entry) {
            (Ok(links), Ok(entry)) => links.extend(entry.link().is_some().then_some(entry)),
            (_, Err(error)) => links = Err(error),
            (Err(_), _) => return ControlFlow::Break(()),
        }
        seen += 1;
        ControlFlow::Continue(())
    })?;
    Ok((links?, last.filter(|_| seen == limit)))
}

/// An opaque property of a bucket.
pub(crate) fn property(map: &impl Lookup, id: BucketId, property: u8) -> Read<Option<Vec<u8>>> {
    let mut whole = Vec::new();
    with_prefix(map, &Key::property(id, property), &[], |_, chunk| {
        whole.extend_from_slice(chunk);
        ControlFlow::Continue(())
    })?;
    if whole.is_empty() {
        return Ok(None);
    }
    Ok(Some(record::decode_property(&whole)?.to_vec()))
}

/// The numbers of the properties a bucket has.
pub(crate) fn properties(map: &impl Lookup, id: BucketId) -> Read<Vec<u8>> {
    let mut found = Vec::new();
    with_prefix(map, &Key::properties_of(id), &[], |rest, _| {
        found.extend(rest.first());
        ControlFlow::Continue(())
    })?;
    found.dedup();
    Ok(found)
}

/// The sources a link has had, newest first, beginning with the present one; none for what is no
/// link.
pub(crate) fn sources(map: &impl Lookup, link: (Name, Name)) -> Read<Vec<LinkRecord>> {
    let record = map.entry_record(&link.0, &link.1)?;
    let Some(present) = record.as_ref().and_then(EntryRecord::link) else {
        return Ok(Vec::new());
    };
    let mut found = Ok(VecDeque::new());
    with_prefix(
        map,
        &Key::history_of((&link.0, &link.1)),
        &[],
        |_, value| {
            let past =
                derived::unpack(value).and_then(|(primary, _)| LinkRecord::decode_past(primary));
            match (&mut found, past) {
                (Ok(found), Ok(past)) => found.push_front(past),
                (_, Err(error)) => found = Err(error),
                (Err(_), _) => return ControlFlow::Break(()),
            }
            ControlFlow::Continue(())
        },
    )?;
    let mut found = found?;
    found.push_front(present.clone());
    Ok(found.into())
}

/// One of the sources a link had.
pub(crate) fn past_source(
    map: &impl Lookup,
    link: (&Name, &Name),
    generation: u64,
) -> Read<Option<LinkRecord>> {
    primary(map, &Key::past(link, generation), LinkRecord::decode_past)
}

/// The links that somebody has delegated.
pub(crate) fn grants_of(map: &impl Lookup, grantor: &Name) -> Read<Vec<(Name, Name)>> {
    let mut found = Vec::new();
    with_prefix(map, &Key::grants_of(grantor), &[], |rest, _| {
        found.extend(keys::two_names(rest, 0));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The list of a prefix of a bucket's keys; the prefix itself, too, which only its hash is known of.
pub(crate) fn prefix_acl(
    map: &impl Lookup,
    bucket: BucketId,
    prefix: &str,
) -> Read<Option<(String, Acl)>> {
    primary(map, &Key::prefix_acl(bucket, prefix), |bytes| {
        let record = PrefixRecord::decode(bytes)?;
        Ok((record.prefix.into(), record.acl))
    })
}

/// The lists of all prefixes of a bucket that `key` begins with.
pub(crate) fn prefix_acls(map: &impl Lookup, bucket: BucketId, key: &str) -> Read<Vec<Acl>> {
    let mut found = Vec::new();
    let base = Key::all_prefixes_of(bucket);
    let mut from = 0u16;
    loop {
        // The lengths that prefixes have: few, however many prefixes there are.
        let mut next = None;
        map.scan(&Key::prefixes_of(bucket, from), &mut |key, _| {
            next = keys::prefix_len(key).filter(|_| key.starts_with(&base));
            ControlFlow::Break(())
        })?;
        let begin = next.and_then(|len| Some((len, key.as_bytes().get(..usize::from(len))?)));
        let Some((len, begin)) = begin else {
            return Ok(found);
        };
        if let Ok(begin) = std::str::from_utf8(begin)
            && let Some((prefix, acl)) = prefix_acl(map, bucket, begin)?
            && prefix == begin
        {
            found.push(acl);
        }
        let Some(after) = len.checked_add(1) else {
            return Ok(found);
        };
        from = after;
    }
}

/// The keys of all lists of prefixes of a bucket.
pub(crate) fn prefix_keys(map: &impl Lookup, bucket: BucketId) -> Read<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let base = Key::all_prefixes_of(bucket);
    map.scan(&base, &mut |key, _| {
        if !key.starts_with(&base) {
            return ControlFlow::Break(());
        }
        found.push(key.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The names that stand behind `prefix` in the keys of a table, in order.
pub(crate) fn names_in(map: &impl Lookup, prefix: &[u8]) -> Read<Vec<Name>> {
    let mut names = Vec::new();
    with_prefix(map, prefix, &[], |name, _| {
        names.extend(Name::from_bytes(name));
        ControlFlow::Continue(())
    })?;
    Ok(names)
}

/// Visits the entries whose keys begin with `prefix`, from `prefix + start` on; `visit` gets what
/// follows the prefix, and the value, put together when it is in pieces.
pub(crate) fn with_prefix(
    map: &impl Lookup,
    prefix: &[u8],
    start: &[u8],
    mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) -> Read<()> {
    let from = [prefix, start].concat();
    let records = prefix
        .first()
        .is_some_and(|table| keys::has_records(*table));
    let mut failed = Ok(());
    map.scan(&from, &mut |key, value| {
        let Some(rest) = key.strip_prefix(prefix) else {
            return ControlFlow::Break(());
        };
        if !records {
            return visit(rest, value);
        }
        match values::whole(map, key, value) {
            Ok(value) => visit(rest, &value),
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failed
}
