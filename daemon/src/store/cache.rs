//! What one core has read and may be asked for again: records of objects with their inline bodies,
//! and whole extents, by where they lie in the log. A place in the log never changes its bytes and
//! its number is never given to another one, so nothing here is ever invalid: an object that was
//! overwritten or deleted is not found any more, because nothing points at its place, and goes
//! with time.
//!
//! What was read once leaves before what was read again (the policy of S3-FIFO, in the library), so
//! that reading much once does not push out what is read often.

use crate::base::{Location, ShardId, SharedBytes};
use crate::store::object::Object;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Memory per item that is not counted by the item itself: the cache's own, the allocator's, what a
/// layer above notes beside an object.
const ITEM_BYTES: u64 = 512;
/// Bytes of an average item, for the first size of tables; they grow.
const AVERAGE_BYTES: u64 = 16 * 1024;
/// Most items that tables are first made for.
const FIRST_ITEMS_MAX: u64 = 1024;

/// A place in the log of one of the shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place(u16, u64);

impl Place {
    pub(super) const fn new(shard: ShardId, at: Location) -> Self {
        Self(shard.0, at.to_u64())
    }
}

#[derive(Clone)]
enum Item {
    Object(Rc<Object>),
    Extent(SharedBytes),
}

#[derive(Clone)]
struct Weight;

impl Weighter<Place, Item> for Weight {
    fn weight(&self, _: &Place, item: &Item) -> u64 {
        let bytes = match item {
            Item::Object(object) => object.memory_bytes(),
            Item::Extent(bytes) => bytes.held_bytes(),
        };
        bytes as u64 + ITEM_BYTES
    }
}

/// See the module. Belongs to one core.
pub struct ReadCache {
    /// `None` when nothing is to be kept.
    items: Option<RefCell<Cache<Place, Item, Weight>>>,
    hits: Cell<u64>,
    misses: Cell<u64>,
}

/// How a cache does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Records and extents that were found since the start.
    pub hits: u64,
    /// Records and extents that had to be read from the device.
    pub misses: u64,
    /// Bytes of memory in use, about.
    pub bytes: u64,
    /// Records and extents that are kept.
    pub items: u64,
}

impl ReadCache {
    /// A cache of at most so many bytes of memory. 0 keeps nothing.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let items = usize::try_from((bytes / AVERAGE_BYTES).min(FIRST_ITEMS_MAX)).unwrap_or(0);
        Self {
            items: (bytes > 0).then(|| RefCell::new(Cache::with_weighter(items, bytes, Weight))),
            hits: Cell::new(0),
            misses: Cell::new(0),
        }
    }

    /// How it does.
    #[must_use]
    pub fn usage(&self) -> CacheUse {
        let (bytes, items) = match &self.items {
            Some(items) => (items.borrow().weight(), items.borrow().len() as u64),
            None => (0, 0),
        };
        CacheUse {
            hits: self.hits.get(),
            misses: self.misses.get(),
            bytes,
            items,
        }
    }

    pub(super) fn object(&self, place: Place) -> Option<Rc<Object>> {
        match self.get(place)? {
            Item::Object(object) => Some(object),
            Item::Extent(_) => None,
        }
    }

    pub(super) fn extent(&self, place: Place) -> Option<SharedBytes> {
        match self.get(place)? {
            Item::Extent(bytes) => Some(bytes),
            Item::Object(_) => None,
        }
    }

    /// Keeps an object that was read, and returns it in the form that is kept.
    pub(super) fn keep_object(&self, place: Place, object: Object) -> Rc<Object> {
        let Some(items) = &self.items else {
            return Rc::new(object);
        };
        let object = Rc::new(object.compact());
        items
            .borrow_mut()
            .insert(place, Item::Object(object.clone()));
        object
    }

    pub(super) fn keep_extent(&self, place: Place, bytes: &SharedBytes) {
        if let Some(items) = &self.items {
            items
                .borrow_mut()
                .insert(place, Item::Extent(bytes.clone()));
        }
    }

    fn get(&self, place: Place) -> Option<Item> {
        let found = self.items.as_ref()?.borrow().get(&place).cloned();
        let counter = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.set(counter.get() + 1);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::AlignedBuf;

    fn place(offset: u32) -> Place {
        Place::new(ShardId(1), Location { segment: 3, offset })
    }

    fn extent(len: usize) -> SharedBytes {
        AlignedBuf::zeroed(len).into()
    }

    #[test]
    fn keeps_within_its_size() {
        let cache = ReadCache::new(1 << 20);
        for n in 0..1000 {
            cache.keep_extent(place(n), &extent(8192));
            assert!(cache.usage().bytes <= 1 << 20);
        }
        assert!(cache.usage().items > 100);
        // What does not fit is not kept, and pushes nothing out.
        let before = cache.usage().items;
        cache.keep_extent(place(5000), &extent(2 << 20));
        assert!(cache.extent(place(5000)).is_none());
        assert_eq!(cache.usage().items, before);
    }

    #[test]
    fn what_is_read_often_outlives_what_is_read_once() {
        let cache = ReadCache::new(1 << 20);
        let often = || (0..20).map(place);
        for at in often() {
            cache.keep_extent(at, &extent(8192));
        }
        for _ in 0..3 {
            often().for_each(|at| drop(cache.extent(at)));
        }
        for n in 1000..20_000 {
            assert!(cache.extent(place(n)).is_none());
            cache.keep_extent(place(n), &extent(8192));
        }
        let left = often().filter(|at| cache.extent(*at).is_some()).count();
        assert!(left >= 18, "{left} of 20 are left");
    }

    #[test]
    fn shards_do_not_share_places() {
        let cache = ReadCache::new(1 << 20);
        let at = Location {
            segment: 3,
            offset: 0,
        };
        cache.keep_extent(Place::new(ShardId(1), at), &extent(10));
        assert!(cache.extent(Place::new(ShardId(2), at)).is_none());
        assert!(cache.extent(Place::new(ShardId(1), at)).is_some());
        assert_eq!((cache.usage().hits, cache.usage().misses), (1, 1));
    }

    #[test]
    fn a_cache_of_no_size_keeps_nothing() {
        let cache = ReadCache::new(0);
        cache.keep_extent(place(1), &extent(10));
        assert!(cache.extent(place(1)).is_none());
        assert_eq!(cache.usage(), CacheUse::default());
    }
}
