//! Evens the connections out over the cores. The kernel deals them to the listeners by a hash, so
//! that one core of two may well get twenty of thirty-two; a connection that arrives at a core that
//! has more than its share goes on to the one that has the fewest.

use crate::io::{Accepted, Mailbox, Sender, mailbox};
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections that a core may have beyond the emptiest one's, as a part of that one's: below it, to
/// move a connection costs more than it brings.
const SLACK_PART: usize = 8;

/// A connection that another core accepted.
pub struct Arrival {
    pub accepted: Accepted,
    pub held: Held,
}

/// What the cores know of each other's connections. Clones share it.
#[derive(Clone)]
pub struct Spread {
    open: Arc<[CachePadded<AtomicUsize>]>,
    doors: Arc<[Sender<Arrival>]>,
}

/// A connection that counts for a core until this is dropped.
pub struct Held {
    open: Arc<[CachePadded<AtomicUsize>]>,
    core: usize,
}

impl Held {
    /// The core that is to serve it.
    pub const fn core(&self) -> usize {
        self.core
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(count) = self.open.get(self.core) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Spread {
    /// For so many cores; what is sent to each comes out of its mailbox.
    pub fn new(cores: usize) -> (Self, Vec<Mailbox<Arrival>>) {
        let (doors, mailboxes): (Vec<_>, Vec<_>) = (0..cores).map(|_| mailbox()).unzip();
        let open = (0..cores).map(|_| CachePadded::default()).collect();
        let doors = doors.into();
        (Self { open, doors }, mailboxes)
    }

    /// Finds the core for a connection that arrived at core `here`, and counts it there. Two cores
    /// that do so at once may both take the same one for the emptiest; the next connection rights it.
    pub fn place(&self, here: usize) -> Held {
        let count = |core: usize| self.open.get(core).map(|n| n.load(Ordering::Relaxed));
        let emptiest = (0..self.open.len()).min_by_key(|core| count(*core));
        let fewest = emptiest.and_then(count).unwrap_or(0);
        let own = count(here).unwrap_or(0);
        let core = match emptiest {
            Some(core) if own > fewest + fewest / SLACK_PART => core,
            _ => here,
        };
        if let Some(count) = self.open.get(core) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Held {
            open: self.open.clone(),
            core,
        }
    }

    /// Hands a connection to the core that is to serve it. A core that is gone takes none, and the
    /// client sees its connection closed.
    pub fn hand_over(&self, accepted: Accepted, held: Held) {
        if let Some(door) = self.doors.get(held.core) {
            let _ = door.send(Arrival { accepted, held });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wherever_connections_arrive_no_core_has_many_more_than_another() {
        for cores in [1, 2, 3, 8] {
            let (spread, _doors) = Spread::new(cores);
            // All at one core: the worst that the kernel can do.
            let held: Vec<Held> = (0..32 * cores).map(|_| spread.place(0)).collect();
            let on = |core: usize| held.iter().filter(|h| h.core() == core).count();
            let counts: Vec<usize> = (0..cores).map(on).collect();
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(most * 4 <= least * 5, "{counts:?}");
        }
    }

    #[test]
    fn a_connection_stays_where_it_arrived_when_that_is_fair() {
        let (spread, _doors) = Spread::new(2);
        let held: Vec<Held> = (0..100).map(|n| spread.place(n % 2)).collect();
        assert!(held.iter().zip(0..).all(|(h, n)| h.core() == n % 2));
    }

    #[test]
    fn what_ended_counts_no_more() {
        let (spread, _doors) = Spread::new(2);
        let first = [spread.place(0), spread.place(1), spread.place(0)];
        drop(first);
        let next = [spread.place(1), spread.place(1)];
        assert_eq!(next.map(|held| held.core()), [1, 0]);
    }
}
