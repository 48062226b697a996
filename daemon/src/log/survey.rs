//! A first look at a segment: what its frames say about what was flushed, and where epochs began.

use super::LogError;
use super::format::{FrameInfo, Item, SECTOR, SEGMENT_HEAD};
use super::scan::Window;
use crate::io::DiskFile;

/// Where an epoch begins in a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct EpochStart {
    pub epoch: u32,
    /// Where the log ended when the epoch began; what an older epoch wrote from here on is void.
    pub floor: u32,
    /// Its frames begin at multiples of this.
    pub block: u32,
}

/// What a segment's frames say, taken together.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    /// Everything before this offset was flushed, says a frame that was written later.
    pub durable: u32,
    /// Epochs in ascending order.
    pub epochs: Vec<EpochStart>,
    /// End of the last valid frame.
    pub end: u32,
}

impl Survey {
    /// Looks at every frame between the header and `limit`.
    pub(super) async fn take<F: DiskFile>(
        window: &mut Window<F>,
        limit: u32,
    ) -> Result<Self, LogError> {
        let mut survey = Self::default();
        let mut at = SEGMENT_HEAD;
        let limit = limit.min(window.bytes);
        while at < limit {
            at = match survey.frame(window, at).await? {
                Some(next) => next,
                None => at + SECTOR,
            };
        }
        Ok(survey)
    }

    /// Learns from the frame at `at`, if there is one, and says where to look next.
    async fn frame<F: DiskFile>(
        &mut self,
        window: &mut Window<F>,
        at: u32,
    ) -> Result<Option<u32>, LogError> {
        let segment = window.segment;
        let Some(found) = window.record(at).await? else {
            return Ok(None);
        };
        match found.item() {
            Some(Item::Extent(frame, info)) => {
                let next = at.saturating_add(info.size(frame.block));
                self.learn(&frame, segment, next);
                Ok(Some(next))
            }
            Some(Item::Batch(frame, bytes)) => {
                // A torn batch may have a later epoch's frames on top of its rest.
                let end = batch_end(window, at, frame.epoch, bytes).await?;
                let next = end.next_multiple_of(if end == at.saturating_add(bytes) {
                    frame.block
                } else {
                    SECTOR
                });
                self.learn(&frame, segment, next);
                Ok(Some(next.max(at + SECTOR)))
            }
            _ => Ok(None),
        }
    }

    fn learn(&mut self, frame: &FrameInfo, segment: u32, end: u32) {
        self.end = self.end.max(end);
        if frame.durable.segment == segment {
            self.durable = self.durable.max(frame.durable.offset);
        }
        let start = EpochStart {
            epoch: frame.epoch,
            floor: frame.floor,
            block: frame.block,
        };
        if let Err(index) = self
            .epochs
            .binary_search_by_key(&frame.epoch, |known| known.epoch)
        {
            self.epochs.insert(index, start);
        }
    }

    /// Whether bytes of `epoch` at `at` are part of the log, as far as later epochs go.
    pub(super) fn live(&self, epoch: u32, at: u32) -> bool {
        // Floors grow with the epochs, so the next epoch's is the lowest.
        let later = self.epochs.partition_point(|start| start.epoch <= epoch);
        self.epochs.get(later).is_none_or(|start| at < start.floor)
    }

    /// The first block of the epoch after `epoch`, if that one began where the log ended at `at`.
    pub(super) fn successor(&self, epoch: u32, at: u32) -> Option<u32> {
        let mut later = self.epochs.iter().filter(|start| start.epoch > epoch);
        let start = later.find(|start| start.floor == at)?;
        let first = at.next_multiple_of(start.block);
        (first > at).then_some(first)
    }

    /// The newest epoch seen.
    pub(super) fn newest(&self) -> u32 {
        self.epochs.last().map_or(0, |start| start.epoch)
    }
}

/// Where the valid records of a batch end: at its end, or before when it is torn.
async fn batch_end<F: DiskFile>(
    window: &mut Window<F>,
    start: u32,
    epoch: u32,
    bytes: u32,
) -> Result<u32, LogError> {
    let end = start.saturating_add(bytes);
    let mut at = start;
    while at < end {
        let Some(found) = window.record(at).await? else {
            return Ok(at);
        };
        let own = at == start || matches!(found.item(), Some(Item::Record(..)));
        if !own || found.epoch != epoch {
            return Ok(at);
        }
        at += found.size();
    }
    Ok(end)
}
