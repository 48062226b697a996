//! What the simulated device holds: per file what is on stable media, what a reader sees, and the
//! writes in between. A crash makes a new image out of the first and any part of the last.

use super::rng::Rng;
use super::trace::Event;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Unit of what a power loss keeps or loses.
pub(super) const SECTOR: usize = 512;

/// What a power loss keeps of the units (see [`Image::unflushed`]) that were not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All of them: also what a killed process leaves.
    All,
    /// None of them.
    None,
    /// All but this one.
    Without(usize),
    /// This one alone.
    Only(usize),
    /// All; of this one only its first sectors.
    Head(usize, usize),
    /// All; of this one all but its first sectors.
    Tail(usize, usize),
    /// Those whose bit is set, the oldest being bit 0; none from the 65th on.
    Set(u64),
    /// Any subset of their sectors, chosen by a seed.
    Random(u64),
}

/// One file: its lasting bytes, the bytes a read gives, and the writes that were not flushed.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    durable: Vec<u8>,
    pub(super) live: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone, Debug)]
struct Pending {
    id: u64,
    offset: usize,
    data: Arc<[u8]>,
    completed: bool,
}

/// A change of the folder that has begun.
#[derive(Clone, Debug)]
enum Change {
    Create { path: String, file: u64, len: usize },
    Remove { path: String },
    Rename { from: String, to: String },
}

/// All files and folders at one instant.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub(super) names: BTreeMap<String, u64>,
    pub(super) folders: BTreeSet<String>,
    pub(super) contents: BTreeMap<u64, Content>,
    changes: BTreeMap<u64, Change>,
    /// The sum of what [`mixed`] makes of the numbers of all writes and changes that are durable.
    settled: u64,
}

/// Files of fixed length were checked; one that grows has zeros where nothing was written.
fn overlay(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    let target = bytes.get_mut(offset..end);
    target.expect("just made room").copy_from_slice(data);
}

impl Content {
    /// A file whose bytes are all on stable media.
    pub(super) fn settled(bytes: Vec<u8>) -> Self {
        Self {
            durable: bytes.clone(),
            live: bytes,
            pending: Vec::new(),
        }
    }

    fn complete(&mut self, id: u64) {
        for pending in self.pending.iter_mut().filter(|p| p.id == id) {
            pending.completed = true;
            overlay(&mut self.live, pending.offset, &pending.data);
        }
    }

    /// Numbers of the completed writes that a flush starting now covers.
    pub(super) fn covered(&self) -> Vec<u64> {
        let completed = self.pending.iter().filter(|p| p.completed);
        completed.map(|p| p.id).collect()
    }

    /// Gives the sum of the numbers of what became durable.
    fn flushed(&mut self, covers: &[u64]) -> u64 {
        let mut settled = 0u64;
        self.pending.retain(|pending| {
            let covered = covers.contains(&pending.id);
            if covered {
                settled = settled.wrapping_add(mixed(pending.id));
                overlay(&mut self.durable, pending.offset, &pending.data);
            }
            !covered
        });
        settled
    }

    /// The writes of a failed flush are forgotten; reads show what is on the media.
    fn dropped(&mut self, covers: &[u64]) {
        self.pending.retain(|pending| !covers.contains(&pending.id));
        self.live.clone_from(&self.durable);
        for pending in self.pending.iter().filter(|p| p.completed) {
            overlay(&mut self.live, pending.offset, &pending.data);
        }
    }
}

impl Image {
    /// Applies one event of a trace.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::CreateBegun {
                id,
                path,
                file,
                len,
            } => {
                self.contents.insert(*file, Content::settled(vec![0; *len]));
                self.begin(
                    *id,
                    Change::Create {
                        path: path.clone(),
                        file: *file,
                        len: *len,
                    },
                );
            }
            Event::RemoveBegun { id, path } => {
                self.begin(*id, Change::Remove { path: path.clone() });
            }
            Event::RenameBegun { id, from, to } => {
                self.begin(
                    *id,
                    Change::Rename {
                        from: from.clone(),
                        to: to.clone(),
                    },
                );
            }
            Event::ChangeDone { id } => {
                if let Some(change) = self.changes.remove(id) {
                    self.settled = self.settled.wrapping_add(mixed(*id));
                    self.change(&change);
                }
            }
            Event::FolderCreated { path } => {
                self.folders.insert(path.clone());
            }
            Event::WriteBegun {
                id,
                file,
                offset,
                data,
            } => {
                if let Some(content) = self.contents.get_mut(file) {
                    content.pending.push(Pending {
                        id: *id,
                        offset: *offset,
                        data: data.clone(),
                        completed: false,
                    });
                }
            }
            Event::WriteDone { id, file } => self.with(*file, |c| c.complete(*id)),
            Event::SyncDone { file, covers } => {
                let settled = self.contents.get_mut(file).map_or(0, |c| c.flushed(covers));
                self.settled = self.settled.wrapping_add(settled);
            }
            Event::SyncFailed { file, covers } => self.with(*file, |c| c.dropped(covers)),
            Event::SyncBegun { .. } | Event::ReadBegun { .. } | Event::Mark(_) => {}
        }
    }

    fn with(&mut self, file: u64, f: impl FnOnce(&mut Content)) {
        if let Some(content) = self.contents.get_mut(&file) {
            f(content);
        }
    }

    fn begin(&mut self, id: u64, change: Change) {
        self.changes.insert(id, change);
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Create { path, file, .. } => {
                self.names.insert(path.clone(), *file);
            }
            Change::Remove { path } => {
                self.names.remove(path);
            }
            Change::Rename { from, to } => {
                if let Some(file) = self.names.remove(from) {
                    self.names.insert(to.clone(), file);
                }
            }
        }
    }

    /// Number of units a crash at this instant may keep or lose: writes not flushed, oldest first,
    /// then changes of the folders that have begun and not ended.
    #[must_use]
    pub fn unflushed(&self) -> usize {
        self.writes().len() + self.changes.len()
    }

    /// Sectors of a unit; 1 for a change of a folder.
    #[must_use]
    pub fn sectors(&self, unit: usize) -> usize {
        self.writes()
            .get(unit)
            .map_or(1, |(_, p)| p.data.len() / SECTOR)
    }

    fn writes(&self) -> Vec<(u64, &Pending)> {
        let named = self.names.values();
        let mut writes: Vec<_> = named
            .filter_map(|file| Some((*file, self.contents.get(file)?)))
            .flat_map(|(file, content)| content.pending.iter().map(move |p| (file, p)))
            .collect();
        writes.sort_by_key(|(_, pending)| pending.id);
        writes
    }

    /// A number that two instants of one recording share when a crash leaves the same at both, as far
    /// as nothing is written twice into the same place.
    #[must_use]
    pub fn fingerprint(&self, keep: Keep) -> u64 {
        let writes = self.writes();
        let ids = writes.iter().map(|(_, pending)| pending.id);
        let ids = ids.chain(self.changes.keys().copied());
        let (mut sum, mut rng) = (self.settled, Rng::new(0));
        for (unit, id) in ids.enumerate() {
            let whole = kept(keep, unit, 0, &mut rng);
            let torn = match keep {
                Keep::Head(torn, at) if torn == unit => 1 + 2 * at as u64,
                Keep::Tail(torn, at) if torn == unit => 2 + 2 * at as u64,
                _ => u64::from(!whole) * u64::MAX,
            };
            if torn != u64::MAX {
                sum = sum.wrapping_add(mixed(id).wrapping_add(torn));
            }
        }
        match keep {
            Keep::Random(seed) => mixed(sum ^ mixed(seed)),
            _ => sum,
        }
    }

    /// What is on the media after the power failed at this instant.
    #[must_use]
    pub fn crash(&self, keep: Keep) -> Self {
        let mut rng = match keep {
            Keep::Random(seed) => Rng::new(seed),
            _ => Rng::new(0),
        };
        let writes = self.writes();
        let mut after = Self {
            names: self.names.clone(),
            folders: self.folders.clone(),
            ..Self::default()
        };
        let mut bytes: BTreeMap<u64, Vec<u8>> = self
            .contents
            .iter()
            .map(|(file, content)| (*file, content.durable.clone()))
            .collect();
        for (unit, (file, pending)) in writes.iter().enumerate() {
            let Some(target) = bytes.get_mut(file) else {
                continue;
            };
            for (index, sector) in pending.data.chunks(SECTOR).enumerate() {
                if kept(keep, unit, index, &mut rng) {
                    overlay(target, pending.offset + index * SECTOR, sector);
                }
            }
        }
        for (unit, change) in (writes.len()..).zip(self.changes.values()) {
            if kept(keep, unit, 0, &mut rng) {
                after.change(change);
                // A file whose creation was cut off may be of any length.
                if let (Change::Create { file, len, .. }, Keep::Random(_)) = (change, keep)
                    && let Some(created) = bytes.get_mut(file)
                {
                    created.truncate(rng.below(len / SECTOR + 1) * SECTOR);
                }
            }
        }
        bytes.retain(|file, _| after.names.values().any(|named| named == file));
        after.contents = bytes
            .into_iter()
            .map(|(file, bytes)| (file, Content::settled(bytes)))
            .collect();
        after
    }
}

/// A number that looks like no other's.
fn mixed(id: u64) -> u64 {
    Rng::new(id).bits()
}

/// Whether the sector of the unit survives.
fn kept(keep: Keep, unit: usize, sector: usize, rng: &mut Rng) -> bool {
    match keep {
        Keep::All => true,
        Keep::None => false,
        Keep::Without(lost) => unit != lost,
        Keep::Only(survivor) => unit == survivor,
        Keep::Set(bits) => unit < 64 && bits >> unit & 1 == 1,
        Keep::Head(torn, sectors) => unit != torn || sector < sectors,
        Keep::Tail(torn, sectors) => unit != torn || sector >= sectors,
        Keep::Random(_) => rng.coin(),
    }
}
