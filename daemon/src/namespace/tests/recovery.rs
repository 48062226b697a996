//! Opening: after an orderly end, after a crash at every instant, after failed operations, with and
//! without snapshots and index file.

use super::model::Model;
use super::*;
use crate::index::map::Lookup;
use crate::io::sim::{Fault, Keep, Operation};
use crate::io::{Clock, Disk, IoErrorKind};
use crate::log::LogError;
use std::ops::ControlFlow;

/// Everything in the index, derived entries included.
fn dump(reader: &NamespaceReader) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        all.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    reader.hold().scan(&[], visit).expect("sound");
    all
}

async fn create(disk: &SimDisk, config: NamespaceConfig) -> Ns {
    let made = Namespace::create(disk.clone(), SimClock, config, first_user()).await;
    let (namespace, _) = made.expect("created");
    sim::spawn(namespace.run());
    namespace
}

async fn open(disk: &SimDisk, config: NamespaceConfig) -> Result<Ns, NamespaceError> {
    let namespace = Namespace::open(disk.clone(), SimClock, config).await?;
    sim::spawn(namespace.run());
    Ok(namespace)
}

/// Some of everything.
async fn fill(ns: &Ns) {
    volume(ns, "vol1").await;
    let id = bucket(ns, "vol1", "one").await;
    bucket(ns, "vol1", "two").await;
    link(ns, ("vol1", "one"), "s3v", "ln1").await;
    link(ns, ("s3v", "ln1"), "s3v", "ln2").await;
    link(ns, ("s3v", "ln3"), "s3v", "ln3").await;
    link(ns, ("vol1", "two"), "s3v", "ln4").await;
    delete(ns, "vol1", "two").await;
    for (property, bytes) in [(1, 5000), (2, 3), (9, 960)] {
        let value = Some(vec![property; bytes]);
        let command = Command::SetBucketProperty {
            bucket: id,
            property,
            value,
        };
        ns.apply(command).await.unwrap();
    }
    let command = Command::SetExpireUploads {
        volume: "vol1".into(),
        name: "one".into(),
        seconds: Some(3600),
    };
    ns.apply(command).await.unwrap();
    let command = Command::CreateUser {
        name: "carol".into(),
        display_name: Some("Carol".into()),
        access_key: Some("CAROLKEY".into()),
        secret: None,
        admin: false,
        groups: Vec::new(),
    };
    ns.apply(command).await.unwrap();
    fill_links(ns, id).await;
}

/// Links that say more, lists of every length, sources that change, long chains and loops.
async fn fill_links(ns: &Ns, id: crate::base::BucketId) {
    let options = LinkOptions {
        read_only: true,
        prefix: Some("p".repeat(1000)),
        expires: Some(crate::base::Timestamp(u64::MAX)),
        bind_id: true,
        delegate: Some(Grantor {
            name: "carol".into(),
            admin: false,
            tenant: None,
            tenant_admin: false,
        }),
        by: Some("dave".into()),
    };
    let user = |n: usize| format!("user:user-{n:058}:rl");
    let long: Vec<_> = (0..100).map(user).collect();
    rights::set_acl(ns, "vol1", "user:carol:r,group:crew:r[DEFAULT]").await;
    rights::set_acl(ns, "vol1/one", "user:carol:y").await;
    link_with(ns, ("vol1", "one"), "s3v", "del1", options)
        .await
        .unwrap();
    link(ns, ("s3v", "del1"), "s3v", "del2").await;
    link(ns, ("s3v", "del2"), "vol1", "del3").await;
    for place in ["s3v/del2", "vol1/one", "vol1"] {
        rights::set_acl(ns, place, &long.join(",")).await;
        rights::set_acl(ns, "vol1/del3", &long[..20].join(",")).await;
    }
    for source in ["two", "one"] {
        let command = Command::SetLinkSource {
            volume: "s3v".into(),
            name: "ln2".into(),
            source: ("vol1".into(), source.into()),
            expect: None,
            expect_generation: None,
            delegate: None,
            by: "carol".into(),
        };
        ns.apply(command).await.unwrap();
    }
    for (prefix, rules) in [("a/", "world::r"), (&*"x".repeat(1024), &*long.join(","))] {
        let target = AclTarget::Prefix(id, prefix.into());
        let edit = AclEdit::Set(Acl::parse(rules).unwrap().rules().to_vec());
        ns.apply(Command::SetAcl { target, edit }).await.unwrap();
    }
    for n in 0..60 {
        let (source, name) = (format!("deep-{:02}", (n + 1) % 40), format!("deep-{n:02}"));
        link(ns, ("s3v", &source), "s3v", &name).await;
    }
    for n in 0..40 {
        link(
            ns,
            ("s3v", &format!("long-{:02}", n + 1)),
            "s3v",
            &format!("long-{n:02}"),
        )
        .await;
    }
}

#[test]
fn a_rebuilt_index_equals_the_one_kept_up() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let ns = create(&disk, config(1)).await;
        fill(&ns).await;
        let before = dump(&ns.reader());
        let after = open(&disk.crash(Keep::None), config(1)).await.unwrap();
        assert_eq!(dump(&after.reader()), before);
        ns.close().await.unwrap();
        assert!(matches!(ns.close().await, Err(NamespaceError::Closed)));
        let refused = ns.apply(create_bucket("vol1", "late")).await;
        assert!(matches!(refused, Err(NamespaceError::Closed)));
        for _ in 0..3 {
            let again = open(&disk, config(1)).await.unwrap();
            assert_eq!(dump(&again.reader()), before);
            again.close().await.unwrap();
        }
    });
}

#[test]
fn bucket_ids_are_not_reused_after_a_restart() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let ns = create(&disk, config(1)).await;
        let first = bucket(&ns, "s3v", "one").await;
        delete(&ns, "s3v", "one").await;
        let ns = open(&disk.crash(Keep::None), config(1)).await.unwrap();
        assert!(bucket(&ns, "s3v", "one").await > first);
    });
}

/// Snapshots bound the log; the newest damaged costs nothing; both damaged is said.
#[test]
fn snapshots_replace_the_log_before_them() {
    let small = || NamespaceConfig {
        segment_bytes: 64 * 1024,
        ..config(1)
    };
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let ns = create(&disk, small()).await;
        fill(&ns).await;
        let id = bucket(&ns, "s3v", "big").await;
        for round in 0..60u8 {
            let value = Some(vec![round; 9000]);
            let command = Command::SetBucketProperty {
                bucket: id,
                property: 7,
                value,
            };
            ns.apply(command).await.unwrap();
        }
        SimClock.sleep(std::time::Duration::from_secs(5)).await;
        ns.apply(create_bucket("s3v", "last")).await.unwrap();
        let before = dump(&ns.reader());
        ns.close().await.unwrap();
        let names = disk.list("namespace").await.unwrap();
        let snapshots: Vec<_> = names
            .iter()
            .filter(|n| n.starts_with("snapshot-"))
            .collect();
        assert_eq!(snapshots.len(), 2, "{names:?}");
        assert!(!names.contains(&"seg-00000001".to_owned()), "{names:?}");
        let again = open(&disk, small()).await.unwrap();
        assert_eq!(dump(&again.reader()), before);
        again.close().await.unwrap();
        for (damaged, name) in snapshots.into_iter().rev().enumerate() {
            let path = format!("namespace/{name}");
            let mut bytes = disk.read_raw(&path).unwrap();
            bytes[4096 + 100] ^= 1;
            disk.write_raw(&path, bytes);
            match open(&disk, small()).await {
                Ok(again) => {
                    assert_eq!(damaged, 0);
                    assert_eq!(dump(&again.reader()), before);
                    again.close().await.unwrap();
                }
                Err(error) => assert!(damaged == 1, "{error}"),
            }
        }
    });
}

#[test]
fn the_index_file_is_used_when_it_fits_and_rebuilt_when_not() {
    let folder = tempfile::tempdir().unwrap();
    let with_file = NamespaceConfig {
        map_file: Some(folder.path().join("index")),
        ..config(1)
    };
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let ns = create(&disk, with_file.clone()).await;
        fill(&ns).await;
        let (before, generation) = (dump(&ns.reader()), ns.reader().generation());
        ns.close().await.unwrap();
        drop(ns);
        let ns = open(&disk, with_file.clone()).await.unwrap();
        assert!(ns.reader().generation() > generation, "used as it was");
        assert_eq!(dump(&ns.reader()), before);
        ns.close().await.unwrap();
        drop(ns);
        // The log goes on without the file, then the file comes back: it lacks the end.
        let ns = open(&disk, config(1)).await.unwrap();
        delete(&ns, "vol1", "one").await;
        let after = dump(&ns.reader());
        ns.close().await.unwrap();
        let ns = open(&disk, with_file.clone()).await.unwrap();
        assert_eq!(dump(&ns.reader()), after);
        ns.close().await.unwrap();
        drop(ns);
        // The file is of another history of the same store.
        let other = SimDisk::new(2);
        let ns = create(&other, config(2)).await;
        for n in 0..40 {
            bucket(&ns, "s3v", &format!("other-{n}")).await;
        }
        let others = dump(&ns.reader());
        ns.close().await.unwrap();
        let ns = open(&other, with_file.clone()).await.unwrap();
        assert_eq!(dump(&ns.reader()), others);
        // Killed: not closed.
        drop(ns);
    });
    sim::run(1, async {
        let disk = SimDisk::new(3);
        drop(create(&disk, with_file.clone()).await);
    });
    sim::run(1, async {
        let config = NamespaceConfig {
            store: [8; 16],
            ..with_file.clone()
        };
        let ns = create(&SimDisk::new(4), config).await;
        assert_eq!(ns.reader().list_users(None, 9).unwrap().len(), 1);
    });
}

#[test]
fn a_creation_may_be_repeated_and_never_replaces_a_store_in_use() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        drop(create(&disk, config(1)).await);
        let ns = create(&disk.crash(Keep::None), config(2)).await;
        assert!(
            ns.reader()
                .user_by_access_key("ADMINKEY")
                .unwrap()
                .is_some()
        );
        let disk = SimDisk::new(1);
        let ns = create(&disk, config(1)).await;
        bucket(&ns, "s3v", "one").await;
        ns.close().await.unwrap();
        let again = Namespace::create(disk, SimClock, config(1), first_user()).await;
        assert!(matches!(
            again.err(),
            Some(NamespaceError::Log(LogError::Exists(_)))
        ));
    });
}

/// The commands of a small history and the model after each of them.
fn history(seed: u64, length: usize) -> (Vec<super::model::Step>, Vec<Model>) {
    let mut rng = sim::Rng::new(seed);
    let steps: Vec<_> = (0..length)
        .map(|_| super::model::Step::random(&mut rng))
        .collect();
    let mut model = Model::default();
    let mut states = vec![model.clone()];
    for step in &steps {
        let _ = model.apply(step);
        states.push(model.clone());
    }
    (steps, states)
}

/// D1, D2, D5: cut the power at every event of a history; what is recovered is the state after some
/// prefix of the commands that includes every acknowledged one.
#[test]
fn d1_d5_a_crash_at_every_event_keeps_what_was_acknowledged() {
    for seed in 0..3 {
        let disk = SimDisk::new(seed);
        let (steps, states) = history(seed, 14);
        let tiny = || NamespaceConfig {
            segment_bytes: 16 * 1024,
            snapshot_bytes: 1000,
            ..config(seed)
        };
        let trace = sim::run(seed, async {
            let ns = create(&disk, tiny()).await;
            disk.record();
            for (number, step) in steps.iter().enumerate() {
                let _ = step.run(&ns).await;
                disk.mark(number as u64 + 1);
            }
            disk.trace()
        });
        let mut checked = 0;
        trace.replay(|index, image| {
            let acknowledged = trace.marks(index).last().unwrap_or(0);
            for keep in [Keep::None, Keep::All, Keep::Random(seed + index as u64)] {
                let disk = image.crashed_disk(keep, seed);
                let found = sim::run(seed, async {
                    let ns = open(&disk, tiny()).await.expect("opens");
                    Model::of(&ns.reader())
                });
                let fits = states.iter().skip(usize::try_from(acknowledged).unwrap());
                assert!(
                    fits.into_iter().any(|state| *state == found),
                    "event {index}, {keep:?}"
                );
                checked += 1;
            }
        });
        assert!(checked > 50, "{checked}");
    }
}

/// D9 and the k-th failing operation: after a failure nothing is acknowledged that is not there after
/// the next start, and whatever was acknowledged before is.
#[test]
fn d9_any_failing_operation_loses_nothing_that_was_acknowledged() {
    for operation in [
        Operation::Write,
        Operation::Sync,
        Operation::Create,
        Operation::Rename,
    ] {
        for nth in 0..12 {
            let kind = if nth % 2 == 0 {
                IoErrorKind::Other
            } else {
                IoErrorKind::NoSpace
            };
            let disk = SimDisk::new(nth);
            let (steps, _) = history(nth, 20);
            let tiny = || NamespaceConfig {
                segment_bytes: 16 * 1024,
                snapshot_bytes: 1000,
                ..config(nth)
            };
            let model = sim::run(nth, async {
                let ns = create(&disk, tiny()).await;
                disk.fail(Fault {
                    operation,
                    nth,
                    kind,
                    sticky: false,
                });
                let mut model = Model::default();
                for step in &steps {
                    let before = model.clone();
                    let expected = model.apply(step);
                    match step.run(&ns).await {
                        Err(NamespaceError::Log(_) | NamespaceError::Disk(_)) => model = before,
                        result => assert_eq!(result.is_ok(), expected.is_ok(), "{step:?}"),
                    }
                }
                model
            });
            disk.heal();
            let found = sim::run(nth, async {
                let ns = open(&disk.crash(Keep::None), tiny()).await.expect("opens");
                Model::of(&ns.reader())
            });
            assert_eq!(found, model, "{operation:?} {nth}");
        }
    }
}

#[test]
fn damage_in_the_log_is_said_and_never_passed_over() {
    sim::run(1, async {
        let disk = SimDisk::new(1);
        let ns = create(&disk, config(1)).await;
        fill(&ns).await;
        ns.close().await.unwrap();
        let path = "namespace/seg-00000001";
        let good = disk.read_raw(path).unwrap();
        let used = good.iter().rposition(|&b| b != 0).unwrap();
        let expected = dump(&open(&disk, config(1)).await.unwrap().reader());
        for at in (4096..used).step_by((used / 300) | 1) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            let broken = disk.crash(Keep::None);
            broken.write_raw(path, bad);
            if let Ok(ns) = open(&broken, config(1)).await {
                assert_eq!(dump(&ns.reader()), expected, "byte {at}");
            }
        }
    });
}
