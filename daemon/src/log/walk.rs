//! Walking one segment of a log that is in use: for whoever moves what is alive in it, and for
//! whoever looks for rot. The device is read, not a cache.

use super::format::SegmentInfo;
use super::recover::{Damage, RecordView, Recovery, Walk};
use super::scan::Window;
use super::{LogError, LogReader};
use crate::base::Location;
use crate::base::limits::BLOCK;
use crate::io::{Disk, DiskFile};

impl<D: Disk> LogReader<D> {
    /// Calls `visit` for every valid record and extent header of a segment before the last one, in
    /// order, and returns where there is damage. Bodies of extents are not read; see
    /// [`LogReader::read_extent`]. The other tasks of the core run between the reads.
    pub async fn walk(
        &self,
        segment: u32,
        mut visit: impl FnMut(Location, RecordView<'_>) -> Result<(), LogError>,
    ) -> Result<Vec<Damage>, LogError> {
        let file = self.file(segment)?;
        let mut window = Window::new((*file).clone(), segment, self.binding);
        let info = header(&mut window).await?;
        let mut recovery = Recovery::default();
        if info.is_none() {
            recovery.damage.push(Damage {
                segment,
                offset: 0,
                until: super::format::SEGMENT_HEAD,
                what: "header",
            });
        }
        let mut walk = Walk {
            window,
            survey: None,
            known_end: self.end_of(segment).await?,
            last: false,
            epoch: info.map_or(0, |info| info.epoch),
            from: Location::ZERO,
            visit: &mut visit,
            recovery: &mut recovery,
        };
        walk.run().await?;
        Ok(recovery.damage)
    }

    /// Where the log ends in a segment, if the one after it is there to say so.
    async fn end_of(&self, segment: u32) -> Result<Option<u32>, LogError> {
        let Ok(next) = self.file(segment + 1) else {
            return Ok(None);
        };
        let mut window = Window::new((*next).clone(), segment + 1, self.binding);
        Ok(header(&mut window).await?.map(|info| info.previous_end))
    }
}

async fn header<F: DiskFile>(window: &mut Window<F>) -> Result<Option<SegmentInfo>, LogError> {
    let segment = window.segment;
    let info = SegmentInfo::decode(window.bytes(0, BLOCK).await?);
    Ok(info.filter(|info| info.segment == segment))
}
