//! Makes the index anew from the primary tables.

use crate::base::codec::Malformed;
use crate::index::map::{MapConfig, MapWriter, Stamp};
use crate::namespace::apply::CHUNK_BYTES;
use crate::namespace::change::Change;
use crate::namespace::derived;
use crate::namespace::keys::{self, Key};
use crate::namespace::name::Name;
use crate::namespace::record::{EntryRecord, KeyRecord, RecordKind, UserRecord, VolumeRecord};
use crate::namespace::resolve;
use crate::namespace::snapshot::Primary;
use crate::namespace::tables::{Entries, Read};
use std::collections::BTreeMap;

/// The primary tables as a source of links' targets.
struct Tables<'a>(&'a Primary);

impl Entries for Tables<'_> {
    fn entry_record(&self, volume: &Name, name: &Name) -> Read<Option<EntryRecord>> {
        let found = self.0.get(&*Key::entry(volume, name));
        Ok(found.map(|bytes| EntryRecord::decode(bytes)).transpose()?)
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
    };
    for (key, value) in primary {
        rows.add(Tables(primary), key, value)?;
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
}

impl Rows {
    fn add(&mut self, tables: Tables<'_>, key: &[u8], value: &[u8]) -> Read<()> {
        let mut extra = Vec::new();
        match key.first().copied() {
            Some(keys::COUNTER | keys::USER | keys::TENANT) => {}
            Some(keys::VOLUME) => self.volume(key, value)?,
            Some(keys::ENTRY) => extra = self.entry(&tables, key, value)?,
            Some(keys::PROPERTY) => {
                for (number, piece) in (0u16..).zip(value.chunks(CHUNK_BYTES)) {
                    let row = (Key::chunk(key, number).to_vec(), piece.to_vec());
                    self.primary.push(row);
                }
                return Ok(());
            }
            Some(keys::ACCESS_KEY) => extra = self.access_key(&tables, key, value)?,
            _ => return Err(Malformed("unknown table of the namespace").into()),
        }
        self.primary
            .push((key.to_vec(), derived::pack(value, &extra)));
        Ok(())
    }

    fn volume(&mut self, key: &[u8], value: &[u8]) -> Read<()> {
        let name = keys::one_name(key, 1).ok_or(Malformed("volume key"))?;
        let owner = VolumeRecord::decode(value)?.owner;
        self.derived
            .push((Key::volume_of(&owner, &name).to_vec(), Vec::new()));
        Ok(())
    }

    fn entry(&mut self, tables: &Tables<'_>, key: &[u8], value: &[u8]) -> Read<Vec<u8>> {
        let (volume, name) = keys::two_names(key, 1).ok_or(Malformed("entry key"))?;
        for counted in [volume, Name::EMPTY] {
            *self.counts.entry(counted).or_default() += 1;
        }
        match EntryRecord::decode(value)?.kind {
            RecordKind::Bucket(bucket) => {
                let names = [volume.as_bytes(), &[0], name.as_bytes()].concat();
                self.derived
                    .push((Key::bucket_id(bucket.id).to_vec(), names));
                Ok(Vec::new())
            }
            RecordKind::Link(v, b) => {
                let reverse = Key::link_to((&v, &b), (&volume, &name));
                self.derived.push((reverse.to_vec(), Vec::new()));
                let (found, _) = resolve::follow(tables, (volume, name), (v, b))?;
                Ok(derived::encode_resolution(&found))
            }
        }
    }

    fn access_key(&mut self, tables: &Tables<'_>, key: &[u8], value: &[u8]) -> Read<Vec<u8>> {
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
