//! Tests of the checks of a shard on the simulated disk. `tests/daemon/test_verify.py` has those of
//! whole stores.

use super::{BucketNames, Options, Progress, ShardCheck, verify_shard};
use crate::base::md5::Md5;
use crate::base::{AlignedBuf, BucketId, ShardId};
use crate::index::checkpoint::{self, Companion};
use crate::io::sim::{self, SimClock, SimDisk};
use crate::log::{Durability, LogConfig};
use crate::shard::open::{Tuning, store_config};
use crate::store::superblock::Superblock;
use crate::store::{ETag, NewBody, NewObject, ObjectMeta, Store, StoreConfig, WriteCondition};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

const BUCKET: BucketId = BucketId(7);
const SUPERBLOCK: Superblock = Superblock {
    store: *b"0123456789abcdef",
    shards: 1,
    created: 0,
};

fn config() -> StoreConfig {
    let config = store_config(&SUPERBLOCK, ShardId(0), Tuning::new(Durability::Strict));
    StoreConfig {
        log: LogConfig {
            segment_bytes: 64 * 1024,
            ..config.log
        },
        ..config
    }
}

fn object(key: &str, body: &[u8]) -> NewObject {
    NewObject {
        bucket: BUCKET,
        key: key.as_bytes().to_vec(),
        etag: ETag {
            md5: Md5::digest(body),
            parts: 0,
        },
        size: body.len() as u64,
        meta: ObjectMeta::default(),
        body: NewBody::Inline(AlignedBuf::copy_of(body), 0),
        condition: WriteCondition::default(),
        modified: None,
    }
}

/// A store with a few objects, closed or not, with a checkpoint in the middle.
async fn filled(disk: &SimDisk) -> Rc<Store<SimDisk, SimClock>> {
    let store = Store::create(disk.clone(), SimClock, config());
    let store = Rc::new(store.await.unwrap());
    sim::spawn(store.log().run());
    for number in 0..40 {
        let key = format!("key {}", number % 15);
        store.put(object(&key, &[7; 3000])).await.unwrap();
        if number == 20 {
            store.checkpoint(true).await.unwrap();
        }
    }
    let condition = WriteCondition::default();
    store.delete(BUCKET, b"key 3", &condition).await.unwrap();
    store
}

fn names() -> BucketNames {
    Some(Arc::new(HashMap::from([(
        BUCKET,
        "/vol/bucket".to_owned(),
    )])))
}

async fn check(disk: &SimDisk, names: &BucketNames, shards: u16, deep: bool) -> ShardCheck {
    let superblock = Superblock {
        shards,
        ..SUPERBLOCK
    };
    let progress = Progress::default();
    let options = Options { deep };
    verify_shard(disk, &superblock, ShardId(0), names, options, &progress)
        .await
        .unwrap()
}

fn kinds(check: &ShardCheck) -> Vec<&'static str> {
    let kinds = check.findings.described().iter();
    let mut kinds: Vec<_> = kinds.map(|finding| finding.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[test]
fn a_sound_shard_is_sound_and_stays_as_it_is() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let store = filled(&disk).await;
        for _ in 0..2 {
            let found = check(&disk, &names(), 1, true).await;
            assert_eq!(kinds(&found), [""; 0]);
            assert_eq!((found.objects, found.bytes), (14, 14 * 3000));
            assert_eq!(found.checkpoint, "sound");
        }
        store.log().close().await.unwrap();
        assert_eq!(kinds(&check(&disk, &names(), 1, true).await), [""; 0]);
    });
}

#[test]
fn a_body_that_is_not_its_etag_is_found_when_asked_for() {
    sim::run(2, async {
        let disk = SimDisk::new(2);
        let store = filled(&disk).await;
        let mut wrong = object("wrong", b"body");
        wrong.etag.md5[0] ^= 1;
        store.put(wrong).await.unwrap();
        assert_eq!(kinds(&check(&disk, &names(), 1, false).await), [""; 0]);
        let found = check(&disk, &names(), 1, true).await;
        assert_eq!(kinds(&found), ["etag-differs"]);
        let subject = found.findings.described()[0].subject.as_deref();
        assert_eq!(subject, Some("/vol/bucket/wrong"));
    });
}

#[test]
fn objects_that_nobody_reaches_are_found() {
    sim::run(3, async {
        let disk = SimDisk::new(3);
        filled(&disk).await;
        let nobody = Some(Arc::default());
        let found = check(&disk, &nobody, 1, false).await;
        assert_eq!(kinds(&found), ["object-of-no-bucket"]);
        assert_eq!(found.findings.differences(), 14);
        // Without a namespace nothing is said about buckets.
        assert_eq!(kinds(&check(&disk, &None, 1, false).await), [""; 0]);
        assert_eq!(
            kinds(&check(&disk, &names(), 2, false).await),
            ["wrong-shard"]
        );
    });
}

struct NoUsage;

impl Companion for NoUsage {
    fn copied(&self, _: Option<&[u8]>) {}

    fn attached(&self) -> Vec<u8> {
        vec![2, 0]
    }
}

#[test]
fn a_checkpoint_that_is_sound_and_wrong_is_found() {
    sim::run(4, async {
        let disk = SimDisk::new(4);
        let store = filled(&disk).await;
        let (reader, end) = (store.reader(), store.log().end());
        let whose = (SUPERBLOCK.store, 0);
        let dir = config().log.dir;
        let saved = checkpoint::prepare(&disk, &dir, reader.index(), end, whose, &NoUsage);
        saved.await.unwrap().publish().await.unwrap();
        assert_eq!(
            kinds(&check(&disk, &names(), 1, false).await),
            ["usage-differs"]
        );
        // An index without anything, that claims to hold all of the log.
        let (_, empty) = crate::index::new();
        let saved = checkpoint::prepare(&disk, &dir, &empty, end, whose, &NoUsage);
        saved.await.unwrap().publish().await.unwrap();
        let found = check(&disk, &names(), 1, false).await;
        assert_eq!(kinds(&found), ["index-differs"]);
        assert_eq!(found.findings.differences(), 14);
        let first = &found.findings.described()[0];
        assert!(first.what.contains("would not serve it"), "{first:?}");
    });
}
