//! Every record comes back as it was, and other bytes are refused.

use super::*;
use crate::base::codec::Malformed;
use crate::base::{BucketId, Location, Timestamp, UploadId, VersionId};
use crate::log::ExtentRef;
use crate::store::meta::ObjectMeta;
use proptest::prelude::*;

fn object(body: Body, size: u64) -> ObjectRecord {
    ObjectRecord {
        bucket: BucketId(3),
        key: b"a/b\0c".to_vec(),
        version: VersionId::NULL,
        modified: Timestamp(1_700_000_000_123),
        etag: ETag {
            md5: [7; 16],
            parts: 2,
        },
        size,
        upload: Some(UploadId(99)),
        meta: ObjectMeta::default(),
        body,
    }
}

#[test]
fn an_object_round_trips_with_every_kind_of_body() {
    let extents = Body::Extents(vec![ExtentRef {
        at: Location {
            segment: 1,
            offset: 8,
        },
        len: 5,
    }]);
    let part = PartRef {
        number: 1,
        size: 9,
        md5: [1; 16],
        at: Location {
            segment: 2,
            offset: 16,
        },
        record_len: 80,
        checksum: vec![1, 2],
    };
    for (body, inline) in [
        (Body::Inline(3), &b"xyz"[..]),
        (extents, b""),
        (Body::Parts(vec![part]), b""),
    ] {
        let record = object(body, 3);
        let mut payload = record.encode_head();
        payload.extend_from_slice(inline);
        assert_eq!(ObjectRecord::decode(&payload), Ok((record, inline)));
    }
}

#[test]
fn a_body_of_another_length_is_refused() {
    let mut payload = object(Body::Inline(3), 3).encode_head();
    payload.extend_from_slice(b"xy");
    assert_eq!(
        ObjectRecord::decode(&payload),
        Err(Malformed("body length"))
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = ObjectRecord::decode(&bytes);
        let _ = DeleteRecord::decode(&bytes);
        let _ = UploadRecord::decode(&bytes);
        let _ = PartRecord::decode(&bytes);
        let _ = AbortRecord::decode(&bytes);
    }
}
