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
        name: name.to_owned(),
        access_key: None,
        secret: None,
        admin,
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
        let get = S3SecretGet { user: alice() };
        let revoke = S3SecretRevoke { user: alice() };
        assert_eq!(code(client.call(&get)), ResultCode::S3SecretAlreadyExists);
        client.call(&revoke).unwrap();
        assert_eq!(code(client.call(&revoke)), ResultCode::S3SecretNotFound);
        let second = client.call(&get).unwrap();
        assert!(second.secret.is_some());
        let secret = Secret::new("chosen-by-alice".to_owned());
        let user = alice();
        let set = client.call(&S3SecretSet { user, secret }).unwrap();
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
        let own = client.call(&S3SecretGet { user: None });
        assert_eq!(code(own), ResultCode::S3SecretAlreadyExists);
        let secret = Secret::new("short".to_owned());
        let bad = S3SecretSet { user: None, secret };
        assert_eq!(code(client.call(&bad)), ResultCode::InvalidRequest);
    });
}

#[test]
fn any_user_logs_in_and_only_as_long_as_the_secret_is_good() {
    with_engine(|daemon| {
        let mut tcp = daemon.login("ADMINKEY", "admin-secret").unwrap();
        let (name, owner) = ("vol1".to_owned(), None);
        let volume = tcp.call(&VolumeCreate { name, owner }).unwrap();
        assert_eq!(volume.owner, "admin");

        let mut client = daemon.client();
        let plain = client.call(&user("plain", false)).unwrap();
        let secret = plain.secret.unwrap();
        let mut tcp = daemon.login(&plain.access_key, secret.expose()).unwrap();
        // With rights of their own: not these.
        let (name, owner) = ("vol3".to_owned(), None);
        let denied = tcp.call(&VolumeCreate { name, owner });
        assert_eq!(code(denied), ResultCode::PermissionDenied);

        let second = client.call(&user("second", true)).unwrap();
        let secret = second.secret.unwrap();
        let mut tcp = daemon.login(&second.access_key, secret.expose()).unwrap();
        let name = "vol2".to_owned();
        let created = tcp.call(&VolumeCreate { name, owner: None }).unwrap();
        assert_eq!(created.owner, "second", "the one who logged in");
        client
            .call(&S3SecretRevoke {
                user: Some("second".to_owned()),
            })
            .unwrap();
        // Whoever is in loses it with the next request.
        assert_eq!(code(tcp.call(&StatusGet {})), ResultCode::PermissionDenied);
        let gone = daemon.login(&second.access_key, secret.expose());
        assert_eq!(code(gone), ResultCode::PermissionDenied);
    });
}
