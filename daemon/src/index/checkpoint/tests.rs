//! Checkpoints: what was saved is loaded, anything else is refused.

use super::format::PAGE;
use super::*;
use crate::base::Location;
use crate::index::{IndexReader, IndexWriter, new};
use crate::io::sim::{Fault, Keep, Operation, SimDisk, run, spawn, yield_now};
use crate::io::{Disk, IoErrorKind};
use std::ops::{Bound, ControlFlow};

const STORE: [u8; 16] = [9; 16];
const COVERS: Location = Location {
    segment: 3,
    offset: 4096,
};
const PATH: &str = "shard/index.checkpoint";

fn key(n: u32) -> Vec<u8> {
    format!(
        "bucket/object-{:08}",
        n.wrapping_mul(2_654_435_761) % 1_000_000
    )
    .into_bytes()
}

fn filled(count: u32) -> (IndexWriter, IndexReader) {
    let (mut writer, reader) = new();
    for n in 0..count {
        writer.insert(&key(n), &n.to_le_bytes().repeat(10));
    }
    (writer, reader)
}

fn content(reader: &IndexReader) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut content = Vec::new();
    reader.scan(Bound::Unbounded, |key, value| {
        content.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    });
    content
}

async fn saved(disk: &SimDisk, reader: &IndexReader, covers: Location) {
    disk.create_dir("shard").await.unwrap();
    write(disk, "shard", reader, covers, STORE, 1)
        .await
        .unwrap();
}

async fn loaded(disk: &SimDisk) -> Result<(IndexWriter, Location), Unusable> {
    let loaded = load(disk, "shard", STORE, 1).await?;
    Ok((loaded.index, loaded.covers))
}

#[test]
fn what_was_saved_is_loaded() {
    for count in [0, 1, 100, 30_000] {
        let disk = SimDisk::new(u64::from(count));
        run(1, async {
            let (_writer, reader) = filled(count);
            saved(&disk, &reader, COVERS).await;
            let (mut writer, covers) = loaded(&disk.crash(Keep::None)).await.unwrap();
            assert_eq!(covers, COVERS);
            let again = writer.reader();
            assert_eq!(content(&again), content(&reader));
            assert_eq!(again.len(), reader.len());
            // It goes on like any index.
            writer.insert(b"a", b"b");
            assert_eq!(again.get_vec(b"a"), Some(b"b".to_vec()));
        });
    }
}

#[test]
fn a_newer_checkpoint_replaces_the_older_one() {
    let disk = SimDisk::new(1);
    run(1, async {
        let (mut writer, reader) = filled(1000);
        saved(&disk, &reader, COVERS).await;
        writer.insert(b"later", b"");
        let later = Location {
            segment: 4,
            offset: 0,
        };
        saved(&disk, &reader, later).await;
        let (writer, covers) = loaded(&disk).await.unwrap();
        assert_eq!((writer.reader().len(), covers), (reader.len(), later));
        assert_eq!(disk.paths(), [PATH]);
    });
}

#[test]
fn without_a_file_it_is_missing() {
    run(1, async {
        let found = loaded(&SimDisk::new(1)).await;
        assert!(matches!(found, Err(Unusable::Missing)));
    });
}

#[test]
fn another_store_or_shard_is_refused() {
    let disk = SimDisk::new(1);
    run(1, async {
        saved(&disk, &filled(10).1, COVERS).await;
        assert!(load(&disk, "shard", [8; 16], 1).await.is_err());
        assert!(load(&disk, "shard", STORE, 2).await.is_err());
    });
}

/// Goal: no damage goes unnoticed. Flips one bit of every byte of a checkpoint of several pages.
#[test]
fn any_bit_flip_is_detected() {
    let disk = SimDisk::new(1);
    run(1, async {
        saved(&disk, &filled(3000).1, COVERS).await;
        let good = disk.read_raw(PATH).unwrap();
        assert!(good.len() > 2 * PAGE);
        // Every byte would take minutes without optimisation; the step is prime.
        let step = if cfg!(debug_assertions) { 97 } else { 1 };
        for at in (0..good.len())
            .step_by(step)
            .chain(0..128)
            .chain(good.len() - 4096..good.len())
        {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            disk.write_raw(PATH, bad);
            let found = loaded(&disk).await;
            assert!(matches!(found, Err(Unusable::Damaged { .. })), "byte {at}");
        }
    });
}

#[test]
fn missing_swapped_repeated_and_foreign_pages_are_detected() {
    let disk = SimDisk::new(1);
    run(1, async {
        let (mut writer, reader) = filled(6000);
        saved(&disk, &reader, COVERS).await;
        let older = disk.read_raw(PATH).unwrap();
        writer.insert(&key(1), b"changed!");
        saved(&disk, &reader, COVERS).await;
        let good = disk.read_raw(PATH).unwrap();
        assert_eq!(older.len(), good.len());
        let page = |n: usize| n * PAGE..(n + 1) * PAGE;
        let mut variants = Vec::new();
        for len in [0, 512, 4096, PAGE, good.len() - 4096, good.len() - PAGE] {
            variants.push(good[..len].to_vec());
        }
        variants.push([&good[..], &[0; 4096]].concat());
        variants.push([&good[..PAGE], &good[..]].concat());
        variants.push([&good[PAGE..]].concat());
        let mut swapped = good.clone();
        swapped[page(0)].copy_from_slice(&good[page(1)]);
        swapped[page(1)].copy_from_slice(&good[page(0)]);
        variants.push(swapped);
        for n in 0..2 {
            let mut lost = good.clone();
            lost[page(n)].copy_from_slice(&older[page(n)]);
            variants.push(lost);
            let mut zeroed = good.clone();
            zeroed[page(n)].fill(0);
            variants.push(zeroed);
        }
        for (nth, bad) in variants.into_iter().enumerate() {
            disk.write_raw(PATH, bad);
            assert!(loaded(&disk).await.is_err(), "variant {nth}");
        }
    });
}

/// Goal: cutting the power at any instant of writing leaves the old or the new checkpoint.
#[test]
fn a_crash_leaves_the_old_or_the_new_one() {
    let disk = SimDisk::new(1);
    let lens = run(1, async {
        let (mut writer, reader) = filled(5000);
        saved(&disk, &reader, Location::ZERO).await;
        disk.record();
        writer.insert(b"later", b"");
        saved(&disk, &reader, COVERS).await;
        [(reader.len() - 1, Location::ZERO), (reader.len(), COVERS)]
    });
    disk.trace().replay(|_, image| {
        for keep in [Keep::All, Keep::None, Keep::Random(1), Keep::Random(2)] {
            let (writer, covers) = run(1, loaded(&image.crashed_disk(keep, 1))).unwrap();
            assert!(lens.contains(&(writer.reader().len(), covers)));
        }
    });
}

#[test]
fn every_failing_operation_keeps_the_old_one() {
    let operations = [
        Operation::Create,
        Operation::Write,
        Operation::Sync,
        Operation::Rename,
    ];
    for operation in operations {
        for nth in 0.. {
            let disk = SimDisk::new(1);
            let failed = run(1, async {
                let (mut writer, reader) = filled(10_000);
                saved(&disk, &reader, Location::ZERO).await;
                disk.fail(Fault {
                    operation,
                    nth,
                    kind: IoErrorKind::Other,
                    sticky: false,
                });
                writer.insert(b"later", b"");
                let result = write(&disk, "shard", &reader, COVERS, STORE, 1).await;
                disk.heal();
                assert!(loaded(&disk).await.is_ok());
                if result.is_err() {
                    assert_eq!(disk.paths(), [PATH]);
                    saved(&disk, &reader, COVERS).await;
                }
                let (writer, covers) = loaded(&disk).await.unwrap();
                assert_eq!((writer.reader().len(), covers), (reader.len(), COVERS));
                result.is_err()
            });
            if !failed {
                assert!(nth > 0, "no {operation:?} was met");
                break;
            }
        }
    }
}

/// Goal: a checkpoint written while the index changes holds all that was there before and stayed,
/// and replaying the changes over it gives the index. Splits and merges go on meanwhile.
#[test]
fn the_writer_may_go_on() {
    for seed in 0..10 {
        let disk = SimDisk::new(seed);
        run(seed, async {
            let (mut writer, reader) = filled(20_000);
            disk.create_dir("shard").await.unwrap();
            let task = {
                let (disk, reader) = (disk.clone(), reader.clone());
                spawn(async move { write(&disk, "shard", &reader, COVERS, STORE, 1).await })
            };
            let removed = |n: u32| !n.is_multiple_of(10);
            let mut changes = 0..20_000;
            while !changes.is_empty() {
                for n in changes.by_ref().take(500) {
                    if removed(n) {
                        writer.remove(&key(n));
                    }
                    writer.insert(&[&key(n)[..], b"+"].concat(), b"new");
                }
                yield_now().await;
            }
            task.join().await.unwrap();
            let (mut again, _) = loaded(&disk).await.unwrap();
            for n in (0..20_000).filter(|n| !removed(*n)) {
                assert!(again.reader().contains(&key(n)), "what stayed was saved");
            }
            for n in 0..20_000 {
                if removed(n) {
                    again.remove(&key(n));
                }
                again.insert(&[&key(n)[..], b"+"].concat(), b"new");
            }
            assert_eq!(content(&again.reader()), content(&reader));
        });
    }
}
