//! Keys.

use super::{create, get, name, put, with_engine};
use crate::admin::tests::harness::code;
use chainring_protocol::ResultCode;
use chainring_protocol::message::{KeyInfoGet, KeyList, KeyPut, Paging};

/// Inline, the largest inline one, extents, many extents; what was there before is replaced.
#[test]
fn bytes_of_every_size_come_back() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let bucket = name("s3v", "bucket");
        create(&mut client, &bucket);
        for size in [
            0u32,
            1,
            32 << 10,
            (32 << 10) + 1,
            1 << 20,
            (1 << 20) + 1,
            (7 << 20) + 321,
        ] {
            let bytes: Vec<u8> = (0..size)
                .map(|at| u8::try_from((at ^ (at >> 10)) % 251).unwrap())
                .collect();
            put(&mut client, &bucket, "k", &bytes);
            assert!(get(&mut client, &bucket, "k") == bytes, "{size}");
        }
    });
}

#[test]
fn a_key_is_described() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let bucket = name("s3v", "bucket");
        create(&mut client, &bucket);
        let mut call = KeyPut {
            bucket: bucket.clone(),
            key: "dir/ä b".to_owned(),
            size: None,
            content_type: Some("text/plain; charset=utf-8".to_owned()),
        };
        let mut upload = client.upload(&call).unwrap();
        for piece in ["hel", "lo"] {
            upload.send_from(&mut piece.as_bytes()).unwrap();
        }
        let stored = upload.finish().unwrap();
        assert_eq!(stored.etag, "5d41402abc4b2a76b9719d911017c592");
        let info = KeyInfoGet {
            bucket: bucket.clone(),
            key: call.key.clone(),
        };
        assert_eq!(client.call(&info).unwrap(), stored);

        call.content_type = Some("text/plain\r\nx-evil: 1".to_owned());
        let upload = client.upload(&call).unwrap();
        assert_eq!(code(upload.finish()), ResultCode::InvalidRequest);
        call.content_type = None;
        for key in [String::new(), "k".repeat(1025)] {
            call.key = key;
            let upload = client.upload(&call).unwrap();
            assert_eq!(code(upload.finish()), ResultCode::InvalidKeyName);
        }
    });
}

/// Over both shards, in order, page by page.
#[test]
fn keys_are_listed_in_order() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let bucket = name("s3v", "bucket");
        create(&mut client, &bucket);
        let mut wanted: Vec<String> = (0..50).map(|n| format!("a/{n}")).collect();
        for key in wanted.iter().map(String::as_str).chain(["b", "A"]) {
            put(&mut client, &bucket, key, b"x");
        }
        wanted.sort_unstable();
        let mut page = Paging {
            prefix: "a/".to_owned(),
            after: String::new(),
            limit: 7,
        };
        let mut seen = Vec::new();
        loop {
            let list = KeyList {
                bucket: bucket.clone(),
                page: page.clone(),
            };
            let answer = client.call(&list).unwrap();
            seen.extend(answer.entries.into_iter().map(|entry| entry.key));
            if !answer.more {
                break;
            }
            page.after = seen.last().unwrap().clone();
        }
        assert_eq!(seen, wanted);
    });
}
