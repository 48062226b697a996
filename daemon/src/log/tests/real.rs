//! The log on the real disk: the same behaviour, and how fast it is.

use super::*;
use crate::io::Clock;
use crate::io::clock::RealClock;
use crate::io::runtime::{run, spawn};
use crate::io::uring_disk::UringDisk;
use std::time::Duration;

type RealLog = Log<UringDisk, RealClock>;

fn on_disk<F: Future>(test: impl FnOnce(UringDisk) -> F) -> F::Output {
    let folder = tempfile::tempdir().unwrap();
    let disk = UringDisk::open(folder.path()).unwrap();
    run(test(disk)).unwrap()
}

async fn started(disk: &UringDisk, config: LogConfig) -> RealLog {
    let log = Log::create(disk.clone(), RealClock, config).await.unwrap();
    spawn(log.run());
    log
}

/// Runs `count` tasks of `rounds` rounds each until all are done.
async fn together<F: Future<Output = ()> + 'static>(count: u32, mut task: impl FnMut(u32) -> F) {
    let mut done = Vec::new();
    for n in 0..count {
        let (sender, receiver) = crate::base::local::oneshot();
        let future = task(n);
        spawn(async move {
            future.await;
            sender.send(());
        });
        done.push(receiver);
    }
    for receiver in done {
        receiver.receive().await.unwrap();
    }
}

#[test]
fn records_and_extents_survive_reopening() {
    on_disk(|disk| async move {
        let config = LogConfig {
            segment_bytes: 1 << 20,
            ..config()
        };
        let log = started(&disk, config.clone()).await;
        together(16, |n| {
            let log = log.clone();
            async move {
                for round in 0..10 {
                    let tag = u128::from(n * 100 + round);
                    let bytes = body(tag, 40_000);
                    let started = log.start_extent(tag, extent(&bytes)).await;
                    let (at, writing) = started.map_err(|(error, _)| error).unwrap();
                    let record = log.append(7, &[&bytes[..1000]]).await.unwrap();
                    log.commit().await.unwrap();
                    writing.done().await.0.unwrap();
                    let read = log.reader().read_record(record, 1000).await.unwrap();
                    assert_eq!(read.payload(), &bytes[..1000]);
                    let (buf, range) = log.reader().read_extent(at, 10..at.len).await.unwrap();
                    assert_eq!(&buf[range], &bytes[10..]);
                }
            }
        })
        .await;
        assert!(log.segments().len() > 4);
        log.close().await.unwrap();
        let mut seen = 0;
        let opened = Log::open(disk, RealClock, config, Location::ZERO, |_, _| {
            seen += 1;
            Ok(())
        });
        let (_, recovery) = opened.await.unwrap();
        recovery.sound().unwrap();
        assert_eq!(seen, 320);
    });
}

/// `cargo test --release -p chainringd --lib log::tests::real -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn throughput() {
    on_disk(|disk| async move {
        let config = LogConfig {
            segment_bytes: 64 << 20,
            ..config()
        };
        let log = started(&disk, config).await;
        for (clients, len, rounds) in [(1, 4096, 2000), (64, 4096, 2000), (64, 100, 2000)] {
            let (before, began) = (log.stats(), RealClock.monotonic());
            together(clients, |_| {
                let (log, payload) = (log.clone(), vec![7u8; len]);
                async move {
                    for _ in 0..rounds {
                        log.append(1, &[&payload[..40], &payload[40..]])
                            .await
                            .unwrap();
                        log.commit().await.unwrap();
                    }
                }
            })
            .await;
            report(&log, before, began, clients * rounds, len);
        }
        for (clients, rounds) in [(1, 200), (16, 100)] {
            let (before, began) = (log.stats(), RealClock.monotonic());
            together(clients, |n| {
                let log = log.clone();
                let mut buf = AlignedBuf::zeroed(EXTENT_HEAD + (1 << 20));
                async move {
                    for _ in 0..rounds {
                        let started = log.start_extent(u128::from(n), buf).await;
                        let (_, writing) = started.map_err(|(error, _)| error).unwrap();
                        log.append(1, &[&[0; 100]]).await.unwrap();
                        log.commit().await.unwrap();
                        buf = writing.done().await.1;
                    }
                }
            })
            .await;
            report(&log, before, began, clients * rounds, 1 << 20);
        }
    });
}

fn report(log: &RealLog, before: LogStats, began: Duration, count: u32, len: usize) {
    let (elapsed, after) = (RealClock.monotonic() - began, log.stats());
    let flushes = after.flushes - before.flushes;
    let rate = f64::from(count) / elapsed.as_secs_f64();
    println!(
        "{count} of {len} B: {rate:.0}/s, {flushes} flushes, {:?} each",
        elapsed / count
    );
}
