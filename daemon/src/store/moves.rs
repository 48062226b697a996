//! Where records went that were moved while requests may still know their old places.

use crate::base::Location;
use crate::store::condition::{Verdict, WriteCondition};
use crate::store::entry::ObjectEntry;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

/// Segments remembered after they have left the log. A request that began before and is still under
/// way after so many of them is told that its object has changed, and tries again.
const REMEMBERED: usize = 64;

/// By segment: where its records went.
#[derive(Default)]
pub(super) struct Moves(RefCell<BTreeMap<u32, HashMap<u32, Location>>>);

impl Moves {
    /// A record was moved.
    pub(super) fn note(&self, from: Location, to: Location) {
        let mut moves = self.0.borrow_mut();
        moves
            .entry(from.segment)
            .or_default()
            .insert(from.offset, to);
        while moves.len() > REMEMBERED {
            moves.pop_first();
        }
    }

    /// Where a record is by now.
    pub(super) fn newest(&self, mut at: Location) -> Location {
        let moves = self.0.borrow();
        while let Some(to) = moves.get(&at.segment).and_then(|m| m.get(&at.offset)) {
            at = *to;
        }
        at
    }

    /// [`WriteCondition::judge`] for a request that may know an old place.
    pub(super) fn judge(
        &self,
        condition: &WriteCondition,
        current: Option<&ObjectEntry>,
    ) -> Verdict {
        match condition.if_at.map(|at| (at, self.newest(at))) {
            Some((at, now)) if at != now && !condition.if_unmoved => WriteCondition {
                if_at: Some(now),
                ..condition.clone()
            }
            .judge(current),
            _ => condition.judge(current),
        }
    }
}
