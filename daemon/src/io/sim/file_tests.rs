//! Tests of the simulated disk.

use super::*;
use crate::io::sim::run;

fn block(byte: u8) -> AlignedBuf {
    AlignedBuf::copy_of(&[byte; 1024])
}

#[test]
fn a_file_created_empty_grows_and_meets_the_capacity() {
    let disk = SimDisk::new(3);
    disk.set_capacity(2048);
    run(3, async {
        let file = disk.create("f", 0).await.unwrap();
        file.write_at(0, block(1)).await.0.unwrap();
        file.write_at(1024, block(2)).await.0.unwrap();
        let full = file.write_at(2048, block(3)).await.0.unwrap_err();
        assert_eq!(full.kind, IoErrorKind::NoSpace);
        assert_eq!(disk.open("f").await.unwrap().len(), 2048);
        file.sync_data().await.unwrap();
    });
    let kept = disk.crash(Keep::None).read_raw("f").unwrap();
    assert_eq!(kept, [[1; 1024], [2; 1024]].concat());
}

#[test]
fn a_crash_keeps_what_was_flushed_and_any_part_of_the_rest() {
    let disk = SimDisk::new(3);
    run(3, async {
        let file = disk.create("f", 4096).await.unwrap();
        file.write_at(0, block(1)).await.0.unwrap();
        file.sync_data().await.unwrap();
        file.write_at(1024, block(2)).await.0.unwrap();
        file.write_at(2048, block(3)).await.0.unwrap();
    });
    let firsts = |keep| {
        let bytes = disk.crash(keep).read_raw("f").unwrap();
        [0, 1024, 1536, 2048].map(|at: usize| bytes[at])
    };
    assert_eq!(firsts(Keep::All), [1, 2, 2, 3]);
    assert_eq!(firsts(Keep::None), [1, 0, 0, 0]);
    assert_eq!(firsts(Keep::Only(1)), [1, 0, 0, 3]);
    assert_eq!(firsts(Keep::Without(1)), [1, 2, 2, 0]);
    assert_eq!(firsts(Keep::Head(0, 1)), [1, 2, 0, 3]);
    assert_eq!(firsts(Keep::Tail(0, 1)), [1, 0, 2, 3]);
    assert_eq!(disk.image().unflushed(), 2);
}

#[test]
fn a_failed_flush_loses_its_data_for_good() {
    let disk = SimDisk::new(3);
    disk.fail(Fault {
        operation: Operation::Sync,
        nth: 0,
        kind: IoErrorKind::Other,
        sticky: false,
    });
    run(3, async {
        let file = disk.create("f", 4096).await.unwrap();
        file.write_at(0, block(1)).await.0.unwrap();
        file.sync_data().await.unwrap_err();
        file.sync_data().await.unwrap();
    });
    assert_eq!(disk.crash(Keep::All).read_raw("f").unwrap()[0], 0);
    assert_eq!(disk.read_raw("f").unwrap()[0], 0);
}

#[test]
fn replay_shows_every_instant() {
    let disk = SimDisk::new(9);
    disk.record();
    run(9, async {
        let file = disk.create("f", 4096).await.unwrap();
        file.write_at(0, block(1)).await.0.unwrap();
        file.sync_data().await.unwrap();
        disk.mark(7);
    });
    let trace = disk.trace();
    let mut seen = Vec::new();
    trace.replay(|_, image| {
        let lost = image.crashed_disk(Keep::None, 1).read_raw("f");
        seen.push(lost.map(|bytes| bytes[0]));
    });
    assert_eq!(seen.first(), Some(&None));
    assert_eq!(seen.last(), Some(&Some(1)));
    assert_eq!(trace.marks(trace.events.len()).collect::<Vec<_>>(), [7]);
}

#[test]
fn space_is_limited_and_folders_must_exist() {
    let disk = SimDisk::new(1);
    disk.set_capacity(4096);
    run(1, async {
        let missing = disk.create("d/f", 512).await.err().map(|e| e.kind);
        assert_eq!(missing, Some(IoErrorKind::NotFound));
        disk.create_dir("d/e").await.unwrap();
        disk.create("d/f", 4096).await.unwrap();
        let full = disk.create("d/g", 512).await.err().map(|e| e.kind);
        assert_eq!(full, Some(IoErrorKind::NoSpace));
        assert_eq!(disk.list("d").await.unwrap(), ["e", "f"]);
        disk.rename("d/f", "d/g").await.unwrap();
        disk.remove("d/g").await.unwrap();
        assert!(disk.open("d/g").await.is_err());
    });
}
