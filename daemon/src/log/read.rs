//! Reading from any thread: one device read for a record whose length is known or for an extent,
//! and nothing is returned that was not verified.

use super::format::{self, Binding, Checked, ExtentInfo, Item, RECORD_HEAD};
use super::segment::{self, Files, Table};
use super::{ExtentRef, LogError};
use crate::base::limits::{BODY_CRC_BLOCK, EXTENT_HEAD};
use crate::base::{AlignedBuf, Location};
use crate::io::{Disk, DiskFile};
use futures_util::future::join;
use std::ops::Range;
use std::sync::Arc;

/// A range of an extent that begins this close to its front is read together with the header.
const TOGETHER_MAX: usize = 128 * 1024;

/// Reads a log's records and extents. Clones may go to other threads.
pub struct LogReader<D: Disk> {
    table: Table<D::File>,
    /// The only files to read, when there are any.
    held: Option<Files<D::File>>,
    pub(super) binding: Binding,
}

impl<D: Disk> Clone for LogReader<D> {
    fn clone(&self) -> Self {
        Self {
            table: self.table.clone(),
            held: self.held.clone(),
            binding: self.binding,
        }
    }
}

/// A verified record in the buffer it was read into.
#[derive(Debug)]
pub struct OwnedRecord {
    /// What the writer called it.
    pub kind: u8,
    /// The device's bytes around and of the record.
    pub buf: AlignedBuf,
    /// Where in `buf` the payload is.
    pub range: Range<usize>,
}

impl OwnedRecord {
    /// The record's bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.buf.get(self.range.clone()).unwrap_or_default()
    }
}

impl<D: Disk> LogReader<D> {
    pub(super) const fn new(table: Table<D::File>, binding: Binding) -> Self {
        Self {
            table,
            held: None,
            binding,
        }
    }

    /// A reader of the segments there are now. As long as it lives their bytes stay, also those of
    /// segments that are taken out of the log meanwhile; newer segments it does not know.
    #[must_use]
    pub fn pinned(&self) -> Self {
        Self {
            held: Some(self.table.all()),
            ..self.clone()
        }
    }

    /// Numbers of the segments in use, oldest first.
    #[must_use]
    pub fn segments(&self) -> Vec<u32> {
        self.table.numbers()
    }

    /// Reads the record at `at`. With the right payload length in `len_hint` it takes one device
    /// read; a wrong hint costs a second one.
    pub async fn read_record(&self, at: Location, len_hint: u32) -> Result<OwnedRecord, LogError> {
        let file = self.file(at.segment)?;
        let mut len = RECORD_HEAD + len_hint as usize;
        loop {
            let (buf, start) = read(&*file, at, 0, len).await?;
            let bytes = buf.get(start..).unwrap_or_default();
            match format::parse(&self.binding, at.segment, at.offset, bytes) {
                Ok(found) => {
                    let Some(Item::Record(kind, payload)) = found.item() else {
                        return Err(corrupt(at, "another kind of record"));
                    };
                    let start = start + RECORD_HEAD;
                    let range = start..start + payload.len();
                    return Ok(OwnedRecord { kind, buf, range });
                }
                Err(Checked::Longer(needed)) if needed > len => len = needed,
                Err(Checked::Longer(_)) => return Err(corrupt(at, "beyond the segment")),
                Err(_) => return Err(corrupt(at, "checksum")),
            }
        }
    }

    /// Reads bytes `range` of an extent's body. Verifies the checksum blocks that it touches; the
    /// result says where in the buffer the wanted bytes are. One device read for a whole extent,
    /// two at once for a range far behind its front.
    pub async fn read_extent(
        &self,
        extent: ExtentRef,
        range: Range<u32>,
    ) -> Result<(AlignedBuf, Range<usize>), LogError> {
        let at = extent.at;
        if range.start > range.end || range.end > extent.len {
            return Err(LogError::Invalid("range beyond the extent"));
        }
        let file = self.file(at.segment)?;
        let wanted = match range.is_empty() {
            true => 0..0,
            false => range.start as usize..range.end as usize,
        };
        let first = wanted.start / BODY_CRC_BLOCK;
        let last = wanted.end.div_ceil(BODY_CRC_BLOCK);
        let front = first * BODY_CRC_BLOCK;
        let end = (last * BODY_CRC_BLOCK).min(extent.len as usize);
        // The header is in a buffer of its own or, most often, in front of the body.
        let (apart, buf, body) = if front <= TOGETHER_MAX {
            let (buf, start) = read(&*file, at, 0, EXTENT_HEAD + end).await?;
            (None, buf, start + EXTENT_HEAD + front)
        } else {
            let head = read(&*file, at, 0, EXTENT_HEAD);
            let body = read(&*file, at, EXTENT_HEAD + front, end - front);
            let (head, body) = join(head, body).await;
            let (buf, body) = body?;
            (Some(head?), buf, body)
        };
        let head = match &apart {
            Some((head, start)) => head.get(*start..),
            None => buf.get(body - front - EXTENT_HEAD..),
        };
        let head = head.ok_or_else(|| corrupt(at, "beyond the segment"))?;
        let info = self.extent_info(at, head)?;
        if info.body_len != extent.len {
            return Err(corrupt(at, "another extent"));
        }
        let bytes = buf.get(body..body + (end - front)).unwrap_or_default();
        let blocks = bytes.chunks(BODY_CRC_BLOCK);
        if bytes.len() != end - front
            || !blocks
                .zip(first..)
                .all(|(block, index)| info.verify(index, block))
        {
            return Err(corrupt(at, "checksum of the body"));
        }
        let start = body + (wanted.start - front);
        Ok((buf, start..start + wanted.len()))
    }

    /// The file of a segment; it is not written anew while the result lives.
    pub(super) fn file(&self, segment: u32) -> Result<Arc<D::File>, LogError> {
        let file = match &self.held {
            Some(files) => segment::find(files, segment).cloned(),
            None => self.table.get(segment),
        };
        file.ok_or(LogError::Unknown(segment))
    }

    fn extent_info<'a>(&self, at: Location, head: &'a [u8]) -> Result<ExtentInfo<'a>, LogError> {
        match format::parse(&self.binding, at.segment, at.offset, head) {
            Ok(found) => match found.item() {
                Some(Item::Extent(_, info)) => Ok(info),
                _ => Err(corrupt(at, "another kind of record")),
            },
            _ => Err(corrupt(at, "checksum of the header")),
        }
    }
}

const fn corrupt(at: Location, what: &'static str) -> LogError {
    LogError::Corrupt {
        segment: at.segment,
        offset: at.offset,
        what,
    }
}

/// Reads `len` bytes that begin `skip` bytes after `at`, or as many as the file has; says where in
/// the buffer they begin.
async fn read<F: DiskFile>(
    file: &F,
    at: Location,
    skip: usize,
    len: usize,
) -> Result<(AlignedBuf, usize), LogError> {
    let block = file.block_size() as u64;
    let wanted = u64::from(at.offset) + skip as u64;
    let start = wanted - wanted % block;
    let size = file.len() - file.len() % block;
    let end = (wanted + len as u64).next_multiple_of(block).min(size);
    let bytes = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
    let buf = AlignedBuf::with_capacity(bytes);
    if bytes == 0 {
        return Err(corrupt(at, "beyond the segment"));
    }
    let (result, buf) = file.read_at(start, bytes, buf).await;
    result?;
    Ok((buf, usize::try_from(wanted - start).unwrap_or(0)))
}
