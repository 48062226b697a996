//! [`SimDisk`] and [`SimFile`]: the disk seam on top of an [`Image`], with delays, faults and a
//! recording.

use super::clock::SimClock;
use super::executor::yield_now;
use super::fault::{Fault, Faults, Operation};
use super::image::{Content, Image, Keep, SECTOR};
use super::rng::Rng;
use super::trace::{Event, Trace};
use crate::base::AlignedBuf;
use crate::io::{Clock, Disk, DiskFile, IoError, IoErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an operation takes that is slow.
const SLOW: Duration = Duration::from_secs(10);
/// Most times an operation yields before it completes.
const DELAY_MAX: usize = 3;

struct World {
    image: Image,
    trace: Option<Trace>,
    faults: Faults,
    rng: Rng,
    next_id: u64,
    capacity: u64,
    block: usize,
}

impl World {
    fn number(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn happen(&mut self, event: Event) {
        self.image.apply(&event);
        if let Some(trace) = &mut self.trace {
            trace.events.push(event);
        }
    }

    fn used(&self) -> u64 {
        let contents = &self.image.contents;
        let sizes = self.image.names.values().filter_map(|f| contents.get(f));
        sizes.map(|content| content.live.len() as u64).sum()
    }

    /// Whether writing `file` up to `end` stays within the capacity.
    fn has_room(&self, file: &SimFile, end: usize) -> bool {
        let content = self.image.contents.get(&file.number);
        let growth = end.saturating_sub(content.map_or(0, |content| content.live.len()));
        !file.grows || self.used().saturating_add(growth as u64) <= self.capacity
    }

    fn content(&self, path: &str) -> Option<&Content> {
        self.image.contents.get(self.image.names.get(path)?)
    }
}

/// A simulated disk. Clones share it.
#[derive(Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

/// An open file of a [`SimDisk`].
#[derive(Clone)]
pub struct SimFile {
    disk: SimDisk,
    path: String,
    number: u64,
    len: u64,
    block: usize,
    /// Created with length 0: writing extends it.
    grows: bool,
}

impl SimDisk {
    /// An empty disk with 512-byte blocks whose delays follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_image(seed, Image::default())
    }

    /// A disk that holds `image`.
    #[must_use]
    pub fn with_image(seed: u64, image: Image) -> Self {
        let newest = image.contents.keys().max().copied();
        Self {
            world: Arc::new(Mutex::new(World {
                image,
                trace: None,
                faults: Faults::default(),
                rng: Rng::new(seed),
                next_id: newest.unwrap_or(0),
                capacity: u64::MAX,
                block: SECTOR,
            })),
        }
    }

    /// Sets the block size that files opened from now on report.
    #[must_use]
    pub fn with_block_size(self, block: usize) -> Self {
        self.world().block = block;
        self
    }

    /// The block size that files report.
    #[must_use]
    pub fn block_size(&self) -> usize {
        self.world().block
    }

    /// Limits the sum of all file lengths; creating beyond it is [`IoErrorKind::NoSpace`].
    pub fn set_capacity(&self, bytes: u64) {
        self.world().capacity = bytes;
    }

    /// Begins a recording; one that ran is dropped.
    pub fn record(&self) {
        let mut world = self.world();
        world.trace = Some(Trace::of(world.image.clone(), false));
    }

    /// As [`SimDisk::record`], with the reads: to compare what two runs did.
    pub fn record_reads(&self) {
        let mut world = self.world();
        world.trace = Some(Trace::of(world.image.clone(), true));
    }

    /// The recording so far.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.world().trace.clone().unwrap_or_default()
    }

    /// How many events were recorded so far.
    #[must_use]
    pub fn events(&self) -> usize {
        let world = self.world();
        world.trace.as_ref().map_or(0, |trace| trace.events.len())
    }

    /// Puts a mark into the recording.
    pub fn mark(&self, mark: u64) {
        self.world().happen(Event::Mark(mark));
    }

    /// Plans a fault.
    pub fn fail(&self, fault: Fault) {
        self.world().faults.plan(fault);
    }

    /// The n-th operation of a kind from now on, 0 for the next one, takes ten seconds.
    pub fn slow(&self, operation: Operation, nth: u64) {
        self.world().faults.slow(operation, nth);
    }

    /// Forgets the faults still planned.
    pub fn heal(&self) {
        self.world().faults.clear();
    }

    /// How many operations of this kind there were.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.world().faults.count(operation)
    }

    /// The state at this instant.
    #[must_use]
    pub fn image(&self) -> Image {
        self.world().image.clone()
    }

    /// What is left when the power fails now, as a disk of its own with the same block size.
    #[must_use]
    pub fn crash(&self, keep: Keep) -> Self {
        let (image, seed, block) = {
            let mut world = self.world();
            (world.image.crash(keep), world.rng.bits(), world.block)
        };
        Self::with_image(seed, image).with_block_size(block)
    }

    /// Paths of all files.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.world().image.names.keys().cloned().collect()
    }

    /// A file's bytes as a reader sees them.
    #[must_use]
    pub fn read_raw(&self, path: &str) -> Option<Vec<u8>> {
        self.world()
            .content(path)
            .map(|content| content.live.clone())
    }

    /// Puts a file there, or replaces its bytes (also its length), durably: rot, restored backups.
    pub fn write_raw(&self, path: &str, bytes: Vec<u8>) {
        let mut world = self.world();
        let file = match world.image.names.get(path) {
            Some(file) => *file,
            None => world.number(),
        };
        world.image.names.insert(path.to_owned(), file);
        world.image.contents.insert(file, Content::settled(bytes));
    }

    /// Removes a file durably.
    pub fn remove_raw(&self, path: &str) {
        self.world().image.names.remove(path);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes some time, then says whether the operation has to fail.
    async fn pass(&self, operation: Operation, path: &str) -> Result<(), IoError> {
        let met = self.world().faults.meet(operation);
        self.delay().await;
        if met.slow {
            SimClock.sleep(SLOW).await;
        }
        met.failure
            .map_or(Ok(()), |kind| Err(operation.error(path, kind)))
    }

    async fn delay(&self) {
        let turns = self.world().rng.below(DELAY_MAX + 1);
        for _ in 0..turns {
            yield_now().await;
        }
    }

    fn handle(&self, path: &str, number: u64, len: u64) -> SimFile {
        SimFile {
            disk: self.clone(),
            path: path.to_owned(),
            number,
            len,
            block: self.world().block,
            grows: false,
        }
    }

    /// Begins a change of a folder, takes time, ends it. A crash in between may keep it or not.
    async fn change(&self, begin: impl FnOnce(&mut World, u64) -> Event) {
        let id = {
            let mut world = self.world();
            let id = world.number();
            let event = begin(&mut world, id);
            world.happen(event);
            id
        };
        self.delay().await;
        self.world().happen(Event::ChangeDone { id });
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl World {
    fn has_folder(&self, path: &str) -> bool {
        path.is_empty() || self.image.folders.contains(path)
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    async fn create(&self, path: &str, len: u64) -> Result<SimFile, IoError> {
        let operation = Operation::Create;
        self.pass(operation, path).await?;
        let bytes =
            usize::try_from(len).map_err(|_| operation.error(path, IoErrorKind::NoSpace))?;
        {
            let world = self.world();
            if world.image.names.contains_key(path) {
                return Err(operation.error(path, IoErrorKind::AlreadyExists));
            }
            if !world.has_folder(parent(path)) {
                return Err(operation.error(path, IoErrorKind::NotFound));
            }
            if world.used().saturating_add(len) > world.capacity {
                return Err(operation.error(path, IoErrorKind::NoSpace));
            }
        }
        let mut number = 0;
        self.change(|world, id| {
            number = world.number();
            Event::CreateBegun {
                id,
                path: path.to_owned(),
                file: number,
                len: bytes,
            }
        })
        .await;
        let grows = len == 0;
        Ok(SimFile {
            grows,
            ..self.handle(path, number, len)
        })
    }

    async fn open(&self, path: &str) -> Result<SimFile, IoError> {
        let operation = Operation::Open;
        self.pass(operation, path).await?;
        let (number, len) = {
            let mut world = self.world();
            let number = world.image.names.get(path).copied();
            let number = number.ok_or_else(|| operation.error(path, IoErrorKind::NotFound))?;
            let content = world.image.contents.get(&number);
            let content = content.ok_or_else(|| operation.error(path, IoErrorKind::NotFound))?;
            let (len, covers) = (content.live.len() as u64, content.covered());
            world.happen(Event::SyncDone {
                file: number,
                covers,
            });
            (number, len)
        };
        Ok(self.handle(path, number, len))
    }

    async fn create_dir(&self, path: &str) -> Result<(), IoError> {
        self.pass(Operation::CreateDir, path).await?;
        let mut world = self.world();
        let ends = path.match_indices('/').map(|(end, _)| end);
        let folders: Vec<&str> = ends
            .chain([path.len()])
            .filter_map(|e| path.get(..e))
            .collect();
        for folder in folders {
            world.happen(Event::FolderCreated {
                path: folder.to_owned(),
            });
        }
        Ok(())
    }

    fn free_bytes(&self) -> Option<u64> {
        let world = self.world();
        Some(world.capacity.saturating_sub(world.used()))
    }

    async fn list(&self, path: &str) -> Result<Vec<String>, IoError> {
        self.pass(Operation::List, path).await?;
        let world = self.world();
        if !world.has_folder(path) {
            return Err(Operation::List.error(path, IoErrorKind::NotFound));
        }
        let entries = world.image.names.keys().chain(&world.image.folders);
        let mut names: Vec<String> = entries
            .filter(|entry| !entry.is_empty() && parent(entry) == path)
            .map(|entry| entry.rsplit('/').next().unwrap_or(entry).to_owned())
            .collect();
        names.sort();
        Ok(names)
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), IoError> {
        self.pass(Operation::Rename, from).await?;
        if !self.world().image.names.contains_key(from) {
            return Err(Operation::Rename.error(from, IoErrorKind::NotFound));
        }
        self.change(|_, id| Event::RenameBegun {
            id,
            from: from.to_owned(),
            to: to.to_owned(),
        })
        .await;
        Ok(())
    }

    async fn remove(&self, path: &str) -> Result<(), IoError> {
        self.pass(Operation::Remove, path).await?;
        if !self.world().image.names.contains_key(path) {
            return Err(Operation::Remove.error(path, IoErrorKind::NotFound));
        }
        self.change(|_, id| Event::RemoveBegun {
            id,
            path: path.to_owned(),
        })
        .await;
        Ok(())
    }
}

impl SimFile {
    /// Checks what a caller must get right, and gives the range inside the file.
    fn range(&self, offset: u64, len: usize) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(offset).ok()?;
        assert!(
            start.is_multiple_of(self.block) && len.is_multiple_of(self.block),
            "unaligned I/O: {len} bytes at {offset} of {}",
            self.path
        );
        let end = start.checked_add(len)?;
        (end as u64 <= self.len || self.grows).then_some(start..end)
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn block_size(&self) -> usize {
        self.block
    }

    async fn read_at(
        &self,
        offset: u64,
        len: usize,
        mut buf: AlignedBuf,
    ) -> (Result<(), IoError>, AlignedBuf) {
        let range = self.range(offset, len);
        if let Some(trace) = &mut self.disk.world().trace {
            trace.read(self.number, offset, len);
        }
        if let Err(error) = self.disk.pass(Operation::Read, &self.path).await {
            return (Err(error), buf);
        }
        let world = self.disk.world();
        let content = world.image.contents.get(&self.number);
        let bytes = range.and_then(|range| content?.live.get(range));
        let Some(bytes) = bytes else {
            let error = Operation::Read.error(&self.path, IoErrorKind::Short);
            return (Err(error), buf);
        };
        buf.set_len(len);
        buf.copy_from_slice(bytes);
        (Ok(()), buf)
    }

    async fn write_at(&self, offset: u64, buf: AlignedBuf) -> (Result<(), IoError>, AlignedBuf) {
        let range = self.range(offset, buf.len());
        let Some(range) = range.filter(|range| self.disk.world().has_room(self, range.end)) else {
            let error = Operation::Write.error(&self.path, IoErrorKind::NoSpace);
            return (Err(error), buf);
        };
        let (id, file) = {
            let mut world = self.disk.world();
            let id = world.number();
            let data = Arc::from(&*buf);
            let (file, offset) = (self.number, range.start);
            world.happen(Event::WriteBegun {
                id,
                file,
                offset,
                data,
            });
            (id, file)
        };
        // A write that fails stays begun: it may have reached the media or not.
        if let Err(error) = self.disk.pass(Operation::Write, &self.path).await {
            return (Err(error), buf);
        }
        self.disk.world().happen(Event::WriteDone { id, file });
        (Ok(()), buf)
    }

    async fn sync_data(&self) -> Result<(), IoError> {
        let file = self.number;
        let covers = {
            let mut world = self.disk.world();
            let content = world.image.contents.get(&file);
            let covers = content.map(Content::covered).unwrap_or_default();
            world.happen(Event::SyncBegun {
                file,
                covers: covers.clone(),
            });
            covers
        };
        let result = self.disk.pass(Operation::Sync, &self.path).await;
        let mut world = self.disk.world();
        match result {
            Ok(()) => world.happen(Event::SyncDone { file, covers }),
            Err(_) => world.happen(Event::SyncFailed { file, covers }),
        }
        result
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
