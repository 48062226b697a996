//! Who may do what, from the commands that say so to the answer a request gets.

use super::*;
use crate::base::BucketId;
use Right::{Create, Delete, List, Read, ReadAcl, Write, WriteAcl};

const EVERY: [Right; 7] = [Read, Write, Create, Delete, List, ReadAcl, WriteAcl];

pub(super) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Sets a list; `target` is a volume, or a volume and a name.
pub(super) async fn set_acl(ns: &Ns, target: &str, rules: &str) {
    let target = match target.split_once('/') {
        None => AclTarget::Volume(target.into()),
        Some((volume, name)) => AclTarget::Entry(volume.into(), name.into()),
    };
    let edit = AclEdit::Set(Acl::parse(rules).unwrap().rules().to_vec());
    match ns.apply(Command::SetAcl { target, edit }).await {
        Ok(Reply::Acl(acl)) => assert_eq!(acl, Acl::parse(rules).unwrap()),
        other => panic!("{rules}: {other:?}"),
    }
}

/// The rights of a user (`""`: of nobody in particular) through a name, as letters.
pub(super) fn rights(ns: &Ns, place: &str, user: &str) -> String {
    let user = (!user.is_empty()).then(|| name(user));
    let groups = [name("crew")];
    let who = Who {
        name: user.as_ref(),
        groups: &groups,
        ..Who::ANONYMOUS
    };
    rights_of(ns, place, &who)
}

fn rights_of(ns: &Ns, place: &str, who: &Who<'_>) -> String {
    let (volume, bucket) = place.split_once('/').unwrap();
    let found = ns.reader().resolve(volume, bucket, NOW).expect(place);
    let has = EVERY.into_iter().filter(|right| found.allows(who, *right));
    let all = has.fold(Rights::NONE, |all, right| all | right.into());
    all.to_string()
}

const ALL: &str = "rwcdlxy";

#[test]
fn owners_have_all_rights_and_others_what_rules_say() {
    with(async |ns| {
        bucket(&ns, "s3v", "src").await;
        assert_eq!(rights(&ns, "s3v/src", "alice"), ALL);
        assert_eq!(rights(&ns, "s3v/src", "bob"), "n");
        assert_eq!(rights(&ns, "s3v/src", ""), "n");
        set_acl(&ns, "s3v/src", "user:bob:r,group:crew:l,anonymous::d").await;
        assert_eq!(rights(&ns, "s3v/src", "bob"), "rl");
        assert_eq!(rights(&ns, "s3v/src", "carol"), "l");
        assert_eq!(rights(&ns, "s3v/src", ""), "d");
        // Whoever may write may create, not the other way round.
        set_acl(&ns, "s3v/src", "user:bob:w,user:carol:c").await;
        assert_eq!(rights(&ns, "s3v/src", "bob"), "wc");
        assert_eq!(rights(&ns, "s3v/src", "carol"), "c");
        let admin = Who {
            admin: true,
            ..Who::ANONYMOUS
        };
        assert_eq!(rights_of(&ns, "s3v/src", &admin), ALL);
        let owner = Command::SetEntryOwner {
            volume: "s3v".into(),
            name: "src".into(),
            owner: "carol".into(),
        };
        ns.apply(owner).await.unwrap();
        assert_eq!(rights(&ns, "s3v/src", "carol"), ALL);
        assert_eq!(rights(&ns, "s3v/src", "alice"), "n");
    });
}

#[test]
fn a_bucket_is_reached_through_its_volume() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        let made = Command::CreateBucket {
            volume: "vol1".into(),
            name: "src".into(),
            owner: "bob".into(),
            acl: CannedAcl::PublicReadWrite,
            object_lock: false,
            protected: false,
            quota_bytes: None,
            quota_namespace: None,
        };
        ns.apply(made).await.unwrap();
        // The owner of the bucket needs no right on the volume; that of the volume none to pass.
        assert_eq!(rights(&ns, "vol1/src", "bob"), ALL);
        assert_eq!(rights(&ns, "vol1/src", "carol"), "n");
        assert_eq!(rights(&ns, "vol1/src", "alice"), "wcdl");
        set_acl(&ns, "vol1", "user:carol:r").await;
        assert_eq!(rights(&ns, "vol1/src", "carol"), "wcdl");
        assert_eq!(rights(&ns, "vol1/src", ""), "n");
        // Of links to it, too, and of links to those.
        link(&ns, ("vol1", "src"), "s3v", "ln1").await;
        link(&ns, ("s3v", "ln1"), "s3v", "ln2").await;
        set_acl(&ns, "s3v/ln1", "world::r,anonymous::r").await;
        set_acl(&ns, "s3v/ln2", "world::r,anonymous::r").await;
        assert_eq!(rights(&ns, "s3v/ln2", "carol"), "wcdl");
        assert_eq!(rights(&ns, "s3v/ln2", ""), "n");
        set_acl(&ns, "vol1", "anonymous::r").await;
        assert_eq!(rights(&ns, "s3v/ln2", "carol"), "n");
        assert_eq!(rights(&ns, "s3v/ln2", ""), "wcdl");
        let owner = Command::SetVolumeOwner {
            name: "vol1".into(),
            owner: "carol".into(),
        };
        ns.apply(owner).await.unwrap();
        assert_eq!(rights(&ns, "s3v/ln2", "carol"), "wcdl");
        assert_eq!(rights(&ns, "s3v/ln2", "alice"), "n");
    });
}

#[test]
fn s3v_is_open_to_look_into_until_its_list_says_otherwise() {
    with(async |ns| {
        let open = "world::rcl[ACCESS],anonymous::r[ACCESS]";
        let s3v = ns.reader().volume("s3v").unwrap().unwrap();
        assert_eq!(s3v.acl.to_string(), open);
        bucket(&ns, "s3v", "src").await;
        set_acl(&ns, "s3v/src", "world::r").await;
        assert_eq!(rights(&ns, "s3v/src", "bob"), "r");
        let bob = name("bob");
        let bob = Who {
            name: Some(&bob),
            ..Who::ANONYMOUS
        };
        assert!(volume_allows(&s3v, &bob, Create) && !volume_allows(&s3v, &bob, Delete));
        assert!(volume_allows(&s3v, &Who::ANONYMOUS, Read));
        assert!(!volume_allows(&s3v, &Who::ANONYMOUS, List));
        let edit = AclEdit::Remove(Acl::parse("world::a").unwrap().rules().to_vec());
        let target = AclTarget::Volume("s3v".into());
        ns.apply(Command::SetAcl { target, edit }).await.unwrap();
        assert_eq!(rights(&ns, "s3v/src", "bob"), "n");
        set_acl(&ns, "s3v", "").await;
        let s3v = ns.reader().volume("s3v").unwrap().unwrap();
        assert!(s3v.acl.is_empty());
    });
}

#[test]
fn a_link_asks_for_read_and_then_the_source_decides() {
    with(async |ns| {
        bucket(&ns, "s3v", "src").await;
        set_acl(&ns, "s3v/src", "user:carol:rw,user:dave:rw,user:bob:l").await;
        link(&ns, ("s3v", "src"), "s3v", "ln1").await;
        link(&ns, ("s3v", "ln1"), "s3v", "ln2").await;
        assert_eq!(rights(&ns, "s3v/ln1", "bob"), "l", "owns the link");
        assert_eq!(rights(&ns, "s3v/ln1", "carol"), "n");
        set_acl(&ns, "s3v/ln1", "user:carol:r,user:dave:a").await;
        assert_eq!(rights(&ns, "s3v/ln1", "carol"), "rwc");
        assert_eq!(rights(&ns, "s3v/ln2", "carol"), "n", "every link is asked");
        set_acl(&ns, "s3v/ln2", "user:carol:r,user:dave:w").await;
        assert_eq!(rights(&ns, "s3v/ln2", "carol"), "rwc");
        assert_eq!(rights(&ns, "s3v/ln2", "dave"), "n", "READ is asked for");
        assert_eq!(
            rights(&ns, "s3v/ln2", "alice"),
            "n",
            "so for the owner of the source"
        );
    });
}

/// Longer than what is copied from list to list, and than what the index takes.
#[test]
fn lists_of_many_long_names_are_kept_and_asked() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        bucket(&ns, "vol1", "src").await;
        link(&ns, ("vol1", "src"), "s3v", "ln1").await;
        link(&ns, ("s3v", "ln1"), "s3v", "ln2").await;
        let user = |n: usize| format!("user-{n:058}");
        let rules = |letters: &str, but: usize| {
            let some = (0..100).filter(|n| *n != but);
            let rules: Vec<_> = some
                .map(|n| format!("user:{}:{letters}", user(n)))
                .collect();
            rules.join(",")
        };
        for (place, but) in [("vol1", 1), ("vol1/src", 2), ("s3v/ln1", 3), ("s3v/ln2", 4)] {
            let letters = if place == "vol1/src" { "rl" } else { "r" };
            set_acl(&ns, place, &rules(letters, but)).await;
        }
        for n in 0..100 {
            let expected = if (1..5).contains(&n) { "n" } else { "rl" };
            assert_eq!(rights(&ns, "s3v/ln2", &user(n)), expected, "{n}");
        }
        assert_eq!(rights(&ns, "vol1/src", &user(4)), "rl");
        // All of it is found in lists, too, and shorter again.
        let reader = ns.reader();
        let shown = reader.list_buckets("s3v", "", None, 9).unwrap();
        assert_eq!(shown[0].acl.rules().len(), 99);
        assert_eq!(
            reader.volume("vol1").unwrap().unwrap().acl.rules().len(),
            99
        );
        for place in ["vol1", "vol1/src", "s3v/ln1", "s3v/ln2"] {
            set_acl(&ns, place, "user:eve:rl").await;
        }
        assert_eq!(rights(&ns, "s3v/ln2", "eve"), "rl");
        assert_eq!(rights(&ns, "s3v/ln2", &user(50)), "n");
    });
}

#[test]
fn nothing_is_written_through_a_read_only_link_by_anybody() {
    with(async |ns| {
        bucket(&ns, "s3v", "src").await;
        let options = LinkOptions {
            read_only: true,
            ..LinkOptions::default()
        };
        link_with(&ns, ("s3v", "src"), "s3v", "ln1", options)
            .await
            .unwrap();
        link(&ns, ("s3v", "ln1"), "s3v", "ln2").await;
        set_acl(&ns, "s3v/ln1", "world::r").await;
        set_acl(&ns, "s3v/ln2", "world::r").await;
        let admin = Who {
            admin: true,
            ..Who::ANONYMOUS
        };
        for place in ["s3v/ln1", "s3v/ln2"] {
            assert_eq!(rights(&ns, place, "alice"), "rlx");
            assert_eq!(rights_of(&ns, place, &admin), "rlx");
        }
        let found = ns.reader().resolve("s3v", "ln2", NOW).unwrap();
        assert!(found.read_only && !found.allows_adding(&admin, Write, Rights::ALL));
    });
}

#[test]
fn members_and_administrators_of_a_tenant() {
    with(async |ns| {
        volume(&ns, "ten1").await;
        volume(&ns, "ten2").await;
        for volume in ["ten1", "ten2"] {
            bucket(&ns, volume, "src").await;
        }
        set_acl(&ns, "ten1/src", "user:bob:r").await;
        link(&ns, ("ten1", "src"), "ten1", "ln1").await;
        link(&ns, ("ten2", "src"), "ten1", "ln2").await;
        let (bob, tenant) = (name("bob2"), name("ten1"));
        let member = Who {
            name: Some(&bob),
            tenant: Some(&tenant),
            ..Who::ANONYMOUS
        };
        let admin = Who {
            tenant_admin: true,
            ..member
        };
        let vol = |name: &str| ns.reader().volume(name).unwrap().unwrap();
        for right in EVERY {
            let expected = matches!(right, Read | List | Create);
            assert_eq!(volume_allows(&vol("ten1"), &member, right), expected);
            assert!(volume_allows(&vol("ten1"), &admin, right));
            assert!(!volume_allows(&vol("ten2"), &admin, right));
        }
        assert_eq!(rights_of(&ns, "ten1/src", &member), "n");
        assert_eq!(rights_of(&ns, "ten1/src", &admin), ALL);
        assert_eq!(rights_of(&ns, "ten1/ln1", &admin), ALL);
        assert_eq!(
            rights_of(&ns, "ten1/ln2", &admin),
            "n",
            "the source is another's"
        );
        let named = name("bob");
        let bob = Who {
            name: Some(&named),
            ..member
        };
        assert_eq!(rights_of(&ns, "ten1/src", &bob), "r");
        assert_eq!(
            rights(&ns, "ten1/src", "bob"),
            "n",
            "without the tenant's volume"
        );
    });
}

/// S18: whoever administers a tenant can make an access id of it for any user, and a link in it to
/// any bucket. That must not make the user's own things theirs.
#[test]
fn s18_an_access_id_is_its_user_in_its_tenant_only() {
    with(async |ns| {
        for name in ["ten1", "vol1"] {
            volume(&ns, name).await;
            bucket(&ns, name, "src").await;
        }
        set_acl(&ns, "vol1", "world::r").await;
        set_acl(&ns, "vol1/src", "group:staff:rw").await;
        link(&ns, ("vol1", "src"), "ten1", "ln1").await;
        set_acl(&ns, "ten1/ln1", "user:alice:r").await;
        let (alice, tenant, groups) = (name("alice"), name("ten1"), [name("staff")]);
        let user = Who {
            name: Some(&alice),
            groups: &groups,
            ..Who::ANONYMOUS
        };
        let id = Who {
            tenant: Some(&tenant),
            ..user
        };
        let chief = Who {
            tenant_admin: true,
            ..id
        };
        assert_eq!(rights_of(&ns, "vol1/src", &user), ALL, "it is hers");
        assert_eq!(rights_of(&ns, "ten1/src", &id), ALL, "it is hers");
        for who in [&id, &chief] {
            for place in ["vol1/src", "ten1/ln1"] {
                assert_eq!(rights_of(&ns, place, who), "n", "{place}");
            }
            let vol1 = ns.reader().volume("vol1").unwrap().unwrap();
            assert!(!volume_allows(&vol1, who, WriteAcl));
            let source = ns.reader().entry("vol1", "src").unwrap().unwrap();
            assert!(!entry_allows(&source, &vol1, who, Delete));
            assert_eq!(who.owner_in(b"vol1"), Some(name("ten1$alice")));
            assert_eq!(who.owner_in(b"ten1"), Some(alice));
            assert_ne!(who.author_in(b"vol1", "id"), "id");
            assert_eq!(who.author_in(b"ten1", "id"), "id");
        }
        // What it is granted by its own name, it has; what `ten1` and `$alice` are granted, it has not.
        set_acl(
            &ns,
            "vol1/src",
            "user:ten1$alice:r,user:ten1:w,user:$alice:d",
        )
        .await;
        assert_eq!(rights_of(&ns, "vol1/src", &id), "r");
        assert_eq!(rights_of(&ns, "ten1/ln1", &id), "r");
        let grantor = Grantor {
            name: "alice".into(),
            admin: false,
            tenant: Some("ten1".into()),
            tenant_admin: true,
        };
        let delegated = LinkOptions {
            delegate: Some(grantor),
            ..LinkOptions::default()
        };
        let refused = link_with(&ns, ("vol1", "src"), "ten1", "ln2", delegated).await;
        assert!(matches!(
            refused,
            Err(NamespaceError::MayNotDelegate { .. })
        ));
        // Nor may a user be called what an access id is.
        let create = Command::CreateUser {
            name: "ten1$alice".into(),
            display_name: None,
            access_key: None,
            secret: None,
            admin: false,
            groups: Vec::new(),
        };
        assert!(matches!(
            ns.apply(create).await,
            Err(NamespaceError::InvalidUserName(_))
        ));
    });
}

#[test]
fn rights_on_an_entry_itself() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        let owner = Command::SetVolumeOwner {
            name: "vol1".into(),
            owner: "vera".into(),
        };
        ns.apply(owner).await.unwrap();
        bucket(&ns, "vol1", "src").await;
        link(&ns, ("vol1", "src"), "vol1", "ln1").await;
        set_acl(&ns, "vol1/ln1", "user:carol:xy").await;
        set_acl(&ns, "vol1/src", "user:carol:d").await;
        let may = |entry: &str, user: &str, right| {
            let reader = ns.reader();
            let user = name(user);
            let who = Who {
                name: Some(&user),
                ..Who::ANONYMOUS
            };
            let entry = reader.entry("vol1", entry).unwrap().unwrap();
            let volume = reader.volume("vol1").unwrap().unwrap();
            entry_allows(&entry, &volume, &who, right)
        };
        assert!(may("ln1", "bob", Delete) && may("ln1", "bob", WriteAcl));
        assert!(may("ln1", "vera", Delete) && !may("ln1", "vera", WriteAcl));
        assert!(may("src", "vera", Delete) && !may("src", "vera", Read));
        assert!(may("ln1", "carol", WriteAcl) && !may("ln1", "carol", Delete));
        assert!(!may("ln1", "alice", ReadAcl), "the source's owner");
        assert!(!may("src", "carol", Delete), "without READ on the volume");
        set_acl(&ns, "vol1", "user:carol:r").await;
        assert!(may("src", "carol", Delete));
    });
}

#[test]
fn new_buckets_and_links_get_the_default_rules_of_their_volume() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        set_acl(&ns, "vol1", "world::r,group:crew:rl[DEFAULT]").await;
        let inherited = "group:crew:rl[ACCESS],group:crew:rl[DEFAULT]";
        bucket(&ns, "vol1", "src").await;
        link(&ns, ("vol1", "src"), "vol1", "ln1").await;
        for entry in ["src", "ln1"] {
            let entry = ns.reader().entry("vol1", entry).unwrap().unwrap();
            assert_eq!(entry.acl.to_string(), inherited);
        }
        assert_eq!(rights(&ns, "vol1/ln1", "carol"), "rl");
        set_acl(&ns, "vol1", "world::r").await;
        assert_eq!(
            rights(&ns, "vol1/src", "carol"),
            "rl",
            "copied, not looked up"
        );
    });
}

#[test]
fn lists_of_prefixes_add_up_for_the_keys_that_begin_so() {
    with(async |ns| {
        let id = bucket(&ns, "s3v", "src").await;
        let other = bucket(&ns, "s3v", "other").await;
        let edit = async |bucket: BucketId, prefix: &str, edit: AclEdit| {
            let target = AclTarget::Prefix(bucket, prefix.into());
            ns.apply(Command::SetAcl { target, edit }).await
        };
        let rules = |text: &str| Acl::parse(text).unwrap().rules().to_vec();
        let long = "x".repeat(1024);
        for (prefix, list) in [
            ("a/", "user:bob:r"),
            ("a/b/", "user:bob:w,world::l"),
            ("ä", "user:bob:d"),
            (&long, "user:bob:c"),
            ("c/", "user:carol:r"),
        ] {
            edit(id, prefix, AclEdit::Add(rules(list)))
                .await
                .expect(prefix);
        }
        let of = |bucket, key: &str| {
            let list = ns.reader().prefix_acl(bucket, key).unwrap();
            let bob = name("bob");
            let who = Who {
                name: Some(&bob),
                ..Who::ANONYMOUS
            };
            list.rights_of(&who).to_string()
        };
        assert_eq!(of(id, "a/x"), "r");
        assert_eq!(of(id, "a/b/x"), "rwl");
        assert_eq!(of(id, "a"), "n");
        assert_eq!(of(id, "ä"), "d");
        assert_eq!(of(id, "ö/ä"), "n");
        assert_eq!(of(id, &long), "c");
        assert_eq!(of(id, "c/x"), "n");
        assert_eq!(of(id, ""), "n");
        assert_eq!(of(other, "a/b/x"), "n");
        let own = ns.reader().acl_of_prefix(id, "a/b/").unwrap();
        assert_eq!(own.to_string(), "user:bob:w[ACCESS],world::l[ACCESS]");
        // What is added counts for those only whom the bucket's volume lets through.
        let found = ns.reader().resolve("s3v", "src", NOW).unwrap();
        let bob = name("bob");
        let bob = Who {
            name: Some(&bob),
            ..Who::ANONYMOUS
        };
        assert!(found.reaches(&bob) && !found.allows(&bob, Read));
        assert!(found.allows_adding(&bob, Read, Rights::READ));
        set_acl(&ns, "s3v", "").await;
        let found = ns.reader().resolve("s3v", "src", NOW).unwrap();
        assert!(!found.reaches(&bob) && !found.allows_adding(&bob, Read, Rights::ALL));

        edit(id, "a/", AclEdit::Remove(rules("user:bob:a")))
            .await
            .unwrap();
        assert_eq!(of(id, "a/x"), "n");
        for bad in ["", "a\0b", &"x".repeat(1025)] {
            let refused = edit(id, bad, AclEdit::Set(rules("world::a"))).await;
            assert!(matches!(refused, Err(NamespaceError::InvalidPrefix(_))));
        }
        let gone = edit(BucketId(99), "a/", AclEdit::Set(rules("world::a"))).await;
        assert!(matches!(gone, Err(NamespaceError::BucketGone(_))));
        delete(&ns, "s3v", "src").await;
        let left = tables::prefix_keys(&*ns.reader().hold(), id).unwrap();
        assert!(left.is_empty());
    });
}
