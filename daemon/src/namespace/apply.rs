//! Brings a change of a primary record into the index, and everything derived with it.

use crate::base::codec::Malformed;
use crate::base::limits::LINK_CHAIN_MAX;
use crate::index::map::{Lookup, MapWriter};
use crate::namespace::change::Change;
use crate::namespace::derived;
use crate::namespace::keys::{self, Key};
use crate::namespace::name::Name;
use crate::namespace::record::{EntryRecord, KeyRecord, RecordKind, UserRecord, VolumeRecord};
use crate::namespace::resolve;
use crate::namespace::tables::{self, Entries, Read};
use crate::namespace::types::LinkStatus;
use std::future::poll_fn;
use std::task::Poll;

/// Most links named in the answer to a deletion.
pub const DANGLING_SHOWN_MAX: usize = 1000;
/// Bytes of a property kept under one key of the index.
pub(crate) const CHUNK_BYTES: usize = 960;
/// Links read from the reverse index at once.
const LINKS_PER_PAGE: usize = 256;
/// Links resolved again before other tasks of the core get their turn.
const LINKS_PER_TURN: usize = 32;

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
        keys::COUNTER | keys::TENANT => put(map, &change.key, value, &[]),
        keys::VOLUME => apply_volume(map, &change.key, value),
        keys::ENTRY => apply_entry(map, change, effects).await,
        keys::PROPERTY => apply_property(map, &change.key, value),
        keys::USER => apply_user(map, &change.key, value),
        keys::ACCESS_KEY => apply_access_key(map, &change.key, value),
        _ => Err(Malformed("unknown table of the namespace").into()),
    }
}

fn put(map: &mut MapWriter, key: &[u8], primary: Option<&[u8]>, derived: &[u8]) -> Read<()> {
    match primary {
        Some(primary) => map.insert(key, &derived::pack(primary, derived))?,
        None => {
            map.remove(key)?;
        }
    }
    Ok(())
}

fn apply_volume(map: &mut MapWriter, key: &[u8], value: Option<&[u8]>) -> Read<()> {
    let name = keys::one_name(key, 1).ok_or(Malformed("volume key"))?;
    if let Some(old) = tables::volume_record(map, &name)? {
        map.remove(&Key::volume_of(&old.owner, &name))?;
    }
    if let Some(value) = value {
        let owner = VolumeRecord::decode(value)?.owner;
        map.insert(&Key::volume_of(&owner, &name), &[])?;
    }
    put(map, key, value, &[])
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
    let (volume, name) = keys::two_names(&change.key, 1).ok_or(Malformed("entry key"))?;
    let old = map.entry_record(&volume, &name)?.map(|old| old.kind);
    if old.is_some() != change.value.is_some() {
        count_entry(map, &volume, change.value.is_some())?;
    }
    match old {
        Some(RecordKind::Link(v, b)) => {
            map.remove(&Key::link_to((&v, &b), (&volume, &name)))?;
        }
        Some(RecordKind::Bucket(bucket)) => {
            map.remove(&Key::bucket_id(bucket.id))?;
        }
        None => {}
    }
    let mut resolution = Vec::new();
    if let Some(primary) = &change.value {
        match EntryRecord::decode(primary)?.kind {
            RecordKind::Bucket(bucket) => {
                let names = [volume.as_bytes(), &[0], name.as_bytes()].concat();
                map.insert(&Key::bucket_id(bucket.id), &names)?;
            }
            RecordKind::Link(v, b) => {
                map.insert(&Key::link_to((&v, &b), (&volume, &name)), &[])?;
                let (found, _) = resolve::follow(map, (volume, name), (v, b))?;
                resolution = derived::encode_resolution(&found);
            }
        }
    }
    put(map, &change.key, change.value.as_deref(), &resolution)?;
    renew_dependents(map, (volume, name), effects).await
}

/// Resolves again every link whose way leads over `changed`: those that name it, those that name
/// them, and so on, as far as a chain may reach. A link has one source, so backwards from one name
/// this is a tree, or leads back to that name; nothing has to be remembered but the way.
async fn renew_dependents(
    map: &mut MapWriter,
    changed: (Name, Name),
    effects: &mut Effects,
) -> Read<()> {
    let mut way = vec![LinksTo::first(map, changed)?];
    let mut turn = 0;
    while let Some(links) = way.last_mut() {
        let Some(link) = links.next(map)? else {
            way.pop();
            continue;
        };
        if link == changed {
            continue;
        }
        renew(map, link, effects)?;
        if way.len() < LINK_CHAIN_MAX {
            way.push(LinksTo::first(map, link)?);
        }
        turn += 1;
        if turn % LINKS_PER_TURN == 0 {
            yield_now().await;
        }
    }
    Ok(())
}

/// The links that name a source, a page at a time.
struct LinksTo {
    source: (Name, Name),
    page: std::vec::IntoIter<(Name, Name)>,
    /// The last link of the page, when there may be more.
    after: Option<(Name, Name)>,
}

impl LinksTo {
    fn first(map: &MapWriter, source: (Name, Name)) -> Read<Self> {
        let mut links = Self {
            source,
            page: Vec::new().into_iter(),
            after: None,
        };
        links.load(map)?;
        Ok(links)
    }

    fn load(&mut self, map: &MapWriter) -> Read<()> {
        let source = (&self.source.0, &self.source.1);
        let page = tables::links_to(map, source, self.after, LINKS_PER_PAGE)?;
        let full = page.len() == LINKS_PER_PAGE;
        self.after = page.last().copied().filter(|_| full);
        self.page = page.into_iter();
        Ok(())
    }

    fn next(&mut self, map: &MapWriter) -> Read<Option<(Name, Name)>> {
        if self.page.len() == 0 && self.after.is_some() {
            self.load(map)?;
        }
        Ok(self.page.next())
    }
}

/// Resolves one link again.
fn renew(map: &mut MapWriter, link: (Name, Name), effects: &mut Effects) -> Read<()> {
    let key = Key::entry(&link.0, &link.1);
    let missing = Malformed("the reverse index names a link that is not there");
    let value = map.value(&key)?.ok_or(missing)?;
    let (primary, old) = derived::unpack(&value)?;
    let RecordKind::Link(volume, bucket) = EntryRecord::decode(primary)?.kind else {
        return Err(Malformed("the reverse index names a bucket").into());
    };
    let (found, _) = resolve::follow(map, link, (volume, bucket))?;
    let was_ok = derived::decode_resolution(old)?.status == LinkStatus::Ok;
    if was_ok && found.status != LinkStatus::Ok {
        effects.broken_count += 1;
        if effects.broken.len() < DANGLING_SHOWN_MAX {
            effects.broken.push(link);
        }
    }
    let new = derived::encode_resolution(&found);
    if new != old {
        put(map, &key, Some(primary), &new)?;
    }
    Ok(())
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

fn apply_user(map: &mut MapWriter, key: &[u8], value: Option<&[u8]>) -> Read<()> {
    put(map, key, value, &[])?;
    let name = keys::one_name(key, 1).ok_or(Malformed("user key"))?;
    let Some(value) = value else {
        return Ok(());
    };
    let holder = derived::encode_holder(&UserRecord::decode(value)?);
    for (access_key, _) in tables::keys_of(map, &name)? {
        let key = Key::access_key(&access_key);
        if let Some(value) = map.value(&key)? {
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

/// Lets the other tasks of this core run.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
