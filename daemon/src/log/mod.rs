//! The append-only log: the truth of a shard. Segments written once, group commit, recovery.
//!
//! `docs/format/log.md` describes the bytes and argues why recovery is right. In short: records are
//! copied into *batches*, large bodies are written as *extents* straight from the buffer they were
//! received into; both are *frames* that begin at a block of their own. A record is acknowledged
//! when every write before it in the log has completed and a flush that began after that succeeded.
//!
//! | module | |
//! |---|---|
//! | `format` | the bytes |
//! | `allocate` | waiting for room |
//! | `state` | where the next byte goes, who waits: bookkeeping without I/O |
//! | `run` | the loops that write, flush, rotate and prepare segments |
//! | `scan`, `survey`, `recover` | opening an existing log |
//! | `read`, `walk` | reading records and extents from any core, and whole segments |

mod allocate;
mod error;
mod format;
mod open;
mod read;
mod recover;
mod run;
mod scan;
mod segment;
mod state;
mod survey;
#[cfg(test)]
mod tests;
mod walk;

pub use error::LogError;
pub use open::inspect;
pub use read::{LogReader, OwnedRecord};
pub use recover::{Damage, RecordView, Recovery};

use crate::base::limits::EXTENT_HEAD;
use crate::base::local::{Notify, Receiver, oneshot};
use crate::base::{AlignedBuf, Location};
use crate::io::{Clock, Disk};
use format::Binding;
use segment::Table;
use state::{Class, State};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// When [`Log::commit`] resolves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the bytes are on stable media.
    Strict,
    /// When the bytes are written, so that they outlive the process; a flush follows within
    /// `interval`, and until then a power loss may take them.
    Relaxed {
        /// Longest time between a write and the flush that covers it.
        interval: Duration,
    },
}

/// Everything a log has to be told.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Its folder, relative to the disk's root. Nothing else may put `seg-*` files there.
    pub dir: String,
    /// The store's id; part of every checksum.
    pub store: [u8; 16],
    /// The shard; part of every checksum. `0xffff` is the namespace.
    pub shard: u16,
    /// Bytes of a new segment's file: a multiple of 4096, at least 16 KiB.
    pub segment_bytes: u32,
    /// When a commit resolves.
    pub durability: Durability,
}

/// Where an extent is: what a record stores to find its body again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtentRef {
    /// Its header.
    pub at: Location,
    /// Bytes of its body.
    pub len: u32,
}

/// Figures for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Bytes queued for writing since the start, padding included.
    pub bytes: u64,
    /// Records appended since the start.
    pub records: u64,
    /// Batches written since the start, marks included.
    pub batches: u64,
    /// Extents written since the start.
    pub extents: u64,
    /// Flushes since the start.
    pub flushes: u64,
    /// Segments in use.
    pub segments: usize,
    /// Segments prepared for use.
    pub spares: usize,
    /// Everything before is on stable media.
    pub durable: Location,
    /// A write or flush failed: nothing is acknowledged any more.
    pub poisoned: bool,
    /// The log has ended, in order or not.
    pub closed: bool,
    /// The device had no room for a spare segment.
    pub full: bool,
}

/// An extent on its way to the device. Dropping it does not stop the write.
pub struct Writing(Receiver<(Result<(), LogError>, AlignedBuf)>);

impl Writing {
    /// Resolves when the write completed; the buffer comes back.
    pub async fn done(self) -> (Result<(), LogError>, AlignedBuf) {
        let result = self.0.receive().await;
        result.unwrap_or_else(|| (Err(LogError::Closed), AlignedBuf::with_capacity(0)))
    }
}

struct Inner<D: Disk, C: Clock> {
    disk: D,
    clock: C,
    config: LogConfig,
    binding: Binding,
    table: Table<D::File>,
    state: RefCell<State<D::File>>,
    /// Something to write or flush, or the end.
    work: Notify,
    /// Room in the log, or the certainty that there is none.
    space: Notify,
    /// A spare is wanted, or a segment was retired.
    prepare: Notify,
    retiring: RefCell<VecDeque<run::Retiring>>,
    /// When the device was found full.
    full_since: Cell<Option<Duration>>,
    /// The device was found full.
    full: Notify,
    /// The device was found full, and there is no spare for ordinary writes yet.
    short: Cell<bool>,
    /// Room is expected although the device is full.
    hope: Cell<bool>,
    pace: run::Pace,
}

/// A log. A handle: clones share it. It needs [`Log::run`] to be run beside it.
pub struct Log<D: Disk, C: Clock>(Rc<Inner<D, C>>);

impl<D: Disk, C: Clock> Clone for Log<D, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<D: Disk, C: Clock> Log<D, C> {
    /// Appends one packed record to the batch that collects: copies `parts`, concatenated, once.
    /// `kind` is the caller's, below `0xf0`. Not durable before [`Log::commit`], not readable
    /// either. Waits only when a segment is full and the next one is not ready; records that wait
    /// keep their order.
    pub async fn append(&self, kind: u8, parts: &[&[u8]]) -> Result<Location, LogError> {
        self.append_as(kind, parts, Class::Ordinary).await
    }

    /// Like [`Log::append`], and may use the room kept for deletions and administration when the
    /// device is full. For small records that free space or keep the store manageable.
    pub async fn append_reserved(&self, kind: u8, parts: &[&[u8]]) -> Result<Location, LogError> {
        self.append_as(kind, parts, Class::Reserved).await
    }

    /// Like [`Log::append`], and may use the last spare when the device is full: for records that are
    /// moved to free the segment they are in.
    pub async fn append_moved(&self, kind: u8, parts: &[&[u8]]) -> Result<Location, LogError> {
        self.append_as(kind, parts, Class::Moved).await
    }

    async fn append_as(
        &self,
        kind: u8,
        parts: &[&[u8]],
        class: Class,
    ) -> Result<Location, LogError> {
        if kind >= format::KIND_RESERVED {
            return Err(LogError::Invalid("record kinds from 0xf0 are the log's"));
        }
        self.allocate(|state| state.append(kind, parts, class))
            .await
    }

    /// Writes an extent straight from `buf`: the header goes to `buf[..EXTENT_HEAD]`, the body is
    /// `buf[EXTENT_HEAD..]`. `tag` says whom it belongs to. Resolves when the write completed, which
    /// is not yet durable; the buffer comes back. Dropping the future does not stop the write.
    pub async fn append_extent(
        &self,
        tag: u128,
        buf: AlignedBuf,
    ) -> (Result<ExtentRef, LogError>, AlignedBuf) {
        match self.start_extent(tag, buf).await {
            Ok((extent, writing)) => {
                let (result, buf) = writing.done().await;
                (result.map(|()| extent), buf)
            }
            Err((error, buf)) => (Err(error), buf),
        }
    }

    /// Like [`Log::append_extent`], but resolves as soon as the extent has its place, so that a
    /// record that names it can be appended while it is being written. A commit of that record
    /// covers the extent: it fails when the extent's write fails.
    pub async fn start_extent(
        &self,
        tag: u128,
        buf: AlignedBuf,
    ) -> Result<(ExtentRef, Writing), (LogError, AlignedBuf)> {
        self.start_extent_as(tag, buf, Class::Ordinary).await
    }

    /// Like [`Log::start_extent`], and may use the last spare when the device is full: for extents that
    /// are moved to free the segment they are in.
    pub async fn start_moved_extent(
        &self,
        tag: u128,
        buf: AlignedBuf,
    ) -> Result<(ExtentRef, Writing), (LogError, AlignedBuf)> {
        self.start_extent_as(tag, buf, Class::Moved).await
    }

    async fn start_extent_as(
        &self,
        tag: u128,
        buf: AlignedBuf,
        class: Class,
    ) -> Result<(ExtentRef, Writing), (LogError, AlignedBuf)> {
        if buf.len() < EXTENT_HEAD {
            let error = LogError::Invalid("an extent's buffer begins with room for its header");
            return Err((error, buf));
        }
        let len = u32::try_from(buf.len() - EXTENT_HEAD).unwrap_or(u32::MAX);
        let (sender, receiver) = oneshot();
        let (mut sender, mut given) = (Some(sender), Some(buf));
        let allocated =
            self.allocate(|state| state.append_extent(tag, &mut given, &mut sender, class));
        match allocated.await {
            Ok(at) => Ok((ExtentRef { at, len }, Writing(receiver))),
            Err(error) => Err((error, given.unwrap_or_else(|| AlignedBuf::with_capacity(0)))),
        }
    }

    /// Resolves when everything appended before this call is as safe as the configured
    /// [`Durability`] says. Many callers share one flush.
    pub async fn commit(&self) -> Result<(), LogError> {
        let target = self.end();
        self.reached(target).await
    }

    async fn reached(&self, target: Location) -> Result<(), LogError> {
        let inner = &self.0;
        let mut told = false;
        poll_fn(|cx| {
            let mut state = inner.state.borrow_mut();
            if let Err(error) = state.stopped() {
                return Poll::Ready(Err(error));
            }
            if state.reached(target) {
                return Poll::Ready(Ok(()));
            }
            state.wait(target, cx.waker());
            let tell = !told && !state.busy();
            drop(state);
            told = true;
            if tell {
                inner.work.notify();
            }
            Poll::Pending
        })
        .await
    }

    /// Commits, leaves a mark that everything was flushed, and ends [`Log::run`].
    pub async fn close(&self) -> Result<(), LogError> {
        self.commit().await?;
        let end = {
            let mut state = self.0.state.borrow_mut();
            if state.durable < state.end() {
                state.flush_wanted = state.end();
            }
            state.end()
        };
        self.0.work.notify();
        self.durable(end).await?;
        self.0.state.borrow_mut().mark();
        self.0.work.notify();
        self.durable(self.end()).await?;
        self.0.halt(None);
        Ok(())
    }

    /// Resolves when everything before `target` was flushed, whatever the durability.
    async fn durable(&self, target: Location) -> Result<(), LogError> {
        loop {
            let ticket = self.0.work.ticket();
            {
                let state = self.0.state.borrow();
                state.stopped()?;
                if state.durable >= target {
                    return Ok(());
                }
            }
            self.0.work.changed(ticket).await;
        }
    }

    /// Takes a segment that holds nothing of value any more out of the log and keeps its file for
    /// reuse. The caller sees to it that no reader needs it and that recovery begins after it.
    pub async fn retire(&self, segment: u32) -> Result<(), LogError> {
        self.0.state.borrow().stopped()?;
        if segment >= self.0.state.borrow().active {
            return Err(LogError::Invalid(
                "only segments before the last are retired",
            ));
        }
        let (sender, receiver) = oneshot();
        self.0
            .retiring
            .borrow_mut()
            .push_back(run::Retiring { segment, sender });
        self.0.prepare.notify();
        receiver.receive().await.unwrap_or(Err(LogError::Closed))
    }

    /// Where the next record goes if it fits: everything appended so far is before it.
    #[must_use]
    pub fn end(&self) -> Location {
        self.0.state.borrow().end()
    }

    /// Numbers of the segments in use, oldest first.
    #[must_use]
    pub fn segments(&self) -> Vec<u32> {
        self.0.table.numbers()
    }

    /// A reader for any thread.
    #[must_use]
    pub fn reader(&self) -> LogReader<D> {
        LogReader::new(self.0.table.clone(), self.0.binding)
    }

    /// Figures for metrics.
    #[must_use]
    pub fn stats(&self) -> LogStats {
        let state = self.0.state.borrow();
        LogStats {
            bytes: state.counts.bytes,
            records: state.counts.records,
            batches: state.counts.batches,
            extents: state.counts.extents,
            flushes: state.counts.flushes,
            segments: self.0.table.len(),
            spares: state.spares.len(),
            durable: state.durable,
            poisoned: state.poison.is_some(),
            closed: state.closed,
            full: self.0.full_since.get().is_some(),
        }
    }

    /// The log's background work: writes, flushes, rotates, prepares segments. Runs until
    /// [`Log::close`] or a failure; dropping it stops the log.
    pub fn run(&self) -> impl Future<Output = ()> + use<D, C> {
        run::run(run::Stop(self.0.clone()))
    }
}
