//! Tests of a shard's store on the simulated disk.

#![expect(clippy::cast_possible_truncation, reason = "test data")]

mod compact;
mod conditions;
mod crash;
mod memory;
mod quota_cost;
mod uploads;
mod usage;

use super::{
    BodyStream, NewBody, NewObject, ReadCache, Store, StoreConfig, StoreReader, WriteCondition,
};
use crate::base::limits::EXTENT_HEAD;
use crate::base::{AlignedBuf, BucketId};
use crate::index::Visit;
use crate::io::sim::{self, Keep, SimClock, SimDisk};
use crate::log::{Durability, LogConfig};
use crate::store::keys as index_keys;
use crate::store::record::ETag;
use crate::store::{ObjectMeta, StoreError};
use md5::{Digest, Md5};
use std::rc::Rc;
use std::time::Duration;

pub(super) type SimStore = Store<SimDisk, SimClock>;

pub(super) const BUCKET: BucketId = BucketId(7);

pub(super) fn config() -> StoreConfig {
    StoreConfig {
        log: LogConfig {
            dir: "shard-000".to_owned(),
            store: *b"0123456789abcdef",
            shard: 0,
            segment_bytes: 64 * 1024,
            durability: Durability::Strict,
        },
        checkpoint_bytes: 1 << 40,
    }
}

/// A new store with its log running.
pub(super) async fn create(disk: &SimDisk) -> Rc<SimStore> {
    running(
        Store::create(disk.clone(), SimClock, config())
            .await
            .unwrap(),
    )
}

/// A store opened again, with its log running.
pub(super) async fn open(disk: &SimDisk) -> Rc<SimStore> {
    running(Store::open(disk.clone(), SimClock, config()).await.unwrap())
}

fn running(store: SimStore) -> Rc<SimStore> {
    sim::spawn(store.log().run());
    Rc::new(store)
}

pub(super) fn md5(body: &[u8]) -> [u8; 16] {
    Md5::digest(body).into()
}

/// A body that says what it is.
pub(super) fn content(key: &str, version: u64, len: usize) -> Vec<u8> {
    format!("{key}#{version};")
        .bytes()
        .cycle()
        .take(len)
        .collect()
}

/// An object to put, inline.
pub(super) fn object(key: &str, body: &[u8]) -> NewObject {
    NewObject {
        bucket: BUCKET,
        key: key.as_bytes().to_vec(),
        etag: ETag {
            md5: md5(body),
            parts: 0,
        },
        size: body.len() as u64,
        meta: ObjectMeta::default(),
        body: NewBody::Inline(AlignedBuf::copy_of(body), 0),
        condition: WriteCondition::default(),
        modified: None,
    }
}

/// Appends a body as extents of `piece` bytes.
pub(super) async fn extents(store: &SimStore, body: &[u8], piece: usize) -> NewBody {
    let mut found = Vec::new();
    for chunk in body.chunks(piece) {
        let mut buf = AlignedBuf::with_capacity(EXTENT_HEAD + chunk.len());
        buf.set_len(EXTENT_HEAD);
        buf.extend(chunk);
        found.push(store.append_extent(1, buf).await.0.unwrap());
    }
    NewBody::Extents(found)
}

/// Reads a whole object and checks its MD5.
pub(super) async fn read(
    reader: &StoreReader<SimDisk>,
    key: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(opened) = reader.open(BUCKET, key.as_bytes(), None).await? else {
        return Ok(None);
    };
    let (record, entry) = (&opened.object.record, &opened.entry);
    assert_eq!((record.size, record.etag), (entry.size, entry.etag));
    let body = bytes_of(reader.body(&opened, 0..record.size, None)).await?;
    assert_eq!(body.len() as u64, record.size);
    if record.etag.parts == 0 {
        assert_eq!(md5(&body), record.etag.md5, "{key}");
    }
    Ok(Some(body))
}

/// Everything a stream yields.
async fn bytes_of(mut stream: BodyStream<SimDisk>) -> Result<Vec<u8>, StoreError> {
    let mut body = Vec::new();
    while let Some(bytes) = stream.next().await? {
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

/// All keys of the bucket, in order.
pub(super) fn keys(reader: &StoreReader<SimDisk>) -> Vec<String> {
    let visit = Visit::begin();
    let prefix = index_keys::bucket_prefix(index_keys::SPACE_OBJECT, BUCKET);
    let mut cursor = reader.index().cursor(&visit, &prefix);
    let mut found = Vec::new();
    while let Some((key, _)) = cursor.entry().filter(|(key, _)| key.starts_with(&prefix)) {
        let key = index_keys::object_key(key, &mut Vec::new())
            .unwrap()
            .to_vec();
        found.push(String::from_utf8(key).unwrap());
        cursor.advance();
    }
    found
}

#[test]
fn puts_reads_lists_and_deletes() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let store = create(&disk).await;
        let reader = store.reader();
        let small = content("small", 1, 100);
        store.put(object("small", &small)).await.unwrap();
        let large = content("large", 1, 90_000);
        let body = extents(&store, &large, 20_000).await;
        store
            .put(NewObject {
                body,
                ..object("large", &large)
            })
            .await
            .unwrap();
        store.put(object("empty", b"")).await.unwrap();
        assert_eq!(keys(&reader), ["empty", "large", "small"]);
        assert_eq!(read(&reader, "large").await.unwrap(), Some(large.clone()));
        assert_eq!(read(&reader, "empty").await.unwrap(), Some(Vec::new()));
        assert!(
            store
                .delete(BUCKET, b"small", &WriteCondition::default())
                .await
                .unwrap()
        );
        assert!(
            !store
                .delete(BUCKET, b"small", &WriteCondition::default())
                .await
                .unwrap()
        );
        assert_eq!(keys(&reader), ["empty", "large"]);
        // Again from the log alone, then from a checkpoint.
        store.log().close().await.unwrap();
        let store = open(&disk).await;
        assert_eq!(keys(&store.reader()), ["empty", "large"]);
        store.checkpoint(true).await.unwrap();
        store.put(object("later", &small)).await.unwrap();
        store.log().close().await.unwrap();
        let store = open(&disk).await;
        assert_eq!(keys(&store.reader()), ["empty", "large", "later"]);
        assert_eq!(read(&store.reader(), "large").await.unwrap(), Some(large));
    });
}

#[test]
fn a_range_of_extents_is_read_exactly() {
    sim::run(2, async {
        let disk = SimDisk::new(2);
        let store = create(&disk).await;
        let large = content("large", 1, 150_000);
        let body = extents(&store, &large, 40_000).await;
        store
            .put(NewObject {
                body,
                ..object("large", &large)
            })
            .await
            .unwrap();
        let reader = store.reader();
        for range in [
            0..1u64,
            39_999..40_001,
            79_000..130_000,
            149_999..150_000,
            5..5,
        ] {
            let wanted = &large[range.start as usize..range.end as usize];
            // Nothing kept, as much as is read, all of it.
            let whole = 0..large.len() as u64;
            let (part, all) = (
                Rc::new(ReadCache::new(1 << 20)),
                Rc::new(ReadCache::new(1 << 20)),
            );
            let ways = [
                (None, &range),
                (Some(&part), &range),
                (Some(&part), &range),
                (Some(&all), &whole),
                (Some(&all), &range),
            ];
            for (cache, range) in ways {
                let opened = reader.open(BUCKET, b"large", cache.map(|c| &**c)).await;
                let opened = opened.unwrap().unwrap();
                let stream = reader.body(&opened, range.clone(), cache.cloned());
                let got = bytes_of(stream).await.unwrap();
                assert_eq!(
                    got,
                    large[range.start as usize..range.end as usize],
                    "{range:?}"
                );
            }
            let opened = reader.open(BUCKET, b"large", Some(&all)).await;
            let opened = opened.unwrap().unwrap();
            let reads_before = all.usage().misses;
            let stream = reader.body(&opened, range.clone(), Some(all.clone()));
            assert_eq!(bytes_of(stream).await.unwrap(), wanted);
            assert_eq!(all.usage().misses, reads_before, "nothing was read again");
        }
    });
}

#[test]
fn a_cached_object_is_found_as_long_as_it_is_the_one() {
    sim::run(3, async {
        let store = create(&SimDisk::new(3)).await;
        let (reader, cache) = (store.reader(), ReadCache::new(1 << 20));
        for version in 0..5 {
            let body = content("k", version, 3000);
            store.put(object("k", &body)).await.unwrap();
            for _ in 0..2 {
                let entry = reader.object(BUCKET, b"k", &mut Vec::new()).unwrap();
                let found = reader.read(&entry.unwrap(), Some(&cache)).await.unwrap();
                assert_eq!(&**found.inline(), body.as_slice());
            }
        }
        assert_eq!((cache.usage().hits, cache.usage().misses), (5, 5));
    });
}

#[test]
fn a_sealed_bucket_takes_no_write() {
    sim::run(3, async {
        let store = create(&SimDisk::new(3)).await;
        store.put(object("k", b"x")).await.unwrap();
        assert!(!store.seal_if_empty(BUCKET));
        store.put(object("k", b"y")).await.unwrap();
        store
            .delete(BUCKET, b"k", &WriteCondition::default())
            .await
            .unwrap();
        assert!(store.seal_if_empty(BUCKET));
        assert!(matches!(
            store.put(object("k", b"z")).await,
            Err(StoreError::BucketGone)
        ));
        store.unseal(BUCKET);
        store.put(object("k", b"z")).await.unwrap();
    });
}

/// With relaxed durability a checkpoint waits for the flush of what it holds: a power cut after it
/// must not leave entries that point to nothing.
#[test]
fn a_checkpoint_never_outlives_the_records_it_points_to() {
    sim::run(5, async {
        let disk = SimDisk::new(5);
        let mut relaxed = config();
        relaxed.log.durability = Durability::Relaxed {
            interval: Duration::from_secs(5),
        };
        let store = Store::create(disk.clone(), SimClock, relaxed)
            .await
            .unwrap();
        let store = running(store);
        store.put(object("k", b"body")).await.unwrap();
        store.checkpoint(true).await.unwrap();
        let after = disk.crash(Keep::None);
        let store = open(&after).await;
        assert_eq!(
            read(&store.reader(), "k").await.unwrap(),
            Some(b"body".to_vec())
        );
    });
}
