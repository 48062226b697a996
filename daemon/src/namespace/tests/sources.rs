//! What links say beyond their source, and how the source changes.

use super::rights::{name, rights, set_acl};
use super::*;
use crate::base::{BucketId, Timestamp};

fn set_source(link: &str, source: &str) -> Command {
    set_source_if(link, source, (None, None), None)
}

/// With what is expected of the link, source and generation, and a consent.
fn set_source_if(
    link: &str,
    source: &str,
    (expect, expect_generation): (Option<&str>, Option<u64>),
    delegate: Option<Grantor>,
) -> Command {
    Command::SetLinkSource {
        volume: "s3v".into(),
        name: link.into(),
        source: ("s3v".into(), source.into()),
        expect: expect.map(|bucket| ("s3v".into(), bucket.into())),
        expect_generation,
        delegate,
        by: "carol".into(),
    }
}

fn roll_back(link: &str, to: Option<u64>) -> Command {
    Command::RollbackLink {
        volume: "s3v".into(),
        name: link.into(),
        to,
        by: "dave".into(),
    }
}

fn resolved(ns: &Ns, name: &str) -> Resolved {
    ns.reader().resolve("s3v", name, NOW).expect(name)
}

fn history(ns: &Ns, name: &str) -> Vec<String> {
    let found = ns.reader().link_history("s3v", name).unwrap();
    let shown = |g: &LinkGeneration| format!("{} {} {}", g.generation, g.source_bucket, g.by);
    found.iter().map(shown).collect()
}

async fn user(ns: &Ns, name: &str, groups: &[&str]) {
    let command = Command::CreateUser {
        name: name.into(),
        display_name: None,
        access_key: None,
        secret: None,
        admin: false,
        groups: groups.iter().map(|g| (*g).into()).collect(),
    };
    ns.apply(command).await.expect(name);
}

fn grantor(name: &str) -> Grantor {
    Grantor {
        name: name.into(),
        admin: false,
        tenant: None,
        tenant_admin: false,
    }
}

fn delegated(by: &str) -> LinkOptions {
    LinkOptions {
        delegate: Some(grantor(by)),
        ..LinkOptions::default()
    }
}

#[test]
fn a_link_is_given_another_source_for_all_that_lead_over_it() {
    with(async |ns| {
        let blue = bucket(&ns, "s3v", "blue").await;
        let green = bucket(&ns, "s3v", "green").await;
        link(&ns, ("s3v", "blue"), "s3v", "live").await;
        link(&ns, ("s3v", "live"), "s3v", "over").await;
        assert_eq!(resolved(&ns, "over").bucket, blue);
        let entry = entry(&ns, set_source("live", "green")).await.unwrap();
        let link = entry.link().unwrap();
        assert_eq!((link.generation, &*link.source_bucket), (2, "green"));
        assert_eq!((&*link.changed_by, &*entry.owner), ("carol", "bob"));
        assert_eq!(resolved(&ns, "over").bucket, green);
        assert_eq!(resolved(&ns, "live").link_generation, 2);
        assert_eq!(resolved(&ns, "over").link_generation, 1);
        assert_eq!(resolved(&ns, "green").link_generation, 0);
        assert!(
            ns.reader()
                .links_to("s3v", "blue", None, 9)
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            ns.reader().links_to("s3v", "green", None, 9).unwrap().len(),
            1
        );
    });
}

#[test]
fn a_source_changes_only_when_it_is_the_expected_one() {
    with(async |ns| {
        bucket(&ns, "s3v", "blue").await;
        bucket(&ns, "s3v", "green").await;
        link(&ns, ("s3v", "blue"), "s3v", "live").await;
        let change = |expect: Option<&str>, number: Option<u64>| {
            set_source_if("live", "green", (expect, number), None)
        };
        for (expect, number) in [
            (Some("green"), None),
            (None, Some(2)),
            (Some("blue"), Some(2)),
            (Some("green"), Some(1)),
        ] {
            match ns.apply(change(expect, number)).await {
                Err(NamespaceError::LinkChanged {
                    generation,
                    source_is,
                    ..
                }) => assert_eq!((generation, &*source_is), (1, "/s3v/blue")),
                other => panic!("{other:?}"),
            }
        }
        // Two at once: one of them wins.
        let both = (
            ns.apply(change(Some("blue"), Some(1))),
            ns.apply(change(Some("blue"), Some(1))),
        );
        let (first, second) = futures_util::future::join(both.0, both.1).await;
        assert!(first.is_ok());
        assert!(matches!(second, Err(NamespaceError::LinkChanged { .. })));
        assert!(ns.apply(change(Some("green"), None)).await.is_ok());
        let refused = ns.apply(set_source("blue", "green")).await;
        assert!(matches!(refused, Err(NamespaceError::NotALink(_))));
        let refused = ns.apply(set_source("none", "green")).await;
        assert!(matches!(refused, Err(NamespaceError::BucketNotFound(_))));
    });
}

#[test]
fn every_source_is_remembered_and_comes_back_with_one_command() {
    with(async |ns| {
        link(&ns, ("s3v", "one"), "s3v", "live").await;
        for source in ["two", "three"] {
            entry(&ns, set_source("live", source)).await.unwrap();
        }
        assert_eq!(
            history(&ns, "live"),
            ["3 three carol", "2 two carol", "1 one bob"]
        );
        entry(&ns, roll_back("live", None)).await.unwrap();
        entry(&ns, roll_back("live", Some(1))).await.unwrap();
        assert_eq!(history(&ns, "live")[..2], ["5 one dave", "4 two dave"]);
        for to in [0, 5, 6, 99] {
            let refused = entry(&ns, roll_back("live", Some(to))).await;
            assert!(matches!(refused, Err(NamespaceError::NoGeneration(_, n)) if n == to));
        }
        delete(&ns, "s3v", "live").await;
        link(&ns, ("s3v", "new"), "s3v", "live").await;
        assert_eq!(
            history(&ns, "live"),
            ["1 new bob"],
            "another link of that name"
        );
        let refused = entry(&ns, roll_back("live", None)).await;
        assert!(matches!(refused, Err(NamespaceError::NoGeneration(_, 0))));
    });
}

#[test]
fn the_last_thousand_sources_are_kept() {
    with(async |ns| {
        link(&ns, ("s3v", "src-0001"), "s3v", "live").await;
        for batch in (2..=1100).collect::<Vec<_>>().chunks(200) {
            let changes = batch
                .iter()
                .map(|n| set_source("live", &format!("src-{n:04}")));
            let running: Vec<_> = changes.map(|change| ns.apply(change)).collect();
            for reply in futures_util::future::join_all(running).await {
                reply.unwrap();
            }
        }
        let kept = history(&ns, "live");
        assert_eq!(kept.len(), 1000);
        assert_eq!(
            (&*kept[0], &*kept[999]),
            ("1100 src-1100 carol", "101 src-0101 carol")
        );
        let refused = entry(&ns, roll_back("live", Some(100))).await;
        assert!(matches!(refused, Err(NamespaceError::NoGeneration(..))));
        entry(&ns, roll_back("live", Some(101))).await.unwrap();
        delete(&ns, "s3v", "live").await;
        let left = tables::sources(&*ns.reader().hold(), (name("s3v"), name("live"))).unwrap();
        assert!(left.is_empty());
    });
}

#[test]
fn what_began_on_an_older_source_is_finished_there() {
    with(async |ns| {
        let blue = bucket(&ns, "s3v", "blue").await;
        let green = bucket(&ns, "s3v", "green").await;
        let never = bucket(&ns, "s3v", "never").await;
        let options = LinkOptions {
            prefix: Some("p/".into()),
            ..LinkOptions::default()
        };
        link_with(&ns, ("s3v", "blue"), "s3v", "mid", options)
            .await
            .unwrap();
        link(&ns, ("s3v", "mid"), "s3v", "live").await;
        let pinned = |id: BucketId| ns.reader().resolve_pinned("s3v", "live", id, NOW);
        assert_eq!(pinned(blue).unwrap(), resolved(&ns, "live"));
        // The source's source changes, then the source.
        entry(&ns, set_source("mid", "green")).await.unwrap();
        let found = pinned(blue).unwrap();
        assert_eq!(
            (found.bucket, found.link_generation, found.hops),
            (blue, 1, 2)
        );
        assert_eq!(
            (found.prefix.as_deref(), &*found.source_bucket),
            (Some("p/"), "blue")
        );
        assert_eq!(pinned(green).unwrap().bucket, green);
        entry(&ns, set_source("live", "never")).await.unwrap();
        assert_eq!(pinned(blue).unwrap().bucket, blue);
        assert_eq!(pinned(green).unwrap().bucket, green);
        assert_eq!(pinned(never).unwrap().prefix, None);
        assert!(pinned(BucketId(77)).is_err());
        // Rights are those there, through the links of today.
        let who = name("eve");
        let who = Who {
            name: Some(&who),
            ..Who::ANONYMOUS
        };
        set_acl(&ns, "s3v/blue", "user:eve:w").await;
        set_acl(&ns, "s3v/live", "user:eve:r").await;
        assert!(!pinned(blue).unwrap().allows(&who, Right::Write));
        set_acl(&ns, "s3v/mid", "user:eve:r").await;
        assert!(pinned(blue).unwrap().allows(&who, Right::Write));
        assert!(!pinned(green).unwrap().allows(&who, Right::Write));
        // A bucket of the same name is another one; one that is gone is gone.
        delete(&ns, "s3v", "blue").await;
        assert!(pinned(blue).is_err());
        let again = bucket(&ns, "s3v", "blue").await;
        assert!(pinned(blue).is_err());
        assert!(pinned(again).is_ok());
    });
}

#[test]
fn of_several_ways_to_a_bucket_the_one_that_fits_is_taken() {
    with(async |ns| {
        let id = bucket(&ns, "s3v", "src").await;
        let options = |prefix: &str| LinkOptions {
            prefix: Some(prefix.into()),
            ..LinkOptions::default()
        };
        for prefix in ["aaa", "bbb", "ccc"] {
            link_with(&ns, ("s3v", "src"), "s3v", prefix, options(prefix))
                .await
                .unwrap();
        }
        link(&ns, ("s3v", "aaa"), "s3v", "live").await;
        entry(&ns, set_source("live", "bbb")).await.unwrap();
        entry(&ns, set_source("live", "ccc")).await.unwrap();
        for prefix in ["aaa", "bbb", "ccc"] {
            let fits = |found: &Resolved| found.prefix.as_deref() == Some(prefix);
            let reader = ns.reader();
            let found = reader
                .resolve_pinned_with("s3v", "live", id, NOW, fits)
                .unwrap();
            assert_eq!(found.key("/x").unwrap(), format!("{prefix}/x"));
        }
        let none = ns
            .reader()
            .resolve_pinned_with("s3v", "live", id, NOW, |_| false);
        assert!(matches!(none, Err(ResolveError::BucketNotFound)));
    });
}

#[test]
fn prefixes_of_a_chain_are_put_together_and_no_key_escapes_them() {
    with(async |ns| {
        bucket(&ns, "s3v", "src").await;
        let options = |prefix: &str| LinkOptions {
            prefix: Some(prefix.into()),
            ..LinkOptions::default()
        };
        link_with(&ns, ("s3v", "src"), "s3v", "ln1", options("one/"))
            .await
            .unwrap();
        link_with(&ns, ("s3v", "ln1"), "s3v", "ln2", options("two/"))
            .await
            .unwrap();
        link(&ns, ("s3v", "ln2"), "s3v", "ln3").await;
        for link in ["ln2", "ln3"] {
            let found = resolved(&ns, link);
            assert_eq!(found.key("x/y").unwrap(), "one/two/x/y");
            assert_eq!(found.key("").unwrap(), "one/two/");
            assert_eq!(found.shown("one/two/x/y"), Some("x/y"));
            for hidden in ["one/x", "one/two", "two/x", "x", ""] {
                assert_eq!(found.shown(hidden), None);
            }
            for odd in ["../x", "/x", "//", "..", "one/two/x"] {
                let stored = found.key(odd).unwrap();
                assert!(stored.starts_with("one/two/"));
                assert_eq!(found.shown(&stored), Some(odd));
            }
            let longest = "k".repeat(1024 - 8);
            assert!(found.key(&longest).is_ok());
            assert_eq!(found.key(&format!("{longest}k")), Err(KeyTooLong));
        }
        let plain = resolved(&ns, "src");
        assert_eq!(
            (plain.key("x").unwrap().as_ref(), plain.shown("x")),
            ("x", Some("x"))
        );
        let long = options(&"p".repeat(1000));
        link_with(&ns, ("s3v", "ln2"), "s3v", "long", long)
            .await
            .unwrap();
        assert_eq!(resolved(&ns, "long").prefix.unwrap().len(), 1008);
        for bad in ["", "a\0", &"x".repeat(1025)] {
            let refused = link_with(&ns, ("s3v", "src"), "s3v", "bad", options(bad)).await;
            assert!(matches!(refused, Err(NamespaceError::InvalidPrefix(_))));
        }
    });
}

#[test]
fn a_link_expires_and_with_it_what_leads_over_it() {
    with(async |ns| {
        bucket(&ns, "s3v", "src").await;
        let until = |end: u64| LinkOptions {
            expires: Some(Timestamp(end)),
            ..LinkOptions::default()
        };
        link_with(&ns, ("s3v", "src"), "s3v", "ln1", until(10))
            .await
            .unwrap();
        link_with(&ns, ("s3v", "ln1"), "s3v", "ln2", until(20))
            .await
            .unwrap();
        let at = |name: &str, now: u64| ns.reader().resolve("s3v", name, Timestamp(now));
        let status = |name: &str, now: u64| {
            let entry = ns.reader().entry("s3v", name).unwrap().unwrap();
            entry.link().unwrap().status_at(Timestamp(now))
        };
        for name in ["ln1", "ln2"] {
            assert_eq!(at(name, 9).unwrap().expires, Some(Timestamp(10)));
            assert_eq!(status(name, 9), LinkStatus::Ok);
            assert_eq!(status(name, 10), LinkStatus::Expired);
            match at(name, 10) {
                Err(ResolveError::Expired { name, at, .. }) => {
                    assert_eq!((&*name, at), ("ln1", Timestamp(10)));
                }
                other => panic!("{other:?}"),
            }
        }
        let id = resolved(&ns, "src").bucket;
        assert!(
            ns.reader()
                .resolve_pinned("s3v", "ln2", id, Timestamp(9))
                .is_ok()
        );
        let pinned = ns.reader().resolve_pinned("s3v", "ln2", id, Timestamp(10));
        assert!(matches!(pinned, Err(ResolveError::Expired { .. })));
        entry(&ns, set_source("ln2", "src")).await.unwrap();
        assert_eq!(at("ln2", 19).unwrap().expires, Some(Timestamp(20)));
        assert!(matches!(at("ln2", 20), Err(ResolveError::Expired { name, .. }) if name == "ln2"));
        let strict = strictly_with(("s3v", "src"), "old", until(0));
        let refused = entry(&ns, strict).await;
        assert!(matches!(
            refused,
            Err(NamespaceError::Strict(ResolveError::Expired { .. }))
        ));
    });
}

#[test]
fn a_bound_link_never_leads_to_another_bucket() {
    with(async |ns| {
        let bound = || LinkOptions {
            bind_id: true,
            ..LinkOptions::default()
        };
        let refused = link_with(&ns, ("s3v", "src"), "s3v", "ln1", bound()).await;
        assert!(matches!(
            refused,
            Err(NamespaceError::NoTarget(ResolveError::Dangling { .. }))
        ));
        let id = bucket(&ns, "s3v", "src").await;
        let made = link_with(&ns, ("s3v", "src"), "s3v", "ln1", bound())
            .await
            .unwrap();
        assert_eq!(made.link().unwrap().bind, Some(id));
        link(&ns, ("s3v", "ln1"), "s3v", "ln2").await;
        assert_eq!(delete(&ns, "s3v", "src").await, ["/s3v/ln1", "/s3v/ln2"]);
        bucket(&ns, "s3v", "src").await;
        for name in ["ln1", "ln2"] {
            assert_eq!(status(&ns, "s3v", name), LinkStatus::Dangling);
            let error = ns.reader().resolve("s3v", name, NOW).unwrap_err();
            assert!(
                matches!(error, ResolveError::Dangling { bound: true, .. }),
                "{error}"
            );
        }
        // A new source is bound to what it is then.
        let other = bucket(&ns, "s3v", "other").await;
        let entry = entry(&ns, set_source("ln1", "other")).await.unwrap();
        assert_eq!(entry.link().unwrap().bind, Some(other));
        let refused = ns.apply(set_source("ln1", "none")).await;
        assert!(matches!(refused, Err(NamespaceError::NoTarget(_))));
        // Going back goes back to the bucket that is gone.
        let back = super::entry(&ns, roll_back("ln1", None)).await.unwrap();
        assert_eq!(back.link().unwrap().bind, Some(id));
        assert_eq!(status(&ns, "s3v", "ln2"), LinkStatus::Dangling);
    });
}

#[test]
fn a_bucket_says_how_long_uploads_may_rest_and_no_link_does() {
    with(async |ns| {
        bucket(&ns, "s3v", "src").await;
        link(&ns, ("s3v", "src"), "s3v", "ln1").await;
        let patience = |name: &str, seconds| Command::SetExpireUploads {
            volume: "s3v".into(),
            name: name.into(),
            seconds,
        };
        for seconds in [Some(3600), Some(0), None, Some(u64::MAX)] {
            let changed = entry(&ns, patience("src", seconds)).await.unwrap();
            assert_eq!(changed.bucket().unwrap().expire_uploads, seconds);
            let found = ns.reader().entry("s3v", "src").unwrap().unwrap();
            assert_eq!(found, changed);
        }
        assert!(matches!(
            ns.apply(patience("ln1", None)).await,
            Err(NamespaceError::IsALink(_))
        ));
    });
}

#[test]
fn a_protected_bucket_stays_while_links_name_it() {
    with(async |ns| {
        let id = bucket(&ns, "s3v", "src").await;
        link(&ns, ("s3v", "src"), "s3v", "ln1").await;
        let protect = |protected| Command::SetProtected {
            volume: "s3v".into(),
            name: "src".into(),
            protected,
        };
        let made = entry(&ns, protect(true)).await.unwrap();
        assert!(made.bucket().unwrap().protected);
        let drop = || Command::DeleteBucket {
            volume: "s3v".into(),
            name: "src".into(),
            expect: id,
        };
        match ns.apply(drop()).await {
            Err(NamespaceError::BucketIsLinked { links, first, .. }) => {
                assert_eq!((links, &*first), (1, "/s3v/ln1"));
            }
            other => panic!("{other:?}"),
        }
        delete(&ns, "s3v", "ln1").await;
        link(&ns, ("s3v", "src"), "s3v", "ln1").await;
        assert!(ns.apply(drop()).await.is_err());
        entry(&ns, protect(false)).await.unwrap();
        assert!(ns.apply(drop()).await.is_ok());
        let refused = ns.apply(Command::SetProtected {
            volume: "s3v".into(),
            name: "ln1".into(),
            protected: true,
        });
        assert!(matches!(refused.await, Err(NamespaceError::IsALink(_))));
    });
}

#[test]
fn a_delegated_link_decides_alone() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        user(&ns, "alice", &[]).await;
        bucket(&ns, "vol1", "src").await;
        link_with(&ns, ("vol1", "src"), "s3v", "ln1", delegated("alice"))
            .await
            .unwrap();
        link(&ns, ("s3v", "ln1"), "s3v", "ln2").await;
        assert!(resolved(&ns, "ln1").delegated);
        assert_eq!(rights(&ns, "s3v/ln1", "eve"), "n");
        set_acl(&ns, "s3v/ln1", "user:eve:lw").await;
        assert_eq!(
            rights(&ns, "s3v/ln1", "eve"),
            "wcl",
            "no right on bucket or volume"
        );
        assert_eq!(rights(&ns, "s3v/ln1", "bob"), "rwcdlxy", "owns the link");
        assert_eq!(rights(&ns, "s3v/ln1", "alice"), "n", "owns the source only");
        // Over another link: READ there, then what the delegated one says.
        assert_eq!(rights(&ns, "s3v/ln2", "eve"), "n");
        set_acl(&ns, "s3v/ln2", "user:eve:r").await;
        assert_eq!(rights(&ns, "s3v/ln2", "eve"), "wcl");
        let found = resolved(&ns, "ln2");
        let eve = name("eve");
        let who = Who {
            name: Some(&eve),
            ..Who::ANONYMOUS
        };
        assert!(found.delegated && !found.reaches(&who));
        assert!(
            !found.allows_adding(&who, Right::Delete, Rights::ALL),
            "nothing is added"
        );
        let revoke = Command::RevokeDelegation {
            volume: "s3v".into(),
            name: "ln1".into(),
        };
        let plain = entry(&ns, revoke).await.unwrap();
        assert_eq!(plain.link().unwrap().delegate, None);
        assert!(!resolved(&ns, "ln1").delegated && !resolved(&ns, "ln2").delegated);
        assert_eq!(rights(&ns, "s3v/ln1", "eve"), "n");
        assert_eq!(rights(&ns, "s3v/ln1", "bob"), "n");
    });
}

#[test]
fn only_who_may_change_the_list_of_the_source_delegates_it() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        user(&ns, "alice", &[]).await;
        user(&ns, "carol", &["team"]).await;
        let refused = link_with(&ns, ("vol1", "src"), "s3v", "ln1", delegated("alice")).await;
        assert!(matches!(refused, Err(NamespaceError::NoTarget(_))));
        bucket(&ns, "vol1", "src").await;
        let try_it = async |options: LinkOptions| {
            let made = link_with(&ns, ("vol1", "src"), "s3v", "ln1", options).await;
            match made {
                Ok(entry) => {
                    delete(&ns, "s3v", "ln1").await;
                    entry.link().unwrap().delegate.map(|consent| consent.admin)
                }
                Err(NamespaceError::MayNotDelegate { .. }) => None,
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(try_it(delegated("alice")).await, Some(false));
        assert_eq!(try_it(delegated("carol")).await, None);
        set_acl(&ns, "vol1/src", "group:team:y").await;
        assert_eq!(
            try_it(delegated("carol")).await,
            None,
            "cannot reach the volume"
        );
        set_acl(&ns, "vol1", "world::r").await;
        assert_eq!(try_it(delegated("carol")).await, Some(false));
        let admin = |admin, tenant: Option<&str>| LinkOptions {
            delegate: Some(Grantor {
                name: "root".into(),
                admin,
                tenant: tenant.map(Into::into),
                tenant_admin: tenant.is_some(),
            }),
            ..LinkOptions::default()
        };
        assert_eq!(try_it(admin(true, None)).await, Some(true));
        assert_eq!(try_it(admin(false, Some("vol1"))).await, Some(true));
        assert_eq!(try_it(admin(false, Some("s3v"))).await, None);
    });
}

#[test]
fn consent_ends_with_what_it_rests_on() {
    with(async |ns| {
        user(&ns, "alice", &[]).await;
        user(&ns, "carol", &["team"]).await;
        bucket(&ns, "s3v", "src").await;
        bucket(&ns, "s3v", "other").await;
        set_acl(&ns, "s3v/src", "group:team:y,user:dave:r").await;
        link_with(&ns, ("s3v", "src"), "s3v", "ln1", delegated("carol"))
            .await
            .unwrap();
        link(&ns, ("s3v", "ln1"), "s3v", "ln2").await;
        let holds = || {
            let (first, second) = (resolved(&ns, "ln1"), resolved(&ns, "ln2"));
            assert_eq!(first.delegated, second.delegated);
            let entry = ns.reader().entry("s3v", "ln1").unwrap().unwrap();
            let link = entry.link().unwrap();
            assert_eq!(link.resolution.delegated, first.delegated);
            first.delegated
        };
        assert!(holds());
        let groups = |groups: &[&str]| Command::SetUserGroups {
            name: "carol".into(),
            groups: groups.iter().map(|g| (*g).into()).collect(),
        };
        // The group, the rule, the way to the volume, the user.
        ns.apply(groups(&[])).await.unwrap();
        assert!(!holds());
        ns.apply(groups(&["team", "crew"])).await.unwrap();
        assert!(holds());
        set_acl(&ns, "s3v/src", "group:team:x").await;
        assert!(!holds());
        set_acl(&ns, "s3v/src", "group:team:a").await;
        assert!(holds());
        set_acl(&ns, "s3v", "anonymous::r").await;
        assert!(!holds());
        set_acl(&ns, "s3v", "world::r").await;
        assert!(holds());
        let gone = Command::DeleteUser {
            name: "carol".into(),
        };
        ns.apply(gone).await.unwrap();
        assert!(!holds());
        user(&ns, "carol", &["team"]).await;
        assert!(holds());
        // Another bucket, be it under the same name; and the first one again has to be asked again.
        entry(&ns, set_source("ln1", "other")).await.unwrap();
        assert!(!holds());
        entry(&ns, roll_back("ln1", None)).await.unwrap();
        assert!(!holds());
        let anew = set_source_if("ln1", "other", (None, None), Some(grantor("alice")));
        entry(&ns, anew).await.unwrap();
        assert!(holds());
        delete(&ns, "s3v", "other").await;
        bucket(&ns, "s3v", "other").await;
        assert!(!holds());
    });
}

#[test]
fn all_links_are_walked_in_pages() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        for n in 0..7 {
            bucket(&ns, "vol1", &format!("b{n:02}")).await;
            link(&ns, ("vol1", "b00"), "s3v", &format!("l{n:02}")).await;
        }
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (links, more) = ns.reader().all_links(after, 4).unwrap();
            found.extend(links.iter().map(|link| link.name.to_string()));
            after = more;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, ["l00", "l01", "l02", "l03", "l04", "l05", "l06"]);
    });
}
