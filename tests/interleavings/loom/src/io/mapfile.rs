//! The daemon's mapped file, with loom told when it is written to and when somebody looks at it.

// The daemon's file finds it beside itself.
use super::mapfault;

#[path = "../../../../../daemon/src/io/mapfile.rs"]
mod real;

use loom::sync::atomic::{AtomicUsize, Ordering};
use std::io::Error;
use std::ops::Deref;
use std::path::Path;

loom::lazy_static! {
    static ref WRITES: AtomicUsize = AtomicUsize::new(0);
}

/// To be called before and after a look into a mapping: loom tries every order of this and of writes
/// to the file.
pub fn looking() {
    WRITES.load(Ordering::Relaxed);
}

/// As in the daemon.
#[derive(Debug)]
pub struct MapFile(real::MapFile);

impl MapFile {
    /// As in the daemon.
    pub fn anonymous() -> Result<Self, Error> {
        real::MapFile::anonymous().map(Self)
    }

    /// As in the daemon.
    pub fn create(path: &Path) -> Result<Self, Error> {
        real::MapFile::create(path).map(Self)
    }

    /// As in the daemon.
    pub fn open(path: &Path) -> Result<Self, Error> {
        real::MapFile::open(path).map(Self)
    }

    /// As in the daemon.
    pub fn open_read_only(path: &Path) -> Result<Self, Error> {
        real::MapFile::open_read_only(path).map(Self)
    }

    /// As in the daemon.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        WRITES.fetch_add(1, Ordering::Relaxed);
        self.0.write(offset, bytes)
    }
}

impl Deref for MapFile {
    type Target = real::MapFile;

    fn deref(&self) -> &real::MapFile {
        &self.0
    }
}
