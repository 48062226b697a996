//! Extents that no record names yet: their segments must not leave the log meanwhile.

use crate::log::ExtentRef;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// As long as it lives, on whatever core, a segment stays in the log.
#[derive(Clone, Debug)]
pub struct Hold(#[expect(dead_code, reason = "counted, not read")] Arc<()>);

/// An extent that was written and is not named by a record yet.
#[derive(Clone, Debug)]
pub struct NewExtent {
    /// Where it is.
    pub extent: ExtentRef,
    /// Keeps it; nothing where a record in the log names it already.
    pub(super) hold: Option<Hold>,
}

/// The segments that are held.
#[derive(Default)]
pub(super) struct Holds(RefCell<HashMap<u32, Arc<()>>>);

impl Holds {
    /// Holds a segment.
    pub(super) fn hold(&self, segment: u32) -> Hold {
        Hold(self.0.borrow_mut().entry(segment).or_default().clone())
    }

    /// Whether somebody holds a segment.
    pub(super) fn is_held(&self, segment: u32) -> bool {
        let mut tokens = self.0.borrow_mut();
        let held = |token: &Arc<()>| Arc::strong_count(token) > 1;
        let found = tokens.get(&segment).is_some_and(held);
        if !found {
            tokens.remove(&segment);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_held_until_the_last_hold_is_gone() {
        let holds = Holds::default();
        assert!(!holds.is_held(3));
        let (one, two) = (holds.hold(3), holds.hold(3));
        let other = holds.hold(4);
        drop(one);
        assert!(holds.is_held(3));
        std::thread::spawn(move || drop(two)).join().expect("ends");
        assert!(!holds.is_held(3) && holds.is_held(4));
        drop(other);
    }
}
