//! What is alive in every segment of a shard's log, counted from its index.

use crate::base::Location;
use crate::base::limits::EXTENT_HEAD;
use crate::index::IndexReader;
use crate::io::runtime::yield_now;
use crate::store::entry::{ObjectEntry, PartEntry, UploadEntry};
use crate::store::error::StoreError;
use crate::store::keys::{self, SPACE_NAMED, SPACE_OBJECT, SPACE_PART, SPACE_UPLOAD};
use crate::store::mutation::{Named, What};
use std::collections::{HashMap, HashSet};
use std::ops::{Bound, ControlFlow};

/// Entries looked at before other tasks of the core have their turn: about 50 microseconds.
const SLICE: usize = 500;
/// Bytes of a record beside its payload.
const RECORD_HEAD: u64 = 16;

/// Bytes alive, by segment. A segment that is not named has none.
///
/// Nothing alive is missed although the index changes while it is counted: what is named through a
/// part is looked for among the uploads' parts first and among objects afterwards, the way it goes
/// itself when an upload becomes an object; everything else that comes to be is in newer segments
/// than those that were there when the count began.
#[derive(Debug, Default)]
pub struct Census {
    live: HashMap<u32, u64>,
    /// Places of records that name others and are alive.
    naming: HashSet<u64>,
    /// Which of the named things are counted at the moment.
    looking_for: What,
}

impl Census {
    /// Counts.
    pub(super) async fn take(index: &IndexReader) -> Result<Self, StoreError> {
        let mut census = Self::default();
        // Parts lie behind their extents, but what was moved lies anywhere: so parts come first.
        for (space, what) in [
            (SPACE_PART, What::Part),
            (SPACE_OBJECT, What::Part),
            (SPACE_UPLOAD, What::Part),
            (SPACE_NAMED, What::Part),
            (SPACE_NAMED, What::Extent),
        ] {
            census.looking_for = what;
            let mut from = Bound::Included(vec![space]);
            loop {
                let next = census.slice(index, space, from.as_ref().map(Vec::as_slice))?;
                let Some(next) = next else { break };
                from = Bound::Excluded(next);
                yield_now().await;
            }
        }
        census.naming = HashSet::new();
        Ok(census)
    }

    /// Bytes alive in a segment.
    #[must_use]
    pub fn live(&self, segment: u32) -> u64 {
        self.live.get(&segment).copied().unwrap_or(0)
    }

    /// Looks at some entries; returns the last one's key unless there are no more.
    fn slice(
        &mut self,
        index: &IndexReader,
        space: u8,
        from: Bound<&[u8]>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let (mut left, mut last, mut outcome) = (SLICE, None, Ok(()));
        index.scan(from, |key, value| {
            if key.first() != Some(&space) {
                return ControlFlow::Break(());
            }
            outcome = self.count(space, key, value);
            left -= 1;
            if left == 0 {
                last = Some(key.to_vec());
            }
            match left > 0 && outcome.is_ok() {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        outcome.map(|()| last)
    }

    fn count(&mut self, space: u8, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        match space {
            SPACE_OBJECT => {
                let entry = ObjectEntry::decode(value)?;
                self.record(entry.at, entry.record_len, entry.apart);
            }
            SPACE_PART => {
                let entry = PartEntry::decode(value)?;
                self.record(entry.at, entry.record_len, true);
            }
            SPACE_UPLOAD => {
                let entry = UploadEntry::decode(value)?;
                self.record(entry.at, entry.record_len, false);
            }
            _ => self.named(key, value)?,
        }
        Ok(())
    }

    fn record(&mut self, at: Location, len: u32, names: bool) {
        self.add(at, u64::from(len) + RECORD_HEAD);
        if names {
            self.naming.insert(at.to_u64());
        }
    }

    /// Something that a record elsewhere names.
    fn named(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let Some((place, by)) = keys::parse_named(key) else {
            return Ok(());
        };
        let named = Named::decode(place, value)?;
        if named.what != self.looking_for || !self.naming.contains(&by.to_u64()) {
            return Ok(());
        }
        match named.what {
            What::Part => self.record(place, named.len, true),
            What::Extent => self.add(place, u64::from(named.len) + EXTENT_HEAD as u64),
        }
        Ok(())
    }

    fn add(&mut self, at: Location, bytes: u64) {
        *self.live.entry(at.segment).or_default() += bytes;
    }
}
