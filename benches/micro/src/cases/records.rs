//! Records of objects.

use crate::counted::repeat;
use crate::world::NOW;
use chainringd::base::{BucketId, VersionId};
use chainringd::store::meta::ContentHeader;
use chainringd::store::{Body, ETag, ObjectMeta, ObjectRecord};
use std::hint::black_box;

fn record() -> ObjectRecord {
    ObjectRecord {
        bucket: BucketId(5),
        key: b"some/key/with/a/path/object-000123.bin".to_vec(),
        version: VersionId(0),
        modified: NOW,
        etag: ETag {
            md5: [9; 16],
            parts: 0,
        },
        size: 4096,
        upload: None,
        meta: ObjectMeta {
            headers: vec![(ContentHeader::Type, "application/octet-stream".to_owned())],
            user: vec![("mtime".to_owned(), "1767225600".to_owned())],
            owner: "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a".to_owned(),
            ..ObjectMeta::default()
        },
        body: Body::Inline(4096),
    }
}

pub fn encode(calls: usize) {
    let record = record();
    repeat(calls, |_| black_box(&record).encode_head());
}

pub fn decode(calls: usize) {
    let mut payload = record().encode_head();
    payload.resize(payload.len() + 4096, 1);
    repeat(calls, |_| {
        let (record, _) = ObjectRecord::decode(black_box(&payload)).expect("our own record");
        record
    });
}
