//! Users, secrets, and the login over TCP with them.

use super::with_engine;
use crate::admin::tests::harness::code;
use chainring_protocol::message::{
    Paging, S3SecretGet, S3SecretRevoke, S3SecretSet, StatusGet, UserCreate, UserDelete, UserList,
    VolumeCreate,
};
use chainring_protocol::{ResultCode, Secret};

fn user(name: &str, admin: bool) -> UserCreate {
    UserCreate {
        admin,
        ..UserCreate::new(name)
    }
}

#[test]
fn a_secret_is_shown_once() {
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
