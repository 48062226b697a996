//! Compaction changes nothing that anybody sees, whenever the power fails, and gives room (D8).

use super::*;
use crate::base::UploadId;
use crate::io::sim::Rng;
use crate::log::LogError;
use crate::store::compact::Aim;
use crate::store::{CompleteUpload, NewPart, NewUpload, PartRef};
use std::collections::BTreeMap;

type Model = BTreeMap<String, Vec<u8>>;

/// Passes until nothing is left to do.
async fn compact_all(store: &SimStore) {
    for _ in 0..6 {
        let pass = store.compact(Aim::Everything).await.unwrap();
        if pass.cleaned == 0 && pass.retired == 0 {
            return;
        }
        store.checkpoint(true).await.unwrap();
    }
}

async fn whole(store: &SimStore) -> Model {
    let reader = store.reader();
    let mut found = Model::new();
    for key in keys(&reader) {
        let body = read(&reader, &key).await.unwrap().expect("listed");
        found.insert(key, body);
    }
    found
}

async fn put(store: &SimStore, model: &mut Model, key: &str, version: u64, len: usize) {
    let body = content(key, version, len);
    let new = object(key, &body);
    let new = match len > 6000 {
        true => NewObject {
            body: extents(store, &body, 5000).await,
            ..new
        },
        false => new,
    };
    store.put(new).await.unwrap();
    model.insert(key.to_owned(), body);
}

async fn delete(store: &SimStore, model: &mut Model, key: &str) {
    let any = WriteCondition::default();
    store.delete(BUCKET, key.as_bytes(), &any).await.unwrap();
    model.remove(key);
}

/// An object of three parts: one inline, two of extents.
async fn multipart(store: &SimStore, model: &mut Model, key: &str, upload: u128, abort: bool) {
    let upload = UploadId(upload);
    let new = NewUpload {
        bucket: BUCKET,
        key: key.as_bytes().to_vec(),
        upload,
        meta: ObjectMeta::default(),
    };
    store.create_upload(new).await.unwrap();
    let mut whole = Vec::new();
    for (number, len) in [(1, 9000), (2, 500), (3, 12_000)] {
        let bytes = content(key, u64::from(number), len);
        let body = match len > 6000 {
            true => extents(store, &bytes, 5000).await,
            false => NewBody::Inline(AlignedBuf::copy_of(&bytes), 0),
        };
        let part = NewPart {
            bucket: BUCKET,
            key: key.as_bytes().to_vec(),
            upload,
            number,
            md5: md5(&bytes),
            size: len as u64,
            checksum: None,
            body,
        };
        store.put_part(part).await.unwrap();
        whole.extend(bytes);
    }
    if abort {
        store
            .abort_upload(BUCKET, key.as_bytes(), upload)
            .await
            .unwrap();
        return;
    }
    complete(store, key, upload, &whole).await;
    model.insert(key.to_owned(), whole);
}

async fn complete(store: &SimStore, key: &str, upload: UploadId, whole: &[u8]) {
    let stored = store.reader().parts(upload, 0, 100).unwrap();
    let parts: Vec<PartRef> = stored
        .iter()
        .map(|(number, entry)| PartRef {
            number: *number,
            size: entry.size,
            md5: entry.md5,
            at: entry.at,
            record_len: entry.record_len,
            checksum: Vec::new(),
        })
        .collect();
    let count = parts.len() as u32;
    let mut new = object(key, whole);
    new.etag.parts = count;
    new.body = NewBody::Parts(parts);
    let done = CompleteUpload {
        upload,
        object: new,
    };
    store.complete_upload(done).await.unwrap();
}

/// Some life, with garbage of every kind.
async fn live(store: &SimStore, seed: u64, steps: u64) -> Model {
    let mut rng = Rng::new(seed);
    let mut model = Model::new();
    for step in 0..steps {
        let key = format!("key-{}", rng.below(12));
        match rng.below(8) {
            0 | 1 => delete(store, &mut model, &key).await,
            2 => multipart(store, &mut model, &key, u128::from(step) + 1, false).await,
            3 => multipart(store, &mut model, &key, u128::from(step) + 1, true).await,
            4 | 5 => put(store, &mut model, &key, step, 7000 + rng.below(9000)).await,
            _ => put(store, &mut model, &key, step, rng.below(4000)).await,
        }
        if rng.below(10) == 0 {
            store.checkpoint(true).await.unwrap();
        }
        if rng.below(6) == 0 {
            store.compact(Aim::Everything).await.unwrap();
        }
    }
    model
}

fn without_checkpoint(disk: &SimDisk) -> SimDisk {
    let copy = disk.crash(Keep::All);
    for path in copy.paths().iter().filter(|p| p.contains("checkpoint")) {
        copy.remove_raw(path);
    }
    copy
}

#[test]
fn compaction_changes_nothing_and_gives_room() {
    for seed in 0..6 {
        sim::run(seed, async move {
            let disk = SimDisk::new(seed);
            let store = create(&disk).await;
            let model = live(&store, seed, 120).await;
            assert_eq!(whole(&store).await, model, "seed {seed}");
            compact_all(&store).await;
            assert_eq!(whole(&store).await, model, "seed {seed}");
            let (counted, scanned) = store.counted_and_scanned();
            assert_eq!(counted.of(BUCKET), scanned.of(BUCKET));
            let live: usize = model.values().map(Vec::len).sum();
            let held = store.log().segments().len() * 64 * 1024;
            assert!(
                held < live * 2 + 6 * 64 * 1024,
                "seed {seed}: {held} for {live}"
            );
            // With the checkpoint, and from the log alone.
            for disk in [disk.crash(Keep::All), without_checkpoint(&disk)] {
                let again = open(&disk).await;
                assert_eq!(whole(&again).await, model, "seed {seed}");
                assert_eq!(again.usage(BUCKET), store.usage(BUCKET), "seed {seed}");
                compact_all(&again).await;
                assert_eq!(whole(&again).await, model, "seed {seed}");
            }
        });
    }
}

#[test]
fn a_power_cut_during_compaction_loses_nothing() {
    for seed in 0..10 {
        let disk = SimDisk::new(seed);
        let model = sim::run(seed, async {
            let store = create(&disk).await;
            let model = live(&store, seed, 60).await;
            store.checkpoint(true).await.unwrap();
            disk.record();
            compact_all(&store).await;
            model
        });
        let trace = disk.trace();
        let mut turn = 0;
        trace.replay(|count, image| {
            turn += 1;
            if turn % 17 != seed as usize % 17 {
                return;
            }
            for keep in [Keep::All, Keep::None, Keep::Random(seed + count as u64)] {
                let after = image.crashed_disk(keep, seed);
                let context = format!("seed {seed}, event {count}, {keep:?}");
                sim::run(seed, async {
                    let store = open(&after).await;
                    assert_eq!(whole(&store).await, model, "{context}");
                    let bare = open(&without_checkpoint(&after)).await;
                    assert_eq!(whole(&bare).await, model, "{context}, without checkpoint");
                });
            }
        });
    }
}

#[test]
fn what_was_deleted_stays_deleted_when_the_index_is_rebuilt() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let store = create(&disk).await;
        let mut model = Model::new();
        // The oldest segment stays: it is all alive, but for the object that is deleted later.
        let large = content("large", 0, 50_000);
        let body = extents(&store, &large, 50_000).await;
        let new = object("large", &large);
        store.put(NewObject { body, ..new }).await.unwrap();
        model.insert("large".to_owned(), large);
        put(&store, &mut model, "old", 0, 3000).await;
        put(&store, &mut model, "stays", 0, 2000).await;
        for n in 0..20 {
            put(&store, &mut model, "churn", n, 5000).await;
        }
        delete(&store, &mut model, "old").await;
        for n in 20..60 {
            put(&store, &mut model, "churn", n, 5000).await;
        }
        for _ in 0..4 {
            store.checkpoint(true).await.unwrap();
            store.compact(Aim::Modest).await.unwrap();
        }
        assert!(
            store.log().segments().first() == Some(&1),
            "{:?}",
            store.log().segments()
        );
        assert!(
            store.log().segments().len() < 5,
            "{:?}",
            store.log().segments()
        );
        let again = open(&without_checkpoint(&disk)).await;
        assert_eq!(whole(&again).await, model);
    });
}

#[test]
fn an_upload_that_waits_for_its_record_is_kept() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let store = create(&disk).await;
        let mut model = Model::new();
        let body = content("slow", 1, 9000);
        let pieces = extents(&store, &body, 5000).await;
        for n in 0..40 {
            put(&store, &mut model, "churn", n, 5000).await;
        }
        compact_all(&store).await;
        assert_eq!(store.log().segments().first(), Some(&1));
        let new = NewObject {
            body: pieces,
            ..object("slow", &body)
        };
        store.put(new).await.unwrap();
        model.insert("slow".to_owned(), body);
        compact_all(&store).await;
        assert_ne!(store.log().segments().first(), Some(&1));
        assert_eq!(whole(&store).await, model);
    });
}

#[test]
fn a_reader_in_the_middle_of_an_object_reads_it_to_its_end() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let store = create(&disk).await;
        let mut model = Model::new();
        put(&store, &mut model, "k", 1, 15_000).await;
        let body = model["k"].clone();
        let reader = store.reader();
        let opened = reader.open(BUCKET, b"k", None).await.unwrap().unwrap();
        let mut stream = reader.body(&opened, 0..15_000, None);
        drop(opened);
        let mut got = stream.next().await.unwrap().unwrap().to_vec();
        delete(&store, &mut model, "k").await;
        for n in 0..40 {
            put(&store, &mut model, "churn", n, 5000).await;
        }
        compact_all(&store).await;
        assert!(store.log().segments().first() > Some(&1));
        while let Some(bytes) = stream.next().await.unwrap() {
            got.extend_from_slice(&bytes);
        }
        assert_eq!(got, body);
    });
}

#[test]
fn a_completion_that_knows_old_places_of_its_parts_succeeds() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let store = create(&disk).await;
        let mut model = Model::new();
        let upload = UploadId(9);
        let new = NewUpload {
            bucket: BUCKET,
            key: b"m".to_vec(),
            upload,
            meta: ObjectMeta::default(),
        };
        store.create_upload(new).await.unwrap();
        let bytes = content("m", 1, 9000);
        let part = NewPart {
            bucket: BUCKET,
            key: b"m".to_vec(),
            upload,
            number: 1,
            md5: md5(&bytes),
            size: 9000,
            checksum: None,
            body: extents(&store, &bytes, 5000).await,
        };
        store.put_part(part).await.unwrap();
        let (_, entry) = store.reader().parts(upload, 0, 1).unwrap()[0].clone();
        for n in 0..40 {
            put(&store, &mut model, "churn", n, 5000).await;
        }
        compact_all(&store).await;
        assert_ne!(
            store.reader().parts(upload, 0, 1).unwrap()[0].1.at,
            entry.at
        );
        let mut new = object("m", &bytes);
        new.etag.parts = 1;
        new.body = NewBody::Parts(vec![PartRef {
            number: 1,
            size: 9000,
            md5: entry.md5,
            at: entry.at,
            record_len: entry.record_len,
            checksum: Vec::new(),
        }]);
        let done = CompleteUpload {
            upload,
            object: new,
        };
        store.complete_upload(done).await.unwrap();
        model.insert("m".to_owned(), bytes);
        assert_eq!(whole(&store).await, model);
    });
}

#[test]
fn a_damaged_record_is_not_moved_and_takes_nothing_with_it() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let store = create(&disk).await;
        let mut model = Model::new();
        put(&store, &mut model, "hit", 1, 9000).await;
        put(&store, &mut model, "near", 1, 3000).await;
        for n in 0..40 {
            put(&store, &mut model, "churn", n, 5000).await;
        }
        let path = "shard-000/seg-00000001";
        let mut bytes = disk.read_raw(path).unwrap();
        let at = bytes.windows(8).position(|w| w == b"hit#1;hi").unwrap();
        bytes[at] ^= 1;
        disk.write_raw(path, bytes);
        compact_all(&store).await;
        assert_eq!(store.compaction().damaged, 1);
        assert_eq!(store.log().segments().first(), Some(&1));
        let reader = store.reader();
        assert!(read(&reader, "hit").await.is_err());
        model.remove("hit");
        for (key, body) in model {
            assert_eq!(read(&reader, &key).await.unwrap(), Some(body), "{key}");
        }
    });
}

/// A device with little room, overwritten many times over: the garbage is removed in time, and while
/// it is, writers wait instead of being refused.
#[test]
fn a_small_device_is_overwritten_for_ever() {
    for seed in 0..4 {
        sim::run(seed, async move {
            let disk = SimDisk::new(seed);
            disk.set_capacity(16 * 64 * 1024);
            let store = create(&disk).await;
            sim::spawn(store.clone().keep_compact());
            let mut model = Model::new();
            let mut rng = Rng::new(seed);
            // A third of the device is alive.
            for n in 0..800 {
                let key = format!("key-{}", rng.below(40));
                let len = if rng.below(2) == 0 { 9000 } else { 5000 };
                put(&store, &mut model, &key, n, len).await;
            }
            assert_eq!(whole(&store).await, model);
            let figures = store.compaction();
            assert!(figures.reclaimed > 40 * 64 * 1024, "{figures:?}");
            let again = open(&without_checkpoint(&disk)).await;
            assert_eq!(whole(&again).await, model);
        });
    }
}

/// When everything on a full device is alive a write is refused, a delete is not, and makes room.
#[test]
fn a_full_device_takes_deletes_and_then_writes() {
    sim::run(1, async move {
        let disk = SimDisk::new(1);
        disk.set_capacity(12 * 64 * 1024);
        let store = create(&disk).await;
        sim::spawn(store.clone().keep_compact());
        let mut model = Model::new();
        let mut n = 0;
        let refused = loop {
            let key = format!("key-{n}");
            let body = content(&key, 0, 5000);
            match store.put(object(&key, &body)).await {
                Ok(_) => model.insert(key, body),
                Err(error) => break error,
            };
            n += 1;
        };
        assert!(
            matches!(refused, StoreError::Log(LogError::NoSpace)),
            "{refused}"
        );
        assert!(n > 80, "{n}");
        for n in 0..n / 2 {
            delete(&store, &mut model, &format!("key-{}", n * 2)).await;
        }
        for n in 0..20 {
            put(&store, &mut model, &format!("new-{n}"), 1, 5000).await;
        }
        assert_eq!(whole(&store).await, model);
    });
}
