//! What the log does when nothing fails.

use super::*;
use crate::io::sim::{Keep, Operation};
use std::time::Duration;

#[test]
fn records_are_readable_after_commit_and_after_reopening() {
    let disk = SimDisk::new(1);
    sim::run(1, async {
        let log = create(&disk, config()).await;
        let one = log.append(1, &[b"he", b"llo"]).await.unwrap();
        let two = log.append(2, &[b""]).await.unwrap();
        log.commit().await.unwrap();
        assert!(one < two && two < log.end());
        let reader = log.reader();
        let reads = disk.count(Operation::Read);
        let record = reader.read_record(one, 5).await.unwrap();
        assert_eq!((record.kind, record.payload()), (1, &b"hello"[..]));
        assert_eq!(disk.count(Operation::Read) - reads, 1);
        let record = reader.read_record(two, 5).await.unwrap();
        assert_eq!((record.kind, record.payload()), (2, &b""[..]));
        log.close().await.unwrap();
        assert!(matches!(log.append(1, &[]).await, Err(LogError::Closed)));

        let (_, recovery, seen) = open(&disk, config(), Location::ZERO).await.unwrap();
        recovery.sound().unwrap();
        let records = [
            Seen::Record(1, b"hello".to_vec()),
            Seen::Record(2, Vec::new()),
        ];
        assert_eq!(
            seen,
            [one, two].into_iter().zip(records).collect::<Vec<_>>()
        );
        let (_, _, seen) = open(&disk, config(), two).await.unwrap();
        assert_eq!(seen, [(two, Seen::Record(2, Vec::new()))]);
    });
}

#[test]
fn extents_are_read_in_whole_and_in_part() {
    let disk = SimDisk::new(2).with_block_size(4096);
    let config = LogConfig {
        segment_bytes: 4 << 20,
        ..config()
    };
    sim::run(2, async {
        let log = create(&disk, config.clone()).await;
        let reader = log.reader();
        for len in [0usize, 1, 4096, 65_536, 65_537, 300_000, 1 << 20] {
            let bytes = body(len as u128, len);
            let (result, buf) = log.append_extent(len as u128, extent(&bytes)).await;
            let at = result.unwrap();
            assert_eq!(buf.len(), EXTENT_HEAD + len);
            assert_eq!(at.len as usize, len);
            log.append(1, &[b"between"]).await.unwrap();
            log.commit().await.unwrap();
            let reads = disk.count(Operation::Read);
            let (buf, range) = reader.read_extent(at, 0..at.len).await.unwrap();
            assert_eq!(&buf[range], bytes);
            assert_eq!(disk.count(Operation::Read) - reads, 1, "one device read");
            for (start, end) in [(0, len / 3), (len / 3, len / 2), (len / 2, len), (len, len)] {
                let (start32, end32) = (start as u32, end as u32);
                let (buf, range) = reader.read_extent(at, start32..end32).await.unwrap();
                assert_eq!(&buf[range], &bytes[start..end]);
            }
        }
        log.close().await.unwrap();
        let (_, recovery, seen) = open(&disk, config, Location::ZERO).await.unwrap();
        recovery.sound().unwrap();
        assert_eq!(seen.len(), 14);
    });
}

#[test]
fn a_log_spans_segments() {
    for block in [512, 4096] {
        let disk = SimDisk::new(3).with_block_size(block);
        sim::run(3, async {
            let log = create(&disk, config()).await;
            let mut expected = Vec::new();
            for n in 0..60u8 {
                let payload = vec![n; 100 * usize::from(n)];
                let at = log.append(n, &[&payload]).await.unwrap();
                expected.push((at, Seen::Record(n, payload)));
                if n % 3 == 0 {
                    log.commit().await.unwrap();
                }
                if n % 10 == 0 {
                    let bytes = body(u128::from(n), 9000);
                    let (result, _) = log.append_extent(u128::from(n), extent(&bytes)).await;
                    expected.push((result.unwrap().at, Seen::Extent(u128::from(n), 9000)));
                }
            }
            log.commit().await.unwrap();
            assert!(log.segments().len() > 5);
            let crashed = disk.crash(Keep::None);
            for disk in [crashed, disk.clone()] {
                let (_, recovery, seen) = open(&disk, config(), Location::ZERO).await.unwrap();
                recovery.sound().unwrap();
                assert_eq!(seen, expected);
                let from = expected[40].0;
                let (_, recovery, seen) = open(&disk, config(), from).await.unwrap();
                recovery.sound().unwrap();
                assert_eq!(seen, expected[40..]);
            }
        });
    }
}

#[test]
fn one_flush_serves_many() {
    let disk = SimDisk::new(4);
    sim::run(4, async {
        let log = create(&disk, config()).await;
        let before = log.stats().flushes;
        let tasks: Vec<_> = (0..64u8)
            .map(|n| {
                let log = log.clone();
                sim::spawn(async move {
                    log.append(1, &[&[n; 16]]).await.unwrap();
                    log.commit().await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.join().await;
        }
        assert!(log.stats().flushes - before < 16, "{:?}", log.stats());
    });
}

#[test]
fn a_cancelled_extent_leaves_no_hole() {
    let disk = SimDisk::new(5);
    sim::run(5, async {
        let log = create(&disk, config()).await;
        for n in 0..10u32 {
            let task = {
                let log = log.clone();
                sim::spawn(async move {
                    let _ = log.append_extent(7, extent(&body(7, 2000))).await;
                })
            };
            for _ in 0..n {
                sim::yield_now().await;
            }
            task.abort();
            log.append(1, &[b"after"]).await.unwrap();
            log.commit().await.unwrap();
        }
        let (_, recovery, seen) = open(&disk.crash(Keep::None), config(), Location::ZERO)
            .await
            .unwrap();
        recovery.sound().unwrap();
        let records = seen
            .iter()
            .filter(|(_, seen)| matches!(seen, Seen::Record(..)));
        assert_eq!(records.count(), 10);
    });
}

#[test]
fn relaxed_commits_outlive_the_process_and_soon_the_power() {
    let disk = SimDisk::new(6);
    let interval = Duration::from_millis(50);
    let config = LogConfig {
        durability: Durability::Relaxed { interval },
        ..config()
    };
    sim::run(6, async {
        let log = create(&disk, config.clone()).await;
        let flushes = disk.count(Operation::Sync);
        log.append(1, &[b"one"]).await.unwrap();
        log.commit().await.unwrap();
        assert_eq!(disk.count(Operation::Sync), flushes);
        let killed = disk.crash(Keep::All);
        let (_, _, seen) = open(&killed, config.clone(), Location::ZERO).await.unwrap();
        assert_eq!(seen.len(), 1);
        crate::io::Clock::sleep(&SimClock, interval * 2).await;
        let cut = disk.crash(Keep::None);
        let (_, _, seen) = open(&cut, config.clone(), Location::ZERO).await.unwrap();
        assert_eq!(seen.len(), 1);
    });
}

#[test]
fn arguments_out_of_bounds_are_refused() {
    let disk = SimDisk::new(7);
    sim::run(7, async {
        let log = create(&disk, config()).await;
        let large = vec![0; 32 * 1024];
        assert!(matches!(
            log.append(1, &[&large]).await,
            Err(LogError::TooLarge { .. })
        ));
        assert!(matches!(
            log.append(0xf0, &[]).await,
            Err(LogError::Invalid(_))
        ));
        let (result, buf) = log.append_extent(1, extent(&large)).await;
        assert!(matches!(result, Err(LogError::TooLarge { .. })));
        assert_eq!(buf.len(), EXTENT_HEAD + large.len());
        let (result, _) = log.append_extent(1, AlignedBuf::zeroed(512)).await;
        assert!(matches!(result, Err(LogError::Invalid(_))));
        let unknown = Location {
            segment: 9,
            offset: 4096,
        };
        assert!(log.reader().read_record(unknown, 8).await.is_err());
        let again = Log::create(disk.clone(), SimClock, config()).await;
        assert!(matches!(again.err(), Some(LogError::Exists(_))));
        let other = LogConfig {
            dir: "other".to_owned(),
            ..config()
        };
        assert!(matches!(
            open(&disk, other, Location::ZERO).await.err(),
            Some(LogError::Missing(_))
        ));
    });
}
