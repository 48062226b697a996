//! The index against a model, and readers beside the writer.

use super::packed::validate;
use super::{Bulk, IndexReader, IndexWriter, KEY_LEN_MAX, VALUE_LEN_MAX, Visit, new};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn all(reader: &IndexReader, from: Bound<&[u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    reader.scan(from, |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    });
    found
}

/// The leaves are valid, their keys lie within the ranges that lead to them, and the counts and
/// the content are the model's.
fn check(reader: &IndexReader, model: &Model) {
    let mut bytes = 0;
    let mut next = Some(Vec::new());
    let mut leaves = 0;
    let mut leaf = Vec::new();
    while let Some(start) = next.take() {
        next = reader.copy_leaf(&start, &mut leaf);
        assert_eq!(validate(&leaf), Ok(()));
        bytes += leaf.len();
        leaves += 1;
    }
    let content: Vec<_> = model.clone().into_iter().collect();
    assert_eq!(all(reader, Bound::Unbounded), content);
    assert_eq!(reader.len(), model.len());
    assert!(
        leaves == 1 || leaves <= model.len(),
        "empty leaves are dropped"
    );
    assert!(reader.memory_bytes() >= bytes);
    // Inner nodes take little beside the leaves; a leak in the accounting would show here.
    assert!(reader.memory_bytes() <= bytes * 2 + leaves * 4200 + 4096);
}

/// Keys of few letters share prefixes of every length; some are long, some hold zeros.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(vec![0u8, 1, b'a', 0xff]), 0..8),
        4 => (0u32..5000).prop_map(|n| format!("bucket/photos/{n:06}.jpeg").into_bytes()),
        1 => (0u8..4, 0usize..KEY_LEN_MAX, any::<u8>()).prop_map(|(fill, len, last)| {
            let mut key = vec![fill; len];
            key.push(last);
            key
        }),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => prop::collection::vec(any::<u8>(), 0..100),
        1 => (0..=VALUE_LEN_MAX).prop_map(|len| vec![7; len]),
    ]
}

#[derive(Clone, Debug)]
enum Op {
    Insert(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    /// Removes the n-th key and some after it: only existing keys shrink the tree.
    RemoveRun(prop::sample::Index, usize),
    /// Inserts keys in order.
    InsertRun(u32, u32),
    Scan(Vec<u8>, bool),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        20 => (key(), value()).prop_map(|(key, value)| Op::Insert(key, value)),
        5 => key().prop_map(Op::Remove),
        2 => (any::<prop::sample::Index>(), 0..300usize).prop_map(|(at, n)| Op::RemoveRun(at, n)),
        2 => (0u32..5000, 0u32..300).prop_map(|(at, n)| Op::InsertRun(at, n)),
        2 => (key(), any::<bool>()).prop_map(|(key, exclusive)| Op::Scan(key, exclusive)),
    ]
}

fn apply(writer: &mut IndexWriter, model: &mut Model, op: Op) {
    match op {
        Op::Insert(key, value) => {
            assert_eq!(writer.insert(&key, &value), model.contains_key(&key));
            assert_eq!(writer.get(&key, <[u8]>::to_vec).as_ref(), Some(&value));
            model.insert(key, value);
        }
        Op::Remove(key) => {
            assert_eq!(writer.remove(&key), model.remove(&key).is_some());
            assert!(!writer.reader().contains(&key));
        }
        Op::RemoveRun(at, count) if !model.is_empty() => {
            let keys: Vec<_> = model
                .keys()
                .skip(at.index(model.len()))
                .take(count)
                .cloned()
                .collect();
            for key in keys {
                model.remove(&key);
                assert!(writer.remove(&key));
            }
        }
        Op::RemoveRun(..) => {}
        Op::InsertRun(at, count) => {
            for n in at..at + count {
                let key = format!("bucket/photos/{n:06}.jpeg").into_bytes();
                model.insert(key.clone(), n.to_le_bytes().to_vec());
                writer.insert(&key, &n.to_le_bytes());
            }
        }
        Op::Scan(key, exclusive) => {
            let from = if exclusive {
                Bound::Excluded(&key[..])
            } else {
                Bound::Included(&key[..])
            };
            let expected = model.range::<[u8], _>((from, Bound::Unbounded));
            let expected: Vec<_> = expected.map(|(k, v)| (k.clone(), v.clone())).collect();
            assert_eq!(all(&writer.reader(), from), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn behaves_like_a_sorted_map(ops in prop::collection::vec(op(), 1..150)) {
        let (mut writer, reader) = new();
        let mut model = Model::new();
        for op in ops {
            apply(&mut writer, &mut model, op);
        }
        check(&reader, &model);
        for (key, value) in &model {
            assert_eq!(reader.get_vec(key).as_ref(), Some(value));
        }
        // Down to nothing again.
        for key in model.keys() {
            assert!(writer.remove(key));
        }
        check(&reader, &Model::new());
    }

    /// Steps and seeks, near and far, find what a sorted map has.
    #[test]
    fn a_cursor_goes_where_a_sorted_map_goes(
        ops in prop::collection::vec(op(), 1..80),
        from in key(),
        moves in prop::collection::vec(prop::option::of(key()), 0..60),
        near in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let (mut writer, reader) = new();
        let mut model = Model::new();
        for op in ops {
            apply(&mut writer, &mut model, op);
        }
        let visit = Visit::begin();
        let mut cursor = reader.cursor(&visit, &from);
        let mut rest = model.range(from.clone()..);
        let mut here = rest.next();
        let mut near = near.iter();
        for target in moves {
            prop_assert_eq!(cursor.entry(), here.map(|(k, v)| (k.as_slice(), v.as_slice())));
            let Some((key, _)) = here else { break };
            // A key somewhere; or one that the map has, and is at most some way ahead; or a step.
            let ahead = near.next().map(|at| at.index(400));
            let ahead = ahead.and_then(|steps| model.range(key.clone()..).nth(steps)).map(|e| e.0);
            match target.as_ref().or(ahead) {
                Some(target) => {
                    cursor.seek(target);
                    rest = model.range(target.max(key).clone()..);
                    here = rest.next();
                }
                None => {
                    cursor.advance();
                    here = rest.next();
                }
            }
        }
        // And to the end in steps.
        while let Some((key, value)) = here {
            prop_assert_eq!(cursor.entry(), Some((key.as_slice(), value.as_slice())));
            cursor.advance();
            here = rest.next();
        }
        prop_assert_eq!(cursor.entry(), None);
    }

    #[test]
    fn bulk_building_equals_inserting(
        model in prop::collection::btree_map(key(), value(), 0..400),
        ops in prop::collection::vec(op(), 0..50),
    ) {
        let mut model = model;
        let mut bulk = Bulk::new();
        for (key, value) in &model {
            bulk.push(key, value).unwrap();
        }
        let mut writer = bulk.finish();
        check(&writer.reader(), &model);
        for op in ops {
            apply(&mut writer, &mut model, op);
        }
        check(&writer.reader(), &model);
    }

    #[test]
    fn validation_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..200), small: bool) {
        if small && bytes.len() > 4 {
            bytes[0] %= 8;
            bytes[1] = 0;
            bytes[2] %= 8;
            bytes[3] = 0;
        }
        let _ = validate(&bytes);
    }
}

#[test]
fn goes_to_other_threads() {
    fn send<T: Send>() {}
    fn share<T: Send + Sync + Clone>() {}
    send::<IndexWriter>();
    share::<IndexReader>();
}

#[test]
fn bulk_refuses_keys_out_of_order() {
    let mut bulk = Bulk::new();
    assert!(bulk.push(b"b", b"").is_ok());
    assert!(bulk.push(b"b", b"").is_err());
    assert!(bulk.push(b"a", b"").is_err());
    assert!(bulk.push(b"c", b"").is_ok());
    drop(bulk);
}

/// Many random keys: every kind of split, then every kind of merge.
#[test]
fn grows_and_shrinks() {
    let (mut writer, reader) = new();
    let mut model = Model::new();
    let mut random = 1u64;
    let mut next = || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        random >> 20
    };
    for _ in 0..40_000 {
        let key = format!("{:x}", next() % 100_000).into_bytes();
        let value = next().to_le_bytes().to_vec();
        assert_eq!(
            writer.insert(&key, &value),
            model.insert(key, value).is_some()
        );
    }
    check(&reader, &model);
    let full = reader.memory_bytes();
    for _ in 0..250_000 {
        let key = format!("{:x}", next() % 100_000).into_bytes();
        assert_eq!(writer.remove(&key), model.remove(&key).is_some());
    }
    check(&reader, &model);
    assert!(model.len() > 10 && reader.memory_bytes() < full / 4);
}

/// Fixed keys stay, others come and go around them, so that leaves and inner nodes split and merge
/// all the time. Readers must see each fixed key exactly once per scan, in order, with a value that
/// only grows.
#[test]
fn scans_beside_the_writer_neither_skip_nor_repeat() {
    const FIXED: u32 = 1000;
    const ROUNDS: u32 = 10;
    let (mut writer, reader) = new();
    let fixed = |n: u32| format!("key/{:08}", n * 100).into_bytes();
    for n in 0..FIXED {
        writer.insert(&fixed(n), &0u32.to_le_bytes());
    }
    let done = AtomicBool::new(false);
    let scans = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (reader, done, scans) = (reader.clone(), &done, &scans);
            scope.spawn(move || {
                let mut seen = vec![0u32; FIXED as usize];
                while !done.load(Ordering::Relaxed) {
                    scan_and_check(&reader, &mut seen);
                    for (n, seen) in (0..).zip(&mut seen) {
                        let value = reader.get(&fixed(n), value_of).expect("fixed keys stay");
                        assert!(value >= *seen, "a look-up went back in time");
                        *seen = value;
                    }
                    scans.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut round = 0;
        while round < ROUNDS || scans.load(Ordering::Relaxed) < 20 {
            round += 1;
            churn(&mut writer, round, fixed);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(reader.len(), FIXED as usize);
}

fn value_of(value: &[u8]) -> u32 {
    u32::from_le_bytes(value.try_into().unwrap())
}

fn scan_and_check(reader: &IndexReader, seen: &mut [u32]) {
    let mut count = 0;
    let mut before = Vec::new();
    reader.scan(Bound::Unbounded, |key, value| {
        assert!(before.as_slice() < key, "out of order or repeated");
        before = key.to_vec();
        if let Ok(value) = <[u8; 4]>::try_from(value) {
            let number: usize = std::str::from_utf8(&key[4..]).unwrap().parse().unwrap();
            assert_eq!(number, count * 100, "a fixed key was skipped");
            let value = u32::from_le_bytes(value);
            assert!(value >= seen[count], "a scan went back in time");
            seen[count] = value;
            count += 1;
        }
        ControlFlow::Continue(())
    });
    assert_eq!(count, seen.len());
}

/// Inserts and removes a band of other keys, and counts up the fixed ones.
fn churn(writer: &mut IndexWriter, round: u32, fixed: impl Fn(u32) -> Vec<u8>) {
    let band = (round * 37_000) % 100_000;
    let other = |n: u32| format!("key/{:08}x", band + n).into_bytes();
    for n in 0..6000 {
        writer.insert(&other(n), &[0; 100]);
    }
    for n in 0..1000 {
        writer.insert(&fixed(n), &round.to_le_bytes());
    }
    for n in 0..6000 {
        assert!(writer.remove(&other(n)));
    }
}
