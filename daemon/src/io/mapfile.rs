//! The file behind the mapped namespace index: locked, preallocated, written with `pwrite`, mapped
//! read-only by whoever is given its descriptor. Its calls block; they touch the page cache only,
//! but for [`MapFile::sync`], which belongs to start and stop.

use super::mapfault::FileName;
use rustix::fs::{FallocateFlags, FlockOperation, MemfdFlags};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// An open file of an index. The lock on it ends when this is dropped.
#[derive(Debug)]
pub struct MapFile {
    file: File,
    in_memory: bool,
    name: FileName,
}

impl MapFile {
    /// A file without a name, in memory.
    pub fn anonymous() -> Result<Self, Error> {
        let fd = rustix::fs::memfd_create("chainring-index", MemfdFlags::CLOEXEC)?;
        Ok(Self {
            file: File::from(fd),
            in_memory: true,
            name: FileName::of_memory(),
        })
    }

    /// Whether it has no name. Such a file only takes the memory that is written to, so that tests
    /// can have thousands; a page that was not is not worth a stall less.
    #[must_use]
    pub const fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    /// A new, empty file that takes the place of what may be at `path`. A file that is locked stays
    /// ([`ErrorKind::WouldBlock`]). The old file is unlinked, not truncated: it may still be mapped.
    pub fn create(path: &Path) -> Result<Self, Error> {
        match Self::open(path) {
            Ok(_) => std::fs::remove_file(path)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        Self::locked(options.open(path)?, path)
    }

    /// An existing file. One that is locked gives [`ErrorKind::WouldBlock`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::locked(OpenOptions::new().read(true).write(true).open(path)?, path)
    }

    /// An existing file, to be looked at only. One that a writer has gives
    /// [`ErrorKind::WouldBlock`].
    pub fn open_read_only(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared)?;
        Ok(Self {
            file,
            in_memory: false,
            name: FileName::new(path),
        })
    }

    fn locked(file: File, path: &Path) -> Result<Self, Error> {
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self {
            file,
            in_memory: false,
            name: FileName::new(path),
        })
    }

    /// Its name, for [`mapfault`](super::mapfault).
    #[must_use]
    pub const fn name(&self) -> FileName {
        self.name
    }

    /// Its length in bytes.
    pub fn len(&self) -> Result<u64, Error> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len()? == 0)
    }

    /// Makes the file `len` bytes long, with room on the device for all of them: only here can it
    /// meet a full device.
    pub fn grow(&self, len: u64) -> Result<(), Error> {
        if self.in_memory {
            return self.file.set_len(len);
        }
        Ok(rustix::fs::fallocate(
            &self.file,
            FallocateFlags::empty(),
            0,
            len,
        )?)
    }

    /// Fills `bytes` from `offset` on.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.file.read_exact_at(bytes, offset)
    }

    /// Writes `bytes` at `offset`; mappings of the file show them at once.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all_at(bytes, offset)
    }

    /// Makes everything written durable.
    pub fn sync(&self) -> Result<(), Error> {
        self.file.sync_all()
    }
}

impl Drop for MapFile {
    /// A mapping of the file keeps its description open, and with it the lock: give that back now.
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

impl AsFd for MapFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_file_is_neither_opened_nor_replaced() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("index");
        let first = MapFile::create(&path).expect("created");
        first.grow(8192).expect("grown");
        assert_eq!(first.len().expect("length"), 8192);
        for attempt in [MapFile::open(&path), MapFile::create(&path)] {
            let kind = attempt.expect_err("locked").kind();
            assert_eq!(kind, ErrorKind::WouldBlock);
        }
        drop(first);
        let second = MapFile::create(&path).expect("replaced");
        assert!(second.is_empty().expect("length"));
    }
}
