//! The reference model of a whole store: what must be there, and what must be answered.
//!
//! Maps and nothing else. No log, no index, no shard, no time: what the engine does with these is
//! what the programmes compare with the model. Begin with [`Model::apply`].

mod names;
mod op;

pub use names::{Entry, Led, Link, Names};
pub use op::{Body, Bytes, Condition, Op, Outcome, Place, Refusal};

use chainringd::base::md5::Md5;
use chainringd::store::ETag;
use std::collections::BTreeMap;
use std::ops::Bound;

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its entity tag.
    pub etag: ETag,
    /// What it carries besides: one value of user metadata.
    pub note: String,
}

/// A part of an upload. Its bytes are only to be seen when it has become part of an object, so parts
/// are compared by size and MD5.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its bytes; of a part that was seen in a store, as many zeros.
    pub bytes: Bytes,
    /// Their MD5.
    pub md5: [u8; 16],
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        (self.bytes.len(), self.md5) == (other.bytes.len(), other.md5)
    }
}

impl Eq for Part {}

/// A key of a bucket.
pub type Key = (u64, String);

/// Everything in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Volumes, buckets and links.
    pub names: Names,
    /// Objects by bucket and key.
    pub objects: BTreeMap<Key, Object>,
    /// Parts of unfinished uploads, by upload and number.
    pub uploads: BTreeMap<(Key, u128), BTreeMap<u32, Part>>,
}

type Result<T> = std::result::Result<T, Refusal>;

/// What an object written with this body and this key carries besides.
#[must_use]
pub fn note_of(key: &str, tag: u32) -> String {
    format!("{key} {tag}")
}

impl Model {
    /// Does an operation and says what must be answered.
    pub fn apply(&mut self, op: &Op) -> Outcome {
        self.attempt(op).unwrap_or_else(Outcome::Refused)
    }

    fn attempt(&mut self, op: &Op) -> Result<Outcome> {
        match op {
            Op::Volume(name) => self.names.make_volume(name),
            Op::DropVolume(name) => self.names.drop_volume(name),
            Op::Bucket(at) => self.names.make_bucket(at),
            Op::Link {
                at,
                to,
                prefix,
                read_only,
            } => {
                let (to, prefix, read_only) = (to.clone(), prefix.clone(), *read_only);
                let link = Link {
                    to,
                    prefix,
                    read_only,
                };
                self.names.add(at, Entry::Link(link))?;
                Ok(Outcome::Done)
            }
            Op::Relink { at, to } => self.names.relink(at, to),
            Op::Drop(at) => {
                let holds = |b: u64| self.objects.keys().any(|(bucket, _)| *bucket == b);
                if let Some(gone) = self.names.remove(at, |bucket| !holds(bucket))? {
                    self.uploads.retain(|((bucket, _), _), _| *bucket != gone);
                }
                Ok(Outcome::Done)
            }
            Op::Put {
                at,
                key,
                body,
                condition,
            } => {
                let place = self.writable(at, key)?;
                self.judge(&place, condition)?;
                let bytes = body.bytes();
                let etag = ETag {
                    md5: Md5::digest(&bytes),
                    parts: 0,
                };
                let note = note_of(key, body.tag);
                Ok(self.put(place, Object { bytes, etag, note }))
            }
            Op::Delete { at, key, condition } => {
                let place = self.writable(at, key)?;
                self.judge(&place, condition)?;
                self.objects.remove(&place);
                Ok(Outcome::Done)
            }
            Op::Copy { from, key, at, to } => {
                let source = self.object(from, key)?.clone();
                let place = self.writable(at, to)?;
                let etag = ETag {
                    md5: Md5::digest(&source.bytes),
                    parts: 0,
                };
                Ok(self.put(place, Object { etag, ..source }))
            }
            Op::Begin { at, key, upload } => {
                let place = self.writable(at, key)?;
                self.uploads.insert((place, *upload), BTreeMap::new());
                Ok(Outcome::Done)
            }
            Op::Part {
                at,
                key,
                upload,
                number,
                body,
            } => {
                let place = (self.writable(at, key)?, *upload);
                let parts = self.uploads.get_mut(&place).ok_or(Refusal::NoSuchUpload)?;
                let bytes = body.bytes();
                let md5 = Md5::digest(&bytes);
                parts.insert(*number, Part { bytes, md5 });
                Ok(Outcome::Stored(ETag { md5, parts: 0 }))
            }
            Op::Complete {
                at,
                key,
                upload,
                parts,
            } => {
                let place = (self.writable(at, key)?, *upload);
                let there = self.uploads.get(&place).ok_or(Refusal::NoSuchUpload)?;
                let chosen: Option<Vec<&Part>> = parts.iter().map(|n| there.get(n)).collect();
                let chosen = chosen.ok_or(Refusal::InvalidPart)?;
                let bytes = chosen.iter().flat_map(|part| part.bytes.iter().copied());
                let object = Object {
                    bytes: bytes.collect(),
                    etag: etag_of_parts(chosen.iter().map(|part| part.md5)),
                    note: note_of(key, 0),
                };
                self.uploads.remove(&place);
                Ok(self.put(place.0, object))
            }
            Op::Abort { at, key, upload } => {
                let place = (self.writable(at, key)?, *upload);
                self.uploads.remove(&place).ok_or(Refusal::NoSuchUpload)?;
                Ok(Outcome::Done)
            }
            Op::Get { at, key, from, len } => {
                let object = self.object(at, key)?;
                let end = object.bytes.len().min(from.saturating_add(*len));
                let bytes = object.bytes.get(*from..end).unwrap_or_default();
                Ok(Outcome::Found(bytes.into(), object.etag))
            }
            Op::List {
                at,
                prefix,
                after,
                limit,
            } => {
                let led = self.names.follow(at)?;
                let stored = |asked: &str| (led.bucket, format!("{}{asked}", led.prefix));
                let (begin, after) = (stored(prefix), stored(after));
                let behind = (Bound::Excluded(after), Bound::Unbounded);
                let keys = self.objects.range(behind).map(|(key, _)| key);
                let keys = keys.filter(|key| key.0 == begin.0 && key.1.starts_with(&begin.1));
                let shown = keys.map(|key| key.1.split_at(led.prefix.len()).1.to_owned());
                Ok(Outcome::Keys(shown.take(*limit).collect()))
            }
        }
    }

    fn put(&mut self, place: Key, object: Object) -> Outcome {
        let etag = object.etag;
        self.objects.insert(place, object);
        Outcome::Stored(etag)
    }

    fn object(&self, at: &Place, key: &str) -> Result<&Object> {
        let led = self.names.follow(at)?;
        let place = (led.bucket, led.prefix + key);
        self.objects.get(&place).ok_or(Refusal::NoSuchKey)
    }

    /// The key in its bucket that a write is about.
    #[must_use]
    pub fn target(&self, op: &Op) -> Option<Key> {
        let (at, key) = op.target()?;
        self.writable(at, key).ok()
    }

    /// The key in the bucket of a key asked for, for a write.
    fn writable(&self, at: &Place, key: &str) -> Result<Key> {
        let led = self.names.follow(at)?;
        if led.read_only {
            return Err(Refusal::ReadOnly);
        }
        Ok((led.bucket, led.prefix + key))
    }

    fn judge(&self, place: &Key, condition: &Condition) -> Result<()> {
        let found = self.objects.get(place);
        match (condition, found) {
            (Condition::Always, _) | (Condition::IfAbsent, None) => Ok(()),
            (Condition::IfPresent, Some(_)) => Ok(()),
            (Condition::IfMatch(tag), Some(object)) if object.etag.to_string() == *tag => Ok(()),
            (Condition::IfPresent | Condition::IfMatch(_), None) => Err(Refusal::NoSuchKey),
            _ => Err(Refusal::Precondition),
        }
    }
}

/// The entity tag of an object made of parts.
pub fn etag_of_parts(parts: impl Iterator<Item = [u8; 16]>) -> ETag {
    let (mut all, mut count) = (Md5::new(), 0);
    for md5 in parts {
        all.update(&md5);
        count += 1;
    }
    ETag {
        md5: all.finish(),
        parts: count,
    }
}
