//! The rules of links, one test per row of the table in `docs/links.md`.

use super::*;

#[test]
fn a_link_shows_its_source() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        let id = bucket(&ns, "vol1", "bucket1").await;
        assert_eq!(
            link(&ns, ("vol1", "bucket1"), "s3v", "common").await,
            LinkStatus::Ok
        );
        let resolved = ns.reader().resolve("s3v", "common", NOW).unwrap();
        assert_eq!(
            (resolved.bucket, resolved.is_link, resolved.hops),
            (id, true, 1)
        );
        assert_eq!(resolved.source_volume, "vol1");
        assert_eq!(resolved.source_bucket, "bucket1");
        assert_eq!(
            (&*resolved.source_owner, &*resolved.entry_owner),
            ("alice", "bob")
        );
    });
}

#[test]
fn a_source_may_be_missing_and_come_later() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        assert_eq!(
            link(&ns, ("vol2", "bucket1"), "s3v", "lnk").await,
            LinkStatus::Dangling
        );
        let Err(ResolveError::Dangling {
            volume: v,
            bucket: b,
            bound: false,
        }) = ns.reader().resolve("s3v", "lnk", NOW)
        else {
            panic!("not dangling");
        };
        assert_eq!((&*v, &*b), ("vol2", "bucket1"));
        volume(&ns, "vol2").await;
        let id = bucket(&ns, "vol2", "bucket1").await;
        assert_eq!(ns.reader().resolve("s3v", "lnk", NOW).unwrap().bucket, id);
    });
}

#[test]
fn deleting_a_source_names_the_links_left_dangling_and_a_new_one_is_followed() {
    with(async |ns| {
        let old = bucket(&ns, "s3v", "src").await;
        link(&ns, ("s3v", "src"), "s3v", "ln1").await;
        link(&ns, ("s3v", "ln1"), "s3v", "ln2").await;
        assert_eq!(delete(&ns, "s3v", "src").await, ["/s3v/ln1", "/s3v/ln2"]);
        assert_eq!(status(&ns, "s3v", "ln2"), LinkStatus::Dangling);
        let new = bucket(&ns, "s3v", "src").await;
        assert_ne!(old, new);
        assert_eq!(ns.reader().resolve("s3v", "ln2", NOW).unwrap().bucket, new);
    });
}

#[test]
fn deleting_a_link_leaves_its_source() {
    with(async |ns| {
        let id = bucket(&ns, "s3v", "src").await;
        link(&ns, ("s3v", "src"), "s3v", "ln1").await;
        link(&ns, ("s3v", "ln1"), "s3v", "ln2").await;
        assert_eq!(delete(&ns, "s3v", "ln1").await, ["/s3v/ln2"]);
        assert_eq!(ns.reader().resolve("s3v", "src", NOW).unwrap().bucket, id);
        let command = Command::DeleteLink {
            volume: "s3v".into(),
            name: "src".into(),
        };
        let refused = ns.apply(command).await;
        assert!(matches!(refused, Err(NamespaceError::NotALink(..))));
        let command = Command::DeleteBucket {
            volume: "s3v".into(),
            name: "ln2".into(),
            expect: id,
        };
        let refused = ns.apply(command).await;
        assert!(matches!(refused, Err(NamespaceError::IsALink(..))));
    });
}

#[test]
fn sixteen_hops_are_followed_and_seventeen_are_not() {
    with(async |ns| {
        // Built from the far end, so that the bucket comes last and every link is renewed.
        for n in (1..=17).rev() {
            let (name, source) = (format!("l{n:02}"), format!("l{:02}", n - 1));
            link(&ns, ("s3v", &source), "s3v", &name).await;
        }
        assert_eq!(status(&ns, "s3v", "l16"), LinkStatus::Dangling);
        assert_eq!(status(&ns, "s3v", "l17"), LinkStatus::TooDeep);
        let id = bucket(&ns, "s3v", "l00").await;
        let resolved = ns.reader().resolve("s3v", "l16", NOW).unwrap();
        assert_eq!((resolved.bucket, resolved.hops), (id, 16));
        let Err(ResolveError::TooDeep { chain }) = ns.reader().resolve("s3v", "l17", NOW) else {
            panic!("not too deep");
        };
        assert_eq!(
            (chain.len(), &*chain[0].1, &*chain[16].1),
            (17, "l17", "l01")
        );
        delete(&ns, "s3v", "l01").await;
        assert_eq!(status(&ns, "s3v", "l02"), LinkStatus::Dangling);
        link(&ns, ("s3v", "l00"), "s3v", "l17a").await;
    });
}

#[test]
fn loops_of_every_length_are_made_detected_and_broken() {
    for length in 1..=16 {
        with(async |ns| {
            let name = |n: usize| format!("l{:02}", n % length);
            for n in 0..length {
                let status = link(&ns, ("s3v", &name(n + 1)), "s3v", &name(n)).await;
                let closed = n + 1 == length;
                assert_eq!(
                    status,
                    if closed {
                        LinkStatus::Loop
                    } else {
                        LinkStatus::Dangling
                    }
                );
            }
            for n in 0..length {
                let Err(ResolveError::Loop { chain }) = ns.reader().resolve("s3v", &name(n), NOW)
                else {
                    panic!("no loop of {length} at {n}");
                };
                assert_eq!(chain.len(), length + 1);
                assert_eq!(chain.first(), chain.last());
            }
            delete(&ns, "s3v", &name(0)).await;
            for n in 1..length {
                assert_eq!(status(&ns, "s3v", &name(n)), LinkStatus::Dangling);
            }
        });
    }
}

/// Closed at its first, its last or a middle link, with links leading into it, and opened again.
#[test]
fn loops_longer_than_the_longest_chain_are_loops_for_all_links_into_them() {
    for length in [17, 33, 40] {
        with(async |ns| {
            let name = |n: usize| format!("l{n:03}");
            let last = (length * 7) % length.min(5);
            // Links into the loop, up to far beyond what a chain may have.
            for n in length..length + 40 {
                link(&ns, ("s3v", &name(n - 1)), "s3v", &name(n)).await;
            }
            for n in (0..length).filter(|n| *n != last) {
                link(&ns, ("s3v", &name((n + 1) % length)), "s3v", &name(n)).await;
            }
            let next = name((last + 1) % length);
            assert_eq!(status(&ns, "s3v", &name(length + 39)), LinkStatus::TooDeep);
            assert_eq!(
                link(&ns, ("s3v", &next), "s3v", &name(last)).await,
                LinkStatus::Loop
            );
            for n in 0..length + 40 {
                assert_eq!(status(&ns, "s3v", &name(n)), LinkStatus::Loop, "{n}");
                let error = ns.reader().resolve("s3v", &name(n), NOW).unwrap_err();
                assert!(matches!(error, ResolveError::Loop { .. }), "{n}");
            }
            // One more on top, when nothing leads to it.
            assert_eq!(
                link(&ns, ("s3v", &name(length + 39)), "s3v", "top").await,
                LinkStatus::Loop
            );
            let strict = strictly(create_link(("s3v", "top"), "s3v", "toptop"));
            let refused = entry(&ns, strict).await.unwrap_err();
            assert!(matches!(
                refused,
                NamespaceError::Strict(ResolveError::Loop { .. })
            ));
            delete(&ns, "s3v", &name(last)).await;
            for n in (0..length + 40).filter(|n| *n != last) {
                let status = status(&ns, "s3v", &name(n));
                assert!(
                    matches!(status, LinkStatus::TooDeep | LinkStatus::Dangling),
                    "{n} is {status:?}"
                );
            }
            assert_eq!(status(&ns, "s3v", "top"), LinkStatus::TooDeep);
        });
    }
}

#[test]
fn strict_refuses_what_would_not_lead_to_a_bucket() {
    with(async |ns| {
        let refusal = async |command| match entry(&ns, strictly(command)).await {
            Err(NamespaceError::Strict(reason)) => reason,
            other => panic!("not refused: {other:?}"),
        };
        let dangling = refusal(create_link(("s3v", "none"), "s3v", "lnk")).await;
        assert!(matches!(dangling, ResolveError::Dangling { .. }));
        let looping = refusal(create_link(("s3v", "lnk"), "s3v", "lnk")).await;
        assert!(matches!(looping, ResolveError::Loop { .. }));
        assert!(ns.reader().entry("s3v", "lnk").unwrap().is_none());
        bucket(&ns, "s3v", "l00").await;
        for n in 1..=16 {
            let source = format!("l{:02}", n - 1);
            let command = create_link(("s3v", &source), "s3v", &format!("l{n:02}"));
            entry(&ns, strictly(command)).await.unwrap();
        }
        let deep = refusal(create_link(("s3v", "l16"), "s3v", "l17")).await;
        assert!(matches!(deep, ResolveError::TooDeep { .. }));
    });
}

#[test]
fn who_points_here_is_answered() {
    with(async |ns| {
        volume(&ns, "vol1").await;
        for name in ["l2", "l1", "l3"].map(|n| format!("{n}x")) {
            link(&ns, ("s3v", "src"), "vol1", &name).await;
        }
        link(&ns, ("s3v", "src1"), "vol1", "other").await;
        let page = ns.reader().links_to("s3v", "src", None, 2).unwrap();
        let shown: Vec<_> = page.iter().map(|(v, n)| format!("/{v}/{n}")).collect();
        assert_eq!(shown, ["/vol1/l1x", "/vol1/l2x"]);
        let rest = ns
            .reader()
            .links_to("s3v", "src", page.last().copied(), 9)
            .unwrap();
        assert_eq!((rest.len(), &*rest[0].1), (1, "l3x"));
    });
}
