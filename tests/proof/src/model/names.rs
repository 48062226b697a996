//! Volumes, buckets and links, followed when they are asked for.

use super::op::{Outcome, Place, Refusal};
use std::collections::BTreeMap;

/// Most links on the way to a bucket.
const HOPS_MAX: usize = 16;
/// The volume that is always there.
const PERMANENT: &str = "s3v";

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A bucket, by number.
    Bucket(u64),
    /// A link.
    Link(Link),
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its source.
    pub to: Place,
    /// What the keys it shows begin with in its source.
    pub prefix: Option<String>,
    /// Nothing may be written through it.
    pub read_only: bool,
}

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    /// The bucket.
    pub bucket: u64,
    /// What all keys begin with there.
    pub prefix: String,
    /// Whether nothing may be written.
    pub read_only: bool,
}

/// All names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Buckets and links by volume and name.
    pub volumes: BTreeMap<String, BTreeMap<String, Entry>>,
    /// The number of the next bucket; none is given twice.
    pub next: u64,
}

impl Default for Names {
    fn default() -> Self {
        let volumes = BTreeMap::from([(PERMANENT.to_owned(), BTreeMap::new())]);
        Self { volumes, next: 1 }
    }
}

type Result<T> = std::result::Result<T, Refusal>;

impl Names {
    fn volume(&mut self, name: &str) -> Result<&mut BTreeMap<String, Entry>> {
        self.volumes.get_mut(name).ok_or(Refusal::NoVolume)
    }

    fn entry(&self, place: &Place) -> Option<&Entry> {
        self.volumes.get(&place.0)?.get(&place.1)
    }

    /// Makes a volume.
    pub fn make_volume(&mut self, name: &str) -> Result<Outcome> {
        if self.volumes.contains_key(name) {
            return Err(Refusal::Exists);
        }
        self.volumes.insert(name.to_owned(), BTreeMap::new());
        Ok(Outcome::Done)
    }

    /// Removes a volume that is empty.
    pub fn drop_volume(&mut self, name: &str) -> Result<Outcome> {
        if name == PERMANENT {
            return Err(Refusal::Permanent);
        }
        if !self.volume(name)?.is_empty() {
            return Err(Refusal::NotEmpty);
        }
        self.volumes.remove(name);
        Ok(Outcome::Done)
    }

    /// Makes a bucket or link.
    pub fn add(&mut self, at: &Place, entry: Entry) -> Result<()> {
        let volume = self.volume(&at.0)?;
        if volume.contains_key(&at.1) {
            return Err(Refusal::Exists);
        }
        volume.insert(at.1.clone(), entry);
        Ok(())
    }

    /// Makes a bucket.
    pub fn make_bucket(&mut self, at: &Place) -> Result<Outcome> {
        let number = self.next;
        self.add(at, Entry::Bucket(number))?;
        self.next += 1;
        Ok(Outcome::Made(number))
    }

    /// Gives a link another source.
    pub fn relink(&mut self, at: &Place, source: &Place) -> Result<Outcome> {
        match self.volume(&at.0)?.get_mut(&at.1) {
            None => Err(Refusal::NoBucket),
            Some(Entry::Bucket(_)) => Err(Refusal::NotALink),
            Some(Entry::Link(link)) => {
                link.to.clone_from(source);
                Ok(Outcome::Done)
            }
        }
    }

    /// Removes a link, or a bucket if `is_empty` says so. Links to it stay.
    pub fn remove(&mut self, at: &Place, is_empty: impl Fn(u64) -> bool) -> Result<Option<u64>> {
        let volume = self.volume(&at.0)?;
        let bucket = match volume.get(&at.1).ok_or(Refusal::NoBucket)? {
            Entry::Bucket(bucket) if !is_empty(*bucket) => return Err(Refusal::NotEmpty),
            Entry::Bucket(bucket) => Some(*bucket),
            Entry::Link(_) => None,
        };
        volume.remove(&at.1);
        Ok(bucket)
    }

    /// The numbers of all buckets.
    #[must_use]
    pub fn buckets(&self) -> Vec<u64> {
        let entries = self.volumes.values().flat_map(BTreeMap::values);
        let buckets = entries.filter_map(|entry| match entry {
            Entry::Bucket(bucket) => Some(*bucket),
            Entry::Link(_) => None,
        });
        buckets.collect()
    }

    /// Whether a bucket of this number is there.
    #[must_use]
    pub fn has_bucket(&self, number: u64) -> bool {
        let mut entries = self.volumes.values().flat_map(BTreeMap::values);
        entries.any(|entry| *entry == Entry::Bucket(number))
    }

    /// Where a name leads, over links if it must.
    pub fn follow(&self, place: &Place) -> Result<Led> {
        if !self.volumes.contains_key(&place.0) {
            return Err(Refusal::NoVolume);
        }
        let (mut prefix, mut read_only) = (String::new(), false);
        let (mut here, mut met) = (place, Vec::new());
        loop {
            match self.entry(here) {
                None if met.is_empty() => return Err(Refusal::NoBucket),
                None => return Err(Refusal::Dangling),
                Some(Entry::Bucket(bucket)) => {
                    return Ok(Led {
                        bucket: *bucket,
                        prefix,
                        read_only,
                    });
                }
                Some(Entry::Link(_)) if met.contains(&here) => return Err(Refusal::Loop),
                Some(Entry::Link(_)) if met.len() >= HOPS_MAX => return Err(Refusal::TooDeep),
                Some(Entry::Link(link)) => {
                    prefix.insert_str(0, link.prefix.as_deref().unwrap_or(""));
                    read_only |= link.read_only;
                    met.push(here);
                    here = &link.to;
                }
            }
        }
    }
}
