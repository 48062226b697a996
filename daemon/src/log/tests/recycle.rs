//! Segments that are retired and used again: their old content never shows (D8, I2).

use super::model::*;
use super::*;
use crate::io::sim::Keep;

fn small() -> LogConfig {
    LogConfig {
        segment_bytes: 16 * 1024,
        ..config()
    }
}

#[test]
fn recycled_segments_show_nothing_of_their_earlier_life() {
    let fill = [
        Op::Record(3000),
        Op::Extent(3000),
        Op::Record(2000),
        Op::Commit,
    ];
    for seed in 0..6 {
        let disk = SimDisk::new(seed);
        let (first, items) = sim::run(seed, async {
            let log = create(&disk, small()).await;
            let subject = Subject::new(&disk, log.clone(), Vec::new());
            for _ in 0..4 {
                subject.perform(&fill).await.unwrap();
            }
            disk.record();
            let files = disk.paths().len();
            let old = log.segments();
            let keep = *old.last().unwrap() - 1;
            for segment in old.into_iter().filter(|s| *s < keep) {
                log.retire(segment).await.unwrap();
                assert!(log.retire(segment).await.is_err());
            }
            assert!(log.retire(log.end().segment).await.is_err());
            for _ in 0..3 {
                subject.perform(&fill).await.unwrap();
            }
            assert!(disk.paths().len() <= files + 1, "{:?}", disk.paths());
            let items = subject.items();
            let from = Location {
                segment: keep,
                offset: 0,
            };
            (
                from,
                items
                    .into_iter()
                    .filter(|(at, _)| *at >= from)
                    .collect::<Items>(),
            )
        });
        let trace = disk.trace();
        let already = items
            .iter()
            .filter(|(at, _)| at.segment <= first.segment)
            .count();
        trace.replay(|count, image| {
            let acked = acknowledged(&trace, count, &items).max(already);
            for keep in keeps(image).into_iter().chain([Keep::Random(seed)]) {
                let disk = image.crashed_disk(keep, seed);
                let context = (seed, count, keep);
                sim::run(seed, async {
                    let (_, recovery, seen) = open(&disk, small(), first).await.unwrap();
                    assert!(recovery.damage.is_empty(), "{context:?}: {recovery:?}");
                    assert!(
                        seen.len() >= acked && items.starts_with(&seen),
                        "{context:?}"
                    );
                });
            }
        });
    }
}

#[test]
fn a_log_with_holes_opens_from_its_front_and_names_them() {
    let fill = [Op::Record(6000), Op::Record(6000), Op::Commit];
    let disk = SimDisk::new(1);
    sim::run(1, async {
        let log = create(&disk, small()).await;
        let subject = Subject::new(&disk, log.clone(), Vec::new());
        for _ in 0..6 {
            subject.perform(&fill).await.unwrap();
        }
        log.retire(2).await.unwrap();
        log.close().await.unwrap();
        let (_, recovery, seen) = open(&disk, small(), Location::ZERO).await.unwrap();
        assert_eq!(recovery.missing, [2]);
        recovery.sound().unwrap();
        let kept = subject
            .items()
            .into_iter()
            .filter(|(at, _)| at.segment != 2);
        assert_eq!(seen, kept.collect::<Items>());
    });
}
