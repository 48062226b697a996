//! Power cuts under concurrent writes: what was acknowledged is there with its bytes, what was not
//! is there whole or not at all, and nothing else is (durability properties D1, D2, D7).

use super::{BUCKET, content, create, extents, keys, object, open, read};
use crate::io::sim::{self, Keep, Rng, SimDisk};
use crate::store::{NewObject, WriteCondition};
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
