//! Tenants, their users and administrators.

use super::*;

async fn user(ns: &Ns, name: &str, admin: bool) {
    let command = Command::CreateUser {
        name: name.into(),
        display_name: None,
        access_key: Some(format!("{name}-key")),
        secret: None,
        admin,
        groups: vec!["eng".into()],
    };
    ns.apply(command).await.expect(name);
}

fn create_tenant(name: &str, force: bool) -> Command {
    Command::CreateTenant {
        name: name.into(),
        owner: "admin".into(),
        force,
    }
}

fn assign(tenant: &str, user: &str, access_id: Option<&str>) -> Command {
    Command::AssignTenantUser {
        tenant: tenant.into(),
        user: user.into(),
        access_id: access_id.map(str::to_owned),
        secret: None,
    }
}

fn revoke(access_id: &str) -> Command {
    Command::RevokeTenantUser {
        access_id: access_id.into(),
    }
}

fn set_admin(access_id: &str, admin: bool, delegated: bool) -> Command {
    Command::SetTenantAdmin {
        access_id: access_id.into(),
        admin,
        delegated,
    }
}

fn delete_tenant(name: &str) -> Command {
    Command::DeleteTenant { name: name.into() }
}

fn delete_volume(name: &str) -> Command {
    Command::DeleteVolume { name: name.into() }
}

async fn refused(ns: &Ns, command: Command) -> NamespaceError {
    ns.apply(command).await.expect_err("refused")
}

#[test]
fn a_tenant_comes_with_its_volume_and_leaves_it() {
    with(async |ns| {
        let made = ns.apply(create_tenant("acme", false)).await.unwrap();
        let Reply::Volume(volume) = made else {
            panic!("{made:?}")
        };
        assert_eq!(
            (
                &*volume.name,
                &*volume.owner,
                volume.tenant,
                volume.references
            ),
            ("acme", "admin", true, 0)
        );
        assert!(matches!(
            refused(&ns, create_tenant("acme", true)).await,
            NamespaceError::TenantAlreadyExists(_)
        ));
        assert!(matches!(
            refused(&ns, delete_volume("acme")).await,
            NamespaceError::VolumeIsReferenced(_)
        ));
        let tenants = ns.reader().list_tenants("", None, 9).unwrap();
        assert_eq!((tenants.len(), &*tenants[0].name), (1, "acme"));
        ns.apply(delete_tenant("acme")).await.unwrap();
        assert!(ns.reader().tenant("acme").unwrap().is_none());
        let volume = ns.reader().volume("acme").unwrap().expect("stays");
        assert!(!volume.tenant);
        assert!(matches!(
            refused(&ns, delete_tenant("acme")).await,
            NamespaceError::TenantNotFound(_)
        ));
        ns.apply(delete_volume("acme")).await.unwrap();
    });
}

#[test]
fn an_existing_volume_becomes_a_tenant_only_when_that_is_said() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        bucket(&ns, "vol1", "one").await;
        assert!(matches!(
            refused(&ns, create_tenant("vol1", false)).await,
            NamespaceError::VolumeAlreadyExists(_)
        ));
        ns.apply(create_tenant("vol1", true)).await.unwrap();
        let volume = ns.reader().volume("vol1").unwrap().unwrap();
        assert_eq!(
            (&*volume.owner, volume.tenant, volume.used_namespace),
            ("alice", true, 1)
        );
        for force in [false, true] {
            assert!(matches!(
                refused(&ns, create_tenant("s3v", force)).await,
                NamespaceError::InvalidRequest(_)
            ));
            assert!(matches!(
                refused(&ns, create_tenant("a$b", force)).await,
                NamespaceError::InvalidVolumeName(_)
            ));
        }
    });
}

#[test]
fn an_access_id_says_whose_and_of_which_tenant_it_is() {
    with(async |ns| {
        ns.apply(create_tenant("acme", false)).await.unwrap();
        user(&ns, "bob", false).await;
        let reply = ns.apply(assign("acme", "bob", None)).await.unwrap();
        let Reply::Credential(made) = reply else {
            panic!("{reply:?}")
        };
        assert_eq!(made.access_key, "acme$bob");
        let found = ns.reader().user_by_access_key("acme$bob").unwrap().unwrap();
        assert_eq!(found.secret.expose(), made.secret.expose());
        assert_eq!(
            (&*found.user, found.tenant.as_deref(), found.s3_volume()),
            ("bob", Some("acme"), "acme")
        );
        assert_eq!(found.groups, [Name::new("eng").unwrap()]);
        let own = ns.reader().user_by_access_key("bob-key").unwrap().unwrap();
        assert_eq!((own.tenant, own.s3_volume()), (None, "s3v"));
        assert_eq!(own.id, found.id);
        let bob = ns.reader().user("bob").unwrap().unwrap();
        assert_eq!(
            (&*bob.access_keys, &*bob.tenant_ids),
            (&["bob-key".to_owned()][..], &["acme$bob".to_owned()][..])
        );
        let users = ns.reader().tenant_users("acme", None, 9).unwrap();
        assert_eq!((users.len(), &*users[0].user), (1, "bob"));
        assert_eq!(ns.reader().tenants_of("bob").unwrap(), users);
        assert_eq!(
            ns.reader().tenant_user("acme$bob").unwrap().unwrap(),
            users[0]
        );
        assert!(ns.reader().tenant_user("bob-key").unwrap().is_none());
        assert!(
            ns.reader()
                .tenant_users("acme", Some("acme$bob"), 9)
                .unwrap()
                .is_empty()
        );
        let volume = ns.reader().volume("acme").unwrap().unwrap();
        assert_eq!(volume.references, 1);
    });
}

#[test]
fn each_user_has_one_access_id_in_a_tenant() {
    with(async |ns| {
        ns.apply(create_tenant("acme", false)).await.unwrap();
        ns.apply(create_tenant("umbrella", false)).await.unwrap();
        user(&ns, "bob", false).await;
        user(&ns, "carol", false).await;
        assert!(matches!(
            refused(&ns, assign("acme", "nobody", None)).await,
            NamespaceError::UserNotFound(_)
        ));
        assert!(matches!(
            refused(&ns, assign("initech", "bob", None)).await,
            NamespaceError::TenantNotFound(_)
        ));
        for bad in [
            "acme",
            "acme$",
            "umbrella$bob",
            "bob",
            "acme$b/b",
            "acme.bob",
        ] {
            assert!(matches!(
                refused(&ns, assign("acme", "bob", Some(bad))).await,
                NamespaceError::InvalidRequest(_)
            ));
        }
        ns.apply(assign("acme", "bob", Some("acme$robert")))
            .await
            .unwrap();
        for (user, access_id) in [
            ("bob", None),
            ("bob", Some("acme$other")),
            ("carol", Some("acme$robert")),
        ] {
            let error = refused(&ns, assign("acme", user, access_id)).await;
            assert!(
                matches!(error, NamespaceError::AccessIdAlreadyExists { .. }),
                "{error}"
            );
        }
        ns.apply(assign("umbrella", "bob", None)).await.unwrap();
        ns.apply(assign("acme", "carol", None)).await.unwrap();
        let ids: Vec<_> = ns.reader().tenants_of("bob").unwrap();
        let ids: Vec<_> = ids.iter().map(|place| &*place.access_id).collect();
        assert_eq!(ids, ["acme$robert", "umbrella$bob"]);
    });
}

#[test]
fn a_tenant_with_users_stays_and_revoked_users_are_gone() {
    with(async |ns| {
        ns.apply(create_tenant("acme", false)).await.unwrap();
        user(&ns, "bob", false).await;
        user(&ns, "carol", false).await;
        ns.apply(assign("acme", "bob", None)).await.unwrap();
        ns.apply(assign("acme", "carol", None)).await.unwrap();
        assert!(matches!(
            refused(&ns, delete_tenant("acme")).await,
            NamespaceError::TenantNotEmpty(_, 2)
        ));
        for unknown in ["acme$nobody", "bob-key", "b/b"] {
            assert!(matches!(
                refused(&ns, revoke(unknown)).await,
                NamespaceError::AccessIdNotFound(_)
            ));
            assert!(matches!(
                refused(&ns, set_admin(unknown, true, false)).await,
                NamespaceError::AccessIdNotFound(_)
            ));
        }
        let as_key = Command::RevokeSecret {
            access_key: "acme$bob".into(),
        };
        assert!(matches!(
            refused(&ns, as_key).await,
            NamespaceError::InvalidRequest(_)
        ));
        ns.apply(revoke("acme$bob")).await.unwrap();
        assert!(
            ns.reader()
                .user_by_access_key("acme$bob")
                .unwrap()
                .is_none()
        );
        assert!(ns.reader().user_by_access_key("bob-key").unwrap().is_some());
        let delete = Command::DeleteUser {
            name: "carol".into(),
        };
        ns.apply(delete).await.unwrap();
        assert!(
            ns.reader()
                .tenant_users("acme", None, 9)
                .unwrap()
                .is_empty()
        );
        ns.apply(delete_tenant("acme")).await.unwrap();
    });
}

#[test]
fn administrators_of_a_tenant_are_appointed_and_dismissed_before_they_go() {
    with(async |ns| {
        ns.apply(create_tenant("acme", false)).await.unwrap();
        user(&ns, "bob", false).await;
        ns.apply(assign("acme", "bob", None)).await.unwrap();
        let power = || ns.reader().tenant_power("acme", "bob").unwrap();
        let credential = || ns.reader().user_by_access_key("acme$bob").unwrap().unwrap();
        let acme = Name::new("acme").unwrap();
        assert_eq!(power(), TenantPower::None);
        ns.apply(set_admin("acme$bob", true, false)).await.unwrap();
        assert_eq!(power(), TenantPower::Users);
        assert_eq!(credential().power_in(&acme), TenantPower::Users);
        assert!(matches!(
            refused(&ns, revoke("acme$bob")).await,
            NamespaceError::AccessIdIsAdmin(_)
        ));
        ns.apply(set_admin("acme$bob", true, true)).await.unwrap();
        assert_eq!(power(), TenantPower::Admins);
        assert!(power() > TenantPower::Users);
        let other = Name::new("umbrella").unwrap();
        assert_eq!(credential().power_in(&other), TenantPower::None);
        assert_eq!(
            ns.reader().tenant_power("umbrella", "bob").unwrap(),
            TenantPower::None
        );
        assert!(matches!(
            refused(&ns, set_admin("acme$bob", false, true)).await,
            NamespaceError::InvalidRequest(_)
        ));
        ns.apply(set_admin("acme$bob", false, false)).await.unwrap();
        assert_eq!(power(), TenantPower::None);
        ns.apply(revoke("acme$bob")).await.unwrap();
    });
}

/// S18: whoever may assign users must not get an administrator's rights that way.
#[test]
fn s18_an_access_id_of_an_administrator_is_none() {
    with(async |ns| {
        ns.apply(create_tenant("acme", false)).await.unwrap();
        user(&ns, "root", true).await;
        ns.apply(assign("acme", "root", None)).await.unwrap();
        let found = ns
            .reader()
            .user_by_access_key("acme$root")
            .unwrap()
            .unwrap();
        assert!(!found.admin && !found.tenant_admin && !found.delegated);
        assert!(
            ns.reader()
                .user_by_access_key("root-key")
                .unwrap()
                .unwrap()
                .admin
        );
    });
}

#[test]
fn only_tenants_give_access_ids_with_the_separator() {
    with(async |ns| {
        user(&ns, "bob", false).await;
        let create = Command::CreateSecret {
            user: "bob".into(),
            access_key: Some("acme$bob".into()),
            secret: None,
        };
        assert!(matches!(
            refused(&ns, create).await,
            NamespaceError::InvalidAccessKey
        ));
    });
}
