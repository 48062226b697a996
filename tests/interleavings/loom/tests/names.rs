//! The map of names: a state is seen as a whole, and stays as it was for as long as somebody has it,
//! although its pages are written again as soon as nobody does.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that panics has failed"
)]

use chainring_loom::index::map::{Generation, Lookup, MapConfig, MapWriter, Stamp};
use chainring_loom::io::mapfile::looking;
use chainring_loom::run::every_order;
use loom::thread;
use std::ops::ControlFlow;

const KEYS: [&[u8]; 2] = [b"first", b"second"];

fn publish(writer: &mut MapWriter, number: u8) {
    for key in KEYS {
        writer.insert(key, &[number; 24]).unwrap();
    }
    let covers = u64::from(number);
    writer.publish(Stamp { covers, digest: 0 }).unwrap();
}

/// The number that every key of a state has, looked up one by one.
fn looked_up(state: &Generation) -> u8 {
    let mut numbers = KEYS.map(|key| {
        looking();
        state.value(key).expect("no page is damaged").expect("set")[0]
    });
    looking();
    numbers.sort_unstable();
    assert_eq!(numbers[0], numbers[1], "two publications seen at once");
    assert_eq!(state.stamp().covers, u64::from(numbers[0]));
    numbers[0]
}

/// The same by a walk over all entries.
fn scanned(state: &Generation) -> u8 {
    let mut numbers = Vec::new();
    looking();
    let walked = state.scan(b"", &mut |_, value| {
        looking();
        numbers.push(value[0]);
        ControlFlow::Continue(())
    });
    walked.expect("no page is damaged");
    looking();
    assert_eq!(numbers, [state.stamp().covers as u8; 2]);
    numbers[0]
}

fn writer() -> MapWriter {
    let config = MapConfig {
        path: None,
        store: [7; 16],
    };
    let mut writer = MapWriter::create(&config).unwrap();
    publish(&mut writer, 1);
    writer
}

/// A reader holds states while three more are published, each of which may write to what the last but
/// one left.
#[test]
fn loom_a_state_of_the_names_is_whole_and_stays() {
    every_order("names", 2, 4, || {
        let mut writer = writer();
        let reader = writer.reader();
        let reading = thread::spawn(move || {
            let mut last = 0;
            for _ in 0..2 {
                let state = reader.hold();
                let number = looked_up(&state);
                assert!(number >= last, "time went backwards");
                assert_eq!(scanned(&state), number);
                last = number;
            }
        });
        for number in 2..=4 {
            publish(&mut writer, number);
        }
        reading.join().unwrap();
        let used = writer.pages_used();
        assert!(used <= 8, "{used} pages: nothing was written again");
    });
}

/// Two readers, one of which looks and one of which holds on; changes that are given up in between.
#[test]
fn loom_changes_that_are_given_up_are_seen_by_nobody() {
    every_order("names-discarded", 2, 3, || {
        let mut writer = writer();
        let readers = [false, true].map(|holds| {
            let reader = writer.reader();
            thread::spawn(move || {
                let number = match holds {
                    true => looked_up(&reader.hold()),
                    false => looked_up(&reader.view()),
                };
                assert!(number == 1 || number == 3);
            })
        });
        writer.insert(KEYS[0], &[2; 24]).unwrap();
        writer.discard();
        publish(&mut writer, 3);
        publish_same(&mut writer);
        readers
            .into_iter()
            .for_each(|t| t.join().expect("it did not panic"));
    });
}

/// Publishes the state there is once more, so that its pages may be written to.
fn publish_same(writer: &mut MapWriter) {
    publish(writer, 3);
}
