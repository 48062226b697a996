//! Walking a log from its front: gives every valid record to the caller, tells a torn tail from
//! damage, and goes on behind damage. The rules are argued in `docs/format/log.md`.

use super::LogError;
use super::format::{ALIGN, BATCH_HEAD, Item, SECTOR, SEGMENT_HEAD};
use super::scan::Window;
use super::survey::Survey;
use crate::base::Location;
use crate::base::limits::BODY_CRC_BLOCK;
use crate::io::DiskFile;

/// A record as recovery shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordView<'a> {
    /// An extent; its body is read with [`super::LogReader::read_extent`].
    Extent {
        /// Whom it belongs to, in the words of who appended it.
        tag: u128,
        /// Bytes of its body.
        len: u32,
    },
    /// A record.
    Record {
        /// What the writer called it.
        kind: u8,
        /// Its bytes.
        payload: &'a [u8],
    },
}

/// A stretch of a segment that was flushed once and is not readable any more. What it held is lost;
/// what follows it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub segment: u32,
    /// First offset in doubt.
    pub offset: u32,
    /// First offset that is sound again, or the end of the segment's log.
    pub until: u32,
    /// In what way.
    pub what: &'static str,
}

impl Damage {
    /// A segment of which there is no file.
    pub(super) const fn missing(segment: u32) -> Self {
        Self {
            segment,
            offset: 0,
            until: u32::MAX,
            what: "the segment is missing",
        }
    }

    /// Whether there is no file of the segment.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        *self == Self::missing(self.segment)
    }
}

impl From<Damage> for LogError {
    fn from(damage: Damage) -> Self {
        Self::Corrupt {
            segment: damage.segment,
            offset: damage.offset,
            what: damage.what,
        }
    }
}

/// What opening a log found.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Where the log ended.
    pub end: Location,
    /// The epoch that begins now; grows with every opening.
    pub epoch: u32,
    /// Records given to the caller, extents included.
    pub records: u64,
    /// Acknowledged bytes that are damaged. Empty on a sound log; the caller decides what a damaged
    /// one may still be used for.
    pub damage: Vec<Damage>,
    /// Numbers without a segment between the first and the last: retired ones.
    pub missing: Vec<u32>,
}

impl Recovery {
    /// An error that names the first damage, if there is any.
    pub fn sound(&self) -> Result<(), LogError> {
        self.damage
            .first()
            .map_or(Ok(()), |damage| Err((*damage).into()))
    }
}

/// Where a walk is.
enum Place {
    /// At the beginning of a frame.
    Frame,
    /// In a batch that ends here; the next frame begins at a multiple of the second number.
    Batch(u32, u32),
    /// Behind damage, in a batch whose beginning is lost.
    Lost,
}

/// What follows something that is not valid.
enum Verdict {
    End,
    Jump(u32),
    Damage,
}

/// A walk through one segment.
pub(super) struct Walk<'a, F, V> {
    pub window: Window<F>,
    pub survey: Option<Survey>,
    /// Where the log ends in this segment, if the next segment says so.
    pub known_end: Option<u32>,
    /// Whether this is the last segment.
    pub last: bool,
    pub epoch: u32,
    pub from: Location,
    pub visit: &'a mut V,
    pub recovery: &'a mut Recovery,
}

/// A frame or record, without its bytes.
enum Step {
    Batch(u32, u32, u32),
    Extent(u32),
    Record(u32),
}

impl<F, V> Walk<'_, F, V>
where
    F: DiskFile,
    V: FnMut(Location, RecordView<'_>) -> Result<(), LogError>,
{
    /// Walks to the end of the segment's log and returns it.
    pub(super) async fn run(&mut self) -> Result<u32, LogError> {
        if self.last {
            self.look().await?;
        }
        let mut at = SEGMENT_HEAD;
        let mut place = Place::Frame;
        loop {
            if let Place::Batch(end, block) = place
                && at >= end
            {
                at = end.next_multiple_of(block);
                place = Place::Frame;
            }
            if let Some(end) = self.known_end
                && at >= end
            {
                return Ok(end);
            }
            match self.step(at, &place).await? {
                Some(Step::Batch(epoch, end, block)) => {
                    self.epoch = epoch;
                    place = Place::Batch(end, block);
                    at += u32::try_from(BATCH_HEAD).unwrap_or(0);
                }
                Some(Step::Extent(next)) => {
                    at = next;
                    place = Place::Frame;
                }
                Some(Step::Record(size)) => at += size,
                None => match self.judge(at).await? {
                    Verdict::End => return Ok(at),
                    Verdict::Jump(next) => {
                        at = next;
                        place = Place::Frame;
                    }
                    Verdict::Damage => {
                        let next = self.resume(at).await?;
                        self.report(at, next, matches!(place, Place::Lost));
                        at = next;
                        place = match place {
                            Place::Batch(end, block) if next < end => Place::Batch(end, block),
                            _ => Place::Lost,
                        };
                    }
                },
            }
        }
    }

    /// Takes the survey of the segment if there is none yet.
    async fn look(&mut self) -> Result<&Survey, LogError> {
        if self.survey.is_none() {
            let bytes = self.window.bytes;
            let mut survey = Survey::take(&mut self.window, bytes).await?;
            // What follows in the next segment was written after all of this one was flushed.
            if !self.last {
                survey.durable = self.known_end.unwrap_or(survey.end);
            }
            self.survey = Some(survey);
        }
        Ok(self.survey.get_or_insert_default())
    }

    /// Visits what is at `at`, if it is valid and belongs to the log.
    async fn step(&mut self, at: u32, place: &Place) -> Result<Option<Step>, LogError> {
        let here = Location {
            segment: self.window.segment,
            offset: at,
        };
        let (current, wanted) = (self.epoch, here >= self.from);
        let survey = self.survey.as_ref();
        let Some(found) = self.window.record(at).await? else {
            return Ok(None);
        };
        let lost = matches!(place, Place::Lost);
        let (epoch, size) = (found.epoch, found.size());
        if epoch < current || survey.is_some_and(|survey| !survey.live(epoch, at)) {
            return Ok(None);
        }
        let frame_here = at.is_multiple_of(SECTOR);
        match found.item() {
            Some(Item::Batch(frame, bytes)) if frame_here => Ok(Some(Step::Batch(
                epoch,
                at.saturating_add(bytes),
                frame.block,
            ))),
            Some(Item::Extent(frame, info)) if frame_here => {
                let next = at.saturating_add(info.size(frame.block));
                let (tag, len) = (info.tag, info.body_len);
                let doubtful = survey.is_none_or(|survey| next > survey.durable);
                if self.last && doubtful && !self.body_is_valid(at).await? {
                    return Ok(None);
                }
                self.epoch = epoch;
                if wanted {
                    self.recovery.records += 1;
                    (self.visit)(here, RecordView::Extent { tag, len })?;
                }
                Ok(Some(Step::Extent(next)))
            }
            Some(Item::Record(kind, payload))
                if lost || (epoch == current && matches!(place, Place::Batch(..))) =>
            {
                if wanted {
                    self.recovery.records += 1;
                    (self.visit)(here, RecordView::Record { kind, payload })?;
                }
                self.epoch = epoch;
                Ok(Some(Step::Record(size)))
            }
            _ => Ok(None),
        }
    }

    /// Reads the body of the extent at `at` and compares it with the header.
    async fn body_is_valid(&mut self, at: u32) -> Result<bool, LogError> {
        let mut done = 0usize;
        loop {
            let offset = u32::try_from(done).unwrap_or(u32::MAX);
            let start = at.saturating_add(SEGMENT_HEAD).saturating_add(offset);
            let block = self.window.bytes(start, BODY_CRC_BLOCK).await?;
            let block = block.get(..BODY_CRC_BLOCK).unwrap_or(block).to_vec();
            let Some(found) = self.window.record(at).await? else {
                return Ok(false);
            };
            let Some(Item::Extent(_, info)) = found.item() else {
                return Ok(false);
            };
            let left = (info.body_len as usize).saturating_sub(done);
            if left == 0 {
                return Ok(true);
            }
            let len = left.min(BODY_CRC_BLOCK);
            let Some(block) = block.get(..len) else {
                return Ok(false);
            };
            if !info.verify(done / BODY_CRC_BLOCK, block) {
                return Ok(false);
            }
            done += len;
        }
    }

    /// Decides what the invalid bytes at `at` mean.
    async fn judge(&mut self, at: u32) -> Result<Verdict, LogError> {
        let epoch = self.epoch;
        let survey = self.look().await?;
        Ok(match survey.successor(epoch, at) {
            Some(first) => Verdict::Jump(first),
            None if at >= survey.durable => Verdict::End,
            None => Verdict::Damage,
        })
    }

    /// The next place after `at` where something valid begins, or the end of what was flushed.
    async fn resume(&mut self, at: u32) -> Result<u32, LogError> {
        let limit = self.look().await?.durable;
        let mut next = at + ALIGN;
        while next < limit {
            if let Some(found) = self.window.record(next).await? {
                let (epoch, item) = (found.epoch, found.item());
                let placed = match item {
                    Some(Item::Batch(..) | Item::Extent(..)) => next.is_multiple_of(SECTOR),
                    Some(Item::Record(..)) => true,
                    None => false,
                };
                let live = self
                    .survey
                    .as_ref()
                    .is_some_and(|survey| survey.live(epoch, next));
                if placed && live && epoch >= self.epoch {
                    return Ok(next);
                }
            }
            next += ALIGN;
        }
        Ok(limit)
    }

    /// Notes damage; `more` says that it continues the last one noted.
    fn report(&mut self, at: u32, until: u32, more: bool) {
        let segment = self.window.segment;
        match self.recovery.damage.last_mut() {
            Some(damage) if more && damage.segment == segment => damage.until = until,
            _ => self.recovery.damage.push(Damage {
                segment,
                offset: at,
                until,
                what: "checksum",
            }),
        }
    }
}
