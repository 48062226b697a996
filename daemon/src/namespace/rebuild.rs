//! Makes the index anew from the primary tables.

use crate::base::codec::Malformed;
use crate::index::map::{MapConfig, MapWriter, Stamp};
use crate::namespace::apply::{CHUNK_BYTES, rows_of_entry};
use crate::namespace::change::Change;
use crate::namespace::derived::{self, OfLink};
use crate::namespace::keys::{self, Key};
use crate::namespace::name::Name;
use crate::namespace::record::{EntryRecord, RecordKind, VolumeRecord};
use crate::namespace::record_user::{KeyRecord, UserRecord};
use crate::namespace::snapshot::Primary;
use crate::namespace::tables::{Read, Tables};
use crate::namespace::types::LinkStatus;
use crate::namespace::{renew, resolve, values};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The primary tables, for links to be followed in.
struct InMemory<'a>(&'a Primary);

impl InMemory<'_> {
    fn get<T>(
        &self,
        key: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Read<Option<T>> {
        let found = self.0.get(key);
        Ok(found.map(|bytes| decode(bytes)).transpose()?)
    }
}

impl Tables for InMemory<'_> {
    fn entry_record(&self, volume: &Name, name: &Name) -> Read<Option<EntryRecord>> {
        self.get(&Key::entry(volume, name), EntryRecord::decode)
    }

    fn volume_record(&self, name: &Name) -> Read<Option<VolumeRecord>> {
        self.get(&Key::volume(name), VolumeRecord::decode)
    }

    fn user_record(&self, name: &Name) -> Read<Option<UserRecord>> {
        self.get(&Key::user(name), UserRecord::decode)
    }
}

/// Takes a change over into the primary tables.
pub(crate) fn replay(primary: &mut Primary, change: Change) {
    match change.value {
        Some(value) => primary.insert(change.key, value),
        None => primary.remove(&change.key),
    };
}

/// A map with everything that follows from the primary tables: the same entries that applying the
/// changes one after the other would have left.
pub(crate) fn build(config: &MapConfig, primary: &Primary, stamp: Stamp) -> Read<MapWriter> {
    let mut rows = Rows {
        primary: Vec::with_capacity(primary.len()),
        derived: Vec::new(),
        counts: BTreeMap::new(),
        loops: HashMap::new(),
    };
    for (key, value) in primary {
        rows.add(&InMemory(primary), key, value)?;
    }
    for (volume, count) in &rows.counts {
        let row = (
            Key::entry_count(volume).to_vec(),
            count.to_le_bytes().to_vec(),
        );
        rows.derived.push(row);
    }
    rows.derived.sort_unstable();
    let all = rows.primary.iter().chain(&rows.derived);
    let all = all.map(|(key, value)| (key, value));
    Ok(MapWriter::load(config, all, stamp)?)
}

type Row = (Vec<u8>, Vec<u8>);

struct Rows {
    /// In the order of the primary tables.
    primary: Vec<Row>,
    /// In no order.
    derived: Vec<Row>,
    /// Buckets and links of each volume, and of all under the empty name.
    counts: BTreeMap<Name, u64>,
    /// Whether links far behind others lead into a loop.
    loops: HashMap<(Name, Name), bool>,
}

impl Rows {
    fn add(&mut self, tables: &InMemory<'_>, key: &[u8], value: &[u8]) -> Read<()> {
        let mut extra = Vec::new();
        match key.first().copied() {
            Some(keys::COUNTER | keys::USER | keys::TENANT | keys::HISTORY | keys::PREFIX_ACL) => {}
            Some(keys::VOLUME) => self.volume(key, value)?,
            Some(keys::ENTRY) => extra = self.entry(tables, key, value)?,
            Some(keys::PROPERTY) => {
                for (number, piece) in (0u16..).zip(value.chunks(CHUNK_BYTES)) {
                    let row = (Key::chunk(key, number).to_vec(), piece.to_vec());
                    self.primary.push(row);
                }
                return Ok(());
            }
            Some(keys::ACCESS_KEY) => extra = self.access_key(tables, key, value)?,
            _ => return Err(Malformed("unknown table of the namespace").into()),
        }
        let value = derived::pack(value, &extra);
        match values::split(key, &value) {
            None => self.primary.push((key.to_vec(), value)),
            Some((mark, pieces)) => {
                self.primary.push((key.to_vec(), mark));
                self.derived.extend(pieces);
            }
        }
        Ok(())
    }

    fn volume(&mut self, key: &[u8], value: &[u8]) -> Read<()> {
        let name = keys::one_name(key, 1).ok_or(Malformed("volume key"))?;
        let owner = VolumeRecord::decode(value)?.owner;
        self.derived
            .push((Key::volume_of(&owner, &name).to_vec(), Vec::new()));
        Ok(())
    }

    fn entry(&mut self, tables: &InMemory<'_>, key: &[u8], value: &[u8]) -> Read<Vec<u8>> {
        let (volume, name) = keys::two_names(key, 1).ok_or(Malformed("entry key"))?;
        for counted in [volume, Name::EMPTY] {
            *self.counts.entry(counted).or_default() += 1;
        }
        let (place, record) = ((volume, name), EntryRecord::decode(value)?);
        let rows = rows_of_entry(place, &record).into_iter();
        self.derived
            .extend(rows.map(|(key, value)| (key.to_vec(), value)));
        let RecordKind::Link(link) = &record.kind else {
            return renew::of_bucket(tables, place, &record);
        };
        let mut found = resolve::follow(tables, place, link)?;
        let resolution = &mut found.resolution;
        let end = (resolution.volume, resolution.bucket);
        if resolution.status == LinkStatus::TooDeep && self.leads_into_loop(tables, end)? {
            resolution.status = LinkStatus::Loop;
        }
        Ok(OfLink::encode(&found))
    }

    /// Follows links until they end, or lead to one that was met before.
    fn leads_into_loop(&mut self, tables: &InMemory<'_>, from: (Name, Name)) -> Read<bool> {
        let mut met = HashSet::new();
        let mut here = from;
        let loops = loop {
            if let Some(known) = self.loops.get(&here) {
                break *known;
            }
            if !met.insert(here) {
                break true;
            }
            match tables
                .entry_record(&here.0, &here.1)?
                .as_ref()
                .and_then(EntryRecord::link)
            {
                Some(link) => here = link.source,
                None => break false,
            }
        };
        self.loops
            .extend(met.into_iter().map(|place| (place, loops)));
        Ok(loops)
    }

    fn access_key(&mut self, tables: &InMemory<'_>, key: &[u8], value: &[u8]) -> Read<Vec<u8>> {
        let access_key = key.get(1..).and_then(|key| std::str::from_utf8(key).ok());
        let access_key = access_key.ok_or(Malformed("access key"))?;
        let KeyRecord { user, member, .. } = KeyRecord::decode(value)?;
        let tenant = member.map_or(Name::EMPTY, |member| member.tenant);
        let key_of = Key::key_of(&user, access_key).to_vec();
        self.derived.push((key_of, tenant.as_bytes().to_vec()));
        if member.is_some() {
            let row = (Key::tenant_id(&tenant, access_key).to_vec(), Vec::new());
            self.derived.push(row);
        }
        let holder = tables.0.get(&*Key::user(&user));
        let holder = holder.ok_or(Malformed("access key of no user"))?;
        Ok(derived::encode_holder(&UserRecord::decode(holder)?))
    }
}
