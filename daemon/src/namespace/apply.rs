//! Brings a change of a primary record into the index, and everything derived with it.

use crate::base::codec::Malformed;
use crate::index::map::MapWriter;
use crate::namespace::change::Change;
use crate::namespace::derived;
use crate::namespace::keys::{self, Key};
use crate::namespace::name::Name;
use crate::namespace::record::{EntryRecord, RecordKind, VolumeRecord};
use crate::namespace::record_user::{KeyRecord, UserRecord};
use crate::namespace::renew::{self, Loops};
use crate::namespace::tables::{self, Read, Tables};
use crate::namespace::values;

/// Most links named in the answer to a deletion.
pub const DANGLING_SHOWN_MAX: usize = 1000;
/// Bytes of a property kept under one key of the index.
pub(crate) const CHUNK_BYTES: usize = 960;

/// What a command did to links besides what it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Links that led to a bucket and do not any more, not more than are shown.
    pub(crate) broken: Vec<(Name, Name)>,
    /// How many those are.
    pub(crate) broken_count: u64,
}

/// Applies one change. The caller publishes.
pub(crate) async fn apply(map: &mut MapWriter, change: &Change, effects: &mut Effects) -> Read<()> {
    let value = change.value.as_deref();
    match change.table() {
        keys::COUNTER | keys::TENANT | keys::HISTORY | keys::PREFIX_ACL => {
            put(map, &change.key, value, &[])
        }
        keys::VOLUME => apply_volume(map, &change.key, value, effects).await,
        keys::ENTRY => apply_entry(map, change, effects).await,
        keys::PROPERTY => apply_property(map, &change.key, value),
        keys::USER => apply_user(map, &change.key, value, effects).await,
        keys::ACCESS_KEY => apply_access_key(map, &change.key, value),
        _ => Err(Malformed("unknown table of the namespace").into()),
    }
}

/// Sets or removes a record with what was derived for it.
pub(crate) fn put(
    map: &mut MapWriter,
    key: &[u8],
    primary: Option<&[u8]>,
    derived: &[u8],
) -> Read<()> {
    match primary {
        Some(primary) => values::put(map, key, &derived::pack(primary, derived)),
        None => values::remove(map, key),
    }
}

async fn apply_volume(
    map: &mut MapWriter,
    key: &[u8],
    value: Option<&[u8]>,
    effects: &mut Effects,
) -> Read<()> {
    let name = keys::one_name(key, 1).ok_or(Malformed("volume key"))?;
    let old = tables::volume_record(map, &name)?;
    if let Some(old) = &old {
        map.remove(&Key::volume_of(&old.owner, &name))?;
    }
    let new = value.map(VolumeRecord::decode).transpose()?;
    if let Some(new) = &new {
        map.insert(&Key::volume_of(&new.owner, &name), &[])?;
    }
    put(map, key, value, &[])?;
    match (old, new) {
        (Some(old), Some(new)) if (old.owner, &old.acl) != (new.owner, &new.acl) => {
            renew::buckets_of(map, name, effects).await
        }
        _ => Ok(()),
    }
}

/// Counts a bucket or link that came or went, in its volume and in all.
fn count_entry(map: &mut MapWriter, volume: &Name, came: bool) -> Read<()> {
    for name in [volume, &Name::EMPTY] {
        let count = tables::entry_count(map, name)?;
        let count = if came {
            count.checked_add(1)
        } else {
            count.checked_sub(1)
        };
        match count.ok_or(Malformed("number of entries"))? {
            0 => drop(map.remove(&Key::entry_count(name))?),
            count => map.insert(&Key::entry_count(name), &count.to_le_bytes())?,
        }
    }
    Ok(())
}

async fn apply_entry(map: &mut MapWriter, change: &Change, effects: &mut Effects) -> Read<()> {
    let place = keys::two_names(&change.key, 1).ok_or(Malformed("entry key"))?;
    let old = map.entry_record(&place.0, &place.1)?;
    let new = change
        .value
        .as_deref()
        .map(EntryRecord::decode)
        .transpose()?;
    if old.is_some() != new.is_some() {
        count_entry(map, &place.0, new.is_some())?;
    }
    let looped = renew::in_loop(map, place)?;
    if let Some(old) = &old {
        for (key, _) in rows_of_entry(place, old) {
            map.remove(&key)?;
        }
    }
    let (mut derived, mut loops) = (Vec::new(), false);
    if let Some(new) = &new {
        for (key, value) in rows_of_entry(place, new) {
            map.insert(&key, &value)?;
        }
        (derived, loops) = renew::derive(map, place, new).await?;
    }
    put(map, &change.key, change.value.as_deref(), &derived)?;
    renew::dependents(
        map,
        place,
        Loops {
            before: looped,
            now: loops,
        },
        effects,
    )
    .await
}

/// What the other tables say of a bucket or link.
pub(crate) fn rows_of_entry(place: (Name, Name), record: &EntryRecord) -> Vec<(Key, Vec<u8>)> {
    let link = (&place.0, &place.1);
    match &record.kind {
        RecordKind::Bucket(bucket) => {
            let names = [place.0.as_bytes(), &[0], place.1.as_bytes()].concat();
            vec![(Key::bucket_id(bucket.id), names)]
        }
        RecordKind::Link(record) => {
            let source = (&record.source.0, &record.source.1);
            let mut rows = vec![(Key::link_to(source, link), Vec::new())];
            // An administrator's consent does not depend on what the administrator may do later.
            if let Some(consent) = record.delegate.filter(|consent| !consent.admin) {
                rows.push((Key::grant(&consent.grantor, link), Vec::new()));
            }
            rows
        }
    }
}

/// A property may be larger than a page: it is kept in pieces.
fn apply_property(map: &mut MapWriter, key: &[u8], value: Option<&[u8]>) -> Read<()> {
    let pieces = value.map_or(0, |value| value.len().div_ceil(CHUNK_BYTES));
    for (number, piece) in (0u16..).zip(value.unwrap_or(&[]).chunks(CHUNK_BYTES)) {
        map.insert(&Key::chunk(key, number), piece)?;
    }
    let mut number = u16::try_from(pieces).map_err(|_| Malformed("property too large"))?;
    while map.remove(&Key::chunk(key, number))? {
        number += 1;
    }
    Ok(())
}

async fn apply_user(
    map: &mut MapWriter,
    key: &[u8],
    value: Option<&[u8]>,
    effects: &mut Effects,
) -> Read<()> {
    put(map, key, value, &[])?;
    let name = keys::one_name(key, 1).ok_or(Malformed("user key"))?;
    renew::grants_of(map, &name, effects).await?;
    let Some(value) = value else {
        return Ok(());
    };
    let holder = derived::encode_holder(&UserRecord::decode(value)?);
    for (access_key, _) in tables::keys_of(map, &name)? {
        let key = Key::access_key(&access_key);
        if let Some(value) = values::get(map, &key)? {
            let (primary, _) = derived::unpack(&value)?;
            put(map, &key, Some(primary), &holder)?;
        }
    }
    Ok(())
}

fn apply_access_key(map: &mut MapWriter, key: &[u8], value: Option<&[u8]>) -> Read<()> {
    let access_key = key.get(1..).and_then(|key| std::str::from_utf8(key).ok());
    let access_key = access_key.ok_or(Malformed("access key"))?;
    if let Some(old) = tables::key_record(map, access_key)? {
        map.remove(&Key::key_of(&old.user, access_key))?;
        if let Some(member) = &old.member {
            map.remove(&Key::tenant_id(&member.tenant, access_key))?;
        }
    }
    let Some(primary) = value else {
        return put(map, key, None, &[]);
    };
    let KeyRecord { user, member, .. } = KeyRecord::decode(primary)?;
    let holder = tables::user_record(map, &user)?.ok_or(Malformed("access key of no user"))?;
    let tenant = member.map_or(Name::EMPTY, |member| member.tenant);
    map.insert(&Key::key_of(&user, access_key), tenant.as_bytes())?;
    if member.is_some() {
        map.insert(&Key::tenant_id(&tenant, access_key), &[])?;
    }
    put(map, key, value, &derived::encode_holder(&holder))
}
