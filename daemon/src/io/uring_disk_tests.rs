//! The real disk keeps the contract of [`Disk`].

use super::*;
use crate::io::runtime::run;

fn on_disk<F: Future>(test: impl FnOnce(UringDisk) -> F) -> F::Output {
    let folder = tempfile::tempdir().unwrap();
    let disk = UringDisk::open(folder.path()).unwrap();
    run(test(disk)).unwrap()
}

#[test]
fn a_created_file_is_zeros_and_keeps_what_is_written() {
    on_disk(|disk| async move {
        disk.create_dir("a/b").await.unwrap();
        disk.create_dir("a/b").await.unwrap();
        let len = 3 * ZERO_CHUNK as u64 + 8192;
        let file = disk.create("a/b/log", len).await.unwrap();
        assert_eq!(file.len(), len);
        assert!([512, 4096].contains(&file.block_size()));

        let mut buf = AlignedBuf::with_capacity(ZERO_CHUNK * 4);
        buf.whole_mut().fill(0xaa);
        let whole = usize::try_from(len).unwrap();
        let (read, mut buf) = file.read_at(0, whole, buf).await;
        read.unwrap();
        assert_eq!(buf.len(), whole);
        assert!(buf.iter().all(|&byte| byte == 0));

        buf.set_len(8192);
        buf.fill(7);
        let (written, buf) = file.write_at(4096, buf).await;
        written.unwrap();
        assert_eq!(buf.len(), 8192);
        file.sync_data().await.unwrap();
        drop(file);

        let file = disk.open("a/b/log").await.unwrap();
        assert_eq!(file.len(), len);
        let (read, buf) = file.read_at(0, 16384, buf).await;
        read.unwrap();
        assert!(buf[4096..12288].iter().all(|&byte| byte == 7));
        assert!(buf[12288..].iter().all(|&byte| byte == 0));
        assert_eq!(disk.list("a/b").await.unwrap(), ["log"]);
        assert_eq!(disk.list("").await.unwrap(), ["a"]);
    });
}

#[test]
fn names_are_made_moved_and_removed() {
    on_disk(|disk| async move {
        for name in ["two", "one", "three"] {
            disk.create(name, 4096).await.unwrap();
        }
        assert_eq!(disk.list("").await.unwrap(), ["one", "three", "two"]);
        disk.rename("two", "one").await.unwrap();
        disk.remove("three").await.unwrap();
        assert_eq!(disk.list("").await.unwrap(), ["one"]);
    });
}

#[test]
fn failures_have_their_kind() {
    on_disk(|disk| async move {
        let kind = |error: IoError| error.kind;
        assert_eq!(
            disk.open("x").await.err().map(kind),
            Some(IoErrorKind::NotFound)
        );
        let file = disk.create("x", 4096).await.unwrap();
        let again = disk.create("x", 4096).await;
        assert_eq!(again.err().map(kind), Some(IoErrorKind::AlreadyExists));
        // The second create must not have removed or emptied it.
        assert_eq!(disk.open("x").await.unwrap().len(), 4096);
        let missing = disk.create("no/x", 4096).await;
        assert_eq!(missing.err().map(kind), Some(IoErrorKind::NotFound));
        assert_eq!(
            disk.remove("y").await.err().map(kind),
            Some(IoErrorKind::NotFound)
        );

        let buf = AlignedBuf::with_capacity(8192);
        let (read, buf) = file.read_at(0, 8192, buf).await;
        assert_eq!(read.map_err(kind), Err(IoErrorKind::Short));
        let (read, buf) = file.read_at(100, 4096, buf).await;
        assert_eq!(read.map_err(kind), Err(IoErrorKind::Other));
        let (read, _) = file.read_at(0, 1 << 20, buf).await;
        assert_eq!(read.map_err(kind), Err(IoErrorKind::Other));
    });
}

#[test]
fn a_file_too_large_is_no_space_and_leaves_nothing() {
    on_disk(|disk| async move {
        let error = disk.create("huge", 1 << 43).await.err().unwrap();
        assert_eq!(error.kind, IoErrorKind::NoSpace, "{error}");
        assert!(disk.list("").await.unwrap().is_empty());
    });
}

#[test]
fn several_rings_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let disk = UringDisk::open(folder.path()).unwrap();
    let file = run(async { disk.create("shared", 1 << 20).await.unwrap() }).unwrap();
    let threads: Vec<_> = (0..4u8)
        .map(|id| {
            let file = file.clone();
            std::thread::spawn(move || {
                run(async move {
                    let at = u64::from(id) * 4096;
                    let (written, buf) = file
                        .write_at(at, AlignedBuf::copy_of(&[id + 1; 4096]))
                        .await;
                    written.unwrap();
                    file.sync_data().await.unwrap();
                    let (read, buf) = file.read_at(at, 4096, buf).await;
                    read.unwrap();
                    assert!(buf.iter().all(|&byte| byte == id + 1));
                })
                .unwrap();
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

/// The runtime ends only when the device is done with the memory of dropped operations.
#[test]
fn dropped_operations_are_waited_for() {
    for _ in 0..20 {
        on_disk(|disk| async move {
            let file = disk.create("x", 1 << 20).await.unwrap();
            for at in 0..16 {
                let file = file.clone();
                crate::io::runtime::spawn(async move {
                    let buf = AlignedBuf::with_capacity(65536);
                    let _ = file.read_at(at * 65536, 65536, buf).await;
                });
            }
            crate::io::runtime::yield_now().await;
            crate::io::runtime::yield_now().await;
        });
    }
}
