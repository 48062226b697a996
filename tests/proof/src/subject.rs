//! What operations are asked of: the model, and the engine. Here alone each is taken apart, and brought
//! to where its names lead, so that both do the same ones.

use crate::model::{Bytes, Condition, Link, Op, Outcome, Place};
use chainringd::base::md5::Md5;
use chainringd::store::ETag;

/// What an object or part is to hold.
pub struct Content {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its entity tag.
    pub etag: ETag,
    /// Bytes of each extent; 0 puts them into the record.
    pub extent: usize,
}

impl Content {
    /// These bytes, in extents of so many.
    #[must_use]
    pub fn of(bytes: Bytes, extent: usize) -> Self {
        let etag = ETag {
            md5: Md5::digest(&bytes),
            parts: 0,
        };
        Self {
            bytes,
            etag,
            extent,
        }
    }
}

/// What an object written with this body and this key carries besides.
fn note_of(key: &str, tag: u32) -> String {
    format!("{key} {tag}")
}

/// Whatever can do operations.
#[expect(
    async_fn_in_trait,
    reason = "a case runs in one thread, so nobody asks whether a future may leave it"
)]
pub trait Subject {
    /// Why an operation ended early: an answer of the subject's own kind.
    type Stop: Into<Outcome>;
    /// A key in the bucket that a name led to, for a write.
    type Target;
    /// An object that was found.
    type Found;

    /// Makes a volume.
    async fn volume(&mut self, name: &str) -> Result<Outcome, Self::Stop>;
    /// Removes a volume that is empty.
    async fn drop_volume(&mut self, name: &str) -> Result<Outcome, Self::Stop>;
    /// Makes a bucket.
    async fn bucket(&mut self, at: &Place) -> Result<Outcome, Self::Stop>;
    /// Makes a link.
    async fn link(&mut self, at: &Place, link: Link) -> Result<Outcome, Self::Stop>;
    /// Gives a link another source.
    async fn relink(&mut self, at: &Place, to: &Place) -> Result<Outcome, Self::Stop>;
    /// Removes a link, or an empty bucket.
    async fn drop(&mut self, at: &Place) -> Result<Outcome, Self::Stop>;

    /// Where a write to a key goes, if there may be one.
    async fn writable(&mut self, at: &Place, key: &str) -> Result<Self::Target, Self::Stop>;
    /// The object that is read under a key.
    async fn find(&mut self, at: &Place, key: &str) -> Result<Self::Found, Self::Stop>;

    /// Writes an object.
    async fn put(
        &mut self,
        to: Self::Target,
        content: Content,
        note: String,
        condition: &Condition,
    ) -> Result<Outcome, Self::Stop>;
    /// Deletes an object.
    async fn delete(
        &mut self,
        at: Self::Target,
        condition: &Condition,
    ) -> Result<Outcome, Self::Stop>;
    /// Writes the bytes and the note of one object as another.
    async fn copy(&mut self, from: Self::Found, to: Self::Target) -> Result<Outcome, Self::Stop>;
    /// Begins an upload.
    async fn begin(
        &mut self,
        at: Self::Target,
        upload: u128,
        note: String,
    ) -> Result<Outcome, Self::Stop>;
    /// Writes a part of an upload.
    async fn part(
        &mut self,
        at: Self::Target,
        upload: (u128, u32),
        content: Content,
    ) -> Result<Outcome, Self::Stop>;
    /// Makes an object of parts.
    async fn complete(
        &mut self,
        at: Self::Target,
        upload: u128,
        parts: &[u32],
        note: String,
    ) -> Result<Outcome, Self::Stop>;
    /// Gives an upload up.
    async fn abort(&mut self, at: Self::Target, upload: u128) -> Result<Outcome, Self::Stop>;
    /// Reads so many bytes of an object from this one on, as far as there are any.
    async fn get(
        &mut self,
        object: Self::Found,
        from: usize,
        len: usize,
    ) -> Result<Outcome, Self::Stop>;
    /// Lists at most `limit` keys that begin with `prefix` and come after `after`.
    async fn list(
        &mut self,
        at: &Place,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Outcome, Self::Stop>;
}

/// Has the subject do an operation and gives the answer.
pub async fn ask(subject: &mut impl Subject, op: &Op) -> Outcome {
    attempt(subject, op).await.unwrap_or_else(Into::into)
}

async fn attempt<S: Subject>(subject: &mut S, op: &Op) -> Result<Outcome, S::Stop> {
    match op {
        Op::Volume(name) => subject.volume(name).await,
        Op::DropVolume(name) => subject.drop_volume(name).await,
        Op::Bucket(at) => subject.bucket(at).await,
        Op::Link {
            at,
            to,
            prefix,
            read_only,
        } => {
            let link = Link {
                to: to.clone(),
                prefix: prefix.clone(),
                read_only: *read_only,
            };
            subject.link(at, link).await
        }
        Op::Relink { at, to } => subject.relink(at, to).await,
        Op::Drop(at) => subject.drop(at).await,
        Op::Put {
            at,
            key,
            body,
            condition,
        } => {
            let to = subject.writable(at, key).await?;
            let content = Content::of(body.bytes(), body.extent);
            let note = note_of(key, body.tag);
            subject.put(to, content, note, condition).await
        }
        Op::Delete { at, key, condition } => {
            let at = subject.writable(at, key).await?;
            subject.delete(at, condition).await
        }
        Op::Copy { from, key, at, to } => {
            let from = subject.find(from, key).await?;
            let to = subject.writable(at, to).await?;
            subject.copy(from, to).await
        }
        Op::Begin { at, key, upload } => {
            let at = subject.writable(at, key).await?;
            subject.begin(at, *upload, note_of(key, 0)).await
        }
        Op::Part {
            at,
            key,
            upload,
            number,
            body,
        } => {
            let at = subject.writable(at, key).await?;
            let content = Content::of(body.bytes(), body.extent);
            subject.part(at, (*upload, *number), content).await
        }
        Op::Complete {
            at,
            key,
            upload,
            parts,
        } => {
            let at = subject.writable(at, key).await?;
            let note = note_of(key, 0);
            subject.complete(at, *upload, parts, note).await
        }
        Op::Abort { at, key, upload } => {
            let at = subject.writable(at, key).await?;
            subject.abort(at, *upload).await
        }
        Op::Get { at, key, from, len } => {
            let object = subject.find(at, key).await?;
            subject.get(object, *from, *len).await
        }
        Op::List {
            at,
            prefix,
            after,
            limit,
        } => subject.list(at, prefix, after, *limit).await,
    }
}
