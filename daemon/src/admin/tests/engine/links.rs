//! What links say besides their source, who gets through them, and what they were.

use super::scene::{Asking, Role, build, edit, home, pair, repair};
use super::{create, get, link, name, put, with_engine};
use crate::admin::tests::harness::code;
use chainring_protocol::ResultCode;
use chainring_protocol::message::{
    AclGet, AclTarget, BucketInfo, BucketInfoGet, BucketLink, BucketName, KeyInfoGet, KeyList,
    KeyPut, KeyRename, LinkHistory, LinkInfo, LinkList, LinkRevoke, LinkRollback, LinkSetSource,
    LinkStatus, Paging,
};

fn info(client: &mut Asking, bucket: &BucketName) -> BucketInfo {
    let bucket = bucket.clone();
    client.call(&BucketInfoGet { bucket }).unwrap()
}

fn shown_link(client: &mut Asking, bucket: &BucketName) -> LinkInfo {
    info(client, bucket).link.unwrap()
}

fn read(bucket: &BucketName, key: &str) -> KeyInfoGet {
    KeyInfoGet {
        bucket: bucket.clone(),
        key: key.to_owned(),
    }
}

fn list(source: Option<&BucketName>, status: Option<LinkStatus>) -> LinkList {
    LinkList {
        volume: None,
        source: source.cloned(),
        status,
        page: Paging::first(),
        stats: false,
    }
}

/// Re-points unless the generation is another one than `expect`.
fn point(link: &BucketName, source: &BucketName, expect: Option<u64>) -> LinkSetSource {
    LinkSetSource {
        link: link.clone(),
        source: source.clone(),
        expect: None,
        expect_generation: expect,
        delegate: false,
    }
}

/// Effective is what the link gives AND what the source gives; a delegated link decides alone.
#[test]
fn a_link_narrows_and_a_delegated_one_decides() {
    with_engine(|daemon| {
        let mut admin = daemon.client();
        build(&mut admin);
        repair(&mut admin);
        let (bucket, shut) = (home().bucket, name("s3v", "shut"));
        admin.call(&link(&bucket, &shut, true)).unwrap();
        let mut reader = Role::Reader.client(&daemon);
        reader.call(&read(&bucket, "k")).unwrap();
        // The link has no rule for the reader.
        let denied = code(reader.call(&read(&shut, "k")));
        assert_eq!(denied, ResultCode::PermissionDenied);
        edit(
            &mut admin,
            AclTarget::bucket(shut.clone(), false),
            &["world::r"],
        );
        reader.call(&read(&shut, "k")).unwrap();
        // The link gives the stranger what the source does not.
        let mut stranger = Role::Stranger.client(&daemon);
        let denied = code(stranger.call(&read(&shut, "k")));
        assert_eq!(denied, ResultCode::PermissionDenied);
        let seen = shown_link(&mut stranger, &shut);
        assert_eq!(seen.status, LinkStatus::Denied);
        assert_eq!((seen.resolved, seen.chain.len()), (None, 2));
        assert_eq!(shown_link(&mut reader, &shut).status, LinkStatus::Ok);

        // Consent takes WRITE_ACL on the source.
        let mut owner = Role::Owner.client(&daemon);
        edit(&mut admin, AclTarget::volume("s3v"), &["user:reader:c"]);
        let delegated = name("s3v", "delegated");
        let make = BucketLink {
            delegate: true,
            ..BucketLink::new(bucket.clone(), delegated.clone())
        };
        assert_eq!(code(reader.call(&make)), ResultCode::PermissionDenied);
        let made = owner.call(&make).unwrap().link.unwrap();
        let consent = made.delegate.unwrap();
        assert!(consent.valid && consent.grantor == "owner");
        edit(
            &mut owner,
            AclTarget::bucket(delegated.clone(), false),
            &["user:stranger:rl"],
        );
        stranger.call(&read(&delegated, "k")).unwrap();
        // What it gives is no way to the list of the source.
        edit(
            &mut owner,
            AclTarget::bucket(delegated.clone(), false),
            &["user:stranger:xy"],
        );
        let target = AclTarget::bucket(delegated.clone(), true);
        let denied = code(stranger.call(&AclGet { target }));
        assert_eq!(denied, ResultCode::PermissionDenied);

        let revoke = LinkRevoke {
            link: delegated.clone(),
        };
        assert_eq!(code(stranger.call(&revoke)), ResultCode::PermissionDenied);
        let plain = owner.call(&revoke).unwrap().link.unwrap();
        assert_eq!(plain.delegate, None);
        let denied = code(stranger.call(&read(&delegated, "k")));
        assert_eq!(denied, ResultCode::PermissionDenied);
        assert_eq!(code(owner.call(&revoke)), ResultCode::InvalidRequest);
    });
}

#[test]
fn what_would_tell_whether_a_source_is_there_needs_a_right_on_it() {
    with_engine(|daemon| {
        let mut admin = daemon.client();
        build(&mut admin);
        let mut stranger = Role::Stranger.client(&daemon);
        for (number, source) in [home().bucket, name("house", "not-there")]
            .iter()
            .enumerate()
        {
            let plain = BucketLink::new(source.clone(), name("s3v", &format!("plain-{number}")));
            let made = stranger.call(&plain).unwrap().link.unwrap();
            assert_eq!(made.status, LinkStatus::Denied);
            for (strict, bind_id, delegate) in [
                (true, false, false),
                (false, true, false),
                (false, false, true),
            ] {
                let telling = BucketLink {
                    strict,
                    bind_id,
                    delegate,
                    ..BucketLink::new(source.clone(), name("s3v", "telling"))
                };
                let refused = stranger.call(&telling).unwrap_err().to_string();
                let expected = format!(
                    "PERMISSION_DENIED user stranger does not have the READ right on bucket {source}"
                );
                assert_eq!(refused, expected);
            }
        }
    });
}

#[test]
fn a_link_is_pointed_elsewhere_and_back() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let (blue, shown_name) = pair(&mut client);
        let green = name("s3v", "green");
        create(&mut client, &green);
        put(&mut client, &blue, "k", b"blue");
        put(&mut client, &green, "k", b"green");
        let pointed = client.call(&point(&shown_name, &green, Some(1))).unwrap();
        assert_eq!(pointed.link.unwrap().generation, 2);
        assert_eq!(get(&mut client, &shown_name, "k"), b"green");
        // Whoever looked before that has lost.
        let lost = client.call(&point(&shown_name, &blue, Some(1)));
        assert_eq!(code(lost), ResultCode::LinkChanged);
        let expect = LinkSetSource {
            expect: Some(blue.clone()),
            ..point(&shown_name, &blue, None)
        };
        assert_eq!(code(client.call(&expect)), ResultCode::LinkChanged);

        let back = LinkRollback {
            link: shown_name.clone(),
            to: None,
        };
        let back = client.call(&back).unwrap().link.unwrap();
        assert_eq!((back.generation, back.source), (3, blue.clone()));
        assert_eq!(get(&mut client, &shown_name, "k"), b"blue");
        let link = shown_name.clone();
        let was = client.call(&LinkHistory { link }).unwrap();
        let was: Vec<_> = was
            .generations
            .iter()
            .map(|was| (was.generation, &was.source, was.by.as_str()))
            .collect();
        assert_eq!(
            was,
            [
                (1, &blue, "admin"),
                (2, &green, "admin"),
                (3, &blue, "admin")
            ]
        );
        let bucket = LinkHistory { link: blue };
        assert_eq!(code(client.call(&bucket)), ResultCode::InvalidRequest);
    });
}

#[test]
fn nothing_is_changed_through_a_read_only_link_and_a_prefix_is_a_root() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let (source, _) = pair(&mut client);
        let under = name("s3v", "under");
        let make = BucketLink {
            prefix: Some("p/".to_owned()),
            ..BucketLink::new(source.clone(), under.clone())
        };
        client.call(&make).unwrap();
        put(&mut client, &source, "p/one", b"1");
        put(&mut client, &source, "q", b"2");
        put(&mut client, &under, "two", b"22");
        assert_eq!(get(&mut client, &under, "one"), b"1");
        assert_eq!(get(&mut client, &source, "p/two"), b"22");
        for escape in ["q", "../q", "/q", "p/one"] {
            assert_eq!(
                code(client.call(&read(&under, escape))),
                ResultCode::KeyNotFound
            );
        }
        let page = Paging {
            after: "one".to_owned(),
            ..Paging::first()
        };
        let keys = KeyList {
            bucket: under.clone(),
            page,
        };
        let keys = client.call(&keys).unwrap().entries;
        let keys: Vec<_> = keys.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["two"]);
        let long = read(&under, &"k".repeat(1023));
        assert_eq!(code(client.call(&long)), ResultCode::InvalidKeyName);

        let show = name("s3v", "show");
        let make = BucketLink {
            read_only: true,
            ..BucketLink::new(source.clone(), show.clone())
        };
        client.call(&make).unwrap();
        assert_eq!(get(&mut client, &show, "q"), b"2");
        let put = KeyPut {
            bucket: show.clone(),
            key: "q".to_owned(),
            size: Some(0),
            content_type: None,
        };
        let upload = client.upload(&put).unwrap();
        assert_eq!(
            upload.finish().unwrap_err().to_string(),
            "PERMISSION_DENIED nothing can be changed through /s3v/show: the link is read-only"
        );
        let rename = KeyRename {
            bucket: show,
            from: "q".to_owned(),
            to: "r".to_owned(),
        };
        assert_eq!(code(client.call(&rename)), ResultCode::PermissionDenied);
    });
}

#[test]
fn a_bound_link_never_takes_up_with_another_bucket() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let (source, _) = pair(&mut client);
        let bound = name("s3v", "bound");
        let make = BucketLink {
            bind_id: true,
            ..BucketLink::new(source.clone(), bound.clone())
        };
        let made = client.call(&make).unwrap().link.unwrap();
        assert_eq!(made.bind, Some(info(&mut client, &source).id));
        let bucket = source.clone();
        client
            .call(&chainring_protocol::message::BucketDelete { bucket })
            .unwrap();
        create(&mut client, &source);
        assert_eq!(shown_link(&mut client, &bound).status, LinkStatus::Dangling);
        let unbound = name("s3v", "shown");
        assert_eq!(shown_link(&mut client, &unbound).status, LinkStatus::Ok);
    });
}

#[test]
fn links_are_found_by_their_source_and_their_status() {
    with_engine(|daemon| {
        let mut admin = daemon.client();
        build(&mut admin);
        let (source, first) = pair(&mut admin);
        let second = name("s3v", "second");
        let nowhere = name("s3v", "nowhere");
        admin.call(&link(&first, &second, true)).unwrap();
        admin
            .call(&link(&name("s3v", "nil"), &nowhere, false))
            .unwrap();
        let found = |client: &mut Asking, ask: &LinkList| -> Vec<BucketName> {
            let page = client.call(ask).unwrap();
            page.entries.into_iter().map(|info| info.bucket).collect()
        };
        let to_source = list(Some(&source), None);
        assert_eq!(
            found(&mut admin, &to_source),
            [second.clone(), first.clone()]
        );
        let dangling = list(None, Some(LinkStatus::Dangling));
        assert_eq!(found(&mut admin, &dangling), std::slice::from_ref(&nowhere));
        let all = list(None, None);
        assert_eq!(found(&mut admin, &all).len(), 5);
        // Page by page.
        let mut ask = list(None, None);
        ask.page.limit = 2;
        let mut seen = Vec::new();
        loop {
            let page = admin.call(&ask).unwrap();
            seen.extend(page.entries.into_iter().map(|info| info.bucket));
            if !page.more {
                break;
            }
            let BucketName { volume, bucket } = seen.last().unwrap();
            ask.page.after = format!("{volume}/{bucket}");
        }
        assert_eq!(seen, found(&mut admin, &all));
        // What went through them is told when it is asked for.
        let told = |client: &mut Asking, stats| {
            let ask = LinkList {
                stats,
                ..list(None, None)
            };
            let page = client.call(&ask).unwrap();
            page.entries
                .iter()
                .all(|info| info.link.as_ref().unwrap().stats.is_some())
        };
        assert!(told(&mut admin, true) && !told(&mut admin, false));
        let stats = shown_link(&mut admin, &first).stats.unwrap();
        assert_eq!((stats.requests, stats.last_used), (0, None));
        // Everybody sees what he may: the stranger those of s3v, without what is behind them.
        let mut stranger = Role::Stranger.client(&daemon);
        let names = found(&mut stranger, &all);
        assert_eq!(names, [nowhere, second, first]);
        let denied = list(None, Some(LinkStatus::Denied));
        assert_eq!(found(&mut stranger, &denied).len(), 3);
    });
}
