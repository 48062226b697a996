//! Ours.

use crate::candidate::{Candidate, Read, digest};
use crate::workload::Value;
use chainringd::base::Location;
use chainringd::index::{IndexReader, IndexWriter, checkpoint, new};
use chainringd::io::runtime::run;
use chainringd::io::{Disk, UringDisk};
use std::ops::{Bound, ControlFlow};
use std::path::Path;

/// The copy-on-write B+tree of packed leaves.
pub struct Chainring(IndexWriter);

impl Read for IndexReader {
    fn get(&self, key: &[u8]) -> Option<u8> {
        IndexReader::get(self, key, |value| value.first().copied()).flatten()
    }

    fn scan(&self, from: &[u8], count: usize) -> (usize, u64) {
        let (mut seen, mut sum) = (0, 0);
        IndexReader::scan(self, Bound::Included(from), |key, value| {
            seen += 1;
            sum += digest(key, value);
            if seen == count {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        (seen, sum)
    }
}

impl Read for Chainring {
    fn get(&self, key: &[u8]) -> Option<u8> {
        self.0.get(key, |value| value.first().copied()).flatten()
    }

    fn scan(&self, from: &[u8], count: usize) -> (usize, u64) {
        Read::scan(&self.0.reader(), from, count)
    }
}

impl Candidate for Chainring {
    const NAME: &'static str = "chainring";
    type Reader = IndexReader;

    fn create(_: &Path) -> Self {
        Self(new().0)
    }

    fn insert(&mut self, key: &[u8], value: &Value) {
        self.0.insert(key, value);
    }

    fn reader(&mut self) -> IndexReader {
        self.0.reader()
    }

    fn save(&mut self, dir: &Path) {
        let disk = UringDisk::open(dir).expect("the bench's folder");
        let reader = self.0.reader();
        let saved = run(async move {
            disk.create_dir("shard").await.expect("room");
            checkpoint::write(&disk, "shard", &reader, Location::ZERO, [1; 16], 0).await
        });
        saved.expect("a runtime").expect("room");
    }

    fn restart(dir: &Path) -> Self {
        let disk = UringDisk::open(dir).expect("the bench's folder");
        let loaded = run(async move { checkpoint::load(&disk, "shard", [1; 16], 0).await });
        Self(loaded.expect("a runtime").expect("what was saved").index)
    }
}
