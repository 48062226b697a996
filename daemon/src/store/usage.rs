//! What buckets hold, in bytes and objects: counted with every change of the index, never by
//! walking it. [`Counters`] is at any moment what a scan of the index would give.
//!
//! Every entry of the index counts by itself ([`of_entry`]): an object for its size and for one
//! object, a part of an unfinished upload for its size. So a change of an entry changes the counters
//! by the difference, whatever record it came from, and it does not matter whether the index was
//! exact or fuzzy before: replaying a record over a checkpoint that shows it already changes
//! neither.
//!
//! A checkpoint is copied leaf by leaf while the index changes. What is saved with it must be what
//! the *copied* entries add up to. Changes behind the copy's place are not in it; they are added up
//! apart, and taken off at the end. That costs a comparison per change while a checkpoint is being
//! written, and nothing per entry.

use crate::base::BucketId;
use crate::base::codec::{Malformed, Put, Reader};
use crate::index::checkpoint::Companion;
use crate::store::entry::{ObjectEntry, PartEntry};
use crate::store::keys;
use std::cell::RefCell;
use std::collections::HashMap;

/// Bytes and objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of objects, and of parts of unfinished uploads.
    pub bytes: u64,
    /// Objects.
    pub objects: u64,
}

impl Usage {
    /// Nothing.
    pub const ZERO: Self = Self {
        bytes: 0,
        objects: 0,
    };

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            objects: self.objects.saturating_add(other.objects),
        }
    }

    /// What is left of it without the other; nothing where the other is more.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            objects: self.objects.saturating_sub(other.objects),
        }
    }
}

/// The bucket of a part whose upload is not known. A log that is replayed over a checkpoint shows
/// such parts for a while, when the upload ended while the checkpoint was written. They count for
/// no bucket.
pub const NO_BUCKET: BucketId = BucketId(0);

/// What an entry of the index counts for.
#[must_use]
pub fn of_entry(index_key: &[u8], value: &[u8]) -> Option<(BucketId, Usage)> {
    match *index_key.first()? {
        keys::SPACE_OBJECT => {
            let usage = Usage {
                bytes: ObjectEntry::size_of(value).ok()?,
                objects: 1,
            };
            Some((keys::bucket_of(index_key)?, usage))
        }
        keys::SPACE_PART => {
            let (bucket, bytes) = PartEntry::size_of(value).ok()?;
            (bucket != NO_BUCKET).then_some((bucket, Usage { bytes, objects: 0 }))
        }
        _ => None,
    }
}

/// A difference of usages.
#[derive(Clone, Copy, Debug, Default)]
struct Delta {
    bytes: i128,
    objects: i128,
}

impl Delta {
    fn add(&mut self, usage: Usage, sign: i128) {
        self.bytes += sign * i128::from(usage.bytes);
        self.objects += sign * i128::from(usage.objects);
    }

    /// What `usage` was without this difference.
    fn taken_off(self, usage: Usage) -> Usage {
        let less = |n: u64, delta: i128| u64::try_from(i128::from(n) - delta).unwrap_or(0);
        Usage {
            bytes: less(usage.bytes, self.bytes),
            objects: less(usage.objects, self.objects),
        }
    }
}

/// A checkpoint under way.
#[derive(Clone, Debug, Default)]
struct Saving {
    /// Entries from here on are still to be copied; `None`: all were.
    next: Option<Vec<u8>>,
    /// By bucket: changes of entries that had been copied before.
    behind: HashMap<BucketId, Delta>,
}

/// The usage of every bucket of a shard.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    buckets: HashMap<BucketId, Usage>,
    saving: Option<Saving>,
    /// Bytes of entries that were replaced or removed since the start.
    freed: u64,
}

/// Version of what is saved beside the index.
const FORMAT: u8 = 2;

impl Counters {
    /// What a bucket holds.
    #[must_use]
    pub fn of(&self, bucket: BucketId) -> Usage {
        self.buckets.get(&bucket).copied().unwrap_or_default()
    }

    /// Every bucket that holds anything, in the order of their numbers.
    #[must_use]
    pub fn all(&self) -> Vec<(BucketId, Usage)> {
        let mut all: Vec<_> = self.buckets.iter().map(|(id, held)| (*id, *held)).collect();
        all.sort_unstable_by_key(|(bucket, _)| *bucket);
        all
    }

    /// Bytes of entries that were replaced or removed since the start: about so many bytes of the log
    /// became garbage.
    #[must_use]
    pub const fn freed(&self) -> u64 {
        self.freed
    }

    /// An entry of the index was set (`new`), or removed, and another one was there before (`old`),
    /// or none. Each as [`of_entry`] sees it.
    pub fn changed(
        &mut self,
        index_key: &[u8],
        old: Option<(BucketId, Usage)>,
        new: Option<(BucketId, Usage)>,
    ) {
        self.freed += old.map_or(0, |(_, usage)| usage.bytes);
        if old == new {
            return;
        }
        // First what comes, then what goes: the counter does not fall below what is there.
        if let Some((bucket, usage)) = new {
            let counter = self.buckets.entry(bucket).or_default();
            *counter = counter.plus(usage);
        }
        if let Some((bucket, usage)) = old
            && let Some(counter) = self.buckets.get_mut(&bucket)
        {
            debug_assert!(
                counter.bytes >= usage.bytes && counter.objects >= usage.objects,
                "{bucket:?} holds {counter:?} and loses {usage:?}"
            );
            *counter = counter.minus(usage);
            if *counter == Usage::ZERO {
                self.buckets.remove(&bucket);
            }
        }
        let copied = |saving: &&mut Saving| saving.next.as_deref().is_none_or(|n| index_key < n);
        if let Some(saving) = self.saving.as_mut().filter(copied) {
            for ((bucket, usage), sign) in
                old.map(|o| (o, -1)).into_iter().chain(new.map(|n| (n, 1)))
            {
                saving.behind.entry(bucket).or_default().add(usage, sign);
            }
        }
    }

    /// What the entries that were copied add up to.
    fn encode_copied(&self) -> Vec<u8> {
        let behind = self.saving.as_ref().map(|saving| &saving.behind);
        let delta = |bucket| behind.and_then(|b| b.get(bucket)).copied();
        let gone = behind.into_iter().flat_map(HashMap::keys);
        let gone = gone.filter(|bucket| !self.buckets.contains_key(bucket));
        let mut copied: Vec<(BucketId, Usage)> = self
            .buckets
            .keys()
            .chain(gone)
            .map(|bucket| {
                let delta = delta(bucket).unwrap_or_default();
                (*bucket, delta.taken_off(self.of(*bucket)))
            })
            .filter(|(_, usage)| *usage != Usage::ZERO)
            .collect();
        copied.sort_unstable_by_key(|(bucket, _)| *bucket);
        let mut out = Vec::with_capacity(9 + copied.len() * 16);
        out.put_u8(FORMAT);
        out.put_varint(copied.len() as u64);
        for (bucket, usage) in copied {
            out.put_u64(bucket.0);
            out.put_varint(usage.bytes);
            out.put_varint(usage.objects);
        }
        out
    }

    /// Whether this is what an earlier version saved: its index is not used any more.
    #[must_use]
    pub fn is_outdated(bytes: &[u8]) -> bool {
        bytes
            .first()
            .is_some_and(|format| (1..FORMAT).contains(format))
    }

    /// Reads what was saved beside the index.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(Malformed("usage of another version"));
        }
        let mut counters = Self::default();
        for _ in 0..reader.varint()? {
            let bucket = BucketId(reader.u64()?);
            let usage = Usage {
                bytes: reader.varint()?,
                objects: reader.varint()?,
            };
            if counters.buckets.insert(bucket, usage).is_some() {
                return Err(Malformed("usage of a bucket twice"));
            }
        }
        reader.finish()?;
        Ok(counters)
    }
}

/// Saves the counters beside the index, as of what is copied. Dropping it ends that.
pub struct Saver<'a>(&'a RefCell<Counters>);

impl<'a> Saver<'a> {
    /// Begins, before the first entry is copied. Only one at a time.
    pub fn begin(counters: &'a RefCell<Counters>) -> Self {
        counters.borrow_mut().saving = Some(Saving {
            next: Some(Vec::new()),
            behind: HashMap::new(),
        });
        Self(counters)
    }
}

impl Drop for Saver<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().saving = None;
    }
}

impl Companion for Saver<'_> {
    fn copied(&self, next: Option<&[u8]>) {
        let mut counters = self.0.borrow_mut();
        let Some(saving) = &mut counters.saving else {
            return;
        };
        match (&mut saving.next, next) {
            (Some(place), Some(next)) => {
                place.clear();
                place.extend_from_slice(next);
            }
            (place, next) => *place = next.map(<[u8]>::to_vec),
        }
    }

    fn attached(&self) -> Vec<u8> {
        self.0.borrow().encode_copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(key: Vec<u8>, value: Vec<u8>) {
            let _ = of_entry(&key, &value);
            let _ = Counters::decode(&value);
        }

        #[test]
        fn counters_round_trip(held: HashMap<u64, (u64, u64)>) {
            let counters = Counters {
                buckets: held
                    .iter()
                    .filter(|(_, usage)| **usage != (0, 0))
                    .map(|(id, (bytes, objects))| (BucketId(*id), Usage { bytes: *bytes, objects: *objects }))
                    .collect(),
                ..Counters::default()
            };
            let again = Counters::decode(&counters.encode_copied());
            prop_assert_eq!(again.map(|c| c.buckets), Ok(counters.buckets));
        }
    }
}
