//! How many bytes of the log say that something ended. They are no garbage as long as something
//! older is in the log, and nothing that an index entry names either.

use crate::base::Location;
use crate::store::record::{Guard, kind};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Bytes of a record around its payload, about.
const RECORD_BYTES: u64 = 24;

#[derive(Clone, Copy, Debug, Default)]
struct OfSegment {
    /// The newest segment in which one of them stood first.
    since: u32,
    bytes: u64,
}

/// By segment. Segments before the newest checkpoint are not known after a start, until they are
/// cleaned.
#[derive(Default)]
pub(in crate::store) struct Ends(RefCell<BTreeMap<u32, OfSegment>>);

impl Ends {
    /// A record of `len` bytes in `segment`, which stood in segment `since` first.
    pub(in crate::store) fn note(&self, segment: u32, since: u32, len: usize) {
        let mut ends = self.0.borrow_mut();
        let of = ends.entry(segment).or_default();
        of.since = of.since.max(since);
        of.bytes += len as u64 + RECORD_BYTES;
    }

    /// A record was found in the log.
    pub(in crate::store) fn learn(&self, kind: u8, at: Location, payload: &[u8]) {
        let since = match kind {
            kind::DELETE | kind::ABORT => at.segment,
            kind::MOVED_DELETE | kind::MOVED_ABORT => {
                let guard = Guard::decode(payload, |_| Ok(()));
                guard.map_or(at.segment, |guard| guard.since)
            }
            _ => return,
        };
        self.note(at.segment, since, payload.len());
    }

    /// Bytes in a segment that cannot be thrown away while `oldest` is the oldest segment.
    pub(super) fn needed(&self, segment: u32, oldest: u32) -> u64 {
        let ends = self.0.borrow();
        let needed = |of: &&OfSegment| oldest < of.since && segment != oldest;
        ends.get(&segment).filter(needed).map_or(0, |of| of.bytes)
    }

    /// A segment left the log.
    pub(super) fn forget(&self, segment: u32) {
        self.0.borrow_mut().remove(&segment);
    }
}
