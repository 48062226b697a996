//! What went through each link: counters of one core, added up over the cores when somebody asks.
//!
//! A link is known by its place and the moment it was created ([`LinkId`]), so its counters stay
//! when it is pointed elsewhere, and a link that is made anew under an old name begins at zero.
//! A core keeps those of the [`LINK_METERS_MAX`] links that were used last; what it forgets is
//! counted. Nothing of this survives a restart.

use crate::base::Timestamp;
use crate::base::limits::LINK_METERS_MAX;
use crate::namespace::NAME_BYTES_MAX;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Entries looked at for one that may be forgotten.
const CANDIDATES: usize = 8;

/// A link, as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId(u128);

impl LinkId {
    /// The link of this name that was created at this time.
    #[must_use]
    pub fn new(volume: &str, name: &str, created: Timestamp) -> Self {
        // Names are short: so this is one round without an allocation.
        let mut short = [0; 2 * NAME_BYTES_MAX + 1];
        let len = volume.len() + 1 + name.len();
        let parts = volume.bytes().chain([b'/']).chain(name.bytes());
        let Some(place) = short.get_mut(..len) else {
            let long: Vec<u8> = parts.collect();
            return Self(xxh3_128_with_seed(&long, created.0));
        };
        for (to, from) in place.iter_mut().zip(parts) {
            *to = from;
        }
        Self(xxh3_128_with_seed(place, created.0))
    }
}

/// What went through a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Requests to the link, those it was the source of a copy for included.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes_in: u64,
    /// Bytes of the bodies of their answers.
    pub bytes_out: u64,
    /// Those that failed.
    pub errors: u64,
    /// When the last one came.
    pub last_used: Option<Timestamp>,
}

impl LinkStats {
    /// Adds what happened besides.
    pub fn add(&mut self, other: &Self) {
        self.requests = self.requests.wrapping_add(other.requests);
        self.bytes_in = self.bytes_in.wrapping_add(other.bytes_in);
        self.bytes_out = self.bytes_out.wrapping_add(other.bytes_out);
        self.errors = self.errors.wrapping_add(other.errors);
        self.last_used = self.last_used.max(other.last_used);
    }
}

/// The counters of a link, with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedLink {
    /// The link.
    pub id: LinkId,
    /// `volume/link`.
    pub place: Box<str>,
    /// What went through it.
    pub stats: LinkStats,
}

/// Ids are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.first_chunk().copied().unwrap_or_default();
        self.0 = u64::from_ne_bytes(first);
    }
}

type Index = HashMap<LinkId, usize, BuildHasherDefault<Identity>>;

/// The counters of one core.
pub struct LinkMeters {
    table: RefCell<Table>,
    forgotten: Cell<u64>,
}

struct Table {
    index: Index,
    links: Vec<UsedLink>,
    /// Where the next candidates for being forgotten are.
    hand: usize,
    max: usize,
}

impl Default for LinkMeters {
    fn default() -> Self {
        Self::new(LINK_METERS_MAX)
    }
}

impl LinkMeters {
    /// Counters for at most `max` links.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let table = Table {
            index: Index::default(),
            links: Vec::new(),
            hand: 0,
            max: max.max(1),
        };
        Self {
            table: RefCell::new(table),
            forgotten: Cell::new(0),
        }
    }

    /// Counts what went through the link (volume, name).
    pub fn count(&self, id: LinkId, volume: &str, name: &str, what: &LinkStats) {
        let mut table = self.table.borrow_mut();
        if let Some(link) = table.find(id) {
            return link.stats.add(what);
        }
        let place = [volume, "/", name].concat().into_boxed_str();
        let stats = *what;
        if table.insert(UsedLink { id, place, stats }) {
            self.forgotten.set(self.forgotten.get() + 1);
        }
    }

    /// What went through a link on this core.
    #[must_use]
    pub fn get(&self, id: LinkId) -> LinkStats {
        let mut table = self.table.borrow_mut();
        table.find(id).map(|link| link.stats).unwrap_or_default()
    }

    /// The links that were used last, at most `most`.
    #[must_use]
    pub fn latest(&self, most: usize) -> Vec<UsedLink> {
        let table = self.table.borrow();
        let mut order: Vec<&UsedLink> = table.links.iter().collect();
        let newest = |link: &&UsedLink| std::cmp::Reverse(link.stats.last_used);
        if let Some(last) = most.checked_sub(1).filter(|last| *last < order.len()) {
            order.select_nth_unstable_by_key(last, newest);
        }
        order.into_iter().take(most).cloned().collect()
    }

    /// Links that are counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.borrow().links.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Links whose counters were given up for others.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten.get()
    }
}

impl Table {
    fn find(&mut self, id: LinkId) -> Option<&mut UsedLink> {
        let at = *self.index.get(&id)?;
        self.links.get_mut(at)
    }

    /// Adds a link; `true` when another one was forgotten for it.
    fn insert(&mut self, link: UsedLink) -> bool {
        if self.links.len() < self.max {
            self.index.insert(link.id, self.links.len());
            self.links.push(link);
            return false;
        }
        let at = self.oldest();
        let Some(slot) = self.links.get_mut(at) else {
            return false;
        };
        self.index.insert(link.id, at);
        let old = std::mem::replace(slot, link);
        self.index.remove(&old.id);
        true
    }

    /// One of the links that were not used for long: the oldest of a few.
    fn oldest(&mut self) -> usize {
        let count = self.links.len();
        let candidates = (0..CANDIDATES).map(|n| (self.hand + n) % count);
        let used = |at: &usize| self.links.get(*at).and_then(|link| link.stats.last_used);
        let found = candidates.min_by_key(used).unwrap_or(0);
        self.hand = (self.hand + CANDIDATES) % count;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(at: u64) -> LinkStats {
        LinkStats {
            requests: 1,
            bytes_in: 2,
            bytes_out: 3,
            errors: 0,
            last_used: Some(Timestamp(at)),
        }
    }

    #[test]
    fn counters_go_with_the_link_and_not_with_its_name() {
        let meters = LinkMeters::default();
        let old = LinkId::new("vol", "link", Timestamp(1));
        meters.count(old, "vol", "link", &one(5));
        meters.count(old, "vol", "link", &one(4));
        let stats = meters.get(old);
        assert_eq!((stats.requests, stats.bytes_in, stats.bytes_out), (2, 4, 6));
        assert_eq!(stats.last_used, Some(Timestamp(5)));
        let new = LinkId::new("vol", "link", Timestamp(2));
        assert_eq!(meters.get(new), LinkStats::default());
        assert_ne!(
            LinkId::new("vol", "link", Timestamp(1)),
            LinkId::new("vo", "l/link", Timestamp(1))
        );
    }

    #[test]
    fn memory_stays_bounded_and_links_in_use_stay_counted() {
        let meters = LinkMeters::new(64);
        let busy = LinkId::new("vol", "busy", Timestamp(0));
        for n in 0..10_000u64 {
            let id = LinkId::new("vol", &format!("l{n}"), Timestamp(0));
            meters.count(id, "vol", "l", &one(n));
            meters.count(busy, "vol", "busy", &one(n));
        }
        assert_eq!(meters.len(), 64);
        assert_eq!(meters.get(busy).requests, 10_000);
        assert_eq!(meters.forgotten(), 10_001 - 64);
        let latest = meters.latest(3);
        assert_eq!(latest.len(), 3);
        assert!(latest.iter().any(|link| &*link.place == "vol/busy"));
        assert!(
            latest
                .iter()
                .all(|l| l.stats.last_used >= Some(Timestamp(9_998)))
        );
        assert_eq!(meters.latest(1_000).len(), 64);
    }
}
