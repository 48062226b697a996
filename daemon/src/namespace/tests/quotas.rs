//! Quotas of volumes and buckets, and the limits of the store.

use super::*;

fn of_volume(bytes: QuotaChange, namespace: QuotaChange, used: Option<Used>) -> Command {
    Command::SetVolumeQuota {
        name: "vol1".into(),
        bytes,
        namespace,
        used,
    }
}

fn of_bucket(
    name: &str,
    bytes: QuotaChange,
    namespace: QuotaChange,
    used: Option<Used>,
) -> Command {
    Command::SetBucketQuota {
        volume: "vol1".into(),
        name: name.into(),
        bytes,
        namespace,
        used,
    }
}

use QuotaChange::{Clear, Keep, Set};

async fn error(ns: &Ns, command: Command) -> NamespaceError {
    ns.apply(command).await.expect_err("refused")
}

#[test]
fn a_volumes_quota_of_names_counts_buckets_and_links() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        ns.apply(of_volume(Keep, Set(2), None)).await.unwrap();
        bucket(&ns, "vol1", "one").await;
        link(&ns, ("vol1", "one"), "vol1", "two").await;
        for command in [
            create_bucket("vol1", "three"),
            create_link(("vol1", "one"), "vol1", "three"),
        ] {
            let refused = error(&ns, command).await;
            assert!(
                matches!(refused, NamespaceError::QuotaExceeded(_)),
                "{refused}"
            );
        }
        let refused = error(&ns, create_bucket("vol1", "one")).await;
        assert!(
            matches!(refused, NamespaceError::BucketAlreadyExists(_)),
            "{refused}"
        );
        bucket(&ns, "s3v", "three").await;
        delete(&ns, "vol1", "two").await;
        assert_eq!(
            ns.reader().volume("vol1").unwrap().unwrap().used_namespace,
            1
        );
        bucket(&ns, "vol1", "three").await;
        let refused = error(&ns, of_volume(Keep, Set(1), None)).await;
        assert!(
            matches!(refused, NamespaceError::QuotaInvalid(_)),
            "{refused}"
        );
        ns.apply(of_volume(Keep, Clear, None)).await.unwrap();
        bucket(&ns, "vol1", "four").await;
        let found = ns.reader().volume("vol1").unwrap().unwrap();
        assert_eq!((found.quota_namespace, found.used_namespace), (None, 3));
    });
}

/// HDDS-9139: a link in the volume is in the way of no quota.
#[test]
fn hdds_9139_a_volume_with_a_link_takes_quotas() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        link(&ns, ("vol1", "gone"), "vol1", "ln1").await;
        let used = Some(Used {
            bytes: 5,
            objects: 0,
        });
        let reply = ns.apply(of_volume(Set(10), Set(1), used)).await.unwrap();
        let Reply::Volume(found) = reply else {
            panic!("{reply:?}")
        };
        assert_eq!(
            (found.quota_bytes, found.quota_namespace),
            (Some(10), Some(1))
        );
    });
}

/// HDDS-6943: a link has no properties of its own.
#[test]
fn hdds_6943_a_link_takes_no_quota() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        bucket(&ns, "vol1", "one").await;
        link(&ns, ("vol1", "one"), "vol1", "ln1").await;
        let before = ns.reader().entry("vol1", "ln1").unwrap();
        let refused = error(&ns, of_bucket("ln1", Set(10), Keep, None)).await;
        assert!(matches!(refused, NamespaceError::IsALink(_)), "{refused}");
        assert_eq!(ns.reader().entry("vol1", "ln1").unwrap(), before);
    });
}

#[test]
fn a_buckets_quotas_are_set_kept_and_cleared() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        bucket(&ns, "vol1", "one").await;
        let quotas = || {
            let found = ns.reader().entry("vol1", "one").unwrap().unwrap();
            let bucket = *found.bucket().unwrap();
            (bucket.quota_bytes, bucket.quota_namespace)
        };
        ns.apply(of_bucket("one", Set(100), Set(7), None))
            .await
            .unwrap();
        assert_eq!(quotas(), (Some(100), Some(7)));
        ns.apply(of_bucket("one", Keep, Set(8), None))
            .await
            .unwrap();
        assert_eq!(quotas(), (Some(100), Some(8)));
        let used = Some(Used {
            bytes: 50,
            objects: 9,
        });
        for (bytes, namespace) in [
            (Set(49), Keep),
            (Keep, Set(8)),
            (Set(0), Keep),
            (Keep, Set(0)),
        ] {
            let refused = error(&ns, of_bucket("one", bytes, namespace, used)).await;
            assert!(
                matches!(refused, NamespaceError::QuotaInvalid(_)),
                "{refused}"
            );
        }
        ns.apply(of_bucket("one", Set(50), Set(9), used))
            .await
            .unwrap();
        ns.apply(of_bucket("one", Clear, Keep, used)).await.unwrap();
        assert_eq!(quotas(), (None, Some(9)));
        let missing = error(&ns, of_bucket("two", Clear, Keep, None)).await;
        assert!(
            matches!(missing, NamespaceError::BucketNotFound(_)),
            "{missing}"
        );
    });
}

#[test]
fn a_buckets_quota_of_bytes_is_never_above_its_volumes() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        bucket(&ns, "vol1", "one").await;
        bucket(&ns, "vol1", "two").await;
        ns.apply(of_volume(Set(100), Keep, None)).await.unwrap();
        let refused = error(&ns, of_bucket("one", Set(101), Keep, None)).await;
        assert!(
            matches!(refused, NamespaceError::QuotaInvalid(_)),
            "{refused}"
        );
        // Together they may: what they hold decides.
        ns.apply(of_bucket("one", Set(100), Keep, None))
            .await
            .unwrap();
        ns.apply(of_bucket("two", Set(100), Keep, None))
            .await
            .unwrap();
        let refused = error(&ns, of_volume(Set(99), Keep, None)).await;
        assert!(
            matches!(refused, NamespaceError::QuotaInvalid(_)),
            "{refused}"
        );
        ns.apply(of_volume(Clear, Keep, None)).await.unwrap();
        ns.apply(of_bucket("one", Set(1000), Keep, None))
            .await
            .unwrap();
        ns.apply(of_bucket("one", Clear, Keep, None)).await.unwrap();
        ns.apply(of_volume(Set(100), Keep, None)).await.unwrap();
        let create = |quota| Command::CreateBucket {
            volume: "vol1".into(),
            name: "three".into(),
            owner: "alice".into(),
            acl: CannedAcl::Private,
            object_lock: false,
            protected: false,
            quota_bytes: Some(quota),
            quota_namespace: None,
        };
        for quota in [0, 101] {
            let refused = error(&ns, create(quota)).await;
            assert!(
                matches!(refused, NamespaceError::QuotaInvalid(_)),
                "{refused}"
            );
        }
        ns.apply(create(100)).await.unwrap();
    });
}

#[test]
fn what_is_used_bounds_a_volumes_quota_of_bytes() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        let used = Some(Used {
            bytes: 11,
            objects: 0,
        });
        let refused = error(&ns, of_volume(Set(10), Keep, used)).await;
        assert!(
            matches!(refused, NamespaceError::QuotaInvalid(_)),
            "{refused}"
        );
        ns.apply(of_volume(Set(11), Keep, used)).await.unwrap();
    });
}

#[test]
fn owners_and_the_store_have_limits() {
    sim::run(1, async {
        let config = NamespaceConfig {
            limits: Limits {
                volumes_of_owner: 2,
                entries: 3,
            },
            ..config(1)
        };
        let made = Namespace::create(SimDisk::new(1), SimClock, config, first_user()).await;
        let (ns, _) = made.expect("created");
        sim::spawn(ns.run());
        volume(&ns, "vol1").await;
        volume(&ns, "vol2").await;
        let third = |owner: &str| Command::CreateVolume {
            name: "vol3".into(),
            owner: owner.into(),
            quota_bytes: None,
            quota_namespace: None,
        };
        let refused = error(&ns, third("alice")).await;
        assert!(
            matches!(refused, NamespaceError::TooManyVolumes(_, 2)),
            "{refused}"
        );
        ns.apply(third("bob")).await.unwrap();
        let give = |name: &str, owner: &str| Command::SetVolumeOwner {
            name: name.into(),
            owner: owner.into(),
        };
        let refused = error(&ns, give("vol3", "alice")).await;
        assert!(
            matches!(refused, NamespaceError::TooManyVolumes(..)),
            "{refused}"
        );
        ns.apply(give("vol1", "alice")).await.unwrap();
        ns.apply(give("vol1", "bob")).await.unwrap();
        ns.apply(give("vol3", "alice")).await.unwrap();
        bucket(&ns, "vol1", "one").await;
        bucket(&ns, "vol2", "one").await;
        link(&ns, ("vol1", "one"), "vol3", "one").await;
        let refused = error(&ns, create_bucket("vol3", "two")).await;
        assert!(
            matches!(refused, NamespaceError::TooManyBuckets(3)),
            "{refused}"
        );
        delete(&ns, "vol2", "one").await;
        bucket(&ns, "vol3", "two").await;
    });
}
