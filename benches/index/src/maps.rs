//! Rivals in memory that any core may read.

use crate::candidate::{Candidate, Read, digest};
use crate::workload::{KEY_LEN, Value};
use crossbeam_skiplist::SkipMap;
use std::collections::BTreeSet;
use std::io::{BufWriter, Write};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, RwLock};

type Key = Arc<[u8]>;

/// `papaya`, a concurrent hash map, for points; beside it a sorted set behind a lock for scans.
pub struct Papaya {
    points: Arc<papaya::HashMap<Key, Value>>,
    order: Arc<RwLock<BTreeSet<Key>>>,
}

impl Read for Papaya {
    fn get(&self, key: &[u8]) -> Option<u8> {
        let points = self.points.pin();
        points.get(key).and_then(|value| value.first().copied())
    }

    fn scan(&self, from: &[u8], count: usize) -> (usize, u64) {
        let order = self.order.read().expect("no writer panicked");
        let points = self.points.pin();
        let range = order.range::<[u8], _>((Bound::Included(from), Bound::Unbounded));
        range.take(count).fold((0, 0), |(seen, sum), key| {
            let value = points.get(key).map_or(&[][..], |value| &value[..]);
            (seen + 1, sum + digest(key, value))
        })
    }
}

impl Candidate for Papaya {
    const NAME: &'static str = "papaya+btree";
    type Reader = Self;

    fn create(_: &Path) -> Self {
        Self {
            points: Arc::default(),
            order: Arc::default(),
        }
    }

    fn insert(&mut self, key: &[u8], value: &Value) {
        let key = Key::from(key);
        let points = self.points.pin();
        if points.insert(key.clone(), *value).is_none() {
            self.order.write().expect("no reader panicked").insert(key);
        }
    }

    fn reader(&mut self) -> Self {
        Self {
            points: self.points.clone(),
            order: self.order.clone(),
        }
    }

    fn save(&mut self, dir: &Path) {
        let order = self.order.read().expect("no writer panicked");
        let points = self.points.pin();
        let entries = order
            .iter()
            .filter_map(|key| Some((&key[..], points.get(key)?)));
        save(dir, entries);
    }

    fn restart(dir: &Path) -> Self {
        let points = papaya::HashMap::new();
        let pinned = points.pin();
        let order = load(dir).map(|(key, value)| {
            let key = Key::from(key);
            pinned.insert(key.clone(), value);
            key
        });
        let order = Arc::new(RwLock::new(order.collect()));
        drop(pinned);
        Self {
            points: Arc::new(points),
            order,
        }
    }
}

/// `crossbeam-skiplist`.
pub struct SkipList(Arc<SkipMap<Box<[u8]>, Value>>);

impl Read for SkipList {
    fn get(&self, key: &[u8]) -> Option<u8> {
        self.0
            .get(key)
            .and_then(|entry| entry.value().first().copied())
    }

    fn scan(&self, from: &[u8], count: usize) -> (usize, u64) {
        let range = self
            .0
            .range::<[u8], _>((Bound::Included(from), Bound::Unbounded));
        range.take(count).fold((0, 0), |(seen, sum), entry| {
            (seen + 1, sum + digest(entry.key(), entry.value()))
        })
    }
}

impl Candidate for SkipList {
    const NAME: &'static str = "crossbeam-skiplist";
    type Reader = Self;

    fn create(_: &Path) -> Self {
        Self(Arc::new(SkipMap::new()))
    }

    fn insert(&mut self, key: &[u8], value: &Value) {
        self.0.insert(key.into(), *value);
    }

    fn reader(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn save(&mut self, dir: &Path) {
        let entries: Vec<_> = self.0.iter().collect();
        save(
            dir,
            entries
                .iter()
                .map(|entry| (&entry.key()[..], entry.value())),
        );
    }

    fn restart(dir: &Path) -> Self {
        let map = SkipMap::new();
        for (key, value) in load(dir) {
            map.insert(key.into(), value);
        }
        Self(Arc::new(map))
    }
}

/// Saves entries one behind the other, the least that a restart can need.
pub fn save<'a>(dir: &Path, entries: impl Iterator<Item = (&'a [u8], &'a Value)>) {
    let file = std::fs::File::create(dir.join("saved")).expect("the bench's folder");
    let mut file = BufWriter::with_capacity(1 << 20, file);
    for (key, value) in entries {
        file.write_all(key)
            .and_then(|()| file.write_all(value))
            .expect("room");
    }
    let file = file.into_inner().expect("room");
    file.sync_data().expect("a disk that works");
}

/// What [`save`] saved.
pub fn load(dir: &Path) -> impl Iterator<Item = (Vec<u8>, Value)> {
    let saved = std::fs::read(dir.join("saved")).expect("what was saved");
    let entries = saved.len() / (KEY_LEN + size_of::<Value>());
    (0..entries).map(move |nth| {
        let entry = saved.chunks_exact(KEY_LEN + size_of::<Value>()).nth(nth);
        let (key, value) = entry
            .and_then(|e| e.split_at_checked(KEY_LEN))
            .expect("an entry");
        (key.to_vec(), value.try_into().expect("a value"))
    })
}
