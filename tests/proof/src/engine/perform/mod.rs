//! Operations of the model's words, done by the engine as the S3 layer does them.

mod names;
mod stop;
mod uploads;

use super::{Engine, SimStore};
use crate::model::{Condition, Link, Op, Outcome, Place, Refusal};
use crate::subject::{Content, Subject, ask};
use chainringd::base::limits::EXTENT_HEAD;
use chainringd::base::{AlignedBuf, BucketId, ShardId, UploadId};
use chainringd::index::Visit;
use chainringd::io::sim::SimDisk;
use chainringd::namespace::{Command, Resolved, Right, Who};
use chainringd::store::{
    EtagSet, NewBody, NewObject, ObjectMeta, Opened, StoreReader, WriteCondition,
};
use std::rc::Rc;
use stop::{Result, Stop, fail, refuse};

/// A key in its bucket.
pub struct Target {
    bucket: BucketId,
    key: String,
}

/// An object that was opened, and where it is.
pub struct Found {
    opened: Opened<SimDisk>,
    at: Target,
}

fn condition(asked: &Condition) -> WriteCondition {
    let none = WriteCondition::default();
    match asked {
        Condition::Always => none,
        Condition::IfAbsent => WriteCondition {
            if_none_match: Some(EtagSet::Any),
            ..none
        },
        Condition::IfPresent => WriteCondition {
            if_match: Some(EtagSet::Any),
            ..none
        },
        Condition::IfMatch(tag) => WriteCondition {
            if_match: Some(EtagSet::OneOf(vec![tag.clone()])),
            ..none
        },
    }
}

fn meta(note: String) -> ObjectMeta {
    ObjectMeta {
        user: vec![("note".to_owned(), note)],
        ..ObjectMeta::default()
    }
}

/// The note in an object's metadata.
pub(in crate::engine) fn note_in(meta: &ObjectMeta) -> String {
    let mut notes = meta.user.iter().filter(|(name, _)| name == "note");
    notes
        .next()
        .map_or_else(String::new, |(_, note)| note.clone())
}

impl Engine {
    /// Does an operation and says what was answered.
    pub async fn perform(&self, op: &Op) -> Outcome {
        ask(&mut &*self, op).await
    }

    /// The number of the bucket that a name leads to.
    pub fn leads_to(&self, place: &Place) -> std::result::Result<u64, String> {
        match self.resolve(place) {
            Ok(led) => Ok(led.bucket.0),
            Err(stop) => Err(format!(
                "{place:?} leads nowhere: {:?}",
                Outcome::from(stop)
            )),
        }
    }

    fn resolve(&self, (volume, name): &Place) -> Result<Rc<Resolved>> {
        Ok(self.core.resolve(volume, name)?)
    }

    fn shard(&self, at: &Target) -> ShardId {
        self.core.shard_of(at.bucket, at.key.as_bytes())
    }

    fn reader(&self, at: &Target) -> &StoreReader<SimDisk> {
        self.core.reader_of(at.bucket, at.key.as_bytes())
    }

    /// Brings a body to its shard: in a buffer for the record, or as extents of so many bytes.
    async fn bring(&self, shard: ShardId, bytes: &[u8], extent: usize) -> Result<NewBody> {
        if extent == 0 {
            return Ok(NewBody::Inline(AlignedBuf::copy_of(bytes), 0));
        }
        let mut extents = Vec::new();
        for piece in bytes.chunks(extent) {
            let mut buf = AlignedBuf::with_capacity(EXTENT_HEAD + piece.len());
            buf.set_len(EXTENT_HEAD);
            buf.extend(piece);
            let job = |store: Rc<SimStore>| async move { store.append_extent(1, buf).await.0 };
            extents.push(self.core.on_shard(shard, job).await?);
        }
        Ok(NewBody::Extents(extents))
    }

    /// Writes an object.
    async fn write(
        &self,
        to: Target,
        content: Content,
        meta: ObjectMeta,
        condition: WriteCondition,
    ) -> Result<Outcome> {
        let shard = self.shard(&to);
        let new = NewObject {
            bucket: to.bucket,
            etag: content.etag,
            size: content.bytes.len() as u64,
            meta,
            body: self.bring(shard, &content.bytes, content.extent).await?,
            condition,
            modified: None,
            key: to.key.into_bytes(),
        };
        let job = |store: Rc<SimStore>| async move { store.put(new).await };
        self.core.on_shard(shard, job).await?;
        Ok(Outcome::Stored(content.etag))
    }

    async fn read(&self, found: &Found, range: std::ops::Range<u64>) -> Result<Vec<u8>> {
        let cache = Some(self.core.cache().clone());
        let mut stream = self.reader(&found.at).body(&found.opened, range, cache);
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

impl Subject for &Engine {
    type Stop = Stop;
    type Target = Target;
    type Found = Found;

    async fn volume(&mut self, name: &str) -> Result<Outcome> {
        self.name(names::volume(name)).await
    }

    async fn drop_volume(&mut self, name: &str) -> Result<Outcome> {
        let name = name.to_owned();
        self.name(Command::DeleteVolume { name }).await
    }

    async fn bucket(&mut self, at: &Place) -> Result<Outcome> {
        self.name(names::bucket(at)).await
    }

    async fn link(&mut self, at: &Place, link: Link) -> Result<Outcome> {
        self.name(names::link(at, link)).await
    }

    async fn relink(&mut self, at: &Place, to: &Place) -> Result<Outcome> {
        self.name(names::relink(at, to)).await
    }

    async fn drop(&mut self, at: &Place) -> Result<Outcome> {
        self.drop_name(at).await
    }

    async fn writable(&mut self, at: &Place, key: &str) -> Result<Target> {
        let led = self.resolve(at)?;
        let admin = Who {
            admin: true,
            ..Who::ANONYMOUS
        };
        if !led.allows(&admin, Right::Write) {
            return refuse(Refusal::ReadOnly);
        }
        target(&led, key)
    }

    async fn find(&mut self, at: &Place, key: &str) -> Result<Found> {
        let at = target(&*self.resolve(at)?, key)?;
        let cache = Some(&**self.core.cache());
        let key = at.key.as_bytes();
        match self.reader(&at).open(at.bucket, key, cache).await? {
            Some(opened) => Ok(Found { opened, at }),
            None => refuse(Refusal::NoSuchKey),
        }
    }

    async fn put(
        &mut self,
        to: Target,
        content: Content,
        note: String,
        asked: &Condition,
    ) -> Result<Outcome> {
        self.write(to, content, meta(note), condition(asked)).await
    }

    async fn delete(&mut self, at: Target, asked: &Condition) -> Result<Outcome> {
        let (shard, asked) = (self.shard(&at), condition(asked));
        let job = move |store: Rc<SimStore>| async move {
            store.delete(at.bucket, at.key.as_bytes(), &asked).await
        };
        self.core.on_shard(shard, job).await?;
        Ok(Outcome::Done)
    }

    async fn copy(&mut self, from: Found, to: Target) -> Result<Outcome> {
        let record = &from.opened.object.record;
        let bytes = self.read(&from, 0..record.size).await?;
        let extent = if bytes.len() > 1024 { 2048 } else { 0 };
        let content = Content::of(bytes.into(), extent);
        let condition = WriteCondition::default();
        self.write(to, content, record.meta.clone(), condition)
            .await
    }

    async fn begin(&mut self, at: Target, upload: u128, note: String) -> Result<Outcome> {
        self.begin_upload(at, UploadId(upload), note).await
    }

    async fn part(
        &mut self,
        at: Target,
        (upload, number): (u128, u32),
        content: Content,
    ) -> Result<Outcome> {
        self.put_part(at, (UploadId(upload), number), content).await
    }

    async fn complete(
        &mut self,
        at: Target,
        upload: u128,
        parts: &[u32],
        note: String,
    ) -> Result<Outcome> {
        self.complete_upload(at, UploadId(upload), parts, note)
            .await
    }

    async fn abort(&mut self, at: Target, upload: u128) -> Result<Outcome> {
        self.abort_upload(at, UploadId(upload)).await
    }

    async fn get(&mut self, found: Found, from: usize, len: usize) -> Result<Outcome> {
        let (size, etag) = (
            found.opened.object.record.size,
            found.opened.object.record.etag,
        );
        let begin = size.min(from as u64);
        let end = size.min(begin.saturating_add(len as u64));
        let bytes = self.read(&found, begin..end).await?;
        Ok(Outcome::Found(bytes.into(), etag))
    }

    async fn list(
        &mut self,
        at: &Place,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Outcome> {
        let led = self.resolve(at)?;
        let (begin, after) = (target(&led, prefix)?.key, target(&led, after)?.key);
        let visit = Visit::begin();
        let mut cursor = self.core.objects(&visit, led.bucket);
        match after >= begin {
            true => cursor.seek(after.as_bytes(), true),
            false => cursor.seek(begin.as_bytes(), false),
        }
        let mut keys = Vec::new();
        while keys.len() < limit
            && let Some((key, _)) = cursor.next_object()?
        {
            let key = String::from_utf8_lossy(key);
            if !key.starts_with(&begin) {
                break;
            }
            keys.push(led.shown(&key).unwrap_or("not shown").to_owned());
        }
        Ok(Outcome::Keys(keys))
    }
}

/// The key in its bucket of a key that was asked for.
fn target(led: &Resolved, key: &str) -> Result<Target> {
    let bucket = led.bucket;
    match led.key(key) {
        Ok(key) => Ok(Target {
            bucket,
            key: key.into_owned(),
        }),
        Err(_) => fail("key too long"),
    }
}
