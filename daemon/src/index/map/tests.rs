//! The map against a `BTreeMap`; readers beside a writer; files damaged in every byte.

use super::*;
use crate::io::sim::Rng;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn memory() -> MapConfig {
    MapConfig {
        path: None,
        store: [3; 16],
    }
}

fn all(lookup: &impl Lookup) -> Result<Model, MapError> {
    let mut found = Model::new();
    let mut last = None;
    lookup.scan(&[], &mut |key, value| {
        assert!(last.as_deref() < Some(key), "order");
        last = Some(key.to_vec());
        found.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn number(n: usize) -> Vec<u8> {
    format!("volume/bucket-{n:06}").into_bytes()
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    Publish,
    Discard,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = prop_oneof![
        4 => (0usize..400).prop_map(number),
        1 => proptest::collection::vec(0u8..3, 0..KEY_BYTES_MAX),
    ];
    let value = prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..60),
        1 => proptest::collection::vec(any::<u8>(), 0..VALUE_BYTES_MAX),
    ];
    let step = prop_oneof![
        12 => (key.clone(), value).prop_map(|(key, value)| Step::Insert(key, value)),
        6 => key.prop_map(Step::Remove),
        1 => Just(Step::Publish),
        1 => Just(Step::Discard),
    ];
    proptest::collection::vec(step, 1..600)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn is_a_map(steps in steps(), loaded in 0usize..300) {
        let mut model: Model = (0..loaded).map(|n| (number(n * 2), vec![1; n % 90])).collect();
        let mut map = MapWriter::load(&memory(), &model, Stamp::default()).unwrap();
        let mut published = model.clone();
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    map.insert(&key, &value).unwrap();
                    model.insert(key, value);
                }
                Step::Remove(key) => {
                    prop_assert_eq!(map.remove(&key).unwrap(), model.remove(&key).is_some());
                }
                Step::Publish => {
                    map.publish(Stamp::default()).unwrap();
                    published.clone_from(&model);
                    prop_assert_eq!(&all(&*map.reader().view()).unwrap(), &published);
                }
                Step::Discard => {
                    map.discard();
                    model.clone_from(&published);
                }
            }
        }
        prop_assert_eq!(&all(&map).unwrap(), &model);
        let view = map.reader().hold();
        prop_assert_eq!(&all(&*view).unwrap(), &published);
        prop_assert_eq!(view.len(), published.len() as u64);
        for n in 0..400 {
            let key = number(n);
            prop_assert_eq!(map.value(&key).unwrap(), model.get(&key).cloned());
            prop_assert_eq!(view.value(&key).unwrap(), published.get(&key).cloned());
        }
        for key in published.keys() {
            let mut next = None;
            view.scan(key, &mut |key, _| { next = Some(key.to_vec()); ControlFlow::Break(()) }).unwrap();
            prop_assert_eq!(next.as_ref(), Some(key));
        }
    }
}

#[test]
fn pages_are_used_again_and_a_held_state_keeps_its_own() {
    let mut map = MapWriter::create(&memory()).unwrap();
    for n in 0..2000 {
        map.insert(&number(n), &[0; 40]).unwrap();
    }
    map.publish(Stamp::default()).unwrap();
    let (held, before) = (map.reader().hold(), map.pages_used());
    for round in 1..200u8 {
        for n in 0..20 {
            map.insert(&number(n * 97), &[round; 40]).unwrap();
        }
        map.publish(Stamp::default()).unwrap();
    }
    assert!(all(&*held).unwrap().values().all(|value| *value == [0; 40]));
    drop(held);
    map.publish(Stamp::default()).unwrap();
    map.publish(Stamp::default()).unwrap();
    assert!(
        map.pages_used() < before + 64,
        "{} of {before}",
        map.pages_used()
    );
    for n in 0..2000 {
        assert!(map.remove(&number(n)).unwrap());
    }
    map.publish(Stamp::default()).unwrap();
    map.publish(Stamp::default()).unwrap();
    assert!(map.pages_used() < 8, "{}", map.pages_used());
}

#[test]
fn what_was_closed_is_opened_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = MapConfig {
        path: Some(folder.path().join("index")),
        store: [3; 16],
    };
    let open = || MapWriter::open(&config).map(drop);
    assert_eq!(open(), Err(MapError::Missing));
    let stamp = Stamp {
        covers: 7,
        digest: 8,
    };
    let mut map = MapWriter::create(&config).unwrap();
    for n in 0..3000 {
        map.insert(&number(n), &[7; 30]).unwrap();
    }
    map.publish(stamp).unwrap();
    assert_eq!(open(), Err(MapError::InUse));
    map.insert(b"not published", b"").unwrap();
    map.close().unwrap();
    for _ in 0..2 {
        let mut map = MapWriter::open(&config).unwrap();
        assert_eq!(map.reader().view().stamp(), stamp);
        assert_eq!(all(&map).unwrap().len(), 3000);
        for n in 0..300 {
            map.insert(&number(n), b"new").unwrap();
        }
        map.discard();
        map.publish(stamp).unwrap();
        map.close().unwrap();
    }
    let other = MapConfig {
        store: [4; 16],
        ..config.clone()
    };
    assert!(matches!(
        MapWriter::open(&other),
        Err(MapError::Unusable(_))
    ));
    drop(MapWriter::open(&config).unwrap());
    assert!(matches!(open(), Err(MapError::Unusable(_))));
}

/// Readers on other threads check, for as long as a writer publishes 10,000 states, that each state
/// is whole: all keys of a state carry its number.
#[test]
fn readers_see_whole_states_while_the_writer_publishes() {
    const KEYS: usize = 12;
    let mut map = MapWriter::create(&memory()).unwrap();
    let done = AtomicBool::new(false);
    let write = |map: &mut MapWriter, round: u64| {
        for n in 0..KEYS {
            map.insert(
                &number(n * 31),
                &[&round.to_le_bytes()[..], &[0; 100]].concat(),
            )
            .unwrap();
        }
        map.publish(Stamp {
            covers: round,
            digest: 0,
        })
        .unwrap();
    };
    write(&mut map, 0);
    std::thread::scope(|scope| {
        for seed in 0..3 {
            let (reader, done) = (map.reader(), &done);
            scope.spawn(move || {
                let mut rng = Rng::new(seed);
                let mut last = 0;
                let mut rounds = 0u64;
                while !done.load(Ordering::Acquire) {
                    let view = reader.view();
                    let round = view.stamp().covers;
                    assert!(round >= last);
                    last = round;
                    for _ in 0..8 {
                        let key = number(rng.below(KEYS) * 31);
                        let found = view.get(&key, |value| value[..8].to_vec()).unwrap();
                        assert_eq!(found, Some(round.to_le_bytes().to_vec()));
                    }
                    assert_eq!(view.get(b"volume/none", |_| ()).unwrap(), None);
                    if rounds.is_multiple_of(64) {
                        assert_eq!(all(&*view).unwrap().len(), KEYS);
                    }
                    rounds += 1;
                }
                assert!(rounds > 0);
            });
        }
        for round in 1..=10_000 {
            write(&mut map, round);
        }
        done.store(true, Ordering::Release);
    });
}

fn sample(path: &std::path::Path) -> (MapConfig, Model) {
    let config = MapConfig {
        path: Some(path.join("index")),
        store: [3; 16],
    };
    let model: Model = (0..300)
        .map(|n| (number(n * 2), vec![n.to_le_bytes()[0]; 50]))
        .collect();
    (config, model)
}

/// A closed file with any byte flipped is refused or, when the byte means nothing, read right.
#[test]
fn any_byte_flip_in_a_closed_file_is_refused_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let (config, model) = sample(folder.path());
    let path = config.path.clone().unwrap();
    MapWriter::load(&config, &model, Stamp::default())
        .unwrap()
        .close()
        .unwrap();
    let good = std::fs::read(&path).unwrap();
    let used = good.iter().rposition(|&b| b != 0).unwrap() + 1;
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let mut refused = 0;
    // A step prime to 8 meets every bit of a byte.
    for at in (0..used).step_by(7) {
        let bad = good[at] ^ (1 << (at % 8));
        file.write_all_at(&[bad], at as u64).unwrap();
        match MapWriter::open(&config) {
            Ok(map) => {
                assert_eq!(all(&map).unwrap(), model, "byte {at}");
                file.write_all_at(&good[..8192], 0).unwrap();
            }
            Err(_) => refused += 1,
        }
        file.write_all_at(&good[at..=at], at as u64).unwrap();
    }
    assert!(refused > used / 7 / 2, "{refused} of {used}");
    for len in [0, 100, 4096, 8192, good.len() / 2] {
        std::fs::write(&path, &good[..len]).unwrap();
        assert!(MapWriter::open(&config).is_err(), "length {len}");
    }
}

/// A byte flipped under the feet of the readers gives an error or the right answer, for every key,
/// present or absent, and for a scan.
#[test]
fn any_byte_flip_in_an_open_file_is_an_error_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let (config, model) = sample(folder.path());
    let map = MapWriter::load(&config, &model, Stamp::default()).unwrap();
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(config.path.unwrap())
        .unwrap();
    let pages = map.pages_used() as u64;
    let view = map.reader().hold();
    let mut damaged = 0;
    for at in (2 * 4096..pages * 4096).step_by(11) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        let bad = byte[0] ^ (1 << (at % 8));
        file.write_all_at(&[bad], at).unwrap();
        for n in (0..120).step_by(7) {
            match view.value(&number(n)) {
                Ok(found) => assert_eq!(found, model.get(&number(n)).cloned(), "byte {at}"),
                Err(MapError::Damaged { .. }) => damaged += 1,
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
        match all(&*view) {
            Ok(found) => assert_eq!(found, model, "byte {at}"),
            Err(_) => damaged += 1,
        }
        file.write_all_at(&byte, at).unwrap();
    }
    assert!(damaged > 0);
}
