//! Every result code can be met by somebody who asks: the rule of each as a request that breaks it.

use super::scene::{Asking, Role, build, edit, home, repair};
use super::{LIMITS, create, get, link, name, put, with_engine};
use crate::admin::tests::harness::{Daemon, code};
use chainring_protocol::ResultCode;
use chainring_protocol::message::{
    AclEdit, AclTarget, BucketCreate, BucketDelete, BucketInfoGet, BucketLink, BucketSetQuota,
    BucketUpdate, KeyCopy, KeyGet, KeyInfoGet, KeyPut, KeyRename, LinkSetSource, LinkStatus,
    S3SecretGet, S3SecretRevoke, StatusGet, TenantCreate, TenantDelete, TenantInfoGet,
    TenantUserAssign, TenantUserInfoGet, TenantUserRevoke, UploadAbort, UserCreate, VolumeCreate,
    VolumeDelete, VolumeInfoGet, VolumeSetQuota,
};

/// Provokes a code, in a scene; `None` for one that no request can.
#[expect(clippy::too_many_lines, reason = "a table")]
fn provoke(wanted: ResultCode, daemon: &Daemon) -> Option<ResultCode> {
    let mut client = daemon.client();
    let ask = &mut client;
    let volume = |name: &str| VolumeCreate::new(name);
    let bucket = |name: &str| BucketCreate::new(super::name("s3v", name));
    let tenant = |name: &str| TenantCreate {
        name: name.to_owned(),
        owner: None,
        force: false,
    };
    let assign = |tenant: &str, user: &str| TenantUserAssign {
        tenant: tenant.to_owned(),
        user: user.to_owned(),
        access_id: None,
    };
    Some(match wanted {
        ResultCode::Ok => {
            ask.call(&StatusGet {}).unwrap();
            ResultCode::Ok
        }
        ResultCode::VolumeNotFound => {
            let name = "nowhere".to_owned();
            code(ask.call(&VolumeInfoGet { name }))
        }
        ResultCode::VolumeAlreadyExists => code(ask.call(&volume("house"))),
        ResultCode::VolumeNotEmpty => {
            let name = "house".to_owned();
            code(ask.call(&VolumeDelete { name }))
        }
        // A tenant's.
        ResultCode::VolumeIsReferenced => {
            ask.call(&tenant("empty")).unwrap();
            let name = "empty".to_owned();
            code(ask.call(&VolumeDelete { name }))
        }
        ResultCode::InvalidVolumeName => code(ask.call(&volume("No"))),
        ResultCode::UserTooManyVolumes => {
            let mut more = (0..=LIMITS.volumes_of_owner).map(|n| VolumeCreate {
                owner: Some("stranger".to_owned()),
                ..volume(&format!("one-of-many-{n}"))
            });
            code(more.try_for_each(|volume| ask.call(&volume).map(drop)))
        }
        ResultCode::BucketNotFound => {
            let bucket = name("s3v", "nothing");
            code(ask.call(&BucketInfoGet { bucket }))
        }
        ResultCode::BucketAlreadyExists => {
            ask.call(&bucket("twice")).unwrap();
            let link = name("s3v", "twice");
            code(ask.call(&BucketLink::new(name("any", "thing"), link)))
        }
        ResultCode::BucketNotEmpty => {
            let bucket = home().bucket;
            code(ask.call(&BucketDelete { bucket }))
        }
        ResultCode::BucketIsLinked => {
            let kept = name("s3v", "protected");
            ask.call(&BucketCreate {
                protected: true,
                ..BucketCreate::new(kept.clone())
            })
            .unwrap();
            ask.call(&link(&kept, &name("s3v", "keeps"), true)).unwrap();
            let delete = BucketDelete {
                bucket: kept.clone(),
            };
            let refused = code(ask.call(&delete));
            // Not sealed by the attempt, and free once it is not protected.
            put(ask, &kept, "k", b"x");
            ask.call(&chainring_protocol::message::KeyDelete {
                bucket: kept.clone(),
                key: "k".to_owned(),
            })
            .unwrap();
            ask.call(&BucketUpdate {
                bucket: kept,
                owner: None,
                protected: Some(false),
                expire_uploads: None,
            })
            .unwrap();
            let deleted = ask.call(&delete).unwrap();
            assert_eq!(deleted.dangling, [name("s3v", "keeps")]);
            refused
        }
        ResultCode::InvalidBucketName => code(ask.call(&bucket("a..b"))),
        ResultCode::TooManyBuckets => {
            ask.call(&volume("crowd")).unwrap();
            let mut more = (0..=LIMITS.entries)
                .map(|n| BucketCreate::new(name("crowd", &format!("one-of-many-{n}"))));
            code(more.try_for_each(|bucket| ask.call(&bucket).map(drop)))
        }
        ResultCode::KeyNotFound => code(ask.call(&KeyInfoGet {
            bucket: home().bucket,
            key: "nothing".to_owned(),
        })),
        ResultCode::NoSuchMultipartUpload => code(ask.call(&UploadAbort {
            bucket: home().bucket,
            key: "k".to_owned(),
            id: "0123456789abcdef0123456789abcdef".to_owned(),
            rested: None,
        })),
        ResultCode::InvalidKeyName => code(ask.call(&KeyInfoGet {
            bucket: home().bucket,
            key: "k".repeat(1025),
        })),
        ResultCode::PermissionDenied => {
            let bucket = home().bucket;
            code(
                Role::Stranger
                    .client(daemon)
                    .call(&BucketInfoGet { bucket }),
            )
        }
        ResultCode::InvalidRequest => code(ask.call(&AclEdit {
            target: AclTarget::volume("house"),
            action: chainring_protocol::message::AclAction::Add,
            rules: vec!["robot:bob:r".to_owned()],
        })),
        // What belongs to the source.
        ResultCode::NotSupportedOperation => code(ask.call(&BucketSetQuota {
            bucket: home().link,
            bytes: Some(1000),
            namespace: None,
        })),
        ResultCode::DetectedLoopInBucketLinks => {
            let (one, other) = (name("s3v", "round"), name("s3v", "about"));
            ask.call(&link(&one, &other, false)).unwrap();
            ask.call(&link(&other, &one, false)).unwrap();
            code(ask.call(&KeyInfoGet {
                bucket: one,
                key: "k".to_owned(),
            }))
        }
        ResultCode::LinkTooDeep => {
            let mut last = home().bucket;
            for hop in 0..17 {
                let next = name("s3v", &format!("deep-{hop}"));
                ask.call(&link(&last, &next, false)).unwrap();
                last = next;
            }
            code(ask.call(&KeyInfoGet {
                bucket: last,
                key: "k".to_owned(),
            }))
        }
        ResultCode::LinkExpired => {
            let over = name("s3v", "over");
            let info = ask.call(&BucketLink {
                expires: Some(1),
                ..BucketLink::new(home().bucket, over.clone())
            });
            assert_eq!(info.unwrap().link.unwrap().status, LinkStatus::Expired);
            code(ask.call(&KeyInfoGet {
                bucket: over,
                key: "k".to_owned(),
            }))
        }
        ResultCode::LinkChanged => code(ask.call(&LinkSetSource {
            link: home().link,
            source: name("any", "thing"),
            expect: None,
            expect_generation: Some(7),
            delegate: false,
        })),
        ResultCode::QuotaExceeded => {
            let full = VolumeCreate {
                quota_in_namespace: Some(1),
                ..volume("full")
            };
            ask.call(&full).unwrap();
            create(ask, &name("full", "one"));
            code(ask.call(&BucketCreate::new(name("full", "two"))))
        }
        ResultCode::QuotaError => code(ask.call(&VolumeSetQuota {
            name: "house".to_owned(),
            bytes: None,
            namespace: Some(1),
        })),
        ResultCode::UserNotFound => code(ask.call(&VolumeCreate {
            owner: Some("nobody".to_owned()),
            ..volume("orphan")
        })),
        ResultCode::S3SecretNotFound => code(ask.call(&S3SecretRevoke {
            user: Some("owner".to_owned()),
            access_key: Some("nobodys".to_owned()),
        })),
        ResultCode::S3SecretAlreadyExists => code(ask.call(&S3SecretGet {
            user: Some("owner".to_owned()),
            another: false,
        })),
        ResultCode::TenantNotFound => {
            let name = "nowhere".to_owned();
            code(ask.call(&TenantInfoGet { name }))
        }
        ResultCode::TenantAlreadyExists => code(ask.call(&tenant("acme"))),
        ResultCode::TenantNotEmpty => {
            let name = "acme".to_owned();
            code(ask.call(&TenantDelete { name }))
        }
        ResultCode::TenantUserAccessIdAlreadyExists => code(ask.call(&assign("acme", "member"))),
        ResultCode::AccessIdNotFound => {
            let access_id = "acme$nobody".to_owned();
            code(ask.call(&TenantUserRevoke { access_id }))
        }
        ResultCode::KeyAlreadyExists => code(ask.call(&KeyRename {
            bucket: home().bucket,
            from: "k".to_owned(),
            to: "k2".to_owned(),
        })),
        ResultCode::UserAlreadyExists => code(ask.call(&UserCreate::new("owner"))),
        // Of the daemon itself, not of anything that can be asked: a damaged page or a bug; a
        // daemon that stops or a stream that stands still; a full disk, which the tests of the
        // store and of the running daemon fill.
        ResultCode::InternalError | ResultCode::Timeout | ResultCode::DiskOutOfSpace => {
            return None;
        }
        new => panic!("{new} is not provoked"),
    })
}

#[test]
fn every_result_code_is_provoked() {
    with_engine(|daemon| {
        let mut admin = daemon.client();
        build(&mut admin);
        repair(&mut admin);
        // What uses up the store comes last.
        let last = |code: &&ResultCode| **code == ResultCode::TooManyBuckets;
        let (last, first): (Vec<_>, Vec<_>) = ResultCode::ALL.iter().partition(last);
        for &wanted in first.into_iter().chain(last) {
            if let Some(got) = provoke(wanted, &daemon) {
                assert_eq!(got, wanted);
            }
        }
    });
}

#[test]
fn what_belongs_to_the_source_is_not_changed_on_a_link() {
    with_engine(|daemon| {
        let mut admin = daemon.client();
        build(&mut admin);
        let (bucket, owner) = (home().link, None);
        let protect = BucketUpdate {
            bucket,
            owner,
            protected: Some(true),
            expire_uploads: None,
        };
        assert_eq!(
            admin.call(&protect).unwrap_err().to_string(),
            "NOT_SUPPORTED_OPERATION /house/shown is a link and has no protection of its own: set it \
             on its source /house/data"
        );
        let quota = BucketSetQuota {
            bucket: home().link,
            bytes: Some(10),
            namespace: None,
        };
        assert_eq!(
            admin.call(&quota).unwrap_err().to_string(),
            "NOT_SUPPORTED_OPERATION /house/shown is a link and has no quota of its own: set it on \
             its source /house/data"
        );
        // The volume's quota can be set whatever links it holds (HDDS-9139), and the link is what
        // it was (HDDS-6943).
        admin
            .call(&VolumeSetQuota {
                name: "house".to_owned(),
                bytes: Some(1 << 30),
                namespace: Some(50),
            })
            .unwrap();
        let bucket = home().link;
        let info = admin.call(&BucketInfoGet { bucket }).unwrap();
        assert_eq!(info.link.unwrap().status, LinkStatus::Ok);
        assert_eq!((info.quota_in_bytes, info.quota_in_namespace), (None, None));
    });
}

/// A tenant without users says so with an empty page, a user without tenants too.
#[test]
fn empty_answers_are_answers() {
    with_engine(|daemon| {
        let mut admin: Asking = daemon.client();
        build(&mut admin);
        let user = "stranger".to_owned();
        let none = admin.call(&TenantUserInfoGet { user }).unwrap();
        assert!(none.entries.is_empty() && !none.more);
        let mut stranger = Role::Stranger.client(&daemon);
        let user = "stranger".to_owned();
        let own = stranger.call(&TenantUserInfoGet { user }).unwrap();
        assert!(own.entries.is_empty());
        let nobody = TenantUserInfoGet {
            user: "nobody".to_owned(),
        };
        assert_eq!(code(admin.call(&nobody)), ResultCode::UserNotFound);
    });
}

/// What a key's own list allows, and what it does not.
#[test]
fn the_list_of_a_key_is_for_that_key() {
    with_engine(|daemon| {
        let mut admin = daemon.client();
        build(&mut admin);
        repair(&mut admin);
        let bucket = home().bucket;
        edit(&mut admin, AclTarget::volume("house"), &["user:stranger:r"]);
        let mut stranger = Role::Stranger.client(&daemon);
        let read = |key: &str| KeyInfoGet {
            bucket: bucket.clone(),
            key: key.to_owned(),
        };
        assert_eq!(
            code(stranger.call(&read("k"))),
            ResultCode::PermissionDenied
        );
        edit(
            &mut admin,
            AclTarget::key(bucket.clone(), "k"),
            &["user:stranger:rw"],
        );
        stranger.call(&read("k")).unwrap();
        put(
            &mut stranger,
            &bucket,
            "k",
            b"written by the right on the key",
        );
        // What was written is another object, whose list is its writer's to make.
        assert_eq!(
            get(&mut admin, &bucket, "k"),
            b"written by the right on the key"
        );
        for key in ["k2", "nothing"] {
            assert_eq!(
                code(stranger.call(&read(key))),
                ResultCode::PermissionDenied
            );
            let put = KeyPut {
                bucket: bucket.clone(),
                key: key.to_owned(),
                size: Some(0),
                content_type: None,
            };
            let upload = stranger.upload(&put).unwrap();
            assert_eq!(code(upload.finish()), ResultCode::PermissionDenied);
        }
        let prefix = AclTarget::prefix(bucket.clone(), "drop/");
        edit(&mut admin, prefix, &["user:stranger:c"]);
        put(&mut stranger, &bucket, "drop/1", b"once");
        let again = KeyPut {
            bucket: bucket.clone(),
            key: "drop/1".to_owned(),
            size: Some(0),
            content_type: None,
        };
        let upload = stranger.upload(&again).unwrap();
        assert_eq!(
            code(upload.finish()),
            ResultCode::PermissionDenied,
            "not twice"
        );
        assert_eq!(get(&mut admin, &bucket, "drop/1"), b"once");
        let copy = KeyCopy {
            from: bucket.clone(),
            from_key: "k2".to_owned(),
            to: bucket.clone(),
            to_key: "drop/2".to_owned(),
        };
        assert_eq!(code(stranger.call(&copy)), ResultCode::PermissionDenied);
        let key = "drop/1".to_owned();
        let download = stranger.download(&KeyGet { bucket, key }).map(drop);
        download.unwrap();
    });
}
