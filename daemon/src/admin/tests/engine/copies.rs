//! Copies and renames.

use super::{create, get, name, put, with_engine};
use crate::admin::tests::harness::code;
use chainring_protocol::ResultCode;
use chainring_protocol::message::{BucketLink, KeyCopy, KeyInfoGet, KeyPut, KeyRename};

/// Sizes that are kept in the record, in one extent and in several.
const SIZES: [u32; 4] = [0, 32 << 10, 1 << 20, (3 << 20) + 321];

fn bytes(size: u32) -> Vec<u8> {
    (0..size)
        .map(|at| u8::try_from((at ^ (at >> 10)) % 251).unwrap())
        .collect()
}

/// Within a bucket and between buckets, in one shard and across: sixteen new names meet both shards.
#[test]
fn a_copy_has_the_bytes_and_what_goes_with_them() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let (one, other) = (name("s3v", "one"), name("s3v", "other"));
        create(&mut client, &one);
        create(&mut client, &other);
        for size in SIZES {
            let put = KeyPut {
                bucket: one.clone(),
                key: "source".to_owned(),
                size: None,
                content_type: Some("text/plain".to_owned()),
            };
            let all = bytes(size);
            let mut source = all.as_slice();
            let mut upload = client.upload(&put).unwrap();
            while upload.send_from(&mut source).unwrap() > 0 {}
            let stored = upload.finish().unwrap();
            for n in 0..8 {
                for bucket in [&one, &other] {
                    let copied = client
                        .call(&KeyCopy {
                            from: one.clone(),
                            from_key: "source".to_owned(),
                            to: bucket.clone(),
                            to_key: format!("copy-{n}"),
                        })
                        .unwrap();
                    assert_eq!(copied.etag, stored.etag);
                    assert_eq!(copied.content_type.as_deref(), Some("text/plain"));
                    assert!(
                        get(&mut client, bucket, &format!("copy-{n}")) == all,
                        "{size}"
                    );
                    let info = KeyInfoGet {
                        bucket: bucket.clone(),
                        key: copied.key.clone(),
                    };
                    assert_eq!(client.call(&info).unwrap(), copied);
                }
            }
        }
    });
}

#[test]
fn a_rename_takes_the_old_name_away() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let bucket = name("s3v", "bucket");
        create(&mut client, &bucket);
        let info = |key: &str| KeyInfoGet {
            bucket: bucket.clone(),
            key: key.to_owned(),
        };
        let rename = |from: &str, to: &str| KeyRename {
            bucket: bucket.clone(),
            from: from.to_owned(),
            to: to.to_owned(),
        };
        for size in SIZES {
            let name = |n: u32| format!("{size}-{n}");
            put(&mut client, &bucket, &name(0), &bytes(size));
            let before = client.call(&info(&name(0))).unwrap();
            for n in 0..8 {
                let (from, to) = (name(n), name(n + 1));
                let renamed = client.call(&rename(&from, &to)).unwrap();
                assert_eq!(renamed.etag, before.etag);
                assert_eq!(renamed.modified, before.modified);
                assert_eq!(code(client.call(&info(&from))), ResultCode::KeyNotFound);
                assert_eq!(client.call(&info(&to)).unwrap(), renamed);
            }
            assert!(get(&mut client, &bucket, &name(8)) == bytes(size), "{size}");
            // Nothing is replaced, and then nothing was done.
            put(&mut client, &bucket, "taken", b"taken");
            let refused = client.call(&rename(&name(8), "taken"));
            assert_eq!(code(refused), ResultCode::KeyAlreadyExists);
            assert_eq!(get(&mut client, &bucket, "taken"), b"taken");
            assert!(get(&mut client, &bucket, &name(8)) == bytes(size));
        }
        for (from, to, wanted) in [
            ("none", "new", ResultCode::KeyNotFound),
            ("taken", "taken", ResultCode::InvalidRequest),
            ("taken", "", ResultCode::InvalidKeyName),
        ] {
            assert_eq!(code(client.call(&rename(from, to))), wanted, "{from} {to}");
        }
    });
}

#[test]
fn copies_go_through_links_and_replace_what_is_there() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let (bucket, link) = (name("s3v", "bucket"), name("s3v", "link"));
        create(&mut client, &bucket);
        client
            .call(&BucketLink::new(bucket.clone(), link.clone()))
            .unwrap();
        put(&mut client, &bucket, "a", b"new");
        put(&mut client, &bucket, "b", b"old");
        let copy = |from_key: &str, to_key: &str| KeyCopy {
            from: link.clone(),
            from_key: from_key.to_owned(),
            to: bucket.clone(),
            to_key: to_key.to_owned(),
        };
        client.call(&copy("a", "b")).unwrap();
        assert_eq!(get(&mut client, &link, "b"), b"new");
        // By whichever name: it is one and the same key.
        let itself = client.call(&copy("a", "a"));
        assert_eq!(code(itself), ResultCode::InvalidRequest);
        assert_eq!(
            code(client.call(&copy("none", "b"))),
            ResultCode::KeyNotFound
        );
        let mut nowhere = copy("a", "b");
        nowhere.to = name("s3v", "nowhere");
        assert_eq!(code(client.call(&nowhere)), ResultCode::BucketNotFound);
    });
}
