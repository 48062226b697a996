//! Reading a body: inline bytes, extents, or parts that are either.

use crate::base::AlignedBuf;
use crate::io::Disk;
use crate::log::{ExtentRef, LogReader, OwnedRecord};
use crate::store::error::StoreError;
use crate::store::record::{Body, ObjectRecord, PartRecord, PartRef};
use std::collections::VecDeque;
use std::ops::Range;

/// A piece of the wanted bytes, not read yet.
enum Piece {
    /// Bytes of a record that was read already.
    Record(OwnedRecord, Range<usize>),
    Extent(ExtentRef, Range<u32>),
    Part(PartRef, Range<u64>),
}

/// Yields a range of a body in verified chunks, in order. Each chunk is a buffer and the place of
/// the wanted bytes in it.
pub struct BodyStream<D: Disk> {
    log: LogReader<D>,
    pieces: VecDeque<Piece>,
}

impl<D: Disk> BodyStream<D> {
    pub(super) fn of_object(
        log: LogReader<D>,
        record: &ObjectRecord,
        raw: OwnedRecord,
        range: Range<u64>,
    ) -> Self {
        let mut stream = Self {
            log,
            pieces: VecDeque::new(),
        };
        if range.start < range.end {
            stream.pieces = pieces_of(&record.body, record.size, raw, &range).into();
        }
        stream
    }

    /// Whether everything was yielded.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The next chunk, or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<(AlignedBuf, Range<usize>)>, StoreError> {
        loop {
            match self.pieces.pop_front() {
                None => return Ok(None),
                Some(Piece::Record(raw, range)) => {
                    let front = raw.range.start;
                    let place = range.start + front..range.end + front;
                    return Ok(Some((raw.buf, place)));
                }
                Some(Piece::Extent(extent, range)) => {
                    return Ok(Some(self.log.read_extent(extent, range).await?));
                }
                Some(Piece::Part(part, range)) => {
                    let raw = self.log.read_record(part.at, part.record_len).await?;
                    let (record, _) = PartRecord::decode(raw.payload())?;
                    let inner = pieces_of(&record.body, record.size, raw, &range);
                    for piece in inner.into_iter().rev() {
                        self.pieces.push_front(piece);
                    }
                }
            }
        }
    }
}

/// The pieces of `body` (of `size` bytes) that make up `range`. `raw` is the record it stands in.
fn pieces_of(body: &Body, size: u64, raw: OwnedRecord, range: &Range<u64>) -> Vec<Piece> {
    match body {
        Body::Inline(_) => {
            // The inline body is the end of the payload; its length was checked when decoding.
            let front = raw.payload().len() as u64 - size;
            let (start, end) = (front + range.start, front + range.end);
            match (usize::try_from(start), usize::try_from(end)) {
                (Ok(start), Ok(end)) => vec![Piece::Record(raw, start..end)],
                _ => Vec::new(),
            }
        }
        Body::Extents(extents) => overlapping(extents, |e| u64::from(e.len), range)
            .map(|(extent, part)| Piece::Extent(*extent, narrow(&part)))
            .collect(),
        Body::Parts(parts) => overlapping(parts, |p| p.size, range)
            .map(|(part, inner)| Piece::Part(part.clone(), inner))
            .collect(),
    }
}

fn narrow(range: &Range<u64>) -> Range<u32> {
    let clamp = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    clamp(range.start)..clamp(range.end)
}

/// The items, laid end to end, that overlap `range`, each with the wanted range inside it.
fn overlapping<'a, T>(
    items: &'a [T],
    len: impl Fn(&T) -> u64 + 'a,
    range: &Range<u64>,
) -> impl Iterator<Item = (&'a T, Range<u64>)> {
    let (from, to) = (range.start, range.end);
    let mut start = 0u64;
    items.iter().filter_map(move |item| {
        let (first, last) = (start, start + len(item));
        start = last;
        let (a, b) = (from.max(first), to.min(last));
        (a < b).then(|| (item, a - first..b - first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_the_overlapping_items() {
        let lens = [10u64, 5, 20];
        let picked: Vec<_> = overlapping(&lens, |l| *l, &(8..16)).collect();
        assert_eq!(picked, vec![(&10, 8..10), (&5, 0..5), (&20, 0..1)]);
        assert_eq!(overlapping(&lens, |l| *l, &(35..35)).count(), 0);
    }
}
