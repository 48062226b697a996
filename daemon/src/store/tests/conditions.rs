//! Conditions under concurrency: they are judged where the write takes its place.

use super::{BUCKET, create, object, read};
use crate::io::sim::{self, SimDisk};
use crate::store::{EtagSet, NewObject, StoreError, WriteCondition};

fn if_none_match() -> WriteCondition {
    WriteCondition {
        if_none_match: Some(EtagSet::Any),
        ..WriteCondition::default()
    }
}

#[test]
fn of_many_simultaneous_creations_exactly_one_wins() {
    for seed in 0..50 {
        sim::run(seed, async move {
            let store = create(&SimDisk::new(seed)).await;
            let tries: Vec<_> = (0..8u8)
                .map(|n| {
                    let store = store.clone();
                    sim::spawn(async move {
                        let body = [n; 10];
                        let new = NewObject {
                            condition: if_none_match(),
                            ..object("k", &body)
                        };
                        store.put(new).await.map(|_| n)
                    })
                })
                .collect();
            let mut won = Vec::new();
            for attempt in tries {
                match attempt.join().await {
                    Ok(n) => won.push(n),
                    Err(StoreError::PreconditionFailed) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            assert_eq!(won.len(), 1, "seed {seed}");
            assert_eq!(
                read(&store.reader(), "k").await.unwrap(),
                Some(vec![won[0]; 10])
            );
        });
    }
}

#[test]
fn if_match_sees_the_newest_state() {
    sim::run(9, async {
        let store = create(&SimDisk::new(9)).await;
        let wants = |tag: &str| WriteCondition {
            if_match: Some(EtagSet::OneOf(vec![tag.to_owned()])),
            ..WriteCondition::default()
        };
        let first = object("k", b"one");
        let tag = first.etag.to_string();
        let missing = NewObject {
            condition: wants(&tag),
            ..object("k", b"two")
        };
        assert!(matches!(
            store.put(missing).await,
            Err(StoreError::NoSuchKey)
        ));
        store.put(first).await.unwrap();
        store
            .put(NewObject {
                condition: wants(&tag),
                ..object("k", b"two")
            })
            .await
            .unwrap();
        let stale = NewObject {
            condition: wants(&tag),
            ..object("k", b"three")
        };
        assert!(matches!(
            store.put(stale).await,
            Err(StoreError::PreconditionFailed)
        ));
        let stale = store.delete(BUCKET, b"k", &wants(&tag)).await;
        assert!(matches!(stale, Err(StoreError::PreconditionFailed)));
    });
}
