//! The index of objects.

use crate::counted::repeat;
use chainringd::index::{Bulk, IndexWriter};
use std::hint::black_box;
use std::ops::{Bound, ControlFlow};

const ENTRIES: usize = 50_000;
const VALUE: [u8; 45] = [3; 45];

/// Keys as the store makes them: in the index those of even numbers, in order.
fn key(number: usize) -> Vec<u8> {
    let mut key = vec![1, 0, 0, 0, 0, 0, 0, 0, 5];
    key.extend_from_slice(format!("data/{:03x}/{number:016x}.parquet", number / 1000).as_bytes());
    key.extend_from_slice(&[0; 10]);
    key
}

/// Numbers below [`ENTRIES`] in no order, each once.
const fn scattered(nth: usize) -> usize {
    // 7,919 has no factor in common with the number of entries.
    nth * 7919 % ENTRIES
}

fn filled() -> IndexWriter {
    let mut bulk = Bulk::new();
    for number in 0..ENTRIES {
        bulk.push(&key(2 * number), &VALUE).expect("in order");
    }
    bulk.finish()
}

/// Keys of the calls, made before anything is counted.
fn keys(calls: usize, odd: usize) -> impl Fn(usize) -> Vec<u8> {
    let made: Vec<_> = (0..calls + 100)
        .map(|nth| key(2 * scattered(nth) + odd))
        .collect();
    move |nth| made.get(nth).cloned().unwrap_or_default()
}

pub fn get(calls: usize) {
    look_up(calls, 0);
}

pub fn missing(calls: usize) {
    look_up(calls, 1);
}

fn look_up(calls: usize, odd: usize) {
    let reader = filled().reader();
    let key = keys(calls, odd);
    let expected = (odd == 0).then_some(VALUE.len());
    repeat(calls, |nth| {
        assert_eq!(
            reader.get(&key(nth), |value| black_box(value).len()),
            expected
        );
    });
}

pub fn insert(calls: usize) {
    let mut writer = filled();
    let key = keys(calls, 1);
    repeat(calls, |nth| writer.insert(&key(nth), &VALUE));
}

pub fn overwrite(calls: usize) {
    let mut writer = filled();
    let key = keys(calls, 0);
    repeat(calls, |nth| writer.insert(&key(nth), &[4; 45]));
}

pub fn remove(calls: usize) {
    let mut writer = filled();
    let key = keys(calls, 0);
    repeat(calls, |nth| assert!(writer.remove(&key(nth))));
}

pub fn scan(calls: usize) {
    let reader = filled().reader();
    let key = keys(calls, 0);
    repeat(calls, |nth| {
        let (mut left, mut bytes) = (1000, 0);
        reader.scan(Bound::Included(&key(nth)), |key, value| {
            bytes += key.len() + value.len();
            left -= 1;
            if left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        bytes
    });
}
