//! Tests of the scrubber on the simulated disk.

use super::{ScrubConfig, ScrubOrder, ScrubPhase};
use crate::base::Location;
use crate::base::limits::EXTENT_HEAD;
use crate::io::sim::{self, Rng, SimDisk};
use crate::io::{Clock, Disk};
use crate::log::RecordView;
use crate::store::tests::{BUCKET, SimStore, content, create, extents, object};
use crate::store::{NewObject, StoreError};
use std::rc::Rc;
use std::time::Duration;

/// Far more than a pass here needs.
const RATE: u64 = 1 << 40;

/// Objects in extents and in records, in several segments.
async fn filled(disk: &SimDisk) -> Rc<SimStore> {
    let store = create(disk).await;
    for number in 0..30 {
        let key = format!("key {number}");
        if number % 3 == 0 {
            let large = content(&key, 1, 40_000);
            let body = extents(&store, &large, 9000).await;
            let new = NewObject {
                body,
                ..object(&key, &large)
            };
            store.put(new).await.unwrap();
        } else {
            store
                .put(object(&key, &content(&key, 1, 3000)))
                .await
                .unwrap();
        }
    }
    store
}

/// Every byte range of a cold segment that a checksum covers.
async fn covered(store: &SimStore) -> Vec<(Location, u32)> {
    let last = store.log().end().segment;
    let mut found = Vec::new();
    for segment in store.log().segments() {
        if segment == last {
            continue;
        }
        let visit = |at: Location, view: RecordView<'_>| {
            match view {
                RecordView::Extent { len, .. } => {
                    let body = Location {
                        offset: at.offset + EXTENT_HEAD as u32,
                        ..at
                    };
                    found.extend([(at, 48), (body, len)]);
                }
                RecordView::Record { payload, .. } => found.push((at, 16 + payload.len() as u32)),
            }
            Ok(())
        };
        store.log().reader().walk(segment, visit).await.unwrap();
    }
    found
}

fn flip(disk: &SimDisk, at: Location) {
    let path = format!("shard-000/seg-{:08x}", at.segment);
    let mut bytes = disk.read_raw(&path).unwrap();
    bytes[at.offset as usize] ^= 1 << (at.offset % 8);
    disk.write_raw(&path, bytes);
}

#[test]
fn one_pass_finds_any_flipped_bit_of_cold_data() {
    sim::run(11, async {
        let disk = SimDisk::new(11);
        let store = filled(&disk).await;
        store.pass(RATE).await;
        assert_eq!(store.scrubber().status().damaged, 0);
        let covered = covered(&store).await;
        assert!(covered.len() > 30);
        let mut rng = Rng::new(11);
        for _ in 0..300 {
            let (start, len) = covered[rng.below(covered.len())];
            let at = Location {
                offset: start.offset + rng.below(len as usize) as u32,
                ..start
            };
            flip(&disk, at);
            store.pass(RATE).await;
            let status = store.scrubber().status();
            let hit = |rot: &&super::Rot| {
                rot.at.segment == at.segment && (rot.at.offset..rot.until).contains(&at.offset)
            };
            assert!(status.rot.iter().any(|rot| hit(&rot)), "{at:?}: {status:?}");
            flip(&disk, at);
        }
        // What was mended is not listed any more.
        store.pass(RATE).await;
        assert_eq!(store.scrubber().status().rot, []);
        assert_eq!(store.scrubber().status().passes, 302);
    });
}

#[test]
fn damage_is_named_and_reading_it_fails() {
    sim::run(12, async {
        let disk = SimDisk::new(12);
        let store = filled(&disk).await;
        let reader = store.reader();
        let entry = |key: &str| {
            let found = reader.object(BUCKET, key.as_bytes(), &mut Vec::new());
            found.unwrap().unwrap()
        };
        let small = entry("key 1");
        flip(
            &disk,
            Location {
                offset: small.at.offset + 500,
                ..small.at
            },
        );
        let large = reader.read(&entry("key 0"), None).await.unwrap();
        let crate::store::Body::Extents(parts) = &large.record.body else {
            panic!("in extents");
        };
        flip(
            &disk,
            Location {
                offset: parts[1].at.offset + EXTENT_HEAD as u32 + 100,
                ..parts[1].at
            },
        );
        store.pass(RATE).await;
        let mut named: Vec<_> = store.scrubber().status().rot;
        named.sort_by_key(|rot| rot.at);
        let named: Vec<_> = named.into_iter().map(|rot| rot.objects).collect();
        let names = |key: &str| vec![(BUCKET, key.as_bytes().to_vec())];
        assert_eq!(named, [names("key 0"), names("key 1")]);
        assert!(matches!(
            reader.read(&small, None).await,
            Err(StoreError::Log(_))
        ));
    });
}

#[test]
fn it_keeps_to_its_rate_and_to_orders() {
    sim::run(13, async {
        let disk = SimDisk::new(13);
        let store = filled(&disk).await;
        assert!(!store.scrubber().order(ScrubOrder::Start), "off");
        let config = ScrubConfig {
            rate: 10_000,
            every: Some(Duration::from_secs(86_400)),
        };
        sim::spawn(store.clone().scrub(config));
        let clock = &store.clock;
        clock.sleep(Duration::from_secs(30)).await;
        assert_eq!(store.scrubber().status().phase, ScrubPhase::Waiting);
        clock.sleep(Duration::from_secs(31)).await;
        let status = store.scrubber().status();
        assert_eq!(status.phase, ScrubPhase::Running);
        assert!(store.scrubber().order(ScrubOrder::Pause));
        clock.sleep(Duration::from_secs(60)).await;
        let paused = store.scrubber().status();
        assert_eq!(paused.phase, ScrubPhase::Paused);
        clock.sleep(Duration::from_secs(600)).await;
        assert_eq!(store.scrubber().status().bytes, paused.bytes);
        let (before, since) = (paused.bytes, clock.monotonic());
        assert!(store.scrubber().order(ScrubOrder::Resume));
        while store.scrubber().status().passes == 0 {
            clock.sleep(Duration::from_millis(100)).await;
        }
        let taken = (clock.monotonic() - since).as_secs();
        let read = store.scrubber().status().bytes - before;
        // A segment's records are read in one go and waited for behind.
        assert!(taken * 10_000 + 80_000 > read, "{read} bytes in {taken} s");
        let bytes = store.scrubber().status().bytes;
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(store.scrubber().status().bytes, bytes);
        assert!(store.scrubber().order(ScrubOrder::Start));
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(store.scrubber().status().passes, 2);
        assert!(disk.list("shard-000").await.is_ok());
    });
}
