//! An ordered map of bytes that every core reads without a lock and one writer changes.

mod error;

pub use error::MapError;

use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow, Deref};
use std::sync::Arc;

/// Takes a key and its value; breaks to see no more.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Reads of a state of the map.
pub trait Lookup {
    /// The value of a key.
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MapError>;
    /// Calls `visit` for the entries from `from` on, in order, until it breaks.
    fn scan(&self, from: &[u8], visit: &mut Visit<'_>) -> Result<(), MapError>;
}

/// How far into the log a published state reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Location of the last record it includes.
    pub covers: u64,
    /// Digest of that record.
    pub digest: u64,
}

/// An immutable published state.
#[derive(Debug, Default)]
pub struct Generation {
    number: u64,
    stamp: Stamp,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Generation {
    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }
    /// How far it reaches.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }
    /// Entries.
    pub fn len(&self) -> u64 {
        self.entries.len() as u64
    }
    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// Calls `f` with a copy of the value.
    pub fn get<R>(&self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, MapError> {
        Ok(self.entries.get(key).map(|value| f(value)))
    }
}

impl Lookup for Generation {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        Ok(self.entries.get(key).cloned())
    }
    fn scan(&self, from: &[u8], visit: &mut Visit<'_>) -> Result<(), MapError> {
        let range = (Bound::Included(from), Bound::Unbounded);
        for (key, value) in self.entries.range::<[u8], _>(range) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Reads the published states.
#[derive(Clone)]
pub struct MapReader(Arc<ArcSwap<Generation>>);

impl MapReader {
    /// The current state; short-lived.
    pub fn view(&self) -> impl Deref<Target = Generation> {
        struct View(arc_swap::Guard<Arc<Generation>>);
        impl Deref for View {
            type Target = Generation;
            fn deref(&self) -> &Generation {
                &self.0
            }
        }
        View(self.0.load())
    }
    /// The current state, to be kept.
    pub fn hold(&self) -> Arc<Generation> {
        self.0.load_full()
    }
}

/// The writer.
pub struct MapWriter {
    number: u64,
    stamp: Stamp,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    shared: MapReader,
}

impl MapWriter {
    /// An empty map.
    pub fn create() -> Result<Self, MapError> {
        let shared = MapReader(Arc::new(ArcSwap::from_pointee(Generation::default())));
        Ok(Self {
            number: 0,
            stamp: Stamp::default(),
            entries: BTreeMap::new(),
            shared,
        })
    }
    /// Its readers.
    pub fn reader(&self) -> MapReader {
        self.shared.clone()
    }
    /// Sets a value.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<(), MapError> {
        self.entries.insert(key.to_vec(), value.to_vec());
        Ok(())
    }
    /// Removes a key; says whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> Result<bool, MapError> {
        Ok(self.entries.remove(key).is_some())
    }
    /// Publishes all changes since the last time.
    pub fn publish(&mut self, stamp: Stamp) -> Result<u64, MapError> {
        self.number += 1;
        self.stamp = stamp;
        self.shared.0.store(Arc::new(Generation {
            number: self.number,
            stamp,
            entries: self.entries.clone(),
        }));
        Ok(self.number)
    }
    /// Forgets all changes since the last publication.
    pub fn discard(&mut self) {
        self.entries.clone_from(&self.shared.hold().entries);
    }
}

impl Lookup for MapWriter {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        Ok(self.entries.get(key).cloned())
    }
    fn scan(&self, from: &[u8], visit: &mut Visit<'_>) -> Result<(), MapError> {
        let range = (Bound::Included(from), Bound::Unbounded);
        for (key, value) in self.entries.range::<[u8], _>(range) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}
