//! Conditions under concurrency: they are judged where the write takes its place.

use super::{BUCKET, create, object, open, read};
use crate::io::sim::{self, Keep, SimDisk};
use crate::store::{EtagSet, NewObject, StoreError, WriteCondition};
use futures_util::FutureExt;

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

/// Goal: "it is gone" is only said when it stays gone and everybody sees it. Found by the kill loop:
/// a delete that met another one in flight was answered at once, and a kill brought the object back.
#[test]
fn a_delete_that_finds_nothing_waits_for_the_delete_that_took_it() {
    for seed in 0..50 {
        sim::run(seed, async move {
            let disk = SimDisk::new(seed);
            let store = create(&disk).await;
            store.put(object("k", b"body")).await.unwrap();
            let deletes: Vec<_> = (0..3u8)
                .map(|n| {
                    let (store, disk) = (store.clone(), disk.clone());
                    sim::spawn(async move {
                        let none = WriteCondition::default();
                        if n == 2 {
                            let one = [(b"k".to_vec(), none)];
                            let mut results = store.delete_many(BUCKET, &one).await;
                            results.pop().unwrap().unwrap();
                        } else {
                            store.delete(BUCKET, b"k", &none).await.unwrap();
                        }
                        // The moment it is answered: what every core sees, and what a power cut leaves.
                        assert_eq!(read(&store.reader(), "k").await.unwrap(), None);
                        disk.crash(Keep::None)
                    })
                })
                .collect();
            for delete in deletes {
                let store = open(&delete.join().await).await;
                assert_eq!(
                    read(&store.reader(), "k").await.unwrap(),
                    None,
                    "seed {seed}"
                );
            }
        });
    }
}

/// Goal: a refusal tells of a state that no crash takes back.
#[test]
fn a_refusal_that_rests_on_a_write_in_flight_waits_for_its_flush() {
    for seed in 0..30 {
        sim::run(seed, async move {
            let disk = SimDisk::new(seed);
            let store = create(&disk).await;
            let mut first = Box::pin(store.put(object("k", b"first")));
            assert!((&mut first).now_or_never().is_none());
            let second = NewObject {
                condition: if_none_match(),
                ..object("k", b"second")
            };
            let answer = store.put(second).await;
            let left = disk.crash(Keep::None);
            assert!(matches!(answer, Err(StoreError::PreconditionFailed)));
            let kept = read(&open(&left).await.reader(), "k").await.unwrap();
            assert_eq!(kept, Some(b"first".to_vec()), "seed {seed}");
            first.await.unwrap();
        });
    }
}

/// Goal: a bucket with an object on its way is not empty; one whose only object is on its way out is.
#[test]
fn a_bucket_is_sealed_by_its_newest_state() {
    sim::run(4, async {
        let store = create(&SimDisk::new(4)).await;
        let mut put = Box::pin(store.put(object("k", b"x")));
        assert!((&mut put).now_or_never().is_none(), "it is on its way");
        assert_eq!(store.reader().entries(), 0);
        assert!(!store.seal_if_empty(BUCKET));
        put.await.unwrap();
        let none = WriteCondition::default();
        let mut delete = Box::pin(store.delete(BUCKET, b"k", &none));
        assert!(
            (&mut delete).now_or_never().is_none(),
            "it is on its way out"
        );
        assert_eq!(store.reader().entries(), 1);
        assert!(store.seal_if_empty(BUCKET));
        assert!(delete.await.unwrap());
    });
}
