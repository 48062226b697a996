//! Pages of both kinds of index, edited under a right checksum. The index is derived, so what is wrong
//! may be refused or not; it may not crash, hang or come out of order.

use crate::edits::overwrite;
use crate::input::Input;
use crate::seal::{self, CHECKPOINT_PAGE, STORE};
use chainringd::base::Location;
use chainringd::index::checkpoint;
use chainringd::index::map::{Lookup, MapConfig, MapWriter, Stamp};
use chainringd::io::Disk;
use chainringd::io::sim::{SimDisk, run};
use std::cell::RefCell;
use std::fs;
use std::ops::{Bound, ControlFlow};

fn entries(count: u32) -> Vec<(String, Vec<u8>)> {
    let value = |n: u32| n.to_le_bytes().repeat(1 + n as usize % 9);
    let key = |n: u32| format!("bucket/{}/object-{n:04}", n / 40);
    (0..count).map(|n| (key(n), value(n))).collect()
}

fn saved() -> Vec<u8> {
    run(1, async {
        let disk = SimDisk::new(1);
        disk.create_dir("shard").await.unwrap();
        let (mut writer, reader) = chainringd::index::new();
        for (key, value) in entries(300) {
            writer.insert(key.as_bytes(), &value);
        }
        let covers = Location {
            segment: 3,
            offset: 4096,
        };
        checkpoint::write(&disk, "shard", &reader, covers, STORE, 1)
            .await
            .unwrap();
        disk.read_raw("shard/index.checkpoint").unwrap()
    })
}

/// A checkpoint: the front of its first page and its summary are edited.
pub fn checkpoint_page(data: &[u8]) {
    thread_local!(static SAVED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
    let mut file = SAVED.with_borrow_mut(|kept| {
        if kept.is_empty() {
            *kept = saved();
        }
        kept.clone()
    });
    let mut input = Input(data);
    match input.byte() % 3 {
        0 => overwrite(&mut file, input.0),
        1 => overwrite(&mut file[64..1024], input.0),
        _ => overwrite(&mut file[CHECKPOINT_PAGE..CHECKPOINT_PAGE + 88], input.0),
    }
    seal::checkpoint(&mut file);
    run(1, async {
        let disk = SimDisk::new(1);
        disk.create_dir("shard").await.unwrap();
        disk.write_raw("shard/index.checkpoint", file);
        let Ok(loaded) = checkpoint::load(&disk, "shard", STORE, 1).await else {
            return;
        };
        let mut index = loaded.index;
        let reader = index.reader();
        let mut keys = Vec::new();
        reader.scan(Bound::Unbounded, |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        });
        assert!(keys.is_sorted_by(|a, b| a < b), "out of order");
        assert_eq!(keys.len(), reader.len());
        for key in &keys {
            assert!(reader.contains(key), "listed and not found");
            index.insert(key, b"changed");
        }
        assert_eq!(reader.len(), keys.len());
        for key in &keys {
            assert!(index.remove(key));
        }
        assert!(reader.is_empty());
    });
}

struct MapBase {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
}

impl MapBase {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = Self {
            folder,
            bytes: Vec::new(),
        };
        let map = MapWriter::load(&base.config(), entries(300), Stamp::default()).unwrap();
        map.close().unwrap();
        let bytes = fs::read(base.folder.path().join("index")).unwrap();
        Self { bytes, ..base }
    }

    fn config(&self) -> MapConfig {
        MapConfig {
            path: Some(self.folder.path().join("index")),
            store: STORE,
        }
    }
}

const MAP_PAGE: usize = 4096;

/// The mapped index: a page of the tree or a superblock is edited.
pub fn map_page(data: &[u8]) {
    thread_local!(static BASE: RefCell<Option<MapBase>> = const { RefCell::new(None) });
    BASE.with_borrow_mut(|kept| {
        let base = kept.get_or_insert_with(MapBase::new);
        let mut bytes = base.bytes.clone();
        let mut input = Input(data);
        let chosen = usize::from(input.byte()) % 12;
        let sealed = input.byte() % 4 != 0;
        let page = &mut bytes[chosen * MAP_PAGE..][..MAP_PAGE];
        match chosen {
            0 | 1 => overwrite(&mut page[..88], input.0),
            _ => overwrite(page, input.0),
        }
        match chosen {
            _ if !sealed => {}
            0 | 1 => seal::map_superblock(page),
            _ => seal::map_page(page),
        }
        fs::write(base.folder.path().join("index"), &bytes).unwrap();
        let Ok(map) = MapWriter::open(&base.config()) else {
            return;
        };
        let view = map.reader().view();
        let mut last: Option<Vec<u8>> = None;
        let mut count = 0;
        let scanned = view.scan(b"", &mut |key, _| {
            assert!(
                last.as_deref().is_none_or(|last| last < key),
                "out of order"
            );
            last = Some(key.to_vec());
            count += 1;
            assert!(count < 100_000, "no end");
            ControlFlow::Continue(())
        });
        for (key, value) in entries(300).into_iter().step_by(7) {
            let found = view.value(key.as_bytes());
            if !sealed && chosen > 1 {
                // A change that no checksum covers up is an error, or is nowhere near.
                assert!(
                    !matches!(&found, Ok(other) if *other != Some(value)),
                    "{key}"
                );
            }
        }
        drop(scanned);
    });
}
