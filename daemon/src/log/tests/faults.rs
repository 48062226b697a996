//! Operations that fail: nothing more is acknowledged, nothing acknowledged is lost (D9, D10).

use super::model::*;
use super::*;
use crate::io::IoErrorKind;
use crate::io::sim::{Fault, Keep, Operation, yield_now};
use std::time::Duration;

const OPS: [Op; 9] = [
    Op::Record(900),
    Op::Commit,
    Op::Later(3000),
    Op::Record(6000),
    Op::Commit,
    Op::Extent(5000),
    Op::Record(3000),
    Op::Commit,
    Op::Record(6000),
];

fn small() -> LogConfig {
    LogConfig {
        segment_bytes: 16 * 1024,
        ..config()
    }
}

fn fault(operation: Operation, nth: u64, kind: IoErrorKind) -> Fault {
    Fault {
        operation,
        nth,
        kind,
        sticky: false,
    }
}

#[test]
fn any_failing_write_flush_or_creation_stops_the_log() {
    for operation in [
        Operation::Write,
        Operation::Sync,
        Operation::Create,
        Operation::Rename,
    ] {
        for kind in [IoErrorKind::Other, IoErrorKind::Short] {
            for nth in 0..20 {
                stops(operation, nth, kind);
            }
        }
    }
}

fn stops(operation: Operation, nth: u64, kind: IoErrorKind) {
    let context = (operation, nth, kind);
    let disk = SimDisk::new(nth);
    let items = sim::run(nth, async {
        let log = Log::create(disk.clone(), SimClock, small()).await.unwrap();
        let subject = Subject::new(&disk, log.clone(), Vec::new());
        disk.record();
        disk.fail(fault(operation, nth, kind));
        let task = sim::spawn(log.run());
        let mut failed = subject.perform(&OPS).await.is_err();
        failed |= subject.commit().await.is_err();
        if failed {
            task.join().await; // it ends by itself
            assert!(log.stats().poisoned, "{context:?}");
            let error = subject.commit().await.err();
            assert!(
                matches!(error, Some(LogError::Poisoned(_))),
                "{context:?}: {error:?}"
            );
            let error = subject.record(1).await.err();
            assert!(
                matches!(error, Some(LogError::Poisoned(_))),
                "{context:?}: {error:?}"
            );
        }
        // Reads go on. What a failed flush lost may be gone, what was acknowledged may not.
        let items = subject.items();
        let acked = acknowledged(&disk.trace(), usize::MAX, &items);
        read_all(&log, &items[..acked].to_vec()).await.unwrap();
        items
    });
    let acked = acknowledged(&disk.trace(), usize::MAX, &items);
    for keep in keeps(&disk.image()) {
        let after = disk.crash(keep);
        prefix_holds(&after, &items, acked, &(context, keep));
    }
}

/// Like `check`, for logs whose last appends failed and are not among the items.
fn prefix_holds(disk: &SimDisk, items: &Items, acked: usize, context: &dyn std::fmt::Debug) {
    sim::run(1, async {
        let opened = open(disk, small(), Location::ZERO).await;
        let (_, recovery, seen) = opened.unwrap_or_else(|e| panic!("{context:?}: {e}"));
        assert!(recovery.damage.is_empty(), "{context:?}: {recovery:?}");
        assert!(
            seen.len() >= acked,
            "{context:?}: {} of {acked}",
            seen.len()
        );
        assert_eq!(seen[..acked], items[..acked], "{context:?}");
    });
}

#[test]
fn everybody_who_waits_learns_of_the_failure() {
    let disk = SimDisk::new(1);
    sim::run(1, async {
        let log = create(&disk, config()).await;
        disk.fail(fault(Operation::Sync, 0, IoErrorKind::Other));
        let tasks: Vec<_> = (0..10u8)
            .map(|n| {
                let log = log.clone();
                sim::spawn(async move {
                    log.append(n, &[b"x"]).await?;
                    log.commit().await
                })
            })
            .collect();
        for task in tasks {
            assert!(matches!(task.join().await, Err(LogError::Poisoned(_))));
        }
    });
}

#[test]
fn failing_operations_during_recovery_never_show_wrong_data() {
    let (trace, items) = history(5, &small(), &OPS);
    let mut image = None;
    trace.replay(|_, last| image = Some(last.clone()));
    let image = image.unwrap();
    for operation in Operation::ALL {
        for sticky in [false, true] {
            for nth in 0..12 {
                let disk = image.crashed_disk(Keep::None, nth);
                let kind = IoErrorKind::Other;
                disk.fail(Fault {
                    operation,
                    nth,
                    kind,
                    sticky,
                });
                let context = (operation, nth, sticky);
                sim::run(nth, async {
                    let Ok((_, recovery, seen)) = open(&disk, small(), Location::ZERO).await else {
                        return;
                    };
                    if recovery.damage.is_empty() {
                        assert_eq!(seen, items, "{context:?}");
                    }
                    assert!(seen.iter().all(|item| items.contains(item)), "{context:?}");
                });
                disk.heal();
                sim::run(nth, check(&disk, &small(), &items, items.len(), &context));
            }
        }
    }
}

#[test]
fn a_log_whose_task_is_dropped_is_closed() {
    let disk = SimDisk::new(2);
    sim::run(2, async {
        let log = Log::create(disk.clone(), SimClock, config()).await.unwrap();
        let task = sim::spawn(log.run());
        let waiting = {
            let log = log.clone();
            sim::spawn(async move {
                log.append(1, &[b"x"]).await?;
                log.commit().await
            })
        };
        yield_now().await;
        task.abort();
        assert!(matches!(waiting.join().await, Err(LogError::Closed)));
        assert!(matches!(
            log.append(1, &[b"x"]).await,
            Err(LogError::Closed)
        ));
        assert!(!log.stats().poisoned);
    });
}

#[test]
fn a_full_device_refuses_ordinary_records_and_still_takes_small_ones() {
    let disk = SimDisk::new(3);
    let config = LogConfig {
        segment_bytes: 64 * 1024,
        ..config()
    };
    disk.set_capacity(4 * 64 * 1024);
    sim::run(3, async {
        let log = create(&disk, config.clone()).await;
        let mut ordinary = 0;
        let error = loop {
            match log.append(1, &[&[1; 1000]]).await {
                Ok(_) => ordinary += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, LogError::NoSpace), "{error}");
        assert!(ordinary > 150, "{ordinary}");
        assert!(log.stats().full);
        let (result, _) = log.append_extent(1, extent(&body(1, 4096))).await;
        assert!(matches!(result, Err(LogError::NoSpace)));
        // Each in a block of its own, as deletions that come one at a time are.
        for _ in 0..7 {
            log.append_reserved(2, &[b"delete"]).await.unwrap();
            log.commit().await.unwrap();
        }
        let mut reserved = 7;
        while log.append_reserved(2, &[b"delete"]).await.is_ok() {
            reserved += 1;
        }
        log.commit().await.unwrap();
        assert!(matches!(
            log.append(1, &[b""]).await,
            Err(LogError::NoSpace)
        ));

        // Reopened on the full device it still knows everything and still refuses.
        let copy = disk.crash(Keep::None);
        copy.set_capacity(4 * 64 * 1024);
        let (full, recovery, seen) = open(&copy, config.clone(), Location::ZERO).await.unwrap();
        sim::spawn(full.run());
        recovery.sound().unwrap();
        assert_eq!(seen.len(), ordinary + reserved);
        assert!(matches!(
            full.append(1, &[&[1; 4000]]).await,
            Err(LogError::NoSpace)
        ));

        // Space appears: a segment is retired, or the device grows.
        // The first one is for the next deletions, the second for everybody.
        log.retire(1).await.unwrap();
        log.retire(2).await.unwrap();
        log.append(1, &[&[1; 1000]]).await.unwrap();
        log.commit().await.unwrap();
        copy.set_capacity(u64::MAX);
        crate::io::Clock::sleep(&SimClock, Duration::from_secs(2)).await;
        full.append(1, &[&[1; 4000]]).await.unwrap();
        full.commit().await.unwrap();
        let after = copy.crash(Keep::None);
        let (_, recovery, seen) = open(&after, config, Location::ZERO).await.unwrap();
        recovery.sound().unwrap();
        assert_eq!(seen.len(), ordinary + reserved + 1);
    });
}
