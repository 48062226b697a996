//! Resolution of names.

use crate::counted::repeat;
use crate::world::{BUCKET, CHAIN, LINK, NOW, PREFIX_LINK, names};
use chainringd::io::sim::{self, SimDisk};
use chainringd::namespace::S3_VOLUME;
use std::hint::black_box;

pub fn bucket(calls: usize) {
    resolve(BUCKET, calls, true);
}

pub fn link(calls: usize) {
    resolve(LINK, calls, true);
}

pub fn chain(calls: usize) {
    resolve(CHAIN, calls, true);
}

pub fn prefix_link(calls: usize) {
    resolve(PREFIX_LINK, calls, true);
}

pub fn missing(calls: usize) {
    resolve("none", calls, false);
}

fn resolve(name: &str, calls: usize, exists: bool) {
    sim::run(1, async {
        let reader = names(&SimDisk::new(1)).await.reader();
        let resolve = || reader.resolve(S3_VOLUME, black_box(name), NOW);
        assert_eq!(resolve().is_ok(), exists, "{name}");
        repeat(calls, |_| resolve());
    });
}
