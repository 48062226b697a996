//! Walks through segments of a log in use, and readers of segments that leave it.

use super::model::*;
use super::*;

const FILL: [Op; 5] = [
    Op::Record(3000),
    Op::Extent(5000),
    Op::Commit,
    Op::Record(2000),
    Op::Commit,
];

fn small() -> LogConfig {
    LogConfig {
        segment_bytes: 16 * 1024,
        ..config()
    }
}

/// What a walk through a segment shows.
async fn walked(log: &SimLog, segment: u32) -> (Items, Vec<Damage>) {
    let mut items = Items::new();
    let visit = |at, view: RecordView<'_>| {
        let seen = match view {
            RecordView::Extent { tag, len } => Seen::Extent(tag, len),
            RecordView::Record { kind, payload } => Seen::Record(kind, payload.to_vec()),
        };
        items.push((at, seen));
        Ok(())
    };
    let damage = log.reader().walk(segment, visit).await.unwrap();
    (items, damage)
}

#[test]
fn a_walk_shows_what_was_appended_over_several_epochs() {
    let disk = SimDisk::new(1);
    let mut items = Items::new();
    for round in 0..5 {
        let kept = items.clone();
        items = sim::run(round, async {
            let log = match round {
                0 => create(&disk, small()).await,
                _ => {
                    let (log, _, seen) = open(&disk, small(), Location::ZERO).await.unwrap();
                    assert_eq!(seen, kept);
                    sim::spawn(log.run());
                    log
                }
            };
            let subject = Subject::new(&disk, log.clone(), kept);
            subject.perform(&FILL).await.unwrap();
            let items = subject.items();
            let last = log.end().segment;
            for segment in log.segments().into_iter().filter(|s| *s < last) {
                let (seen, damage) = walked(&log, segment).await;
                let here = items.iter().filter(|(at, _)| at.segment == segment);
                assert_eq!(seen, here.cloned().collect::<Items>());
                assert_eq!(damage, []);
            }
            items
        });
    }
}

#[test]
fn a_walk_goes_on_behind_rot_and_names_it() {
    let disk = SimDisk::new(1);
    sim::run(1, async {
        let log = create(&disk, small()).await;
        let subject = Subject::new(&disk, log.clone(), Vec::new());
        for _ in 0..3 {
            subject.perform(&FILL).await.unwrap();
        }
        let items = subject.items();
        let (hit, _) = items[2].clone();
        let path = super::super::segment::path("shard-000", hit.segment);
        let mut bytes = disk.read_raw(&path).unwrap();
        bytes[hit.offset as usize + 20] ^= 1;
        disk.write_raw(&path, bytes);
        let (seen, damage) = walked(&log, hit.segment).await;
        let rest = items
            .iter()
            .filter(|(at, _)| at.segment == hit.segment && *at != hit);
        assert_eq!(seen, rest.cloned().collect::<Items>());
        assert_eq!(damage.len(), 1, "{damage:?}");
        assert_eq!(damage[0].offset, hit.offset);
    });
}

#[test]
fn a_pinned_reader_keeps_a_segment_that_is_retired() {
    let disk = SimDisk::new(1);
    sim::run(1, async {
        let log = create(&disk, small()).await;
        let subject = Subject::new(&disk, log.clone(), Vec::new());
        for _ in 0..6 {
            subject.perform(&FILL).await.unwrap();
        }
        let held: Items = subject
            .items()
            .into_iter()
            .filter(|(at, _)| at.segment == 1)
            .collect();
        let pinned = log.reader().pinned();
        let files = disk.paths().len();
        log.retire(1).await.unwrap();
        // Not renamed for reuse, but gone.
        assert_eq!(disk.paths().len(), files - 1);
        for _ in 0..6 {
            subject.perform(&FILL).await.unwrap();
        }
        for (at, seen) in held {
            match seen {
                Seen::Record(kind, payload) => {
                    let found = pinned.read_record(at, 0).await.unwrap();
                    assert_eq!((found.kind, found.payload()), (kind, payload.as_slice()));
                }
                Seen::Extent(tag, len) => {
                    let (buf, range) = pinned
                        .read_extent(ExtentRef { at, len }, 0..len)
                        .await
                        .unwrap();
                    assert_eq!(buf[range], body(tag, len as usize));
                }
            }
            let gone = log.reader().read_record(at, 0).await;
            assert!(matches!(gone, Err(LogError::Unknown(1))), "{gone:?}");
        }
        // Without readers a segment is used again.
        drop(pinned);
        let files = disk.paths().len();
        log.retire(2).await.unwrap();
        assert_eq!(disk.paths().len(), files);
    });
}
