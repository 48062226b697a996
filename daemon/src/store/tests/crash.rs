//! Power cuts under concurrent writes: what was acknowledged is there with its bytes, what was not
//! is there whole or not at all, and nothing else is (durability properties D1, D2, D7).

use super::{BUCKET, content, create, extents, keys, object, open, read};
use crate::io::sim::{self, Keep, Rng, SimDisk};
use crate::store::{NewObject, StoreReader, WriteCondition};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What may be found under a key: the acknowledged state, and states asked for after it.
#[derive(Clone, Debug, Default)]
struct Expected {
    acknowledged: Option<u64>,
    pending: Vec<Option<u64>>,
}

type Model = Rc<RefCell<BTreeMap<String, Expected>>>;

/// One client per key, so that each key has one order of operations.
async fn client(store: Rc<super::SimStore>, key: String, seed: u64, model: Model) {
    let mut rng = Rng::new(seed);
    for version in 1..12u64 {
        let wanted = (rng.below(4) > 0).then_some(version);
        model
            .borrow_mut()
            .entry(key.clone())
            .or_default()
            .pending
            .push(wanted);
        let done = match wanted {
            None => store
                .delete(BUCKET, key.as_bytes(), &WriteCondition::default())
                .await
                .is_ok(),
            Some(version) => {
                let body = content(&key, version, length(version));
                let new = object(&key, &body);
                let new = if rng.below(2) == 0 {
                    NewObject {
                        body: extents(&store, &body, 9000).await,
                        ..new
                    }
                } else {
                    new
                };
                store.put(new).await.is_ok()
            }
        };
        if done {
            let mut model = model.borrow_mut();
            let expected = model.entry(key.clone()).or_default();
            *expected = Expected {
                acknowledged: wanted,
                pending: Vec::new(),
            };
        }
    }
}

fn length(version: u64) -> usize {
    usize::try_from(version * 1777 % 20_000).unwrap()
}

async fn check(disk: &SimDisk, model: &BTreeMap<String, Expected>, what: &str) {
    let store = open(disk).await;
    let reader = store.reader();
    for (key, expected) in model {
        let found = read(&reader, key).await.unwrap();
        let allowed = || std::iter::once(&expected.acknowledged).chain(&expected.pending);
        let right = allowed().any(|version| {
            let body = version.map(|v| content(key, v, length(v)));
            body == found
        });
        assert!(
            right,
            "{what}: {key} holds {:?} bytes, {expected:?}",
            found.map(|b| b.len())
        );
    }
    assert!(
        keys(&reader).iter().all(|key| model.contains_key(key)),
        "{what}"
    );
    store.log().close().await.unwrap();
}

#[test]
fn no_power_cut_loses_what_was_acknowledged() {
    for seed in 0..60u64 {
        sim::run(seed, async move {
            let disk = SimDisk::new(seed);
            let store = create(&disk).await;
            let model = Model::default();
            let clients: Vec<_> = (0..5u64)
                .map(|n| {
                    let run = client(
                        store.clone(),
                        format!("key-{n}"),
                        seed * 31 + n,
                        model.clone(),
                    );
                    sim::spawn(run)
                })
                .collect();
            // On every second run the index is saved all the time.
            let saving = sim::spawn({
                let store = store.clone();
                async move {
                    while seed.is_multiple_of(2) {
                        store.checkpoint(true).await.unwrap();
                        sim::yield_now().await;
                    }
                }
            });
            let turns = 20 + seed * 37 % 900;
            for _ in 0..turns {
                sim::yield_now().await;
            }
            let now = model.borrow().clone();
            let keeps = [
                ("all", Keep::All),
                ("none", Keep::None),
                ("some", Keep::Random(seed)),
            ];
            let images = keeps.map(|(name, keep)| (name, disk.crash(keep)));
            saving.abort();
            for client in clients {
                client.abort();
            }
            for (name, after) in images {
                check(&after, &now, &format!("seed {seed}, {name}")).await;
                // A second recovery finds what the first one found.
                check(&after, &now, &format!("seed {seed}, {name}, again")).await;
            }
        });
    }
}

/// Goal: nobody ever sees what a power cut takes back (D3): it is published after its flush.
#[test]
fn what_a_reader_saw_stays() {
    for seed in 0..20u64 {
        sim::run(seed, async move {
            let disk = SimDisk::new(seed);
            let store = create(&disk).await;
            let reader = store.reader();
            let writer = sim::spawn(async move {
                for version in 1..10u64 {
                    let body = content("k", version, 500 + version as usize);
                    store.put(object("k", &body)).await.unwrap();
                }
            });
            // By their sizes the versions are known.
            let version = |reader: &StoreReader<SimDisk>| {
                let entry = reader.object(BUCKET, b"k", &mut Vec::new()).unwrap();
                entry.map_or(0, |entry| entry.size - 500)
            };
            let mut last = 0;
            for _ in 0..400 {
                let seen = version(&reader);
                if seen != last {
                    let left = open(&disk.crash(Keep::None)).await;
                    // What is flushed and not shown yet may be there, too.
                    assert!(
                        version(&left.reader()) >= seen,
                        "seed {seed}, version {seen}"
                    );
                    left.log().close().await.unwrap();
                    last = seen;
                }
                sim::yield_now().await;
            }
            assert!(last > 0);
            writer.join().await;
        });
    }
}

/// What is written after `disk` was opened is there when it is opened again.
async fn goes_on(disk: &SimDisk) {
    let store = open(disk).await;
    store.put(object("later", b"later")).await.unwrap();
    let any = WriteCondition::default();
    store.delete(BUCKET, b"k", &any).await.unwrap();
    store.log().close().await.unwrap();
    let store = open(disk).await;
    assert_eq!(keys(&store.reader()), ["later"]);
}

/// An upload's extents are in the log before its record. A checkpoint that began behind them while
/// nothing had flushed them made what was written after a power cut pass for something it held.
#[test]
fn a_checkpoint_begins_before_what_a_power_cut_takes() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let store = create(&disk).await;
        store.put(object("k", b"k")).await.unwrap();
        extents(&store, &content("large", 1, 20_000), 5000).await;
        store.checkpoint(true).await.unwrap();
        goes_on(&disk.crash(Keep::None)).await;
    });
}

/// The same for a log that lost its end to rot.
#[test]
fn a_log_that_ends_before_its_checkpoint_goes_on() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let store = create(&disk).await;
        store.put(object("k", b"k")).await.unwrap();
        let sound = disk.read_raw("shard-000/seg-00000001").unwrap();
        store.put(object("lost", &[1; 9000])).await.unwrap();
        store.checkpoint(true).await.unwrap();
        store.log().close().await.unwrap();
        disk.write_raw("shard-000/seg-00000001", sound);
        goes_on(&disk).await;
    });
}
