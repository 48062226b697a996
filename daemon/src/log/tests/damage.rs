//! Rot, swapped and truncated files: correct data or an error that names the place, never wrong
//! bytes, never a panic, never the loss of anything else (I1, I2).

use super::model::*;
use super::*;
use crate::io::sim::{Image, Keep};

const OPS: [Op; 8] = [
    Op::Record(40),
    Op::Record(700),
    Op::Commit,
    Op::Extent(2000),
    Op::Record(90),
    Op::Commit,
    Op::Record(3000),
    Op::Record(20),
];

fn small() -> LogConfig {
    LogConfig {
        segment_bytes: 16 * 1024,
        ..config()
    }
}

/// A log of two segments that was closed in order.
fn closed(ops: &[Op]) -> (Image, Items) {
    let disk = SimDisk::new(1);
    let items = sim::run(1, async {
        let log = create(&disk, small()).await;
        let subject = Subject::new(&disk, log.clone(), Vec::new());
        subject.perform(ops).await.unwrap();
        log.close().await.unwrap();
        subject.items()
    });
    (disk.image(), items)
}

/// Opens a damaged log: what it shows is right, and what is gone is reported. Returns what it shows,
/// or nothing when it refuses to open.
fn contained(disk: &SimDisk, items: &Items, context: &dyn std::fmt::Debug) -> Option<Items> {
    sim::run(1, async {
        let Ok((log, recovery, seen)) = open(disk, small(), Location::ZERO).await else {
            return None;
        };
        let mut rest = items.iter();
        let ordered = seen.iter().all(|item| rest.any(|known| known == item));
        assert!(ordered, "{context:?}: wrong or out of order: {seen:?}");
        if seen.len() < items.len() {
            assert!(!recovery.damage.is_empty(), "{context:?}: silently lost");
        }
        for item in items {
            let _ = read_all(&log, &vec![item.clone()]).await; // compares what it can read
        }
        // The damage does not spread when the log goes on and is opened again.
        drop(log);
        let (_, again, twice) = open(disk, small(), Location::ZERO).await.unwrap();
        assert_eq!(seen, twice, "{context:?}");
        assert_eq!(again.damage, recovery.damage, "{context:?}");
        Some(seen)
    })
}

#[test]
fn a_flipped_bit_costs_at_most_one_item() {
    let (image, items) = closed(&OPS);
    let pristine = image.crashed_disk(Keep::All, 1);
    for path in pristine.paths() {
        let bytes = pristine.read_raw(&path).unwrap();
        for at in 0..bytes.len() {
            // Bytes that hold nothing are alike: a few of them will do.
            if bytes[at] == 0 && at % 61 != 0 {
                continue;
            }
            let disk = image.crashed_disk(Keep::All, 1);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            disk.write_raw(&path, flipped);
            let context = (&path, at);
            let seen = contained(&disk, &items, &context).expect("opens");
            assert!(
                seen.len() + 1 >= items.len(),
                "{context:?}: lost {:?}",
                seen.len()
            );
        }
    }
}

#[test]
fn lost_and_misdirected_sectors_are_noticed() {
    let (image, items) = closed(&OPS);
    let pristine = image.crashed_disk(Keep::All, 1);
    for path in pristine.paths() {
        let bytes = pristine.read_raw(&path).unwrap();
        let sectors = bytes.len() / 512;
        for one in 0..sectors {
            let mut zeroed = bytes.clone();
            zeroed[one * 512..][..512].fill(0);
            let disk = image.crashed_disk(Keep::All, 1);
            disk.write_raw(&path, zeroed);
            let _ = contained(&disk, &items, &("zeroed", &path, one));
            for other in (0..sectors).step_by(3) {
                let mut doubled = bytes.clone();
                doubled.copy_within(one * 512..(one + 1) * 512, other * 512);
                let disk = image.crashed_disk(Keep::All, 1);
                disk.write_raw(&path, doubled);
                let _ = contained(&disk, &items, &("doubled", &path, one, other));
            }
        }
    }
}

#[test]
fn missing_truncated_swapped_and_foreign_files_are_noticed() {
    let many: Vec<Op> = [OPS, OPS, OPS].concat();
    let (image, items) = closed(&many);
    let pristine = image.crashed_disk(Keep::All, 1);
    let paths = pristine.paths();
    let used: Vec<_> = items.iter().map(|(at, _)| at.segment).collect();
    let last = *used.last().unwrap();
    assert!(last >= 3);
    for path in &paths {
        let bytes = pristine.read_raw(path).unwrap();
        for len in [0, 512, 4096, 8192, bytes.len() - 512] {
            let disk = image.crashed_disk(Keep::All, 1);
            disk.write_raw(path, bytes[..len].to_vec());
            let number = super::super::segment::parse_name(path.rsplit('/').next().unwrap());
            // The last segment cut to nothing looks like a spare that never was finished.
            if number < Some(last) || len > 4096 {
                let _ = contained(&disk, &items, &("cut", path, len));
            }
        }
        for other in paths.iter().filter(|other| *other > path) {
            let disk = image.crashed_disk(Keep::All, 1);
            disk.write_raw(path, pristine.read_raw(other).unwrap());
            disk.write_raw(other, bytes.clone());
            let _ = contained(&disk, &items, &("swapped", path, other));
        }
    }
    sim::run(1, async {
        let disk = image.crashed_disk(Keep::All, 1);
        disk.remove_raw("shard-000/seg-00000002");
        let from = Location {
            segment: 1,
            offset: 0,
        };
        let (_, recovery, _) = open(&disk, small(), from).await.unwrap();
        let whole = Damage {
            segment: 2,
            offset: 0,
            until: u32::MAX,
            what: "the segment is missing",
        };
        assert!(recovery.damage.contains(&whole), "{recovery:?}");
        for other in [
            LogConfig {
                store: [9; 16],
                ..small()
            },
            LogConfig {
                shard: 4,
                ..small()
            },
        ] {
            let error = open(&disk, other, Location::ZERO).await.err();
            assert!(matches!(error, Some(LogError::Corrupt { .. })), "{error:?}");
        }
    });
}

#[test]
fn a_log_that_ends_too_early_is_noticed() {
    let (image, items) = closed(&OPS);
    let disk = image.crashed_disk(Keep::All, 1);
    let (at, _) = items.last().unwrap();
    let from = Location {
        segment: at.segment + 3,
        offset: 4096,
    };
    sim::run(1, async {
        let (_, recovery, seen) = open(&disk, small(), from).await.unwrap();
        assert!(seen.is_empty());
        assert!(recovery.sound().is_err());
    });
}

const FIRST: &str = "shard-000/seg-00000001";

/// Loses a sector in the middle of a record of the first segment.
fn tear(disk: &SimDisk, record: Location) {
    let sector = record.offset as usize / 512 * 512 + 512;
    let mut bytes = disk.read_raw(FIRST).unwrap();
    bytes[sector..sector + 512].fill(0);
    disk.write_raw(FIRST, bytes);
}

/// A batch is torn in the last block of a segment: there is no room to say where the log ended, so
/// the next segment's header does.
#[test]
fn a_tear_in_the_last_block_is_no_damage() {
    let disk = SimDisk::new(1).with_block_size(4096);
    sim::run(1, async {
        let log = create(&disk, small()).await;
        let subject = Subject::new(&disk, log, Vec::new());
        // Time for the spare to be made: without it the last block would be kept in reserve.
        crate::io::Clock::sleep(&SimClock, std::time::Duration::from_millis(1)).await;
        subject
            .perform(&[Op::Record(9), Op::Commit, Op::Record(9), Op::Commit])
            .await
            .unwrap();
        subject.perform(&[Op::Record(900); 3]).await.unwrap();
        subject.commit().await.unwrap();
        let items = subject.items();
        assert_eq!(items[2].0.offset / 4096, 3);
        let torn = disk.crash(Keep::All);
        tear(&torn, items[3].0);
        for _ in 0..2 {
            let (_, recovery, seen) = open(&torn, small(), Location::ZERO).await.unwrap();
            assert!(recovery.damage.is_empty(), "{recovery:?}");
            assert_eq!(seen, items[..3]);
        }
        let (log, _, seen) = open(&torn, small(), Location::ZERO).await.unwrap();
        sim::spawn(log.run());
        let subject = Subject::new(&torn, log, seen);
        subject
            .perform(&[Op::Record(50), Op::Commit])
            .await
            .unwrap();
        let (_, recovery, seen) = open(&torn, small(), Location::ZERO).await.unwrap();
        assert!(recovery.damage.is_empty(), "{recovery:?}");
        assert_eq!(seen, subject.items());
    });
}

/// A batch is torn in the middle of a block, and a record behind the tear is intact: void, because
/// the log ended before it. It stays void when the record before the tear rots later.
#[test]
fn void_records_do_not_come_back_through_rot() {
    let disk = SimDisk::new(1).with_block_size(4096);
    let config = LogConfig {
        segment_bytes: 64 * 1024,
        ..config()
    };
    sim::run(1, async {
        let log = create(&disk, config.clone()).await;
        let subject = Subject::new(&disk, log, Vec::new());
        subject.perform(&[Op::Record(9), Op::Commit]).await.unwrap();
        subject.perform(&[Op::Record(900); 3]).await.unwrap();
        subject.commit().await.unwrap();
        let items = subject.items();
        let torn = disk.crash(Keep::All);
        tear(&torn, items[2].0);

        let (log, recovery, seen) = open(&torn, config.clone(), Location::ZERO).await.unwrap();
        assert!(recovery.damage.is_empty(), "{recovery:?}");
        assert_eq!(seen, items[..2]);
        sim::spawn(log.run());
        let subject = Subject::new(&torn, log.clone(), seen);
        subject
            .perform(&[Op::Record(50), Op::Commit])
            .await
            .unwrap();
        log.close().await.unwrap();
        let expected = subject.items();
        let (_, recovery, seen) = open(&torn, config.clone(), Location::ZERO).await.unwrap();
        assert!(recovery.damage.is_empty(), "{recovery:?}");
        assert_eq!(seen, expected);

        let mut bytes = torn.read_raw(FIRST).unwrap();
        bytes[expected[1].0.offset as usize + 100] ^= 1;
        torn.write_raw(FIRST, bytes);
        let (_, recovery, seen) = open(&torn, config, Location::ZERO).await.unwrap();
        assert_eq!(recovery.damage.len(), 1);
        assert_eq!(seen, [expected[0].clone(), expected[2].clone()]);
    });
}
