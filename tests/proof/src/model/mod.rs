//! The reference model of a whole store: what must be there, and what must be answered.
//!
//! Maps and nothing else. No log, no index, no shard, no time: what the engine does with these is
//! what the programmes compare with the model. Begin with [`Model::apply`].

mod names;
mod op;

pub use names::{Entry, Led, Link, Names};
pub use op::{Body, Bytes, Condition, Op, Outcome, Place, Refusal};

use crate::subject::{Content, Subject, ask};
use chainringd::base::md5::Md5;
use chainringd::store::ETag;
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Bound;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

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

impl Model {
    /// Does an operation and says what must be answered.
    pub fn apply(&mut self, op: &Op) -> Outcome {
        let asked = pin!(ask(self, op));
        match asked.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => unreachable!("a model has nothing to wait for"),
        }
    }

    /// The key in its bucket that a write is about.
    #[must_use]
    pub fn target(&self, op: &Op) -> Option<Key> {
        let (at, key) = op.target()?;
        self.written(at, key).ok()
    }

    /// The key in the bucket of a key asked for, for a write.
    fn written(&self, at: &Place, key: &str) -> Result<Key> {
        let led = self.names.follow(at)?;
        if led.read_only {
            return Err(Refusal::ReadOnly);
        }
        Ok((led.bucket, led.prefix + key))
    }

    fn keep(&mut self, place: Key, object: Object) -> Outcome {
        let etag = object.etag;
        self.objects.insert(place, object);
        Outcome::Stored(etag)
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

impl Subject for Model {
    type Stop = Refusal;
    type Target = Key;
    type Found = Object;

    async fn volume(&mut self, name: &str) -> Result<Outcome> {
        self.names.make_volume(name)
    }

    async fn drop_volume(&mut self, name: &str) -> Result<Outcome> {
        self.names.drop_volume(name)
    }

    async fn bucket(&mut self, at: &Place) -> Result<Outcome> {
        self.names.make_bucket(at)
    }

    async fn link(&mut self, at: &Place, link: Link) -> Result<Outcome> {
        self.names.add(at, Entry::Link(link))?;
        Ok(Outcome::Done)
    }

    async fn relink(&mut self, at: &Place, to: &Place) -> Result<Outcome> {
        self.names.relink(at, to)
    }

    async fn drop(&mut self, at: &Place) -> Result<Outcome> {
        let holds = |b: u64| self.objects.keys().any(|(bucket, _)| *bucket == b);
        if let Some(gone) = self.names.remove(at, |bucket| !holds(bucket))? {
            self.uploads.retain(|((bucket, _), _), _| *bucket != gone);
        }
        Ok(Outcome::Done)
    }

    async fn writable(&mut self, at: &Place, key: &str) -> Result<Key> {
        self.written(at, key)
    }

    async fn find(&mut self, at: &Place, key: &str) -> Result<Object> {
        let led = self.names.follow(at)?;
        let place = (led.bucket, led.prefix + key);
        self.objects.get(&place).cloned().ok_or(Refusal::NoSuchKey)
    }

    async fn put(
        &mut self,
        to: Key,
        content: Content,
        note: String,
        condition: &Condition,
    ) -> Result<Outcome> {
        self.judge(&to, condition)?;
        let Content { bytes, etag, .. } = content;
        Ok(self.keep(to, Object { bytes, etag, note }))
    }

    async fn delete(&mut self, at: Key, condition: &Condition) -> Result<Outcome> {
        self.judge(&at, condition)?;
        self.objects.remove(&at);
        Ok(Outcome::Done)
    }

    async fn copy(&mut self, from: Object, to: Key) -> Result<Outcome> {
        let etag = Content::of(from.bytes.clone(), 0).etag;
        Ok(self.keep(to, Object { etag, ..from }))
    }

    async fn begin(&mut self, at: Key, upload: u128, _: String) -> Result<Outcome> {
        self.uploads.insert((at, upload), BTreeMap::new());
        Ok(Outcome::Done)
    }

    async fn part(
        &mut self,
        at: Key,
        (upload, number): (u128, u32),
        content: Content,
    ) -> Result<Outcome> {
        let parts = self.uploads.get_mut(&(at, upload));
        let parts = parts.ok_or(Refusal::NoSuchUpload)?;
        let Content { bytes, etag, .. } = content;
        let md5 = etag.md5;
        parts.insert(number, Part { bytes, md5 });
        Ok(Outcome::Stored(etag))
    }

    async fn complete(
        &mut self,
        at: Key,
        upload: u128,
        parts: &[u32],
        note: String,
    ) -> Result<Outcome> {
        let place = (at, upload);
        let there = self.uploads.get(&place).ok_or(Refusal::NoSuchUpload)?;
        let chosen: Option<Vec<&Part>> = parts.iter().map(|n| there.get(n)).collect();
        let chosen = chosen.ok_or(Refusal::InvalidPart)?;
        let bytes = chosen.iter().flat_map(|part| part.bytes.iter().copied());
        let object = Object {
            bytes: bytes.collect(),
            etag: etag_of_parts(chosen.iter().map(|part| part.md5)),
            note,
        };
        self.uploads.remove(&place);
        Ok(self.keep(place.0, object))
    }

    async fn abort(&mut self, at: Key, upload: u128) -> Result<Outcome> {
        let ended = self.uploads.remove(&(at, upload));
        ended.ok_or(Refusal::NoSuchUpload)?;
        Ok(Outcome::Done)
    }

    async fn get(&mut self, object: Object, from: usize, len: usize) -> Result<Outcome> {
        let end = object.bytes.len().min(from.saturating_add(len));
        let bytes = object.bytes.get(from..end).unwrap_or_default();
        Ok(Outcome::Found(bytes.into(), object.etag))
    }

    async fn list(
        &mut self,
        at: &Place,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Outcome> {
        let led = self.names.follow(at)?;
        let stored = |asked: &str| (led.bucket, format!("{}{asked}", led.prefix));
        let (begin, after) = (stored(prefix), stored(after));
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let keys = self.objects.range(behind).map(|(key, _)| key);
        let keys = keys.filter(|key| key.0 == begin.0 && key.1.starts_with(&begin.1));
        let shown = keys.map(|key| key.1.split_at(led.prefix.len()).1.to_owned());
        Ok(Outcome::Keys(shown.take(limit).collect()))
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
