//! The writer's state: where the next byte goes, what is being written, who waits. Pure bookkeeping
//! without I/O, so no borrow of it ever spans an await.

mod progress;

use super::LogError;
use super::format::{
    self, ALIGN, BATCH_HEAD, Binding, FrameInfo, RECORD_HEAD, SEGMENT_HEAD, SegmentInfo,
};
use crate::base::limits::{EXTENT_HEAD, RECORD_BYTES_MAX};
use crate::base::local::Sender;
use crate::base::{AlignedBuf, Location};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// Bytes a batch collects before it is written although nobody waits for it.
const BATCH_BYTES: usize = 1024 * 1024;
/// Spare segments that only [`Class::Moved`] may use.
const SPARES_RESERVED: usize = 1;
/// What share of a segment only [`Class::Reserved`] may use while no other spare segment exists.
const RESERVE_SHARE: u32 = 16;

/// Who may use the last bytes when the device is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Ordinary,
    /// The rest of the current segment.
    Reserved,
    /// That, and the last spare.
    Moved,
}

/// Why an allocation has to wait.
#[derive(Debug)]
pub(super) enum Blocked {
    /// It never will succeed.
    Failed(LogError),
    /// A rotation is under way and the next one would be needed already.
    Rotating,
    /// A spare segment is needed.
    NoSpare,
}

/// The batch that collects.
struct Batch {
    buf: AlignedBuf,
    start: u32,
    /// Bytes it may have. The buffer may have room for more, depending on which one the pool gave: the
    /// same appends make the same batches.
    room: usize,
}

/// A write on its way, in the order of the log.
struct Span {
    end: Location,
    done: bool,
}

/// What to do when a write has completed.
pub(super) enum Then {
    Batch,
    /// Give the buffer back, at its old length.
    Extent(Sender<(Result<(), LogError>, AlignedBuf)>, usize),
}

/// A write to be done.
pub(super) struct Job<F> {
    pub file: F,
    pub at: Location,
    pub buf: AlignedBuf,
    pub span: u64,
    pub then: Then,
}

/// A change to the next segment, until everything before it is flushed and its header is too.
pub(super) struct Rotation<F> {
    pub old_file: F,
    pub old_end: Location,
    pub segment: u32,
    pub file: F,
    pub head: AlignedBuf,
    pub span: u64,
}

/// What the flusher should do next.
pub(super) enum Step<F> {
    Flush(F, Location),
    Rotate(Rotation<F>),
    Stop,
    Wait,
    WaitUntil(Duration),
}

pub(super) struct State<F> {
    pub binding: Binding,
    pub block: u32,
    pub segment: u32,
    pub file: F,
    /// Length of the current segment.
    pub bytes: u32,
    /// Length of the segments to come.
    pub segment_bytes: u32,
    pub epoch: u32,
    /// Where this epoch began in the current segment; 0 when it began in an earlier one.
    pub floor: u32,
    /// First offset of the current segment that nothing was given yet.
    pub next: u32,
    /// Logical end of the current segment where it is not `next`: a torn tail left in the last
    /// blocks by an earlier run.
    pub sealed_end: Option<u32>,
    /// Segment whose header is durable: jobs of it may be written.
    pub active: u32,
    seed: u32,
    batch: Option<Batch>,
    batches_in_flight: usize,
    spans: VecDeque<Span>,
    first_span: u64,
    pub queue: VecDeque<Job<F>>,
    rotation: Option<Rotation<F>>,
    rotating: bool,
    flushing: bool,
    /// Everything before is written.
    pub written: Location,
    /// Everything before is on stable media.
    pub durable: Location,
    /// When `written` went ahead of `durable`.
    dirty_since: Duration,
    /// Unflushed time allowed; `None` for strict durability.
    pub interval: Option<Duration>,
    /// Flush up to here even if nobody waits.
    pub flush_wanted: Location,
    waiters: Vec<(Location, Waker)>,
    /// The last frame written is a mark that ends here.
    pub marked: u32,
    pub spares: VecDeque<(u32, F)>,
    /// The current segment was the last spare.
    on_reserve: bool,
    pub poison: Option<Arc<str>>,
    pub closed: bool,
    pub turns: VecDeque<u64>,
    pub next_turn: u64,
    pub counts: Counts,
}

/// Counters for the statistics.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub bytes: u64,
    pub batches: u64,
    pub extents: u64,
    pub flushes: u64,
    pub records: u64,
}

/// Where a log stands when it starts to be written.
pub(super) struct Start<F> {
    pub binding: Binding,
    pub block: u32,
    pub segment: u32,
    pub file: F,
    pub bytes: u32,
    pub segment_bytes: u32,
    pub epoch: u32,
    pub floor: u32,
    pub next: u32,
    pub sealed_end: Option<u32>,
    pub spares: VecDeque<(u32, F)>,
    pub interval: Option<Duration>,
}

fn offset(value: usize) -> u32 {
    u32::try_from(value).expect("segments are below 4 GiB")
}

impl<F: Clone> State<F> {
    pub(super) fn new(start: Start<F>) -> Self {
        let end = Location {
            segment: start.segment,
            offset: start.next,
        };
        Self {
            seed: start.binding.seed(start.segment, start.epoch),
            binding: start.binding,
            block: start.block,
            segment: start.segment,
            file: start.file,
            bytes: start.bytes,
            segment_bytes: start.segment_bytes,
            epoch: start.epoch,
            floor: start.floor,
            next: start.next,
            sealed_end: start.sealed_end,
            active: start.segment,
            batch: None,
            batches_in_flight: 0,
            spans: VecDeque::new(),
            first_span: 0,
            queue: VecDeque::new(),
            rotation: None,
            rotating: false,
            flushing: false,
            written: end,
            durable: end,
            dirty_since: Duration::ZERO,
            interval: start.interval,
            flush_wanted: Location::ZERO,
            waiters: Vec::new(),
            marked: start.next,
            spares: start.spares,
            on_reserve: false,
            poison: None,
            closed: false,
            turns: VecDeque::new(),
            next_turn: 0,
            counts: Counts::default(),
        }
    }

    const fn at(&self, offset: u32) -> Location {
        Location {
            segment: self.segment,
            offset,
        }
    }

    /// Where the next record goes, if it fits.
    pub(super) fn end(&self) -> Location {
        match &self.batch {
            Some(batch) => self.at(batch.start + offset(batch.buf.len())),
            None => self.at(self.next),
        }
    }

    /// Why nothing may be written any more, if that is so.
    pub(super) fn stopped(&self) -> Result<(), LogError> {
        match &self.poison {
            Some(reason) => Err(LogError::Poisoned(reason.clone())),
            None if self.closed => Err(LogError::Closed),
            None => Ok(()),
        }
    }

    /// Most bytes a frame may take: what an empty segment has room for.
    const fn frame_max(&self) -> usize {
        (self.segment_bytes - SEGMENT_HEAD) as usize
    }

    /// End of what an allocation of this class may use of the current segment. The last spare is for
    /// what frees space, and so is the segment that it becomes until there is another.
    fn limit(&self, class: Class) -> u32 {
        if class != Class::Ordinary || self.has_spare() {
            return self.bytes;
        }
        if self.on_reserve && self.spares.is_empty() {
            return 0;
        }
        let reserve = (self.bytes / RESERVE_SHARE).next_multiple_of(SEGMENT_HEAD);
        self.bytes.saturating_sub(reserve)
    }

    /// Whether there is a spare for ordinary appends.
    pub(super) fn has_spare(&self) -> bool {
        self.spares.len() > SPARES_RESERVED
    }

    /// Whether the largest frame has room for an ordinary append.
    pub(super) fn has_room(&self) -> bool {
        let largest = (format::EXTENT_BODY_LIMIT + EXTENT_HEAD).min(self.frame_max() / 2);
        self.has_spare() || self.limit(Class::Ordinary).saturating_sub(self.next) as usize > largest
    }

    /// Copies a record into the batch that collects.
    pub(super) fn append(
        &mut self,
        kind: u8,
        parts: &[&[u8]],
        class: Class,
    ) -> Result<Location, Blocked> {
        self.stopped().map_err(Blocked::Failed)?;
        let payload: usize = parts.iter().map(|part| part.len()).sum();
        let size = format::record_size(payload);
        let room = self.frame_max() - BATCH_HEAD;
        if payload > RECORD_BYTES_MAX || size > room {
            let max = RECORD_BYTES_MAX.min(room - RECORD_HEAD);
            let error = LogError::TooLarge {
                bytes: payload,
                max,
            };
            return Err(Blocked::Failed(error));
        }
        self.make_room(size, class)?;
        let batch = self.batch.as_mut().expect("made by make_room");
        let start = batch.buf.len();
        let at = batch.start + offset(start);
        batch.buf.set_len(start + RECORD_HEAD);
        for part in parts {
            batch.buf.extend(part);
        }
        let record = batch.buf.get_mut(start..).expect("just appended");
        format::seal_record(record, self.seed, at, self.epoch, kind, 0);
        batch.buf.pad_to(ALIGN as usize);
        self.counts.records += 1;
        Ok(self.at(at))
    }

    /// Sees to an open batch with room for `size` more bytes.
    fn make_room(&mut self, size: usize, class: Class) -> Result<(), Blocked> {
        let limit = self.limit(class) as usize;
        let block = self.block as usize;
        if let Some(batch) = &self.batch {
            let len = batch.buf.len() + size;
            let end = batch.start as usize + len.next_multiple_of(block);
            if len <= batch.room && end <= limit {
                return Ok(());
            }
            self.close_batch();
        }
        let needed = BATCH_HEAD + size;
        if self.next as usize + needed.next_multiple_of(block) > limit {
            self.rotate(class)?;
        }
        self.open_batch(needed);
        Ok(())
    }

    fn open_batch(&mut self, needed: usize) {
        let room = needed.max(BATCH_BYTES.min(self.frame_max()));
        let mut buf = AlignedBuf::with_capacity(room);
        buf.set_len(BATCH_HEAD);
        self.batch = Some(Batch {
            buf,
            start: self.next,
            room,
        });
    }

    fn frame(&self) -> FrameInfo {
        FrameInfo {
            epoch: self.epoch,
            durable: self.durable,
            floor: self.floor,
            block: self.block,
        }
    }

    /// Ends the batch that collects and queues it for writing.
    fn close_batch(&mut self) {
        let Some(Batch { mut buf, start, .. }) = self.batch.take() else {
            return;
        };
        let len = buf.len();
        buf.pad_to(self.block as usize);
        format::seal_batch(&mut buf, self.seed, start, &self.frame(), len);
        self.next = start + offset(buf.len());
        self.counts.batches += 1;
        self.batches_in_flight += 1;
        self.push_job(start, buf, Then::Batch);
    }

    fn push_job(&mut self, start: u32, buf: AlignedBuf, then: Then) {
        self.counts.bytes += buf.len() as u64;
        let span = self.push_span(self.at(self.next));
        self.queue.push_back(Job {
            file: self.file.clone(),
            at: self.at(start),
            buf,
            span,
            then,
        });
    }

    fn push_span(&mut self, end: Location) -> u64 {
        self.spans.push_back(Span { end, done: false });
        self.first_span + self.spans.len() as u64 - 1
    }

    /// Queues the extent in `buf`. Gives the buffer back when it cannot.
    pub(super) fn append_extent(
        &mut self,
        tag: u128,
        buf: &mut Option<AlignedBuf>,
        sender: &mut Option<Sender<(Result<(), LogError>, AlignedBuf)>>,
        class: Class,
    ) -> Result<Location, Blocked> {
        self.stopped().map_err(Blocked::Failed)?;
        let len = buf.as_ref().map_or(0, |buf| buf.len());
        let body_len = len.saturating_sub(EXTENT_HEAD);
        let max = format::EXTENT_BODY_LIMIT.min(self.frame_max() - EXTENT_HEAD);
        if body_len > max {
            let error = LogError::TooLarge {
                bytes: body_len,
                max,
            };
            return Err(Blocked::Failed(error));
        }
        self.close_batch();
        let size = format::extent_size(offset(body_len), self.block);
        if u64::from(self.next) + u64::from(size) > u64::from(self.limit(class)) {
            self.rotate(class)?;
        }
        let (Some(mut buf), Some(sender)) = (buf.take(), sender.take()) else {
            return Err(Blocked::Failed(LogError::Invalid(
                "an extent is written once",
            )));
        };
        let start = self.next;
        let frame = self.frame();
        let (head, body) = buf.split_at_mut(EXTENT_HEAD);
        format::seal_extent(head, body, self.seed, start, &frame, tag);
        buf.pad_to(self.block as usize);
        self.next += size;
        self.counts.extents += 1;
        self.push_job(start, buf, Then::Extent(sender, len));
        Ok(self.at(start))
    }

    /// Continues in the next segment.
    fn rotate(&mut self, class: Class) -> Result<(), Blocked> {
        if self.rotating {
            return Err(Blocked::Rotating);
        }
        if class != Class::Moved && !self.has_spare() {
            return Err(Blocked::NoSpare);
        }
        let (segment, file) = self.spares.pop_front().ok_or(Blocked::NoSpare)?;
        self.on_reserve = self.spares.is_empty();
        self.close_batch();
        let info = SegmentInfo {
            segment,
            store: self.binding.store,
            shard: self.binding.shard,
            epoch: self.epoch,
            bytes: self.segment_bytes,
            previous_end: self.sealed_end.take().unwrap_or(self.next),
        };
        let mut head = AlignedBuf::zeroed(SEGMENT_HEAD as usize);
        info.encode(&mut head);
        let old_end = self.at(self.next);
        let old_file = std::mem::replace(&mut self.file, file.clone());
        self.segment = segment;
        self.bytes = self.segment_bytes;
        self.next = SEGMENT_HEAD;
        self.floor = 0;
        self.marked = SEGMENT_HEAD;
        self.seed = self.binding.seed(segment, self.epoch);
        let span = self.push_span(self.at(SEGMENT_HEAD));
        self.rotating = true;
        self.rotation = Some(Rotation {
            old_file,
            old_end,
            segment,
            file,
            head,
            span,
        });
        Ok(())
    }
}
