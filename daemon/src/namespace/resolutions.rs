//! Names in use, resolved once per state of the namespace: a look-up and the copy of what it finds
//! take half a microsecond, and most requests name what one before them named.

use crate::base::Timestamp;
use crate::namespace::error::ResolveError;
use crate::namespace::reader::NamespaceReader;
use crate::namespace::types::Resolved;
use std::cell::RefCell;
use std::rc::Rc;
use xxhash_rust::xxh3::xxh3_64;

/// Names that a core keeps. Two that fall on the same place take it from each other.
const PLACES: usize = 256;

/// What a core has resolved in the present state of the namespace. A change of the namespace, of
/// whatever in it, makes all of it void at once, so that nobody is led where a name led before.
pub struct Resolutions(RefCell<Box<[Option<Rc<Resolved>>]>>);

impl Default for Resolutions {
    fn default() -> Self {
        Self(RefCell::new(vec![None; PLACES].into()))
    }
}

impl Resolutions {
    /// As [`NamespaceReader::resolve`].
    pub fn resolve(
        &self,
        reader: &NamespaceReader,
        volume: &str,
        bucket: &str,
        now: Timestamp,
    ) -> Result<Rc<Resolved>, ResolveError> {
        let at = usize::try_from(xxh3_64(bucket.as_bytes()) % PLACES as u64).unwrap_or(0);
        // Asked before the look-up: what is found is of this state or a later one, and a later one
        // has another number.
        let generation = reader.generation();
        let kept = self.0.borrow().get(at).cloned().flatten();
        if let Some(found) = kept
            && found.generation == generation
            && found.entry_name.as_bytes() == bucket.as_bytes()
            && found.entry_volume.as_bytes() == volume.as_bytes()
            && found.expires.is_none_or(|end| end > now)
        {
            return Ok(found);
        }
        let found = Rc::new(reader.resolve(volume, bucket, now)?);
        if let Some(place) = self.0.borrow_mut().get_mut(at) {
            *place = Some(found.clone());
        }
        Ok(found)
    }
}
