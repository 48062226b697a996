//! Reading a body: inline bytes, extents, or parts that are either.

use crate::base::{ShardId, SharedBytes};
use crate::io::Disk;
use crate::log::{ExtentRef, LogReader};
use crate::store::cache::{Place, ReadCache};
use crate::store::error::StoreError;
use crate::store::object::{Object, inline_bytes};
use crate::store::record::{Body, PartRecord, PartRef};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

/// A piece of the wanted bytes, not read yet.
enum Piece {
    /// Bytes of a record that was read already.
    Inline(SharedBytes),
    Extent(ExtentRef, Range<u32>),
    Part(PartRef, Range<u64>),
}

/// Yields a range of a body in verified chunks, in order.
pub struct BodyStream<D: Disk> {
    log: LogReader<D>,
    shard: ShardId,
    cache: Option<Rc<ReadCache>>,
    pieces: VecDeque<Piece>,
}

impl<D: Disk> BodyStream<D> {
    pub(super) fn of_object(
        log: LogReader<D>,
        shard: ShardId,
        cache: Option<Rc<ReadCache>>,
        object: &Object,
        range: Range<u64>,
    ) -> Self {
        let mut stream = Self {
            log,
            shard,
            cache,
            pieces: VecDeque::new(),
        };
        if range.start < range.end {
            let inline = object.inline();
            add_pieces(&mut stream.pieces, &object.record.body, inline, &range);
        }
        stream
    }

    /// Whether everything was yielded.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Reads the first chunk ahead, so that one that cannot be read shows before anything is sent.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        if let Some(Piece::Extent(..) | Piece::Part(..)) = self.pieces.front()
            && let Some(bytes) = self.next().await?
        {
            self.pieces.push_front(Piece::Inline(bytes));
        }
        Ok(())
    }

    /// The next chunk, or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<SharedBytes>, StoreError> {
        loop {
            match self.pieces.pop_front() {
                None => return Ok(None),
                Some(Piece::Inline(bytes)) => return Ok(Some(bytes)),
                Some(Piece::Extent(extent, range)) => {
                    return Ok(Some(self.extent(extent, range).await?));
                }
                Some(Piece::Part(part, range)) => {
                    let raw = self.log.read_record(part.at, part.record_len).await?;
                    let (record, _) = PartRecord::decode(raw.payload())?;
                    let inline = inline_bytes(raw, &record.body);
                    let mut inner = VecDeque::new();
                    add_pieces(&mut inner, &record.body, &inline, &range);
                    while let Some(piece) = inner.pop_back() {
                        self.pieces.push_front(piece);
                    }
                }
            }
        }
    }

    /// Bytes of an extent: from the cache when it is there, and then kept there when all of it was
    /// read.
    async fn extent(
        &self,
        extent: ExtentRef,
        range: Range<u32>,
    ) -> Result<SharedBytes, StoreError> {
        let place = Place::new(self.shard, extent.at);
        let found = self.cache.as_ref().and_then(|cache| cache.extent(place));
        if let Some(whole) = found {
            return Ok(whole.slice(range.start as usize..range.end as usize));
        }
        let is_whole = range == (0..extent.len);
        let (buf, place_in_buf) = self.log.read_extent(extent, range).await?;
        let bytes = SharedBytes::of_buffer(buf, place_in_buf);
        if is_whole && let Some(cache) = &self.cache {
            cache.keep_extent(place, &bytes);
        }
        Ok(bytes)
    }
}

/// Adds the pieces of `body` that make up `range`. `inline` are the bytes behind the record's head.
fn add_pieces(pieces: &mut VecDeque<Piece>, body: &Body, inline: &SharedBytes, range: &Range<u64>) {
    match body {
        Body::Inline(_) => {
            // The length of an inline body was checked when its record was decoded.
            let clamp = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            let bytes = inline.slice(clamp(range.start)..clamp(range.end));
            pieces.push_back(Piece::Inline(bytes));
        }
        Body::Extents(extents) => pieces.extend(
            overlapping(extents, |e| u64::from(e.len), range)
                .map(|(extent, part)| Piece::Extent(*extent, narrow(&part))),
        ),
        Body::Parts(parts) => pieces.extend(
            overlapping(parts, |p| p.size, range)
                .map(|(part, inner)| Piece::Part(part.clone(), inner)),
        ),
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
