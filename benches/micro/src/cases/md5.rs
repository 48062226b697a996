//! MD5 of several streams side by side.

use crate::counted::repeat;
use chainringd::base::md5::{Lanes, Md5};

const BYTES: usize = 64 * 1024;

pub fn one(calls: usize) {
    digest(calls, 1);
}

pub fn four(calls: usize) {
    digest(calls, 4);
}

pub fn eight(calls: usize) {
    digest(calls, 8);
}

pub fn sixteen(calls: usize) {
    digest(calls, 16);
}

fn digest(calls: usize, streams: usize) {
    let lanes = Lanes::best();
    let bytes: Vec<u8> = (0..BYTES).map(|n| n.to_le_bytes()[0]).collect();
    let mut states = vec![Md5::new(); streams];
    repeat(calls, |_| {
        let mut pieces: Vec<_> = states.iter_mut().map(|state| (state, &*bytes)).collect();
        lanes.update(&mut pieces);
    });
}
