//! Users, secrets, and the login over TCP with them.

use super::scene::{Role, build};
use super::with_engine;
use crate::admin::tests::harness::code;
use chainring_protocol::client::Client;
use chainring_protocol::message::{
    Paging, S3SecretGet, S3SecretRevoke, S3SecretSet, StatusGet, TenantUserSecretSet, UserCreate,
    UserDelete, UserList, VolumeCreate, VolumeList,
};
use chainring_protocol::{ResultCode, Secret};

fn user(name: &str, admin: bool) -> UserCreate {
    UserCreate {
        admin,
        ..UserCreate::new(name)
    }
}

#[test]
fn s33_a_secret_is_shown_once() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let made = client.call(&user("alice", false)).unwrap();
        assert_eq!(made.secret.unwrap().expose().len(), 40);
        let again = client.call(&user("alice", false));
        assert_eq!(code(again), ResultCode::UserAlreadyExists);

        let alice = || Some("alice".to_owned());
        let get = S3SecretGet {
            user: alice(),
            another: false,
        };
        let revoke = S3SecretRevoke {
            user: alice(),
            access_key: None,
        };
        assert_eq!(code(client.call(&get)), ResultCode::S3SecretAlreadyExists);
        client.call(&revoke).unwrap();
        assert_eq!(code(client.call(&revoke)), ResultCode::S3SecretNotFound);
        let second = client.call(&get).unwrap();
        assert!(second.secret.is_some());
        let set = S3SecretSet {
            user: alice(),
            access_key: None,
            secret: Some(Secret::new("chosen-by-alice".to_owned())),
            keep_old: None,
        };
        let set = client.call(&set).unwrap();
        assert_eq!((set.access_key, set.secret), (second.access_key, None));

        let page = Paging::first();
        let users = client.call(&UserList { page }).unwrap();
        assert!(!format!("{users:?}").contains("chosen-by-alice"));
        let names: Vec<_> = users
            .entries
            .iter()
            .map(|u| (u.name.as_str(), u.admin))
            .collect();
        assert_eq!(names, [("admin", true), ("alice", false)]);
        let page = Paging {
            prefix: "al".to_owned(),
            ..Paging::first()
        };
        assert_eq!(client.call(&UserList { page }).unwrap().entries.len(), 1);

        // The last administrator stays; the caller on the socket is the first user.
        let delete = |name: &str| UserDelete {
            name: name.to_owned(),
        };
        let last = client.call(&delete("admin"));
        assert_eq!(code(last), ResultCode::InvalidRequest);
        client.call(&delete("alice")).unwrap();
        assert_eq!(
            code(client.call(&delete("alice"))),
            ResultCode::UserNotFound
        );
        let own = client.call(&S3SecretGet {
            user: None,
            another: false,
        });
        assert_eq!(code(own), ResultCode::S3SecretAlreadyExists);
        let bad = S3SecretSet {
            user: None,
            access_key: None,
            secret: Some(Secret::new("short".to_owned())),
            keep_old: None,
        };
        assert_eq!(code(client.call(&bad)), ResultCode::InvalidRequest);
    });
}

#[test]
fn any_user_logs_in_and_only_as_long_as_the_secret_is_good() {
    with_engine(|daemon| {
        let mut tcp = daemon.login("ADMINKEY", "admin-secret").unwrap();
        let volume = tcp.call(&VolumeCreate::new("vol1")).unwrap();
        assert_eq!(volume.owner, "admin");

        let mut client = daemon.client();
        let plain = client.call(&user("plain", false)).unwrap();
        let secret = plain.secret.unwrap();
        let mut tcp = daemon.login(&plain.access_key, secret.expose()).unwrap();
        // With rights of their own: not these.
        let denied = tcp.call(&VolumeCreate::new("vol3"));
        assert_eq!(code(denied), ResultCode::PermissionDenied);

        let second = client.call(&user("second", true)).unwrap();
        let secret = second.secret.unwrap();
        let mut tcp = daemon.login(&second.access_key, secret.expose()).unwrap();
        let created = tcp.call(&VolumeCreate::new("vol2")).unwrap();
        assert_eq!(created.owner, "second", "the one who logged in");
        client
            .call(&S3SecretRevoke {
                user: Some("second".to_owned()),
                access_key: None,
            })
            .unwrap();
        // Whoever is in loses it with the next request.
        assert_eq!(code(tcp.call(&StatusGet {})), ResultCode::PermissionDenied);
        let gone = daemon.login(&second.access_key, secret.expose());
        assert_eq!(code(gone), ResultCode::PermissionDenied);
    });
}

/// While the old secret is kept, both log in and sessions of either go on; a second change forgets
/// the one before.
#[test]
fn a_secret_is_rotated_without_a_gap() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let made = client.call(&user("alice", false)).unwrap();
        let old = made.secret.unwrap();
        let mut session = daemon.login(&made.access_key, old.expose()).unwrap();
        let page = Paging::first();
        let volumes = VolumeList { page };
        let rotate = |keep_old| S3SecretSet {
            user: Some("alice".to_owned()),
            access_key: Some(made.access_key.clone()),
            secret: None,
            keep_old,
        };
        let new = client.call(&rotate(Some(3600))).unwrap().secret.unwrap();
        session.call(&volumes).unwrap();
        for secret in [&old, &new] {
            let mut session = daemon.login(&made.access_key, secret.expose()).unwrap();
            session.call(&volumes).unwrap();
        }
        let page = Paging {
            prefix: "alice".to_owned(),
            ..Paging::first()
        };
        let shown = client.call(&UserList { page }).unwrap().entries;
        assert!(shown[0].access_keys[0].old_secret_until.is_some());

        let newest = client.call(&rotate(None)).unwrap().secret.unwrap();
        assert_eq!(code(session.call(&volumes)), ResultCode::PermissionDenied);
        for secret in [&old, &new] {
            let refused = daemon.login(&made.access_key, secret.expose());
            assert_eq!(code(refused), ResultCode::PermissionDenied);
        }
        daemon.login(&made.access_key, newest.expose()).unwrap();
    });
}

#[test]
fn a_user_has_several_secrets() {
    with_engine(|daemon| {
        let mut client = daemon.client();
        let first = client.call(&user("alice", false)).unwrap();
        let alice = || Some("alice".to_owned());
        let another = S3SecretGet {
            user: alice(),
            another: true,
        };
        let second = client.call(&another).unwrap();
        assert_ne!(first.access_key, second.access_key);
        let set = |access_key| S3SecretSet {
            user: alice(),
            access_key,
            secret: None,
            keep_old: None,
        };
        assert_eq!(
            client.call(&set(None)).unwrap_err().to_string(),
            "INVALID_REQUEST user alice has several access keys: say of which one to set the secret"
        );
        let nobodys = client.call(&set(Some("ADMINKEY".to_owned())));
        assert_eq!(code(nobodys), ResultCode::S3SecretNotFound);
        client.call(&set(Some(second.access_key.clone()))).unwrap();
        let revoke = S3SecretRevoke {
            user: alice(),
            access_key: Some(second.access_key),
        };
        client.call(&revoke).unwrap();
        let secret = first.secret.unwrap();
        daemon.login(&first.access_key, secret.expose()).unwrap();
    });
}

/// Whoever acts through a tenant's access id has that tenant and no more.
#[test]
fn s18_an_access_id_of_a_tenant_is_no_way_to_its_users_other_keys() {
    with_engine(|daemon| {
        let mut admin = daemon.client();
        build(&mut admin);
        let secrets = || S3SecretGet {
            user: None,
            another: true,
        };
        let mut member = Role::Member.client(&daemon);
        assert_eq!(code(member.call(&secrets())), ResultCode::PermissionDenied);
        let as_user = |name: &str| Client::connect_as(daemon.stream(), "test", Some(name)).unwrap();
        as_user("member").call(&secrets()).unwrap();

        // An administrator of a tenant gets no hold of one who may appoint.
        let rotate = |access_id: &str| TenantUserSecretSet {
            access_id: access_id.to_owned(),
            secret: None,
            keep_old: None,
        };
        let mut chief = Role::TenantAdmin.client(&daemon);
        chief.call(&rotate("acme$member")).unwrap();
        chief.call(&rotate("acme$chief")).unwrap();
        assert_eq!(
            code(chief.call(&rotate("acme$boss"))),
            ResultCode::PermissionDenied
        );
        let mut boss = Role::Delegated.client(&daemon);
        boss.call(&rotate("acme$chief")).unwrap();
        // Under the user's own name the power over the tenant is the same.
        as_user("chief").call(&rotate("acme$member")).unwrap();
        assert_eq!(
            code(as_user("chief").call(&rotate("acme$boss"))),
            ResultCode::PermissionDenied
        );
        let stranger = Client::connect_as(daemon.stream(), "test", Some("nobody"));
        assert_eq!(code(stranger.map(drop)), ResultCode::UserNotFound);
    });
}
