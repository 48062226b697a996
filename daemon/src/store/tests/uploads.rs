//! Multipart uploads: they become objects in one step, or end without a trace.

use super::{BUCKET, SimStore, content, create, extents, keys, md5, object, open, read};
use crate::base::UploadId;
use crate::io::sim::{self, SimDisk};
use crate::store::record::{ETag, PartRef};
use crate::store::{
    CompleteUpload, NewBody, NewObject, NewPart, NewUpload, ObjectMeta, StoreError,
};

const UPLOAD: UploadId = UploadId(42);

async fn begin(store: &SimStore) {
    let new = NewUpload {
        bucket: BUCKET,
        key: b"k".to_vec(),
        upload: UPLOAD,
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
