//! [`Disk`] on a real folder: O_DIRECT files, read and written by the ring of the calling core.
//!
//! Reads, writes and flushes go through the ring, and so do the folder operations that may take
//! long (a flush of a folder commits the file system's journal). Opening and listing are plain
//! system calls; the engine does them at start and when a segment is made.

use super::buf::Window;
use super::disk::{Disk, DiskFile, IoError, IoErrorKind};
use super::inflight::Ticket;
use super::runtime;
use crate::base::AlignedBuf;
use crate::base::limits::BLOCK;
use compio::driver::op::{ReadAt, Sync as SyncOp, WriteAt};
use futures_util::future::try_join_all;
use rustix::fs::{AtFlags, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A new file is zeroed in writes of this size ...
const ZERO_CHUNK: usize = 1024 * 1024;
/// ... of which so many are under way at once: enough to keep a device busy, not enough to make
/// the requests of clients wait long behind them.
const ZERO_CHUNKS_IN_FLIGHT: u64 = 2;

/// A folder of the file system. Clones share it; it may go to other threads.
#[derive(Clone)]
pub struct UringDisk(Arc<Root>);

struct Root {
    path: PathBuf,
    fd: OwnedFd,
    /// Whether files may be changed, made, renamed and removed.
    writable: bool,
}

impl UringDisk {
    /// The disk that is the existing folder `path`.
    pub fn open(path: &Path) -> Result<Self, IoError> {
        Self::open_as(path, true)
    }

    /// The same for reading only: every operation that would change anything fails.
    pub fn open_read_only(path: &Path) -> Result<Self, IoError> {
        Self::open_as(path, false)
    }

    fn open_as(path: &Path, writable: bool) -> Result<Self, IoError> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| failed("open", &path.to_string_lossy(), &error.into()))?;
        let path = path.to_owned();
        Ok(Self(Arc::new(Root { path, fd, writable })))
    }

    /// Where the folder is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Fails on a disk that is for reading only.
    fn changes(&self, operation: &'static str, path: &str) -> Result<(), IoError> {
        match self.0.writable {
            true => Ok(()),
            false => Err(failed(operation, path, &Errno::ROFS.into())),
        }
    }

    fn open_file(&self, path: &str, flags: OFlags) -> Result<File, IoError> {
        let access = match self.0.writable {
            true => OFlags::RDWR,
            false => OFlags::RDONLY,
        };
        let flags = flags | access | OFlags::DIRECT | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let fd = rustix::fs::openat(&self.0.fd, path, flags, mode)
            .map_err(|error| failed("open", path, &error.into()))?;
        let wanted = StatxFlags::SIZE | StatxFlags::DIOALIGN;
        let stat = rustix::fs::statx(&fd, "", AtFlags::EMPTY_PATH, wanted)
            .map_err(|error| failed("stat", path, &error.into()))?;
        Ok(File {
            fd,
            path: path.to_owned(),
            len: stat.stx_size,
            block_size: direct_block_size(&stat),
        })
    }

    async fn make(&self, path: &str, len: u64, fill: Fill) -> Result<UringFile, IoError> {
        self.changes("create", path)?;
        let mut file = self.open_file(path, OFlags::CREATE | OFlags::EXCL)?;
        file.len = len;
        let file = UringFile(Arc::new(file));
        let made = async {
            if len > 0 {
                let allocated = file.allocate()?;
                if fill == Fill::Zeros || !allocated {
                    file.fill_with_zeros().await?;
                }
            }
            file.sync(false).await?;
            self.sync_dir(parent(path)).await
        };
        if let Err(error) = made.await {
            // Half a file helps nobody, least of all on a full disk. The first error says more
            // than one of the cleaning up.
            let _ = rustix::fs::unlinkat(&self.0.fd, path, AtFlags::empty());
            return Err(error);
        }
        Ok(file)
    }

    /// Makes the names in a folder durable.
    async fn sync_dir(&self, path: &str) -> Result<(), IoError> {
        let open = || {
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
            let path = if path.is_empty() { "." } else { path };
            rustix::fs::openat(&self.0.fd, path, flags, Mode::empty())
        };
        let fd = open().map_err(|error| failed("open", path, &error.into()))?;
        let result = compio::runtime::submit(SyncOp::new(fd, false)).await.0;
        result.map_err(|error| failed("sync", path, &error))?;
        Ok(())
    }
}

/// The folder part of a path; empty for the root.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The unit of direct I/O, or a block when the kernel does not tell or our buffers are not aligned
/// enough for a smaller one.
fn direct_block_size(stat: &Statx) -> usize {
    if stat.stx_mask & StatxFlags::DIOALIGN.bits() == 0 {
        return BLOCK;
    }
    match usize::try_from(stat.stx_dio_offset_align) {
        Ok(size) if (512..=BLOCK).contains(&size) && size.is_power_of_two() => size,
        _ => BLOCK,
    }
}

impl Disk for UringDisk {
    type File = UringFile;

    async fn create(&self, path: &str, len: u64) -> Result<UringFile, IoError> {
        self.make(path, len, Fill::Zeros).await
    }

    async fn allocate(&self, path: &str, len: u64) -> Result<UringFile, IoError> {
        self.make(path, len, Fill::Nothing).await
    }

    fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::fstatvfs(&self.0.fd).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    async fn open(&self, path: &str) -> Result<UringFile, IoError> {
        let file = UringFile(Arc::new(self.open_file(path, OFlags::empty())?));
        // Who only looks decides nothing that others rely on, and reads past the cache anyway.
        if self.0.writable {
            file.sync(false).await?;
            self.sync_dir(parent(path)).await?;
        }
        Ok(file)
    }

    async fn create_dir(&self, path: &str) -> Result<(), IoError> {
        self.changes("create folder", path)?;
        let ends = path.match_indices('/').map(|(end, _)| end);
        for end in ends.chain([path.len()]) {
            let part = path.get(..end).unwrap_or(path);
            match rustix::fs::mkdirat(&self.0.fd, part, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(failed("create folder", part, &error.into())),
            }
            // Also when it existed: whoever made it may have crashed before syncing it.
            self.sync_dir(parent(part)).await?;
        }
        Ok(())
    }

    async fn list(&self, path: &str) -> Result<Vec<String>, IoError> {
        let read = || {
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
            let path = if path.is_empty() { "." } else { path };
            let fd = rustix::fs::openat(&self.0.fd, path, flags, Mode::empty())?;
            let mut names = Vec::new();
            for entry in rustix::fs::Dir::read_from(fd)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if name != "." && name != ".." {
                    names.push(name);
                }
            }
            names.sort_unstable();
            Ok(names)
        };
        read().map_err(|error: Errno| failed("list", path, &error.into()))
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), IoError> {
        self.changes("rename", from)?;
        rustix::fs::renameat(&self.0.fd, from, &self.0.fd, to)
            .map_err(|error| failed("rename", from, &error.into()))?;
        self.sync_dir(parent(to)).await?;
        if parent(from) != parent(to) {
            self.sync_dir(parent(from)).await?;
        }
        Ok(())
    }

    async fn remove(&self, path: &str) -> Result<(), IoError> {
        self.changes("remove", path)?;
        rustix::fs::unlinkat(&self.0.fd, path, AtFlags::empty())
            .map_err(|error| failed("remove", path, &error.into()))?;
        self.sync_dir(parent(path)).await
    }
}

/// What a new file is given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    Zeros,
    Nothing,
}

/// A file opened past the page cache.
#[derive(Clone)]
pub struct UringFile(Arc<File>);

struct File {
    fd: OwnedFd,
    path: String,
    len: u64,
    block_size: usize,
}

/// Keeps the file open, and its operation counted, for as long as the kernel works on it.
struct Held {
    file: Arc<File>,
    _ticket: Option<Ticket>,
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.fd.as_fd()
    }
}

impl UringFile {
    fn failed(&self, operation: &'static str, error: &io::Error) -> IoError {
        failed(operation, &self.0.path, error)
    }

    fn hold(&self) -> Held {
        Held {
            file: self.0.clone(),
            _ticket: None,
        }
    }

    /// A finished operation, checked.
    fn check(
        &self,
        operation: &'static str,
        result: io::Result<usize>,
        wanted: usize,
    ) -> Result<(), IoError> {
        match result {
            Ok(done) if done == wanted => Ok(()),
            Ok(done) => Err(IoError {
                kind: IoErrorKind::Short,
                operation,
                path: self.0.path.clone(),
                message: format!("{done} bytes of {wanted}"),
            }),
            Err(error) => Err(self.failed(operation, &error)),
        }
    }

    async fn sync(&self, data_only: bool) -> Result<(), IoError> {
        let held = Held {
            file: self.0.clone(),
            _ticket: begin().await,
        };
        let result = compio::runtime::submit(SyncOp::new(held, data_only))
            .await
            .0;
        // Not even an interrupted flush is tried again: the kernel may have dropped the error.
        result.map_err(|error| self.failed("sync", &error))?;
        Ok(())
    }

    /// Takes the space of the whole length, if the file system can. Finds out before any write
    /// whether there is room, gets one piece of the disk instead of many, and keeps the writes from
    /// extending the file, which would happen one by one.
    fn allocate(&self) -> Result<bool, IoError> {
        // Asked first: a file system may give all it has before it finds that it is not enough, and
        // for that moment nobody else could write.
        let room = rustix::fs::fstatvfs(&self.0.fd)
            .map_err(|error| self.failed("allocate", &error.into()))?;
        if room.f_bavail.saturating_mul(room.f_frsize) < self.0.len {
            return Err(self.failed("allocate", &Errno::NOSPC.into()));
        }
        let mode = rustix::fs::FallocateFlags::empty();
        match rustix::fs::fallocate(&self.0.fd, mode, 0, self.0.len) {
            Ok(()) => Ok(true),
            Err(Errno::OPNOTSUPP) => Ok(false),
            Err(error) => Err(self.failed("allocate", &error.into())),
        }
    }

    /// Writes zeros over the whole length, so that no later write changes the file's metadata.
    async fn fill_with_zeros(&self) -> Result<(), IoError> {
        let lanes = (0..ZERO_CHUNKS_IN_FLIGHT).map(|lane| async move {
            let mut buf = AlignedBuf::zeroed(ZERO_CHUNK);
            let step = ZERO_CHUNK as u64 * ZERO_CHUNKS_IN_FLIGHT;
            let mut at = lane * ZERO_CHUNK as u64;
            while at < self.0.len {
                let left = usize::try_from(self.0.len - at).unwrap_or(usize::MAX);
                buf.set_len(left.min(ZERO_CHUNK));
                let result;
                (result, buf) = self.write_at(at, buf).await;
                result?;
                at += step;
            }
            Ok(())
        });
        try_join_all(lanes).await?;
        Ok(())
    }
}

/// The ticket of an operation on this core. Waits for ever when the core is being closed.
async fn begin() -> Option<Ticket> {
    let core = runtime::core()?;
    match core.in_flight.begin() {
        Some(ticket) => Some(ticket),
        None => std::future::pending().await,
    }
}

fn again(result: &io::Result<usize>) -> bool {
    let errno = result.as_ref().err().and_then(Errno::from_io_error);
    matches!(errno, Some(Errno::INTR | Errno::AGAIN))
}

impl DiskFile for UringFile {
    fn len(&self) -> u64 {
        self.0.len
    }

    fn block_size(&self) -> usize {
        self.0.block_size
    }

    async fn read_at(
        &self,
        offset: u64,
        len: usize,
        mut buf: AlignedBuf,
    ) -> (Result<(), IoError>, AlignedBuf) {
        if len > buf.capacity() {
            let error = io::Error::other("the buffer is too small");
            return (Err(self.failed("read", &error)), buf);
        }
        loop {
            let window = Window::new(buf, 0, len, begin().await);
            let op = ReadAt::new(self.hold(), offset, window);
            let (result, op) = compio::runtime::submit(op).await.into();
            buf = compio::buf::IntoInner::into_inner(op).buf;
            if again(&result) {
                continue;
            }
            let checked = self.check("read", result, len);
            if checked.is_ok() {
                buf.set_len(len);
            }
            return (checked, buf);
        }
    }

    async fn write_at(
        &self,
        offset: u64,
        mut buf: AlignedBuf,
    ) -> (Result<(), IoError>, AlignedBuf) {
        let len = buf.len();
        loop {
            let window = Window::new(buf, 0, len, begin().await);
            let op = WriteAt::new(self.hold(), offset, window);
            let (result, op) = compio::runtime::submit(op).await.into();
            buf = compio::buf::IntoInner::into_inner(op).buf;
            if again(&result) {
                continue;
            }
            return (self.check("write", result, len), buf);
        }
    }

    async fn sync_data(&self) -> Result<(), IoError> {
        self.sync(true).await
    }
}

fn failed(operation: &'static str, path: &str, error: &io::Error) -> IoError {
    let kind = match Errno::from_io_error(error) {
        Some(Errno::NOENT) => IoErrorKind::NotFound,
        Some(Errno::EXIST) => IoErrorKind::AlreadyExists,
        Some(Errno::NOSPC | Errno::DQUOT) => IoErrorKind::NoSpace,
        _ => IoErrorKind::Other,
    };
    IoError {
        kind,
        operation,
        path: path.to_owned(),
        message: error.to_string(),
    }
}

#[cfg(test)]
#[path = "uring_disk_tests.rs"]
mod tests;
