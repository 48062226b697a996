//! A store with somebody of every kind in it, and each operation asked by any of them.

use super::{create, link, name, put};
use crate::admin::tests::harness::Daemon;
use chainring_protocol::client::{Client, ClientError};
use chainring_protocol::message::{
    AclAction, AclEdit, AclGet, AclTarget, Authenticate, BucketClearQuota, BucketCreate,
    BucketDelete, BucketInfoGet, BucketLink, BucketList, BucketName, BucketSetQuota, BucketUpdate,
    Hello, KeyCopy, KeyDelete, KeyGet, KeyInfoGet, KeyList, KeyPut, KeyRename, LinkHistory,
    LinkList, LinkRevoke, LinkRollback, LinkSetSource, Paging, S3SecretGet, S3SecretRevoke,
    S3SecretSet, Scrub, ScrubAction, ScrubGet, StatusGet, TenantCreate, TenantDelete,
    TenantInfoGet, TenantList, TenantUserAssign, TenantUserAssignAdmin, TenantUserInfoGet,
    TenantUserList, TenantUserRevoke, TenantUserRevokeAdmin, TenantUserSecretGet,
    TenantUserSecretSet, UploadAbort, UploadList, UserCreate, UserDelete, UserList, UserUpdate,
    VolumeClearQuota, VolumeCreate, VolumeDelete, VolumeInfoGet, VolumeList, VolumeSetQuota,
    VolumeUpdate,
};
use chainring_protocol::{Call, Opcode, Secret};
use std::os::unix::net::UnixStream;

pub(super) type Asking = Client<UnixStream>;

/// Somebody, by what he has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Administers the store.
    Admin,
    /// Owns the volume `house` and everything in it, and the bucket and the link in the tenant's.
    Owner,
    /// May read and list the buckets and pass the links, and read the volume `house`.
    Reader,
    /// May write, create and delete in the buckets, and read the volume `house`.
    Writer,
    /// Has an access id of the tenant.
    Member,
    /// Administers the tenant.
    TenantAdmin,
    /// And may appoint others.
    Delegated,
    /// Has nothing.
    Stranger,
}

impl Role {
    pub(super) const ALL: [Self; 8] = [
        Self::Admin,
        Self::Owner,
        Self::Reader,
        Self::Writer,
        Self::Member,
        Self::TenantAdmin,
        Self::Delegated,
        Self::Stranger,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Owner => "owner",
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Member => "acme$member",
            Self::TenantAdmin => "acme$chief",
            Self::Delegated => "acme$boss",
            Self::Stranger => "stranger",
        }
    }

    pub(super) fn client(self, daemon: &Daemon) -> Asking {
        Client::connect_as(daemon.stream(), "test", Some(self.as_str())).unwrap()
    }
}

/// The names a request is about.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) bucket: BucketName,
    pub(super) link: BucketName,
    pub(super) key: &'static str,
    pub(super) tenant: &'static str,
    pub(super) access_id: &'static str,
}

/// In a volume of the owner's.
pub(super) fn home() -> Place {
    Place {
        bucket: name("house", "data"),
        link: name("house", "shown"),
        key: "k",
        tenant: "acme",
        access_id: "acme$temp",
    }
}

/// In the volume of a tenant.
pub(super) fn tenant() -> Place {
    Place {
        bucket: name("acme", "data"),
        link: name("acme", "shown"),
        ..home()
    }
}

/// Makes everybody and everything.
pub(super) fn build(client: &mut Asking) {
    for user in [
        "owner", "reader", "writer", "member", "chief", "boss", "stranger", "temp",
    ] {
        client.call(&UserCreate::new(user)).unwrap();
    }
    let owner = || Some("owner".to_owned());
    client
        .call(&VolumeCreate {
            owner: owner(),
            ..VolumeCreate::new("house")
        })
        .unwrap();
    let acme = TenantCreate {
        name: "acme".to_owned(),
        owner: None,
        force: false,
    };
    client.call(&acme).unwrap();
    for place in [home(), tenant()] {
        client
            .call(&BucketCreate {
                owner: owner(),
                ..BucketCreate::new(place.bucket.clone())
            })
            .unwrap();
        client
            .call(&BucketLink {
                owner: owner(),
                ..BucketLink::new(place.bucket.clone(), place.link.clone())
            })
            .unwrap();
        let rules = ["user:reader:rl", "user:writer:wcd"];
        edit(
            client,
            AclTarget::bucket(place.bucket.clone(), false),
            &rules,
        );
        let rules = ["user:reader:r", "user:writer:r"];
        edit(client, AclTarget::bucket(place.link.clone(), false), &rules);
        let prefix = AclTarget::prefix(place.bucket.clone(), "nobodys/");
        edit(client, prefix, &["user:nobody:r"]);
    }
    let rules = ["user:reader:r", "user:writer:r"];
    edit(client, AclTarget::volume("house"), &rules);
    for user in ["member", "chief", "boss"] {
        client.call(&assign(user)).unwrap();
    }
    for (user, delegated) in [("chief", false), ("boss", true)] {
        let access_id = format!("acme${user}");
        let appoint = TenantUserAssignAdmin {
            access_id,
            delegated,
        };
        client.call(&appoint).unwrap();
    }
}

/// Makes again what an operation may have done away with.
pub(super) fn repair(client: &mut Asking) {
    for place in [home(), tenant()] {
        for key in ["k", "k2"] {
            put(client, &place.bucket, key, b"bytes");
        }
    }
    // Whether they were there or not.
    let _ = client.call(&assign("temp"));
    let access_id = "acme$temp".to_owned();
    let _ = client.call(&TenantUserRevokeAdmin { access_id });
}

fn assign(user: &str) -> TenantUserAssign {
    TenantUserAssign {
        tenant: "acme".to_owned(),
        user: user.to_owned(),
        access_id: None,
    }
}

pub(super) fn edit(client: &mut Asking, target: AclTarget, rules: &[&str]) {
    let edit = AclEdit {
        target,
        action: AclAction::Add,
        rules: rules.iter().map(ToString::to_string).collect(),
    };
    client.call(&edit).unwrap();
}

/// A request that is ready to be made.
pub(super) type Ask = Box<dyn Fn(&mut Asking) -> Result<(), ClientError>>;

fn call<C: Call + 'static>(request: C) -> Ask {
    Box::new(move |client| client.call(&request).map(drop))
}

/// Requests of an operation about these names: such that whoever may make them does no harm, since
/// what they would do is done already, or fails for another reason. There is no default arm: a new
/// operation does not compile until it is asked here.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn asks(opcode: Opcode, place: &Place) -> Vec<Ask> {
    let Place {
        bucket,
        link: shown,
        ..
    } = place.clone();
    let (volume, key) = (bucket.volume.clone(), place.key.to_owned());
    let (tenant, access_id) = (place.tenant.to_owned(), place.access_id.to_owned());
    let page = Paging::first();
    let owner = "owner".to_owned();
    match opcode {
        // The connection's own business; without a hello nobody asks anything.
        Opcode::Hello => vec![call(Hello {
            version_min: 1,
            version_max: 1,
            nonce: [0; 32],
            key_id: String::new(),
            software: String::new(),
            act_as: None,
        })],
        Opcode::Authenticate => vec![call(Authenticate {})],
        Opcode::StatusGet => vec![call(StatusGet {})],

        Opcode::VolumeCreate => vec![call(VolumeCreate::new(volume))],
        Opcode::VolumeInfoGet => vec![call(VolumeInfoGet { name: volume })],
        Opcode::VolumeList => vec![call(VolumeList { page })],
        Opcode::VolumeDelete => vec![call(VolumeDelete { name: volume })],
        Opcode::VolumeUpdate => vec![call(VolumeUpdate {
            owner: if volume == "acme" {
                "admin".to_owned()
            } else {
                owner
            },
            name: volume,
        })],
        Opcode::VolumeSetQuota => vec![call(VolumeSetQuota {
            name: volume,
            bytes: Some(0),
            namespace: None,
        })],
        Opcode::VolumeClearQuota => vec![call(VolumeClearQuota {
            name: volume,
            bytes: true,
            namespace: true,
        })],

        Opcode::BucketCreate => vec![call(BucketCreate::new(bucket))],
        Opcode::BucketLink => vec![call(BucketLink::new(name("any", "thing"), shown))],
        Opcode::BucketInfoGet => vec![
            call(BucketInfoGet { bucket }),
            call(BucketInfoGet { bucket: shown }),
        ],
        Opcode::BucketList => vec![call(BucketList { volume, page })],
        Opcode::BucketDelete => vec![call(BucketDelete { bucket })],
        Opcode::BucketUpdate => [bucket, shown]
            .map(|bucket| {
                let owner = Some(owner.clone());
                call(BucketUpdate {
                    bucket,
                    owner,
                    protected: None,
                    expire_uploads: None,
                })
            })
            .into(),
        Opcode::BucketSetQuota => vec![call(BucketSetQuota {
            bucket,
            bytes: Some(0),
            namespace: None,
        })],
        Opcode::BucketClearQuota => vec![call(BucketClearQuota {
            bucket,
            bytes: true,
            namespace: true,
        })],

        Opcode::LinkList => vec![call(LinkList {
            volume: None,
            source: Some(bucket),
            status: None,
            page,
            stats: false,
        })],
        Opcode::LinkSetSource => vec![call(LinkSetSource {
            link: shown,
            source: name("any", "thing"),
            expect: Some(name("other", "thing")),
            expect_generation: None,
            delegate: false,
        })],
        Opcode::LinkHistory => vec![call(LinkHistory { link: shown })],
        Opcode::LinkRollback => vec![call(LinkRollback {
            link: shown,
            to: Some(999),
        })],
        Opcode::LinkRevoke => vec![call(LinkRevoke { link: shown })],

        Opcode::AclGet => lists(place)
            .into_iter()
            .map(|target| call(AclGet { target }))
            .collect(),
        Opcode::AclEdit => lists(place)
            .into_iter()
            .map(|target| {
                call(AclEdit {
                    target,
                    action: AclAction::Remove,
                    rules: vec!["user:nobody:n".to_owned()],
                })
            })
            .collect(),

        Opcode::UserCreate => vec![call(UserCreate::new(owner))],
        Opcode::UserUpdate => vec![call(UserUpdate {
            name: owner,
            groups: Vec::new(),
        })],
        Opcode::UserList => vec![call(UserList { page })],
        Opcode::UserDelete => vec![call(UserDelete {
            name: "nobody".to_owned(),
        })],
        Opcode::S3SecretGet => vec![call(S3SecretGet {
            user: Some(owner),
            another: false,
        })],
        Opcode::S3SecretSet => vec![call(S3SecretSet {
            user: Some(owner),
            access_key: None,
            secret: Some(Secret::new("short".to_owned())),
            keep_old: None,
        })],
        Opcode::S3SecretRevoke => vec![call(S3SecretRevoke {
            user: Some(owner),
            access_key: Some("nobodys".to_owned()),
        })],

        Opcode::TenantCreate => vec![call(TenantCreate {
            name: tenant,
            owner: None,
            force: false,
        })],
        Opcode::TenantInfoGet => vec![call(TenantInfoGet { name: tenant })],
        Opcode::TenantList => vec![call(TenantList { page })],
        Opcode::TenantDelete => vec![call(TenantDelete { name: tenant })],
        Opcode::TenantUserAssign => vec![call(TenantUserAssign {
            tenant,
            user: "temp".to_owned(),
            access_id: None,
        })],
        Opcode::TenantUserRevoke => vec![call(TenantUserRevoke { access_id })],
        Opcode::TenantUserInfoGet => vec![call(TenantUserInfoGet {
            user: "temp".to_owned(),
        })],
        Opcode::TenantUserList => vec![call(TenantUserList { tenant, page })],
        Opcode::TenantUserSecretGet => vec![call(TenantUserSecretGet { access_id })],
        Opcode::TenantUserSecretSet => vec![call(TenantUserSecretSet {
            access_id,
            secret: Some(Secret::new("short".to_owned())),
            keep_old: None,
        })],
        Opcode::TenantUserAssignAdmin => vec![call(TenantUserAssignAdmin {
            access_id,
            delegated: false,
        })],
        Opcode::TenantUserRevokeAdmin => vec![call(TenantUserRevokeAdmin { access_id })],

        Opcode::ScrubGet => vec![call(ScrubGet {})],
        Opcode::Scrub => vec![call(Scrub {
            action: ScrubAction::Pause,
        })],
        Opcode::UploadList => vec![call(UploadList {
            volume: Some(volume),
            bucket: None,
            rested: None,
            page,
        })],
        Opcode::UploadAbort => vec![call(UploadAbort {
            bucket,
            key,
            id: "0".to_owned(),
            rested: None,
        })],

        Opcode::KeyPut => each(place, |bucket, key| {
            let put = KeyPut {
                bucket,
                key,
                size: Some(0),
                content_type: None,
            };
            Box::new(move |client| client.upload(&put)?.finish().map(drop))
        }),
        Opcode::KeyGet => each(place, |bucket, key| {
            let get = KeyGet { bucket, key };
            Box::new(move |client| {
                let mut download = client.download(&get)?;
                download.next_piece().map(drop)
            })
        }),
        Opcode::KeyInfoGet => each(place, |bucket, key| call(KeyInfoGet { bucket, key })),
        Opcode::KeyList => each(place, |bucket, _| {
            let page = Paging::first();
            call(KeyList { bucket, page })
        }),
        Opcode::KeyDelete => vec![call(KeyDelete { bucket, key })],
        // `k2` is there.
        Opcode::KeyRename => vec![call(KeyRename {
            bucket,
            from: key,
            to: "k2".to_owned(),
        })],
        Opcode::KeyCopy => vec![call(KeyCopy {
            from: bucket.clone(),
            from_key: key,
            to: bucket,
            to_key: "k2".to_owned(),
        })],
    }
}

/// Every list there is: of the volume, the bucket, the bucket by the link, a key, a prefix.
fn lists(place: &Place) -> Vec<AclTarget> {
    vec![
        AclTarget::volume(place.bucket.volume.as_str()),
        AclTarget::bucket(place.bucket.clone(), false),
        AclTarget::bucket(place.link.clone(), false),
        AclTarget::bucket(place.link.clone(), true),
        AclTarget::key(place.bucket.clone(), place.key),
        AclTarget::key(place.link.clone(), place.key),
        AclTarget::prefix(place.bucket.clone(), "nobodys/"),
    ]
}

/// Of the bucket and of the link.
fn each(place: &Place, ask: impl Fn(BucketName, String) -> Ask) -> Vec<Ask> {
    [&place.bucket, &place.link]
        .map(|bucket| ask(bucket.clone(), place.key.to_owned()))
        .into()
}

/// A bucket with a link to it, in the volume `s3v`.
pub(super) fn pair(client: &mut Asking) -> (BucketName, BucketName) {
    let (source, shown) = (name("s3v", "source"), name("s3v", "shown"));
    create(client, &source);
    client.call(&link(&source, &shown, true)).unwrap();
    (source, shown)
}
