//! The seam between the engine and the world: [`Disk`], [`DiskFile`] and [`Clock`].

use crate::base::{AlignedBuf, Timestamp};
use std::future::Future;
use std::time::Duration;

/// What kind of failure an I/O operation met; the engine decides by this, people read the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoErrorKind {
    /// The file or folder does not exist.
    NotFound,
    /// It exists already.
    AlreadyExists,
    /// No space or quota left on the device.
    NoSpace,
    /// Fewer bytes were read or written than asked for.
    Short,
    /// Anything else, for example a device error.
    Other,
}

/// A failed I/O operation.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation} {path}: {message}")]
pub struct IoError {
    /// The kind the engine decides by.
    pub kind: IoErrorKind,
    /// For example `write`.
    pub operation: &'static str,
    /// The file it was done to, relative to the disk's root.
    pub path: String,
    /// The system's words.
    pub message: String,
}

/// A folder of files. Paths are relative to it, with `/` between components.
pub trait Disk: Clone + 'static {
    /// An open file.
    type File: DiskFile;

    /// Creates a file of `len` bytes, zero-filled *by writing* (so that later writes change no file
    /// system metadata), then syncs it and its folder. Fails when it exists. A file created with
    /// length 0 grows as it is written, for files that are written once, front to back.
    fn create(&self, path: &str, len: u64) -> impl Future<Output = Result<Self::File, IoError>>;
    /// Like [`Disk::create`], but only sets the space aside, which costs the device nothing: reading
    /// gives zeros, and the first write to a place changes file system metadata that the next flush
    /// has to write as well.
    fn allocate(&self, path: &str, len: u64) -> impl Future<Output = Result<Self::File, IoError>> {
        self.create(path, len)
    }
    /// Opens an existing file for reading and writing, and syncs it and its folder *before*
    /// returning, so that nobody acts on data that was in a cache only.
    fn open(&self, path: &str) -> impl Future<Output = Result<Self::File, IoError>>;
    /// Creates a folder and its missing parents, and syncs the parents. Existing is fine.
    fn create_dir(&self, path: &str) -> impl Future<Output = Result<(), IoError>>;
    /// The names in a folder, sorted.
    fn list(&self, path: &str) -> impl Future<Output = Result<Vec<String>, IoError>>;
    /// Renames a file over another atomically, and syncs the folder.
    fn rename(&self, from: &str, to: &str) -> impl Future<Output = Result<(), IoError>>;
    /// Removes a file and syncs its folder.
    fn remove(&self, path: &str) -> impl Future<Output = Result<(), IoError>>;
    /// Bytes that new files may still take, where that is known. It may be less a moment later.
    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

/// An open file, read and written past the page cache. Clones share the file; they may go to other
/// threads, and each thread uses its own ring.
pub trait DiskFile: Clone + Send + Sync + 'static {
    /// Length in bytes when it was opened or created.
    fn len(&self) -> u64;
    /// Whether it has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Smallest unit of an offset or length (512 or 4096).
    fn block_size(&self) -> usize;
    /// Reads `len` bytes at `offset` into the front of `buf` and sets its length. All three numbers
    /// are multiples of [`DiskFile::block_size`]. Fewer bytes than asked for is an error
    /// ([`IoErrorKind::Short`]).
    fn read_at(
        &self,
        offset: u64,
        len: usize,
        buf: AlignedBuf,
    ) -> impl Future<Output = (Result<(), IoError>, AlignedBuf)>;
    /// Writes all of `buf` at `offset`; both are multiples of [`DiskFile::block_size`]. Returns the
    /// buffer. A completed write may still be in the device's cache.
    fn write_at(
        &self,
        offset: u64,
        buf: AlignedBuf,
    ) -> impl Future<Output = (Result<(), IoError>, AlignedBuf)>;
    /// Makes every *completed* write durable. A failure is final: the caller must not retry it.
    fn sync_data(&self) -> impl Future<Output = Result<(), IoError>>;
}

/// Time, as the engine sees it.
pub trait Clock: Clone + 'static {
    /// Wall-clock time.
    fn now(&self) -> Timestamp;
    /// Wall-clock time in microseconds since the Unix epoch.
    fn now_micros(&self) -> u64 {
        self.now().0.saturating_mul(1000)
    }
    /// Time since some fixed point, never going back.
    fn monotonic(&self) -> Duration;
    /// Resolves after `duration`.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}
