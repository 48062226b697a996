//! Segments that leave the log while others read from them.

use chainring_loom::log::Table;
use chainring_loom::run::every_order;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

/// A file whose content loom watches: reading it while it is written anew is reported. As with a file
/// of the daemon's, clones are the same file.
#[derive(Clone)]
struct File(std::rc::Rc<UnsafeCell<u32>>);

impl File {
    fn new(content: u32) -> Self {
        Self(std::rc::Rc::new(UnsafeCell::new(content)))
    }

    #[expect(unsafe_code, reason = "loom checks that nobody writes meanwhile")]
    fn read(&self) -> u32 {
        // SAFETY: loom reports a write at the same time.
        self.0.with(|content| unsafe { *content })
    }

    #[expect(unsafe_code, reason = "loom checks that nobody reads meanwhile")]
    fn write(&self, new: u32) {
        // SAFETY: loom reports any other access at the same time.
        self.0.with_mut(|content| unsafe { *content = new });
    }
}

/// The log's side: segment 1 leaves; its file becomes segment 3, or stays what it is when it is held.
fn retire(table: &Table<File>) {
    match table.remove(1).expect("it was there") {
        Ok(file) => {
            file.write(3);
            table.insert(3, file);
        }
        Err(held) => drop(held),
    }
}

/// Whoever finds a segment reads what was in it, to its end; a file that somebody may read is never
/// written.
#[test]
fn loom_a_segment_is_written_anew_only_when_nobody_can_read_it() {
    every_order("segments", 3, 6, || {
        let table = Table::new(vec![(1, File::new(1)), (2, File::new(2))]);
        let readers = [(); 2].map(|()| {
            let table = table.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    if let Some(file) = table.get(1) {
                        assert_eq!(file.read(), 1);
                    }
                }
                if let Some(file) = table.get(3) {
                    assert_eq!(file.read(), 3);
                }
            })
        });
        retire(&table);
        readers
            .into_iter()
            .for_each(|t| t.join().expect("it did not panic"));
    });
}

/// Who reads a large object holds all files of the moment it was looked up.
#[test]
fn loom_a_reader_of_many_pieces_keeps_what_it_needs() {
    every_order("segments-held", 3, 6, || {
        let table = Table::new(vec![(1, File::new(1)), (2, File::new(2))]);
        let reader = {
            let table = table.clone();
            thread::spawn(move || {
                let held = table.all();
                for (number, file) in &*held {
                    assert_eq!(file.read(), *number);
                    // Something that the log's writer may overtake.
                    let now: Option<Arc<File>> = table.get(2);
                    assert_eq!(now.expect("it stays").read(), 2);
                }
            })
        };
        retire(&table);
        reader.join().unwrap();
    });
}
