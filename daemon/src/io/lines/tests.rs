//! Tests of the line log, on real files.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn lost(count: u64) -> Vec<u8> {
    format!("lost {count}\n").into_bytes()
}

const LARGE: Rotation = Rotation {
    max_bytes: u64::MAX,
    keep: 1,
};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn lines_of_all_queues_are_written_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let (log, writer) = open(path.clone(), LARGE, lost).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let queue = log.queue(1_000);
            std::thread::spawn(move || {
                for n in 0..100 {
                    let line = format!("{thread} {n}\n").into_bytes();
                    queue.push(line, 1).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    writer.finish();
    assert_eq!(read(&path).lines().count(), 400);
    assert_eq!(log.stats().written, 400);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_full_queue_gives_back_and_the_file_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let (log, writer) = open(path.clone(), LARGE, lost).unwrap();
    let queue = log.queue(0);
    assert_eq!(queue.push(b"a\n".to_vec(), 1), Err(b"a\n".to_vec()));
    queue.lose(3);
    let other = log.queue(1);
    other.push(b"b\n".to_vec(), 1).unwrap();
    writer.finish();
    assert_eq!(read(&path), "lost 3\nb\n");
    assert_eq!((log.stats().lost, log.stats().written), (3, 2));
}

#[test]
fn files_are_begun_anew_and_the_oldest_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let rotation = Rotation {
        max_bytes: 20,
        keep: 2,
    };
    let (log, writer) = open(path.clone(), rotation, lost).unwrap();
    let queue = log.queue(100);
    for n in 0..10 {
        queue
            .push(format!("line {n:03}\n").into_bytes(), 1)
            .unwrap();
    }
    writer.finish();
    assert_eq!(read(&path), "line 008\nline 009\n");
    let old = |n: u32| read(&folder.path().join(format!("log.{n}")));
    assert_eq!(old(1), "line 006\nline 007\n");
    assert_eq!(old(2), "line 004\nline 005\n");
    assert!(!folder.path().join("log.3").exists());
    assert_eq!(log.stats().rotations, 4);
    // What is there already counts.
    let (log, writer) = open(path.clone(), rotation, lost).unwrap();
    log.queue(1).push(b"more\n".to_vec(), 1).unwrap();
    writer.finish();
    assert_eq!(read(&path), "more\n");
}

#[test]
fn a_batch_longer_than_a_file_is_spread_over_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let rotation = Rotation {
        max_bytes: 20,
        keep: 5,
    };
    let (log, writer) = open(path.clone(), rotation, lost).unwrap();
    let batch = "line 000\nline 001\nline 002\na line that is longer than a file\nline 004\n";
    log.queue(100).push(batch.as_bytes().to_vec(), 5).unwrap();
    writer.finish();
    assert_eq!(read(&path), "line 004\n");
    let old = |n: u32| read(&folder.path().join(format!("log.{n}")));
    assert_eq!(old(1), "a line that is longer than a file\n");
    assert_eq!(old(2), "line 002\n");
    assert_eq!(old(3), "line 000\nline 001\n");
    assert_eq!(log.stats().written, 5);
}

#[test]
fn nothing_is_kept_when_nothing_is_to_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let rotation = Rotation {
        max_bytes: 5,
        keep: 0,
    };
    let (log, writer) = open(path.clone(), rotation, lost).unwrap();
    let queue = log.queue(9);
    queue.push(b"one1\n".to_vec(), 1).unwrap();
    queue.push(b"two2\n".to_vec(), 1).unwrap();
    writer.finish();
    assert_eq!(read(&path), "two2\n");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_was_moved_away_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("log"), folder.path().join("moved"));
    let (log, writer) = open(path.clone(), LARGE, lost).unwrap();
    let queue = log.queue(9);
    queue.push(b"one\n".to_vec(), 1).unwrap();
    std::fs::rename(&path, &moved).unwrap();
    queue.push(b"two\n".to_vec(), 1).unwrap();
    log.reopen();
    queue.push(b"three\n".to_vec(), 1).unwrap();
    writer.finish();
    assert_eq!(read(&moved), "one\ntwo\n");
    assert_eq!(read(&path), "three\n");
}

#[test]
fn a_torn_last_line_is_ended_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, "whole\nto").unwrap();
    let (log, writer) = open(path.clone(), LARGE, lost).unwrap();
    log.queue(1).push(b"next\n".to_vec(), 1).unwrap();
    writer.finish();
    assert_eq!(read(&path), "whole\nto\nnext\n");
}

#[test]
fn a_full_device_loses_lines_and_says_so_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut full = LineFile::full();
    full.move_to(path.clone());
    let (log, writer) = start(full, lost).unwrap();
    let queue = log.queue(9);
    queue.push(b"one\ntwo\n".to_vec(), 2).unwrap();
    log.reopen();
    queue.push(b"three\n".to_vec(), 1).unwrap();
    writer.finish();
    assert_eq!(read(&path), "lost 2\nthree\n");
    let stats = log.stats();
    assert_eq!((stats.lost, stats.written, stats.failing), (2, 2, false));
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(open(folder.path().to_owned(), LARGE, lost).is_err());
    assert!(open("/dev/full".into(), LARGE, lost).is_err());
    assert!(open(folder.path().join("no/such/folder"), LARGE, lost).is_err());
}
