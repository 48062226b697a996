//! The recorded history of a simulated disk, so that a test can look at the media as they would be
//! had the power failed before any event of it.

use super::SimDisk;
use super::image::{Image, Keep};
use std::sync::Arc;

/// Something that happened to the disk. Numbers (`id`) tie an operation's begin to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub enum Event {
    /// An operation on a folder returned: it is durable.
    ChangeDone {
        id: u64,
    },
    CreateBegun {
        id: u64,
        path: String,
        file: u64,
        len: usize,
    },
    FolderCreated {
        path: String,
    },
    /// A test's own mark, for example "record 7 was acknowledged".
    Mark(u64),
    /// Changes nothing, so it is only there when it was asked for: [`SimDisk::record_reads`].
    ReadBegun {
        file: u64,
        offset: u64,
        len: usize,
    },
    RemoveBegun {
        id: u64,
        path: String,
    },
    RenameBegun {
        id: u64,
        from: String,
        to: String,
    },
    SyncBegun {
        file: u64,
        covers: Vec<u64>,
    },
    SyncDone {
        file: u64,
        covers: Vec<u64>,
    },
    SyncFailed {
        file: u64,
        covers: Vec<u64>,
    },
    WriteBegun {
        id: u64,
        file: u64,
        offset: usize,
        data: Arc<[u8]>,
    },
    WriteDone {
        id: u64,
        file: u64,
    },
}

/// A recording: where it began and what happened since.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub(super) origin: Image,
    /// Whether reads belong to it.
    pub(super) reads: bool,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl Trace {
    pub(super) fn of(origin: Image, reads: bool) -> Self {
        Self {
            origin,
            reads,
            events: Vec::new(),
        }
    }

    /// A read begins.
    pub(super) fn read(&mut self, file: u64, offset: u64, len: usize) {
        if self.reads {
            self.events.push(Event::ReadBegun { file, offset, len });
        }
    }

    /// Calls `f(index, image)` with the state before each event and after the last one.
    pub fn replay(&self, mut f: impl FnMut(usize, &Image)) {
        let mut image = self.origin.clone();
        f(0, &image);
        for (index, event) in self.events.iter().enumerate() {
            image.apply(event);
            f(index + 1, &image);
        }
    }

    /// The state after the first `count` events.
    #[must_use]
    pub fn at(&self, count: usize) -> Image {
        let mut image = self.origin.clone();
        for event in self.events.iter().take(count) {
            image.apply(event);
        }
        image
    }

    /// The marks among the first `count` events.
    pub fn marks(&self, count: usize) -> impl Iterator<Item = u64> {
        self.events
            .iter()
            .take(count)
            .filter_map(|event| match event {
                Event::Mark(mark) => Some(*mark),
                _ => None,
            })
    }
}

impl Image {
    /// A disk with what a power loss at this instant leaves.
    #[must_use]
    pub fn crashed_disk(&self, keep: Keep, seed: u64) -> SimDisk {
        SimDisk::with_image(seed, self.crash(keep))
    }
}
