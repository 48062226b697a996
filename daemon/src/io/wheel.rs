//! A hierarchical timing wheel: six levels of 64 slots, each level 64 times as coarse as the one
//! below. Inserting and cancelling take constant time; a timer moves down at most five times.

use std::task::Waker;

const LEVELS: usize = 6;
const SLOTS: usize = 64;
const SLOT_BITS: u32 = 6;
const TOP: u32 = 5;
/// Farther deadlines than this are kept in the farthest slot of the top level and looked at again
/// when it is reached.
const SPAN: u64 = (SLOTS as u64 - 1) << (SLOT_BITS * TOP);
const NIL: u32 = u32::MAX;

/// Names a timer. Becomes void when the timer fired or was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    index: u32,
    generation: u32,
}

struct Entry {
    deadline: u64,
    prev: u32,
    next: u32,
    /// Level times [`SLOTS`] plus slot.
    bucket: usize,
    /// Counts the uses of this entry. Odd while in use.
    generation: u32,
    waker: Option<Waker>,
}

/// Timers ordered by deadline, in ticks.
pub(super) struct Wheel {
    now: u64,
    entries: Vec<Entry>,
    free: Vec<u32>,
    heads: [u32; LEVELS * SLOTS],
    /// One bit for each slot of a level that holds a timer.
    occupied: [u64; LEVELS],
}

#[expect(
    clippy::indexing_slicing,
    reason = "bucket and index numbers come from this module and are in range"
)]
impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            now: 0,
            entries: Vec::new(),
            free: Vec::new(),
            heads: [NIL; LEVELS * SLOTS],
            occupied: [0; LEVELS],
        }
    }

    /// Adds a timer. A deadline that has passed fires with the next tick.
    pub(super) fn insert(&mut self, deadline: u64, waker: Waker) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry {
                deadline: 0,
                prev: NIL,
                next: NIL,
                bucket: 0,
                generation: 0,
                waker: None,
            });
            u32::try_from(self.entries.len() - 1).unwrap_or(NIL)
        });
        assert_ne!(index, NIL, "too many timers");
        let entry = &mut self.entries[index as usize];
        entry.deadline = deadline;
        entry.waker = Some(waker);
        entry.generation = entry.generation.wrapping_add(1);
        let generation = entry.generation;
        self.link(index);
        Key { index, generation }
    }

    /// Removes a timer, if it has not fired.
    pub(super) fn cancel(&mut self, key: Key) {
        if self.holds(key) {
            self.unlink(key.index);
            self.release(key.index);
        }
    }

    /// Whether the timer has not fired; then `waker` is the one it will wake.
    pub(super) fn still_waits(&mut self, key: Key, waker: &Waker) -> bool {
        if !self.holds(key) {
            return false;
        }
        match &mut self.entries[key.index as usize].waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        true
    }

    /// When [`Wheel::advance`] has something to do next. Not later than the first deadline.
    pub(super) fn next_tick(&self) -> Option<u64> {
        self.next_bucket().map(|(_, tick)| tick)
    }

    /// Moves time on and takes out the wakers of all timers due.
    pub(super) fn advance(&mut self, now: u64, due: &mut Vec<Waker>) {
        while let Some((bucket, tick)) = self.next_bucket()
            && tick <= now
        {
            self.now = self.now.max(tick);
            let mut index = std::mem::replace(&mut self.heads[bucket], NIL);
            self.occupied[bucket / SLOTS] &= !(1 << (bucket % SLOTS));
            while index != NIL {
                let entry = &mut self.entries[index as usize];
                let next = entry.next;
                if entry.deadline <= now {
                    due.extend(entry.waker.take());
                    self.release(index);
                } else {
                    self.link(index);
                }
                index = next;
            }
        }
        self.now = self.now.max(now);
    }

    fn holds(&self, key: Key) -> bool {
        self.entries[key.index as usize].generation == key.generation
    }

    fn release(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.waker = None;
        self.free.push(index);
    }

    /// The first bucket in time that holds timers, and the tick its slot begins at. Every timer of
    /// a level is due before every timer of the level above.
    fn next_bucket(&self) -> Option<(usize, u64)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let shift = SLOT_BITS * u32::try_from(level).unwrap_or(0);
        let slots = self.occupied[level];
        let here = (self.now >> shift) % SLOTS as u64;
        let ahead = u64::from(
            slots
                .rotate_right(u32::try_from(here).unwrap_or(0))
                .trailing_zeros(),
        );
        let slot = (here + ahead) % SLOTS as u64;
        let tick = ((self.now >> shift) + ahead) << shift;
        let bucket = level * SLOTS + usize::try_from(slot).unwrap_or(0);
        Some((bucket, tick))
    }

    fn link(&mut self, index: u32) {
        // At least a tick ahead, so that the slot of the present is always empty.
        let deadline = self.entries[index as usize]
            .deadline
            .clamp(self.now + 1, self.now + SPAN);
        // The level is that of the highest digit in which the deadline differs from now.
        let differ = (deadline ^ self.now) | (SLOTS as u64 - 1);
        let level = ((63 - differ.leading_zeros()) / SLOT_BITS).min(TOP);
        let slot = (deadline >> (level * SLOT_BITS)) % SLOTS as u64;
        let bucket = level as usize * SLOTS + usize::try_from(slot).unwrap_or(0);
        let head = std::mem::replace(&mut self.heads[bucket], index);
        if head != NIL {
            self.entries[head as usize].prev = index;
        }
        let entry = &mut self.entries[index as usize];
        entry.prev = NIL;
        entry.next = head;
        entry.bucket = bucket;
        self.occupied[bucket / SLOTS] |= 1 << (bucket % SLOTS);
    }

    fn unlink(&mut self, index: u32) {
        let Entry {
            prev, next, bucket, ..
        } = self.entries[index as usize];
        if next != NIL {
            self.entries[next as usize].prev = prev;
        }
        if prev != NIL {
            self.entries[prev as usize].next = next;
            return;
        }
        self.heads[bucket] = next;
        if next == NIL {
            self.occupied[bucket / SLOTS] &= !(1 << (bucket % SLOTS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;

    struct Flag(AtomicBool);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Cancel(usize),
        Advance(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0u32..36).prop_flat_map(|bits| 0..=(1u64 << bits)).prop_map(Step::Insert),
            1 => any::<usize>().prop_map(Step::Cancel),
            3 => (0u32..30).prop_flat_map(|bits| 0..=(1u64 << bits)).prop_map(Step::Advance),
        ]
    }

    proptest! {
        /// Against an ordered map: the same timers fire at the same steps, and the tick the wheel
        /// asks to be called at is never later than the first deadline.
        #[test]
        fn fires_what_a_sorted_map_would(steps in proptest::collection::vec(step(), 1..80)) {
            let mut wheel = Wheel::new();
            let mut model = BTreeMap::new();
            let mut now = 0u64;
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(after) => {
                        let flag = Arc::new(Flag(AtomicBool::new(false)));
                        let key = wheel.insert(now + after, Waker::from(flag.clone()));
                        model.insert((now + after, number), (key, flag));
                    }
                    Step::Cancel(which) if !model.is_empty() => {
                        let at = *model.keys().nth(which % model.len()).unwrap();
                        let (key, flag) = model.remove(&at).unwrap();
                        wheel.cancel(key);
                        wheel.cancel(key);
                        prop_assert!(!flag.0.load(Ordering::Relaxed));
                    }
                    Step::Cancel(_) => {}
                    Step::Advance(by) => {
                        // A timer whose deadline is now already fires with the next tick.
                        now += by.max(1);
                        let mut due = Vec::new();
                        wheel.advance(now, &mut due);
                        due.into_iter().for_each(Waker::wake);
                        let later = model.split_off(&(now + 1, 0));
                        for (key, flag) in model.values() {
                            prop_assert!(flag.0.load(Ordering::Relaxed));
                            prop_assert!(!wheel.still_waits(*key, Waker::noop()));
                        }
                        model = later;
                        prop_assert!(model.values().all(|(_, f)| !f.0.load(Ordering::Relaxed)));
                    }
                }
                match (wheel.next_tick(), model.first_key_value()) {
                    (Some(tick), Some((&(first, _), _))) => prop_assert!(tick <= first.max(now + 1)),
                    (tick, first) => prop_assert_eq!(tick.is_some(), first.is_some()),
                }
            }
        }
    }
}
