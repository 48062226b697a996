//! Users and access keys.

use super::*;

fn create_user(name: &str, access_key: Option<&str>, admin: bool) -> Command {
    Command::CreateUser {
        name: name.to_owned(),
        display_name: None,
        access_key: access_key.map(str::to_owned),
        secret: None,
        admin,
        groups: Vec::new(),
    }
}

async fn credential(ns: &Ns, command: Command) -> Result<Credential, NamespaceError> {
    match ns.apply(command).await? {
        Reply::Credential(credential) => Ok(credential),
        other => panic!("not a credential: {other:?}"),
    }
}

#[test]
fn the_first_user_is_an_administrator_with_the_given_keys() {
    with(async |ns| {
        let found = ns
            .reader()
            .user_by_access_key("ADMINKEY")
            .unwrap()
            .expect("there");
        assert_eq!(
            (&*found.user, found.secret.expose(), found.admin),
            ("admin", "adminsecret", true)
        );
        assert_eq!(found.id.to_string().len(), 64);
        let refused = ns
            .apply(Command::DeleteUser {
                name: "admin".into(),
            })
            .await;
        assert!(matches!(refused, Err(NamespaceError::LastAdmin(_))));
        credential(&ns, create_user("second", None, true))
            .await
            .unwrap();
        ns.apply(Command::DeleteUser {
            name: "admin".into(),
        })
        .await
        .unwrap();
        assert!(
            ns.reader()
                .user_by_access_key("ADMINKEY")
                .unwrap()
                .is_none()
        );
        assert!(ns.reader().user("admin").unwrap().is_none());
    });
}

#[test]
fn s36_keys_are_unique_random_when_not_given_and_die_alone() {
    with(async |ns| {
        let alice = credential(&ns, create_user("alice", None, false))
            .await
            .unwrap();
        let bob = credential(&ns, create_user("bob", Some("BOBKEY"), false))
            .await
            .unwrap();
        assert_eq!(
            (alice.access_key.len(), alice.secret.expose().len()),
            (20, 40)
        );
        assert_ne!(alice.id, bob.id);
        let refused = ns.apply(create_user("carol", Some("BOBKEY"), false)).await;
        assert!(matches!(
            refused,
            Err(NamespaceError::AccessKeyAlreadyExists)
        ));
        assert!(ns.reader().user("carol").unwrap().is_none());
        let refused = ns.apply(create_user("carol", Some("B/B"), false)).await;
        assert!(matches!(refused, Err(NamespaceError::InvalidAccessKey)));
        let refused = ns.apply(create_user("alice", None, false)).await;
        assert!(matches!(refused, Err(NamespaceError::UserAlreadyExists(_))));
        let create = Command::CreateSecret {
            user: "bob".into(),
            access_key: Some("BOBKEY2".into()),
            secret: None,
        };
        credential(&ns, create).await.unwrap();
        assert_eq!(
            ns.reader().user("bob").unwrap().unwrap().access_keys,
            ["BOBKEY", "BOBKEY2"]
        );
        let set = Command::SetSecret {
            access_key: "BOBKEY2".into(),
            secret: Some(Secret::new("another-secret".into()).unwrap()),
            keep_old: None,
        };
        credential(&ns, set).await.unwrap();
        let found = ns.reader().user_by_access_key("BOBKEY2").unwrap().unwrap();
        assert_eq!(found.secret.expose(), "another-secret");
        let revoke = || Command::RevokeSecret {
            access_key: "BOBKEY".into(),
        };
        ns.apply(revoke()).await.unwrap();
        let refused = ns.apply(revoke()).await;
        assert!(matches!(refused, Err(NamespaceError::AccessKeyNotFound)));
        assert_eq!(
            ns.reader().user("bob").unwrap().unwrap().access_keys,
            ["BOBKEY2"]
        );
        let names: Vec<_> = ns.reader().list_users(None, 9).unwrap();
        assert_eq!(names.len(), 3);
        assert_eq!(
            ns.reader().list_users(Some("alice"), 9).unwrap()[0].name,
            "bob"
        );
    });
}

#[test]
fn s32_secrets_do_not_show_in_debug() {
    with(async |ns| {
        let found = ns.reader().user_by_access_key("ADMINKEY").unwrap().unwrap();
        assert!(!format!("{found:?}{:?}", first_user()).contains("adminsecret"));
    });
}
