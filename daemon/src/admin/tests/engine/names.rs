//! Volumes, buckets, links, and the status.

use super::{create, get, link, name, put, with_engine};
use crate::admin::tests::harness::code;
use chainring_protocol::ResultCode;
use chainring_protocol::message::{
    BucketCreate, BucketDelete, BucketInfoGet, BucketList, Done, KeyGet, KeyPut, LinkStatus,
    Paging, StatusGet, VolumeCreate, VolumeDelete, VolumeInfoGet, VolumeList,
};

#[test]
fn the_scene_of_the_readme() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let volume = client.call(&VolumeCreate::new("vol1")).unwrap();
        assert_eq!(
            (volume.name.as_str(), volume.owner.as_str()),
            ("vol1", "admin")
        );
        let source = name("vol1", "bucket1");
        let bucket = create(&mut client, &source);
        assert!(bucket.id > 0 && bucket.link.is_none());
        let common = name("s3v", "common-bucket");
        let info = client.call(&link(&source, &common, true)).unwrap();
        let shown = info.link.unwrap();
        assert_eq!(shown.status, LinkStatus::Ok);
        assert_eq!(shown.chain, [common.clone(), source.clone()]);
        assert_eq!(shown.resolved, Some(source.clone()));

        put(&mut client, &common, "file", b"through the link");
        assert_eq!(get(&mut client, &source, "file"), b"through the link");
        let info = BucketInfoGet {
            bucket: source.clone(),
        };
        let info = client.call(&info).unwrap();
        assert_eq!((info.used_namespace, info.used_bytes), (Some(1), Some(16)));

        let status = client.call(&StatusGet {}).unwrap();
        assert_eq!((status.volumes, status.buckets, status.links), (2, 1, 1));
        assert_eq!((status.users, status.shards.len()), (1, 2));
        assert_eq!(status.shards.iter().map(|s| s.objects).sum::<u64>(), 1);
    });
}

#[test]
fn links_that_lead_nowhere() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let (a, b, c) = (name("s3v", "aaa"), name("s3v", "bbb"), name("s3v", "ccc"));
        let status = |info: chainring_protocol::message::BucketInfo| info.link.unwrap().status;
        let first = client.call(&link(&b, &a, false)).unwrap();
        assert_eq!(status(first), LinkStatus::Dangling);
        let strict = client.call(&link(&b, &c, true));
        assert_eq!(code(strict), ResultCode::BucketNotFound);
        let second = client.call(&link(&a, &b, false)).unwrap();
        let second = second.link.unwrap();
        assert_eq!(second.status, LinkStatus::Loop);
        assert_eq!(second.chain, [b.clone(), a.clone(), b.clone()]);

        let key = "k".to_owned();
        let loops = KeyGet { bucket: a, key };
        let outcome = client.download(&loops);
        assert_eq!(code(outcome), ResultCode::DetectedLoopInBucketLinks);
        let strict = client.call(&link(&b, &c, true));
        assert_eq!(code(strict), ResultCode::DetectedLoopInBucketLinks);
        // Sixteen hops are fine, one more is not.
        let source = name("s3v", "hop-0");
        create(&mut client, &source);
        let mut last = source;
        for hop in 1..=17 {
            let next = name("s3v", &format!("hop-{hop}"));
            let info = client.call(&link(&last, &next, false)).unwrap();
            let wanted = if hop <= 16 {
                LinkStatus::Ok
            } else {
                LinkStatus::TooDeep
            };
            assert_eq!(status(info), wanted, "{hop}");
            last = next;
        }
        let put = KeyPut {
            bucket: last,
            key: "k".to_owned(),
            size: None,
            content_type: None,
        };
        let upload = client.upload(&put).unwrap();
        assert_eq!(code(upload.finish()), ResultCode::LinkTooDeep);
    });
}

#[test]
fn deleting() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let (source, shown) = (name("s3v", "source"), name("s3v", "shown"));
        let delete = |bucket: &chainring_protocol::message::BucketName| BucketDelete {
            bucket: bucket.clone(),
        };
        create(&mut client, &source);
        client.call(&link(&source, &shown, true)).unwrap();
        put(&mut client, &shown, "k", b"1");
        let refused = client.call(&delete(&source));
        assert_eq!(code(refused), ResultCode::BucketNotEmpty);
        // Refusing leaves the bucket as it was.
        put(&mut client, &shown, "k2", b"2");

        let deleted = client.call(&delete(&shown)).unwrap();
        assert!(deleted.link && deleted.dangling.is_empty());
        assert_eq!(get(&mut client, &source, "k2"), b"2");
        client.call(&link(&source, &shown, true)).unwrap();
        for key in ["k", "k2"] {
            let key = key.to_owned();
            let bucket = shown.clone();
            let delete = chainring_protocol::message::KeyDelete { bucket, key };
            client.call(&delete).unwrap();
            assert_eq!(code(client.call(&delete)), ResultCode::KeyNotFound);
        }
        let deleted = client.call(&delete(&source)).unwrap();
        assert!(!deleted.link && !deleted.more);
        assert_eq!(deleted.dangling, std::slice::from_ref(&shown));
        let outcome = client.download(&KeyGet {
            bucket: shown.clone(),
            key: "k".to_owned(),
        });
        assert_eq!(code(outcome), ResultCode::BucketNotFound);
        let again = client.call(&delete(&source));
        assert_eq!(code(again), ResultCode::BucketNotFound);
        // A bucket of the same name is another bucket.
        create(&mut client, &source);
        put(&mut client, &shown, "k", b"new");
    });
}

#[test]
fn refusals_have_their_codes() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let volume = |name: &str| VolumeCreate::new(name);
        let bucket = |volume: &str, bucket: &str| BucketCreate::new(name(volume, bucket));
        client.call(&volume("vol1")).unwrap();
        client.call(&bucket("vol1", "bucket1")).unwrap();
        for (outcome, wanted) in [
            (
                code(client.call(&volume("vol1"))),
                ResultCode::VolumeAlreadyExists,
            ),
            (
                code(client.call(&volume("V"))),
                ResultCode::InvalidVolumeName,
            ),
            (
                code(client.call(&VolumeCreate {
                    owner: Some("nobody".to_owned()),
                    ..VolumeCreate::new("vol2")
                })),
                ResultCode::UserNotFound,
            ),
            (
                code(client.call(&bucket("vol1", "bucket1"))),
                ResultCode::BucketAlreadyExists,
            ),
            (
                code(client.call(&bucket("vol1", ".."))),
                ResultCode::InvalidBucketName,
            ),
            (
                code(client.call(&bucket("nope", "bucket1"))),
                ResultCode::VolumeNotFound,
            ),
            (
                code(client.call(&VolumeDelete {
                    name: "vol1".to_owned(),
                })),
                ResultCode::VolumeNotEmpty,
            ),
            (
                code(client.call(&VolumeDelete {
                    name: "s3v".to_owned(),
                })),
                ResultCode::VolumeIsReferenced,
            ),
            (
                code(client.call(&VolumeInfoGet {
                    name: "nope".to_owned(),
                })),
                ResultCode::VolumeNotFound,
            ),
            (
                code(client.call(&BucketInfoGet {
                    bucket: name("vol1", "nope"),
                })),
                ResultCode::BucketNotFound,
            ),
            (
                code(client.call(&BucketInfoGet {
                    bucket: name("nope", "nope"),
                })),
                ResultCode::VolumeNotFound,
            ),
            (
                code(client.call(&BucketList {
                    volume: "nope".to_owned(),
                    page: Paging::first(),
                })),
                ResultCode::VolumeNotFound,
            ),
        ] {
            assert_eq!(outcome, wanted);
        }
        let delete = BucketDelete {
            bucket: name("vol1", "bucket1"),
        };
        client.call(&delete).unwrap();
        let name = "vol1".to_owned();
        assert_eq!(client.call(&VolumeDelete { name }).unwrap(), Done {});
    });
}

#[test]
fn listings_come_in_pages() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        for n in 0..7 {
            create(&mut client, &name("s3v", &format!("bucket-{n}")));
        }
        create(&mut client, &name("s3v", "other"));
        let mut page = Paging {
            prefix: "bucket-".to_owned(),
            after: "bucket-0".to_owned(),
            limit: 4,
        };
        let mut seen = Vec::new();
        loop {
            let list = BucketList {
                volume: "s3v".to_owned(),
                page: page.clone(),
            };
            let answer = client.call(&list).unwrap();
            assert!(answer.entries.len() <= 4);
            seen.extend(answer.entries.into_iter().map(|info| info.bucket.bucket));
            if !answer.more {
                break;
            }
            page.after = seen.last().unwrap().clone();
        }
        let wanted: Vec<_> = (1..7).map(|n| format!("bucket-{n}")).collect();
        assert_eq!(seen, wanted);
        let page = Paging::first();
        let volumes = client.call(&VolumeList { page }).unwrap();
        assert_eq!((volumes.entries.len(), volumes.more), (1, false));
        assert_eq!(volumes.entries[0].used_namespace, 8);
    });
}
