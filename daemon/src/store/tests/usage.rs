//! The counters of usage equal a scan of the index: after any history, after a crash at any place,
//! from the log alone and from a checkpoint that was written while everything changed.

use super::{SimStore, config, content, create, extents, md5, object, open, running};
use crate::base::{BucketId, UploadId};
use crate::io::sim::{self, Keep, Rng, SimClock, SimDisk};
use crate::store::record::{ETag, PartRef};
use crate::store::{
    CompleteUpload, NewBody, NewObject, NewPart, NewUpload, ObjectMeta, Store, StoreConfig,
    StoreError, Usage, WriteCondition,
};
use std::rc::Rc;

const BUCKETS: usize = 3;

fn bucket(rng: &mut Rng) -> BucketId {
    BucketId(1 + rng.below(BUCKETS) as u64)
}

/// Keys of a few lengths and places in the order, so that leaves split and merge.
fn key(rng: &mut Rng) -> String {
    format!("{}{:03}", "k".repeat(1 + rng.below(60)), rng.below(40))
}

async fn body(store: &SimStore, rng: &mut Rng, bytes: &[u8]) -> NewBody {
    if rng.below(3) == 0 && !bytes.is_empty() {
        extents(store, bytes, 3000).await
    } else {
        NewBody::Inline(crate::base::AlignedBuf::copy_of(bytes), 0)
    }
}

async fn put(store: &SimStore, rng: &mut Rng) -> Result<(), StoreError> {
    let key = key(rng);
    let bytes = content(&key, 1, rng.below(6000));
    let new = NewObject {
        bucket: bucket(rng),
        body: body(store, rng, &bytes).await,
        ..object(&key, &bytes)
    };
    store.put(new).await.map(drop)
}

/// An upload with a few parts, some replaced; then completed, aborted or left.
async fn upload(store: &SimStore, rng: &mut Rng) -> Result<(), StoreError> {
    let (bucket, key) = (bucket(rng), key(rng).into_bytes());
    let upload = UploadId(u128::from(rng.bits()) << 64 | 1);
    store
        .create_upload(NewUpload {
            bucket,
            key: key.clone(),
            upload,
            meta: ObjectMeta::default(),
        })
        .await?;
    let mut parts = Vec::new();
    for _ in 0..1 + rng.below(5) {
        let number = 1 + rng.below(4) as u32;
        let bytes = content("part", u64::from(number), rng.below(5000));
        let size = bytes.len() as u64;
        let new = NewPart {
            bucket,
            key: key.clone(),
            upload,
            number,
            md5: md5(&bytes),
            size,
            checksum: None,
            body: body(store, rng, &bytes).await,
        };
        store.put_part(new).await?;
        parts.retain(|(n, _)| *n != number);
        parts.push((number, size));
    }
    match rng.below(3) {
        0 => store.abort_upload(bucket, &key, upload).await,
        1 => complete(store, rng, (bucket, key, upload)).await,
        _ => Ok(()),
    }
}

async fn complete(
    store: &SimStore,
    rng: &mut Rng,
    (bucket, key, upload): (BucketId, Vec<u8>, UploadId),
) -> Result<(), StoreError> {
    let stored = store.reader().parts(upload, 0, 100)?;
    // Parts that are not named are dropped.
    let named = stored.iter().filter(|_| rng.below(4) > 0);
    let parts: Vec<PartRef> = named
        .map(|(number, entry)| PartRef {
            number: *number,
            size: entry.size,
            md5: entry.md5,
            at: entry.at,
            record_len: entry.record_len,
            checksum: Vec::new(),
        })
        .collect();
    let object = NewObject {
        bucket,
        key,
        etag: ETag {
            md5: [1; 16],
            parts: parts.len() as u32,
        },
        size: parts.iter().map(|part| part.size).sum(),
        meta: ObjectMeta::default(),
        body: NewBody::Parts(parts),
        condition: WriteCondition::default(),
        modified: None,
    };
    let complete = CompleteUpload { upload, object };
    store.complete_upload(complete).await.map(drop)
}

async fn client(store: Rc<SimStore>, seed: u64) {
    let mut rng = Rng::new(seed);
    loop {
        let done = match rng.below(6) {
            0..3 => put(&store, &mut rng).await,
            3 => upload(&store, &mut rng).await,
            _ => {
                let (bucket, key) = (bucket(&mut rng), key(&mut rng));
                let any = WriteCondition::default();
                store.delete(bucket, key.as_bytes(), &any).await.map(drop)
            }
        };
        match done {
            Ok(()) | Err(StoreError::NoSuchUpload | StoreError::InvalidPart(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

fn check(store: &SimStore, what: &str) {
    let (counted, scanned) = store.counted_and_scanned();
    for id in (0..=BUCKETS as u64).map(BucketId) {
        assert_eq!(counted.of(id), scanned.of(id), "{what}: {id:?}");
        assert_eq!(store.usage(id), counted.of(id));
    }
}

/// Goal: whatever was done when the power is cut, and wherever a checkpoint was in its writing, the
/// counters of the store that is opened again equal a scan.
#[test]
fn usage_equals_a_scan_after_any_history_and_crash() {
    for seed in 0..24u64 {
        sim::run(seed, async move {
            let disk = SimDisk::new(seed);
            let store = create(&disk).await;
            let clients: Vec<_> = (0..4)
                .map(|n| sim::spawn(client(store.clone(), seed * 31 + n)))
                .collect();
            let checkpoints = {
                let store = store.clone();
                sim::spawn(async move {
                    loop {
                        store.checkpoint(true).await.unwrap();
                        check(&store, "after a checkpoint");
                        for _ in 0..1 + seed % 50 {
                            sim::yield_now().await;
                        }
                    }
                })
            };
            for round in 0..4 {
                for _ in 0..(seed * 37 + round * 211) % 700 {
                    sim::yield_now().await;
                }
                check(&store, &format!("seed {seed}, alive"));
                for (keep, what) in [
                    (Keep::All, "all"),
                    (Keep::None, "none"),
                    (Keep::Random(seed), "some"),
                ] {
                    let after = disk.crash(keep);
                    let again = open(&after).await;
                    check(&again, &format!("seed {seed}, round {round}, {what}"));
                    again.log().close().await.unwrap();
                }
            }
            checkpoints.abort();
            for client in clients {
                client.abort();
            }
        });
    }
}

/// Goal: the counters come from the checkpoint; nothing is counted when a store is opened.
#[test]
fn a_checkpoint_brings_the_counters_with_it() {
    sim::run(5, async {
        let disk = SimDisk::new(5);
        let store = create(&disk).await;
        let bucket = super::BUCKET;
        for n in 0..300u64 {
            let body = content("k", n, 100);
            store.put(object(&format!("k{n}"), &body)).await.unwrap();
        }
        store.checkpoint(true).await.unwrap();
        store.log().close().await.unwrap();
        let store = open(&disk).await;
        let held = Usage {
            bytes: 30_000,
            objects: 300,
        };
        assert_eq!(store.usage(bucket), held);
        let any = WriteCondition::default();
        store.delete(bucket, b"k7", &any).await.unwrap();
        store.put(object("k8", b"shorter")).await.unwrap();
        let held = Usage {
            bytes: 30_000 - 100 - 100 + 7,
            objects: 299,
        };
        assert_eq!(store.usage(bucket), held);
        store.log().close().await.unwrap();
        assert_eq!(open(&disk).await.usage(bucket), held);
    });
}

/// Goal: the checkpoint of a version that did not count costs one pass over the log, not the data.
#[test]
fn an_older_checkpoint_is_rebuilt_once() {
    sim::run(6, async {
        let disk = SimDisk::new(6);
        let store = create(&disk).await;
        store.put(object("k", b"12345")).await.unwrap();
        store.checkpoint(true).await.unwrap();
        store.log().close().await.unwrap();
        // The version is behind the magic and the checksum of every page.
        let path = "shard-000/index.checkpoint";
        let mut old = disk.read_raw(path).unwrap();
        for page in [0, 64 * 1024, old.len() - 4096] {
            old[page + 12] = 1;
            let end = (page + 64 * 1024).min(old.len());
            let crc = crc32fast::hash(&old[page + 12..end]);
            old[page + 8..page + 12].copy_from_slice(&crc.to_le_bytes());
        }
        disk.write_raw(path, old);
        let store = open(&disk).await;
        assert_eq!(store.usage(super::BUCKET).bytes, 5);
        check(&store, "rebuilt");
        store.put(object("l", b"1")).await.unwrap();
        store.checkpoint(true).await.unwrap();
        store.log().close().await.unwrap();
        let config = StoreConfig { ..config() };
        let store = running(Store::open(disk, SimClock, config).await.unwrap());
        assert_eq!(store.usage(super::BUCKET).bytes, 6);
    });
}
