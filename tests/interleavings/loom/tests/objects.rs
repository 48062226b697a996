//! The index of objects: what is published is complete, a reader finds everything that was there
//! throughout, and a node is freed once, after its last reader.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use chainring_loom::base::sync::epoch::settle;
use chainring_loom::index::tree::{self, Bulk, IndexReader, IndexWriter, Visit};
use chainring_loom::run::every_order;
use loom::thread;
use std::ops::{Bound, ControlFlow};

/// A value of which two fill a leaf.
const LARGE: usize = 1900;

/// Runs `write` beside `read`, then sees to it that everything is freed.
fn beside(
    (mut writer, reader): (IndexWriter, IndexReader),
    write: impl FnOnce(&mut IndexWriter),
    read: impl FnOnce(&IndexReader) + 'static,
) {
    let theirs = reader.clone();
    let reading = thread::spawn(move || {
        read(&theirs);
        theirs
    });
    write(&mut writer);
    // Given back, so that the last one is dropped by this thread: what `Arc` does is not the question.
    let theirs = reading.join().unwrap();
    drop((writer, reader, theirs));
    settle();
}

fn number(value: &[u8]) -> u8 {
    assert!(value.iter().all(|byte| *byte == value[0]), "half a value");
    value[0]
}

fn scan(reader: &IndexReader) -> Vec<(Vec<u8>, u8)> {
    let mut seen = Vec::new();
    reader.scan(Bound::Unbounded, |key, value| {
        seen.push((key.to_vec(), number(value)));
        ControlFlow::Continue(())
    });
    assert!(seen.is_sorted(), "out of order");
    seen
}

#[test]
fn loom_an_overwritten_object_is_the_old_or_the_new_one() {
    every_order("objects", 4, 7, || {
        let mut index = tree::new();
        index.0.insert(b"key", &[1; 100]);
        beside(
            index,
            |writer| {
                writer.insert(b"key", &[2; 100]);
                writer.insert(b"key", &[3; 100]);
            },
            |reader| {
                let mut last = 0;
                for _ in 0..2 {
                    let now = reader.get(b"key", number).expect("it is always there");
                    assert!(now >= last, "time went backwards");
                    last = now;
                }
            },
        );
    });
}

/// Leaves are split and merged while a reader walks over them.
#[test]
fn loom_splits_and_merges_hide_nothing() {
    every_order("objects-split", 3, 5, || {
        let mut index = tree::new();
        for key in [b"a", b"e"] {
            index.0.insert(key, &[1; LARGE]);
        }
        beside(
            index,
            |writer| {
                writer.insert(b"c", &[2; LARGE]);
                assert!(writer.remove(b"c"));
            },
            |reader| {
                let mut seen = scan(reader);
                seen.retain(|(key, _)| key != b"c");
                assert_eq!(seen, [(b"a".to_vec(), 1), (b"e".to_vec(), 1)]);
            },
        );
    });
}

/// Keys that differ in their ends: their separators are so long that few fit into a node.
fn long_key(group: u8, last: u8) -> Vec<u8> {
    let mut key = vec![group; 3800];
    key.push(last);
    key
}

/// The tree grows a level, and loses it again, under a cursor that was there before.
#[test]
fn loom_a_tree_that_grows_a_level_keeps_its_cursors() {
    every_order("objects-levels", 2, 3, || {
        let groups = 1..=4;
        let mut bulk = Bulk::new();
        for group in groups.clone() {
            for last in [1, 2] {
                bulk.push(&long_key(group, last), &[1; 150]).unwrap();
            }
        }
        let writer = bulk.finish();
        let reader = writer.reader();
        beside(
            (writer, reader),
            |writer| {
                for last in [1, 2] {
                    writer.insert(&long_key(9, last), &[2; 150]);
                }
                assert!(writer.remove(&long_key(9, 1)));
                assert!(writer.remove(&long_key(9, 2)));
            },
            move |reader| {
                let visit = Visit::begin();
                let mut cursor = reader.cursor(&visit, b"");
                for group in groups {
                    for last in [1, 2] {
                        let (key, value) = cursor.entry().expect("it is always there");
                        assert_eq!((key, number(value)), (&*long_key(group, last), 1));
                        cursor.advance();
                    }
                }
            },
        );
    });
}
