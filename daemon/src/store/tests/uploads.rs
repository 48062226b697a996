//! Multipart uploads: they become objects in one step, or end without a trace.

use super::{BUCKET, SimStore, content, create, extents, keys, md5, object, open, read};
use crate::base::{AlignedBuf, BucketId, Timestamp, UploadId};
use crate::io::Clock;
use crate::io::sim::{self, Keep, SimClock, SimDisk};
use crate::store::record::{ETag, PartRef};
use crate::store::{
    CompleteUpload, EndedUpload, Lifetime, NewBody, NewObject, NewPart, NewUpload, ObjectMeta,
    StoreError, Usage,
};
use futures_util::FutureExt;
use std::time::Duration;

const UPLOAD: UploadId = UploadId(42);

async fn begin(store: &SimStore) {
    begin_one(store, BUCKET, UPLOAD).await;
}

async fn begin_one(store: &SimStore, bucket: BucketId, upload: UploadId) {
    let new = NewUpload {
        bucket,
        key: b"k".to_vec(),
        upload,
        meta: ObjectMeta::default(),
    };
    store.create_upload(new).await.unwrap();
}

async fn part(store: &SimStore, number: u32, bytes: &[u8]) -> Result<(), StoreError> {
    let body = extents(store, bytes, 10_000).await;
    let new = NewPart {
        bucket: BUCKET,
        key: b"k".to_vec(),
        upload: UPLOAD,
        number,
        md5: md5(bytes),
        size: bytes.len() as u64,
        checksum: None,
        body,
    };
    store.put_part(new).await.map(drop)
}

fn completion(store: &SimStore) -> CompleteUpload {
    let parts: Vec<PartRef> = store
        .reader()
        .parts(UPLOAD, 0, usize::MAX)
        .unwrap()
        .into_iter()
        .map(|(number, entry)| PartRef {
            number,
            size: entry.size,
            md5: entry.md5,
            at: entry.at,
            record_len: entry.record_len,
            checksum: Vec::new(),
        })
        .collect();
    let size = parts.iter().map(|p| p.size).sum();
    let etag = ETag {
        md5: [1; 16],
        parts: parts.len() as u32,
    };
    let object = NewObject {
        size,
        etag,
        body: NewBody::Parts(parts),
        ..object("k", b"")
    };
    CompleteUpload {
        upload: UPLOAD,
        object,
    }
}

#[test]
fn parts_become_one_object() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let store = create(&disk).await;
        begin(&store).await;
        let (a, b) = (content("a", 1, 25_000), content("b", 1, 500));
        part(&store, 2, &b).await.unwrap();
        part(&store, 1, b"replaced").await.unwrap();
        part(&store, 1, &a).await.unwrap();
        assert_eq!(keys(&store.reader()), Vec::<String>::new());
        store.complete_upload(completion(&store)).await.unwrap();
        let whole = [a, b].concat();
        assert_eq!(
            read(&store.reader(), "k").await.unwrap(),
            Some(whole.clone())
        );
        assert!(!store.reader().has_upload(BUCKET, b"k", UPLOAD));
        assert_eq!(store.reader().parts(UPLOAD, 0, 9).unwrap(), []);
        assert!(matches!(
            part(&store, 3, b"x").await,
            Err(StoreError::NoSuchUpload)
        ));
        store.log().close().await.unwrap();
        let store = open(&disk).await;
        assert_eq!(read(&store.reader(), "k").await.unwrap(), Some(whole));
        assert!(!store.reader().has_upload(BUCKET, b"k", UPLOAD));
    });
}

#[test]
fn an_aborted_upload_is_gone() {
    sim::run(2, async {
        let disk = SimDisk::new(2);
        let store = create(&disk).await;
        begin(&store).await;
        part(&store, 1, b"x").await.unwrap();
        let stale = completion(&store);
        store.abort_upload(BUCKET, b"k", UPLOAD).await.unwrap();
        assert!(matches!(
            store.complete_upload(stale).await,
            Err(StoreError::NoSuchUpload)
        ));
        let again = store.abort_upload(BUCKET, b"k", UPLOAD).await;
        assert!(matches!(again, Err(StoreError::NoSuchUpload)));
        store.log().close().await.unwrap();
        let store = open(&disk).await;
        assert_eq!(store.reader().entries(), 0);
    });
}

#[test]
fn a_part_replaced_meanwhile_is_noticed() {
    sim::run(3, async {
        let store = create(&SimDisk::new(3)).await;
        begin(&store).await;
        part(&store, 1, b"x").await.unwrap();
        let stale = completion(&store);
        part(&store, 1, b"y").await.unwrap();
        assert!(matches!(
            store.complete_upload(stale).await,
            Err(StoreError::InvalidPart(1))
        ));
        store.complete_upload(completion(&store)).await.unwrap();
        assert_eq!(
            read(&store.reader(), "k").await.unwrap(),
            Some(b"y".to_vec())
        );
    });
}

const HOUR: Duration = Duration::from_secs(3600);

/// One look by one lifetime: what ended, and when the next is due.
async fn expire(store: &SimStore, life: Lifetime) -> (Vec<EndedUpload>, Option<Timestamp>) {
    let mut ended = Vec::new();
    let next = store
        .expire_uploads(|_| Ok(life), |upload| ended.push(upload.clone()))
        .await
        .unwrap();
    (ended, next)
}

fn after(time: Duration) -> Timestamp {
    Timestamp(SimClock.now().0 + time.as_millis() as u64)
}

#[test]
fn an_upload_expires_when_nothing_came_of_it_for_long_enough() {
    sim::run(4, async {
        let disk = SimDisk::new(4);
        let store = create(&disk).await;
        begin(&store).await;
        let due = after(HOUR);
        assert_eq!(
            expire(&store, Lifetime::Rest(HOUR)).await,
            (vec![], Some(due))
        );
        SimClock.sleep(HOUR - Duration::from_millis(1)).await;
        // It goes on at the last moment.
        part(&store, 1, b"part").await.unwrap();
        SimClock.sleep(HOUR / 2).await;
        let (ended, next) = expire(&store, Lifetime::Rest(HOUR)).await;
        assert!(ended.is_empty() && next > Some(SimClock.now()), "{next:?}");
        assert_eq!(store.usage(BUCKET).bytes, 4);
        SimClock.sleep(HOUR).await;
        assert_eq!(expire(&store, Lifetime::Endless).await, (vec![], None));
        let (ended, next) = expire(&store, Lifetime::Rest(HOUR)).await;
        assert_eq!((ended.len(), next), (1, None));
        assert_eq!((ended[0].had.parts, ended[0].had.bytes), (1, 4));
        assert_eq!((ended[0].bucket, ended[0].upload), (BUCKET, UPLOAD));
        assert_eq!(store.usage(BUCKET), Usage::ZERO);
        assert!(matches!(
            part(&store, 2, b"x").await,
            Err(StoreError::NoSuchUpload)
        ));
        // For good: flushed before it was told.
        let store = open(&disk.crash(Keep::None)).await;
        assert_eq!(
            (store.reader().entries(), store.usage(BUCKET)),
            (0, Usage::ZERO)
        );
    });
}

/// A part that has its place in the log, but is not flushed, keeps its upload.
#[test]
fn a_part_in_flight_keeps_its_upload() {
    sim::run(6, async {
        let store = create(&SimDisk::new(6)).await;
        begin(&store).await;
        SimClock.sleep(2 * HOUR).await;
        let mut put = Box::pin(store.put_part(NewPart {
            bucket: BUCKET,
            key: b"k".to_vec(),
            upload: UPLOAD,
            number: 1,
            md5: md5(b"x"),
            size: 1,
            checksum: None,
            body: NewBody::Inline(AlignedBuf::copy_of(b"x"), 0),
        }));
        assert!((&mut put).now_or_never().is_none(), "it is on its way");
        assert_eq!(store.reader().parts(UPLOAD, 0, 9).unwrap(), []);
        let (ended, _) = expire(&store, Lifetime::Rest(HOUR)).await;
        assert_eq!(ended, []);
        put.await.unwrap();
        store.complete_upload(completion(&store)).await.unwrap();
    });
}

#[test]
fn uploads_of_a_bucket_that_is_gone_end_at_once_and_others_stay() {
    sim::run(5, async {
        let store = create(&SimDisk::new(5)).await;
        // More than are looked at in one turn.
        for n in 0..600 {
            begin_one(&store, BucketId(8 + n % 2), UploadId(u128::from(n))).await;
        }
        assert_eq!(
            store.reader().buckets_with_uploads(),
            [BucketId(8), BucketId(9)]
        );
        let mut ended = Vec::new();
        let life = |bucket| {
            Ok(match bucket {
                BucketId(8) => Lifetime::Over,
                _ => Lifetime::Rest(HOUR),
            })
        };
        let next = store
            .expire_uploads(life, |upload| ended.push(upload.bucket))
            .await;
        assert!(next.unwrap() > Some(SimClock.now()));
        assert_eq!(ended, [BucketId(8); 300]);
        assert_eq!(store.reader().buckets_with_uploads(), [BucketId(9)]);
        assert_eq!(store.reader().entries(), 300);
    });
}
