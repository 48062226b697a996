//! `lsm-tree`: an index that may outgrow memory, without a log of its own.

use crate::candidate::{Candidate, Read, digest};
use crate::workload::Value;
use lsm_tree::compaction::Leveled;
use lsm_tree::{AbstractTree, AnyTree, Cache, Config, Guard, SequenceNumberCounter};
use std::path::Path;
use std::sync::Arc;

/// Enough for everything, as the others have everything in memory.
const CACHE_BYTES: u64 = 4 << 30;
const MEMTABLE_BYTES: u64 = 64 << 20;
const LATEST: u64 = u64::MAX >> 1;

/// The tree; flushes and compacts on the writer's thread.
pub struct Lsm {
    tree: AnyTree,
    seqno: SequenceNumberCounter,
}

impl Read for Lsm {
    fn get(&self, key: &[u8]) -> Option<u8> {
        let value = self.tree.get(key, LATEST).expect("a disk that works");
        value.and_then(|value| value.first().copied())
    }

    fn scan(&self, from: &[u8], count: usize) -> (usize, u64) {
        let range = self.tree.range(from.., LATEST, None);
        range.take(count).fold((0, 0), |(seen, sum), guard| {
            let (key, value) = guard.into_inner().expect("a disk that works");
            (seen + 1, sum + digest(&key, &value))
        })
    }
}

fn open(dir: &Path) -> Lsm {
    let seqno = SequenceNumberCounter::default();
    let visible = SequenceNumberCounter::default();
    let config = Config::new(dir.join("lsm"), seqno.clone(), visible);
    let cache = Arc::new(Cache::with_capacity_bytes(CACHE_BYTES));
    let tree = config.use_cache(cache).open().expect("the bench's folder");
    Lsm { tree, seqno }
}

impl Candidate for Lsm {
    const NAME: &'static str = "lsm-tree";
    type Reader = Self;

    fn create(dir: &Path) -> Self {
        open(dir)
    }

    fn insert(&mut self, key: &[u8], value: &Value) {
        let seqno = self.seqno.next();
        let (_, size) = self.tree.insert(key, value.as_slice(), seqno);
        if size >= MEMTABLE_BYTES {
            self.flush(seqno);
        }
    }

    fn reader(&mut self) -> Self {
        Self {
            tree: self.tree.clone(),
            seqno: self.seqno.clone(),
        }
    }

    fn save(&mut self, _: &Path) {
        let seqno = self.seqno.next();
        self.flush(seqno);
    }

    fn restart(dir: &Path) -> Self {
        open(dir)
    }
}

impl Lsm {
    fn flush(&self, seqno: u64) {
        self.tree.flush_active_memtable(seqno).expect("room");
        let compacted = self.tree.compact(Arc::new(Leveled::default()), seqno);
        compacted.expect("room");
    }
}
