//! Volumes and buckets: names, existence, deletion, numbers, properties.

use super::*;
use crate::base::BucketId;

#[test]
fn s3v_exists_from_the_start_and_stays() {
    with(async |ns| {
        let found = ns.reader().volume("s3v").unwrap().expect("s3v");
        assert_eq!(found.owner, "admin");
        let command = Command::DeleteVolume { name: "s3v".into() };
        let refused = ns.apply(command).await;
        assert!(matches!(refused, Err(NamespaceError::VolumeIsPermanent(_))));
    });
}

#[test]
fn a_volume_with_anything_in_it_stays() {
    with(async |ns| {
        let create = || Command::CreateVolume {
            name: "vol1".into(),
            owner: "alice".into(),
            quota_bytes: None,
            quota_namespace: None,
        };
        let drop = || Command::DeleteVolume {
            name: "vol1".into(),
        };
        ns.apply(create()).await.unwrap();
        let again = ns.apply(create()).await;
        assert!(matches!(again, Err(NamespaceError::VolumeAlreadyExists(_))));
        link(&ns, ("vol1", "nowhere"), "vol1", "lnk").await;
        let refused = ns.apply(drop()).await;
        assert!(matches!(refused, Err(NamespaceError::VolumeNotEmpty(_))));
        delete(&ns, "vol1", "lnk").await;
        ns.apply(drop()).await.unwrap();
        let gone = ns.apply(drop()).await;
        assert!(matches!(gone, Err(NamespaceError::VolumeNotFound(_))));
        assert!(ns.reader().volume("vol1").unwrap().is_none());
    });
}

#[test]
fn names_are_checked_and_shared_by_buckets_and_links() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        let first = bucket(&ns, "vol1", "one").await;
        for second in [
            create_bucket("vol1", "one"),
            create_link(("vol1", "x-y"), "vol1", "one"),
        ] {
            let refused = ns.apply(second).await;
            assert!(matches!(
                refused,
                Err(NamespaceError::BucketAlreadyExists(..))
            ));
        }
        let refused = ns.apply(create_bucket("vol1", "-bad")).await;
        assert!(matches!(refused, Err(NamespaceError::InvalidBucketName(_))));
        let refused = ns.apply(create_bucket("Vol1", "good")).await;
        assert!(matches!(refused, Err(NamespaceError::InvalidVolumeName(_))));
        let refused = ns.apply(create_bucket("vol2", "good")).await;
        assert!(matches!(refused, Err(NamespaceError::VolumeNotFound(_))));
        let refused = ns.apply(create_link(("vol1", "A"), "vol1", "lnk")).await;
        assert!(matches!(refused, Err(NamespaceError::InvalidBucketName(_))));
        let resolved = ns.reader().resolve("vol1", "one", NOW).unwrap();
        assert_eq!(
            (resolved.bucket, resolved.is_link, resolved.hops),
            (first, false, 0)
        );
    });
}

#[test]
fn what_is_not_there_is_said_precisely() {
    with(async |ns| {
        let reader = ns.reader();
        let long = "x".repeat(200);
        for bucket in ["one", &long, "a\0b", ""] {
            assert!(matches!(
                reader.resolve("s3v", bucket, NOW),
                Err(ResolveError::BucketNotFound)
            ));
            assert!(matches!(
                reader.resolve("vol", bucket, NOW),
                Err(ResolveError::VolumeNotFound)
            ));
            assert!(matches!(
                reader.resolve(bucket, "one", NOW),
                Err(ResolveError::VolumeNotFound)
            ));
            assert!(reader.entry("s3v", bucket).unwrap().is_none());
        }
    });
}

#[test]
fn only_the_expected_bucket_is_deleted_and_ids_are_not_reused() {
    with(async |ns| {
        let first = bucket(&ns, "s3v", "one").await;
        delete(&ns, "s3v", "one").await;
        let second = bucket(&ns, "s3v", "one").await;
        assert_ne!(first, second);
        let drop = |name: &str, expect| Command::DeleteBucket {
            volume: "s3v".into(),
            name: name.into(),
            expect,
        };
        let refused = ns.apply(drop("one", first)).await;
        assert!(matches!(refused, Err(NamespaceError::BucketChanged(..))));
        let refused = ns.apply(drop("two", first)).await;
        assert!(matches!(refused, Err(NamespaceError::BucketNotFound(..))));
        ns.apply(drop("one", second)).await.unwrap();
        assert!(ns.reader().bucket(second).unwrap().is_none());
    });
}

#[test]
fn properties_come_and_go_with_their_bucket() {
    with(async |ns| {
        let id = bucket(&ns, "s3v", "one").await;
        let set = |bucket, property, value: Option<Vec<u8>>| Command::SetBucketProperty {
            bucket,
            property,
            value,
        };
        let large: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[0]).collect();
        ns.apply(set(id, 1, Some(large.clone()))).await.unwrap();
        ns.apply(set(id, 2, Some(Vec::new()))).await.unwrap();
        assert_eq!(ns.reader().property(id, 1).unwrap(), Some(large));
        assert_eq!(ns.reader().property(id, 2).unwrap(), Some(Vec::new()));
        ns.apply(set(id, 1, Some(b"short".to_vec()))).await.unwrap();
        assert_eq!(
            ns.reader().property(id, 1).unwrap(),
            Some(b"short".to_vec())
        );
        ns.apply(set(id, 2, None)).await.unwrap();
        assert_eq!(ns.reader().property(id, 2).unwrap(), None);
        let refused = ns
            .apply(set(id, 3, Some(vec![0; PROPERTY_BYTES_MAX + 1])))
            .await;
        assert!(matches!(refused, Err(NamespaceError::PropertyTooLarge(_))));
        delete(&ns, "s3v", "one").await;
        assert_eq!(ns.reader().property(id, 1).unwrap(), None);
        let refused = ns.apply(set(id, 1, None)).await;
        assert!(matches!(refused, Err(NamespaceError::BucketGone(_))));
        let refused = ns.apply(set(BucketId(99), 1, None)).await;
        assert!(matches!(refused, Err(NamespaceError::BucketGone(_))));
    });
}

#[test]
fn lists_are_ordered_and_paged() {
    with(async |ns| {
        volume(&ns, "vol").await;
        volume(&ns, "vol1").await;
        for name in ["bbb", "aaa", "aab", "ccc"] {
            bucket(&ns, "vol", name).await;
        }
        bucket(&ns, "vol1", "zzz").await;
        let names = |prefix: &str, after: Option<&str>, limit| -> Vec<String> {
            let page = ns
                .reader()
                .list_buckets("vol", prefix, after, limit)
                .unwrap();
            page.iter().map(|entry| entry.name.to_string()).collect()
        };
        assert_eq!(names("", None, 10), ["aaa", "aab", "bbb", "ccc"]);
        assert_eq!(names("aa", None, 10), ["aaa", "aab"]);
        assert_eq!(names("", Some("aaa"), 2), ["aab", "bbb"]);
        assert_eq!(names("aa", Some("aab"), 2), Vec::<String>::new());
        assert_eq!(names("b", Some("aaa"), 2), ["bbb"]);
        assert_eq!(names("", None, 0), Vec::<String>::new());
        assert!(
            ns.reader()
                .list_buckets("none", "", None, 9)
                .unwrap()
                .is_empty()
        );
        let volumes = ns.reader().list_volumes("", Some("s3v"), 9).unwrap();
        assert_eq!(volumes.len(), 2);
        assert_eq!(volumes[0].name, "vol");
    });
}

#[test]
fn owners_and_lists_change() {
    with(async |ns| {
        let id = bucket(&ns, "s3v", "one").await;
        link(&ns, ("s3v", "one"), "s3v", "lnk").await;
        let command = Command::SetBucketAcl {
            bucket: id,
            acl: CannedAcl::PublicRead,
        };
        entry(&ns, command).await.unwrap();
        let command = Command::SetEntryOwner {
            volume: "s3v".into(),
            name: "one".into(),
            owner: "carol".into(),
        };
        entry(&ns, command).await.unwrap();
        let resolved = ns.reader().resolve("s3v", "lnk", NOW).unwrap();
        assert_eq!(resolved.acl, CannedAcl::PublicRead);
        assert_eq!(resolved.source_owner, "carol");
        assert_eq!(resolved.entry_owner, "bob");
        let command = Command::SetVolumeOwner {
            name: "s3v".into(),
            owner: "carol".into(),
        };
        ns.apply(command).await.unwrap();
        assert_eq!(ns.reader().volume("s3v").unwrap().unwrap().owner, "carol");
    });
}
