//! The background work of a log: one task that writes, flushes, rotates and prepares segments.
//!
//! Writes happen here and not in the task that appends, so that a request that is cancelled leaves
//! no hole in the log.

use super::state::{Job, Rotation, Step, Then};
use super::{Inner, LogError, segment};
use crate::base::Location;
use crate::base::local::Sender;
use crate::io::{Clock, Disk, DiskFile, IoError, IoErrorKind};
use futures_util::StreamExt;
use futures_util::future::{join4, select};
use futures_util::stream::FuturesUnordered;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// Most writes at once.
const WRITES_MAX: usize = 32;
/// Spare segments prepared ahead.
const SPARES_AHEAD: usize = 2;
/// Retired segments kept for reuse; more are removed.
const SPARES_MAX: usize = 3;
/// A segment that is full within this time was filled quickly: 6 MiB/s.
const QUICKLY: Duration = Duration::from_secs(10);
/// A log that was idle for so long gets a mark that says everything was flushed.
const MARK_AFTER: Duration = Duration::from_secs(1);

/// How fast the log grows, which decides how the next segment is made. To write zeros first makes
/// every flush of a few records quicker, but it writes everything twice. A log that fills its
/// segments quickly has many records to a flush and needs the device for them.
pub(super) struct Pace {
    rotated: Cell<Duration>,
    lasted: Cell<Option<Duration>>,
}

impl Pace {
    /// Nothing was written yet.
    pub(super) const fn from(now: Duration) -> Self {
        Self {
            rotated: Cell::new(now),
            lasted: Cell::new(None),
        }
    }

    /// A segment is full.
    pub(super) fn rotated(&self, now: Duration) {
        let before = self.rotated.replace(now);
        self.lasted.set(Some(now.saturating_sub(before)));
    }

    /// Whether the last segment was filled in no time. A log that has filled none yet may: the zeros
    /// of a segment that is not needed soon would be for nothing, too.
    fn is_quick(&self) -> bool {
        self.lasted.get().is_none_or(|lasted| lasted < QUICKLY)
    }
}

/// A segment to be taken out of the log.
pub(super) struct Retiring {
    pub segment: u32,
    pub sender: Sender<Result<(), LogError>>,
}

/// Stops the log when its background task ends, for whatever reason, even if it never began.
pub(super) struct Stop<D: Disk, C: Clock>(pub Rc<Inner<D, C>>);

impl<D: Disk, C: Clock> Drop for Stop<D, C> {
    fn drop(&mut self) {
        self.0.halt(None);
    }
}

/// See [`super::Log::run`].
pub(super) async fn run<D: Disk, C: Clock>(stop: Stop<D, C>) {
    let inner = &*stop.0;
    join4(write(inner), flush(inner), mark(inner), prepare(inner)).await;
}

/// Whether the log has ended.
fn ended<D: Disk, C: Clock>(inner: &Inner<D, C>) -> bool {
    inner.state.borrow().stopped().is_err()
}

/// Writes what is queued, several frames at once.
async fn write<D: Disk, C: Clock>(inner: &Inner<D, C>) {
    let mut running = FuturesUnordered::new();
    loop {
        let ticket = inner.work.ticket();
        while running.len() < WRITES_MAX {
            let job = inner.state.borrow_mut().next_job();
            let Some(job) = job else { break };
            running.push(perform(inner, job));
        }
        match (running.is_empty(), ended(inner)) {
            (true, true) => return,
            (true, false) => inner.work.changed(ticket).await,
            (false, _) => {
                select(running.next(), pin!(inner.work.changed(ticket))).await;
            }
        }
    }
}

async fn perform<D: Disk, C: Clock>(inner: &Inner<D, C>, job: Job<D::File>) {
    let Job {
        file,
        at,
        buf,
        span,
        then,
    } = job;
    let (result, mut buf) = file.write_at(u64::from(at.offset), buf).await;
    let result = result.map_err(LogError::from);
    match &result {
        Ok(()) => {
            let batch = matches!(then, Then::Batch);
            let now = inner.clock.monotonic();
            inner.state.borrow_mut().complete_job(span, batch, now);
            inner.work.notify();
        }
        Err(error) => inner.halt(Some(error)),
    }
    if let Then::Extent(sender, len) = then {
        buf.set_len(len);
        let stopped = inner.state.borrow().stopped();
        sender.send((result.and(stopped), buf));
    }
}

/// Flushes and rotates, one at a time.
async fn flush<D: Disk, C: Clock>(inner: &Inner<D, C>) {
    loop {
        let ticket = inner.work.ticket();
        let now = inner.clock.monotonic();
        let step = inner.state.borrow_mut().flush_step(now);
        let result = match step {
            Step::Stop => return,
            Step::Wait => {
                inner.work.changed(ticket).await;
                continue;
            }
            Step::WaitUntil(due) => {
                let sleep = pin!(inner.clock.sleep(due.saturating_sub(now)));
                select(sleep, pin!(inner.work.changed(ticket))).await;
                continue;
            }
            Step::Flush(file, upto) => sync(inner, &file, upto).await,
            Step::Rotate(rotation) => rotate(inner, rotation).await,
        };
        match result {
            Ok(()) => inner.work.notify(),
            Err(error) => inner.halt(Some(&error.into())),
        }
    }
}

/// Flushes `file`; everything before `upto` was written when this began.
async fn sync<D: Disk, C: Clock>(
    inner: &Inner<D, C>,
    file: &D::File,
    upto: Location,
) -> Result<(), IoError> {
    file.sync_data().await?;
    inner.state.borrow_mut().flushed(upto);
    Ok(())
}

/// Flushes the old segment to its end, then makes the new one's header durable. Only then may
/// anything else be written to the new one.
async fn rotate<D: Disk, C: Clock>(
    inner: &Inner<D, C>,
    rotation: Rotation<D::File>,
) -> Result<(), IoError> {
    sync(inner, &rotation.old_file, rotation.old_end).await?;
    rotation.file.write_at(0, rotation.head).await.0?;
    rotation.file.sync_data().await?;
    let now = inner.clock.monotonic();
    let mut state = inner.state.borrow_mut();
    state.rotated(rotation.segment, rotation.span, now);
    drop(state);
    inner.space.notify();
    Ok(())
}

/// Leaves a mark after the last frame when the log has been idle for a while, so that damage to that
/// frame cannot be mistaken for a torn tail later.
async fn mark<D: Disk, C: Clock>(inner: &Inner<D, C>) {
    while !ended(inner) {
        let ticket = inner.work.ticket();
        if inner.state.borrow().mark_wanted() {
            let end = inner.state.borrow().end();
            let mut stopped = pin!(until_ended(inner));
            select(pin!(inner.clock.sleep(MARK_AFTER)), &mut stopped).await;
            let mut state = inner.state.borrow_mut();
            if state.end() == end && state.mark_wanted() {
                state.mark();
                drop(state);
                inner.work.notify();
            }
        } else {
            inner.work.changed(ticket).await;
        }
    }
}

async fn until_ended<D: Disk, C: Clock>(inner: &Inner<D, C>) {
    loop {
        // `prepare` is told about the end too and is quiet otherwise.
        let ticket = inner.prepare.ticket();
        if ended(inner) {
            return;
        }
        inner.prepare.changed(ticket).await;
    }
}

/// Keeps a spare segment ready and takes retired ones out of the log.
async fn prepare<D: Disk, C: Clock>(inner: &Inner<D, C>) {
    while !ended(inner) {
        let ticket = inner.prepare.ticket();
        let retiring = inner.retiring.borrow_mut().pop_front();
        let spares = inner.state.borrow().spares.len();
        if let Some(Retiring { segment, sender }) = retiring {
            let result = retire(inner, segment).await;
            if let Err(error @ LogError::Io(_)) = &result {
                inner.halt(Some(error));
            }
            sender.send(result);
        } else if spares < SPARES_AHEAD && inner.full_since.get().is_none() {
            match create(inner).await {
                Ok(()) => {}
                Err(error) if error.kind == IoErrorKind::NoSpace => {
                    inner.full_since.set(Some(inner.clock.monotonic()));
                    inner.short.set(true);
                    inner.full.notify();
                }
                Err(error) => inner.halt(Some(&error.into())),
            }
        } else {
            inner.prepare.changed(ticket).await;
            continue;
        }
        if inner.state.borrow().has_spare() {
            inner.short.set(false);
        }
        inner.space.notify();
    }
}

/// The number of the next spare.
fn next_number<D: Disk, C: Clock>(inner: &Inner<D, C>) -> u32 {
    let state = inner.state.borrow();
    let last = state.spares.back().map_or(state.segment, |(n, _)| *n);
    last + 1
}

async fn create<D: Disk, C: Clock>(inner: &Inner<D, C>) -> Result<(), IoError> {
    let number = next_number(inner);
    let path = segment::path(&inner.config.dir, number);
    let len = u64::from(inner.config.segment_bytes);
    let make = async || match inner.pace.is_quick() {
        true => inner.disk.allocate(&path, len).await,
        false => inner.disk.create(&path, len).await,
    };
    let file = match make().await {
        // Left over by an attempt that failed half-way.
        Err(error) if error.kind == IoErrorKind::AlreadyExists => {
            inner.disk.remove(&path).await?;
            make().await?
        }
        other => other?,
    };
    inner.state.borrow_mut().spares.push_back((number, file));
    Ok(())
}

async fn retire<D: Disk, C: Clock>(inner: &Inner<D, C>, segment: u32) -> Result<(), LogError> {
    let file = inner.table.remove(segment);
    let file = file.ok_or(LogError::Unknown(segment))?;
    let from = segment::path(&inner.config.dir, segment);
    let fits = |file: &D::File| file.len() == u64::from(inner.config.segment_bytes);
    let wanted = inner.state.borrow().spares.len() < SPARES_MAX;
    // Whoever still reads from it keeps the file, which then has no name any more; to write to it
    // would change what they read.
    match file {
        Ok(file) if wanted && fits(&file) => {
            // Records of its earlier life carry its earlier number in their checksums.
            let number = next_number(inner);
            let to = segment::path(&inner.config.dir, number);
            inner.disk.rename(&from, &to).await?;
            inner.state.borrow_mut().spares.push_back((number, file));
        }
        _ => inner.disk.remove(&from).await?,
    }
    inner.full_since.set(None);
    Ok(())
}
