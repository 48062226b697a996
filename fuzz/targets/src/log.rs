//! Segments of a log, edited on the disk and opened.

use crate::edits::overwrite;
use crate::input::Input;
use crate::seal::{self, STORE};
use chainringd::base::{AlignedBuf, Location};
use chainringd::io::sim::{SimClock, SimDisk, run, spawn};
use chainringd::log::{Durability, Log, LogConfig, LogError, RecordView, Recovery};
use std::cell::RefCell;

/// What a log holds: records and extents by place.
type Found = Vec<(Location, Vec<u8>)>;

pub fn config(dir: &str, shard: u16) -> LogConfig {
    LogConfig {
        dir: dir.to_owned(),
        store: STORE,
        shard,
        segment_bytes: 16 * 1024,
        durability: Durability::Strict,
    }
}

/// A log with these records, closed; its files.
pub fn files(
    config: &LogConfig,
    records: &[(u8, Vec<u8>)],
    extent: usize,
) -> Vec<(String, Vec<u8>)> {
    run(1, async {
        let disk = SimDisk::new(1);
        let log = Log::create(disk.clone(), SimClock, config.clone())
            .await
            .unwrap();
        let running = spawn(log.run());
        for (at, (kind, payload)) in records.iter().enumerate() {
            log.append(*kind, &[payload]).await.unwrap();
            log.commit().await.unwrap();
            if at == 2 && extent > 0 {
                let mut buf = AlignedBuf::zeroed(4096 + extent);
                buf.whole_mut()[4096..].fill(7);
                log.append_extent(42, buf).await.0.unwrap();
                log.commit().await.unwrap();
            }
        }
        log.close().await.unwrap();
        running.join().await;
        let read = |path: String| disk.read_raw(&path).map(|bytes| (path, bytes));
        disk.paths().into_iter().filter_map(read).collect()
    })
}

/// A disk with these files.
pub async fn disk_of(dir: &str, files: &[(String, Vec<u8>)]) -> SimDisk {
    use chainringd::io::Disk;
    let disk = SimDisk::new(1);
    disk.create_dir(dir).await.unwrap();
    for (path, bytes) in files {
        disk.write_raw(path, bytes.clone());
    }
    disk
}

async fn open(disk: &SimDisk, config: &LogConfig) -> Result<(Found, Recovery), LogError> {
    let mut found = Found::new();
    let from = Location::default();
    let opened = Log::open(disk.clone(), SimClock, config.clone(), from, |at, view| {
        let bytes = match view {
            RecordView::Extent { tag, len } => {
                [&tag.to_le_bytes()[..], &len.to_le_bytes()].concat()
            }
            RecordView::Record { kind, payload } => [&[kind][..], payload].concat(),
        };
        found.push((at, bytes));
        Ok(())
    })
    .await;
    opened.map(|(_, recovery)| (found, recovery))
}

type Base = (LogConfig, Vec<(String, Vec<u8>)>, Found);

fn base() -> Base {
    let config = config("log", 3);
    let records: Vec<(u8, Vec<u8>)> = (1..12u8)
        .map(|n| (n, vec![n; usize::from(n) * 150]))
        .collect();
    let files = files(&config, &records, 5000);
    let (found, recovery) = run(1, async {
        open(&disk_of("log", &files).await, &config).await.unwrap()
    });
    assert!(recovery.damage.is_empty() && found.len() == 12 && files.len() > 1);
    (config, files, found)
}

/// Opens an edited log: that ends, what is found is in order, and a second opening finds the same.
/// Edits that leave the checksums as they are can only take records away.
pub fn segment_scan(data: &[u8]) {
    thread_local!(static BASE: RefCell<Option<Base>> = const { RefCell::new(None) });
    let (config, mut files, original) =
        BASE.with_borrow_mut(|kept| kept.get_or_insert_with(base).clone());
    let mut input = Input(data);
    let chosen = usize::from(input.byte()) % files.len();
    let sealed = input.byte() % 2 == 1;
    let number = u32::try_from(chosen + 1).unwrap();
    let image = &mut files[chosen].1;
    overwrite(image, input.0);
    if sealed {
        seal::segment_head(image);
        // Records begin at multiples of 8; those that were edited are sealed where they were.
        let mut script = input.0;
        while let [a, b, c, ..] = script {
            let at = u32::from_le_bytes([*a, *b, *c, 0]) as usize % image.len();
            let owner = original
                .iter()
                .map(|(place, _)| place)
                .rfind(|place| place.segment == number && place.offset as usize <= at);
            for place in [Some(at - at % 8), owner.map(|place| place.offset as usize)] {
                seal::record(image, place.unwrap_or(0), config.shard, number);
            }
            script = script.get(7..).unwrap_or(&[]);
        }
    }
    run(1, async {
        let disk = disk_of("log", &files).await;
        let Ok((found, _)) = open(&disk, &config).await else {
            return;
        };
        assert!(found.is_sorted_by(|a, b| a.0 < b.0), "out of order");
        if !sealed && data.len() <= 9 {
            for (at, bytes) in &found {
                let known = original
                    .iter()
                    .any(|(place, known)| place == at && known == bytes);
                assert!(known, "made up at {at:?}");
            }
        }
        let again = open(&disk, &config).await.map(|(found, _)| found);
        assert_eq!(
            again.ok(),
            Some(found),
            "another opening finds something else"
        );
    });
}
