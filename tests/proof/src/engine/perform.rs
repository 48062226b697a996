//! Operations of the model's words, done by the engine as the S3 layer does them.

use super::{Engine, OWNER, SimNames, SimStore};
use crate::model::{Body, Condition, Op, Outcome, Place, Refusal, etag_of_parts, note_of};
use chainringd::base::limits::EXTENT_HEAD;
use chainringd::base::md5::Md5;
use chainringd::base::{AlignedBuf, BucketId, ShardId, UploadId};
use chainringd::index::Visit;
use chainringd::io::IoErrorKind;
use chainringd::io::sim::SimDisk;
use chainringd::log::LogError;
use chainringd::namespace::{
    CannedAcl, Command, LinkOptions, NamespaceError, Reply, ResolveError, Resolved, Right, Who,
};
use chainringd::store::record::PartRef;
use chainringd::store::{
    CompleteUpload, ETag, EtagSet, NewBody, NewObject, NewPart, NewUpload, ObjectMeta, Opened,
    StoreError, WriteCondition,
};
use std::rc::Rc;

/// Why an operation ended early: with an answer.
struct Stop(Outcome);

type Result<T> = std::result::Result<T, Stop>;

fn refuse<T>(refusal: Refusal) -> Result<T> {
    Err(Stop(Outcome::Refused(refusal)))
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::NoSuchKey => Outcome::Refused(Refusal::NoSuchKey),
            StoreError::NoSuchUpload => Outcome::Refused(Refusal::NoSuchUpload),
            StoreError::InvalidPart(_) => Outcome::Refused(Refusal::InvalidPart),
            StoreError::PreconditionFailed => Outcome::Refused(Refusal::Precondition),
            StoreError::BucketGone => Outcome::Refused(Refusal::NoBucket),
            StoreError::Log(error) => of_log(&error),
            other => Outcome::Failed(other.to_string()),
        })
    }
}

fn of_log(error: &LogError) -> Outcome {
    match error {
        LogError::NoSpace => Outcome::Full,
        LogError::Io(error) if error.kind == IoErrorKind::NoSpace => Outcome::Full,
        other => Outcome::Failed(other.to_string()),
    }
}

impl From<NamespaceError> for Stop {
    fn from(error: NamespaceError) -> Self {
        let refusal = match error {
            NamespaceError::VolumeNotFound(_) => Refusal::NoVolume,
            NamespaceError::VolumeAlreadyExists(_) | NamespaceError::BucketAlreadyExists(_) => {
                Refusal::Exists
            }
            NamespaceError::VolumeNotEmpty(_) => Refusal::NotEmpty,
            NamespaceError::VolumeIsPermanent(_) => Refusal::Permanent,
            NamespaceError::BucketNotFound(_) => Refusal::NoBucket,
            NamespaceError::NotALink(_) => Refusal::NotALink,
            NamespaceError::Log(error) => return Self(of_log(&error)),
            other => return Self(Outcome::Failed(other.to_string())),
        };
        Self(Outcome::Refused(refusal))
    }
}

impl From<ResolveError> for Stop {
    fn from(error: ResolveError) -> Self {
        let refusal = match error {
            ResolveError::VolumeNotFound => Refusal::NoVolume,
            ResolveError::BucketNotFound => Refusal::NoBucket,
            ResolveError::Dangling { .. } => Refusal::Dangling,
            ResolveError::Loop { .. } => Refusal::Loop,
            ResolveError::TooDeep { .. } => Refusal::TooDeep,
            other => return Self(Outcome::Failed(other.to_string())),
        };
        Self(Outcome::Refused(refusal))
    }
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
pub(super) fn note_in(meta: &ObjectMeta) -> String {
    let mut notes = meta.user.iter().filter(|(name, _)| name == "note");
    notes
        .next()
        .map_or_else(String::new, |(_, note)| note.clone())
}

impl Engine {
    /// Does an operation and says what was answered.
    pub async fn perform(&self, op: &Op) -> Outcome {
        match self.attempt(op).await {
            Ok(outcome) | Err(Stop(outcome)) => outcome,
        }
    }

    async fn attempt(&self, op: &Op) -> Result<Outcome> {
        match op {
            Op::Volume(_) | Op::DropVolume(_) | Op::Bucket(_) | Op::Link { .. } => {
                self.name(op).await
            }
            Op::Relink { .. } => self.name(op).await,
            Op::Drop(at) => self.drop(at).await,
            Op::Put {
                at,
                key,
                body,
                condition: asked,
            } => {
                let (led, key) = self.writable(at, key)?;
                let bytes = body.bytes();
                let etag = ETag {
                    md5: Md5::digest(&bytes),
                    parts: 0,
                };
                let shard = self.shard(led.bucket, &key);
                let new = NewObject {
                    bucket: led.bucket,
                    etag,
                    size: bytes.len() as u64,
                    meta: meta(note_of(key.get(prefix_len(&led)..).unwrap_or(""), body.tag)),
                    body: self.bring(shard, &bytes, body.extent).await?,
                    condition: condition(asked),
                    modified: None,
                    key: key.into_bytes(),
                };
                let job = |store: Rc<SimStore>| async move { store.put(new).await };
                self.core.on_shard(shard, job).await?;
                Ok(Outcome::Stored(etag))
            }
            Op::Delete {
                at,
                key,
                condition: asked,
            } => {
                let (led, key) = self.writable(at, key)?;
                let shard = self.shard(led.bucket, &key);
                let (bucket, asked) = (led.bucket, condition(asked));
                let job = move |store: Rc<SimStore>| async move {
                    store.delete(bucket, key.as_bytes(), &asked).await
                };
                self.core.on_shard(shard, job).await?;
                Ok(Outcome::Done)
            }
            Op::Copy { from, key, at, to } => self.copy((from, key), (at, to)).await,
            Op::Begin { at, key, upload } => {
                let (led, key) = self.writable(at, key)?;
                let new = NewUpload {
                    bucket: led.bucket,
                    upload: UploadId(*upload),
                    meta: meta(note_of(key.get(prefix_len(&led)..).unwrap_or(""), 0)),
                    key: key.clone().into_bytes(),
                };
                let shard = self.shard(led.bucket, &key);
                let job = |store: Rc<SimStore>| async move { store.create_upload(new).await };
                self.core.on_shard(shard, job).await?;
                Ok(Outcome::Done)
            }
            Op::Part {
                at,
                key,
                upload,
                number,
                body,
            } => {
                let (led, key) = self.writable(at, key)?;
                self.part(led.bucket, key, (UploadId(*upload), *number), body)
                    .await
            }
            Op::Complete {
                at,
                key,
                upload,
                parts,
            } => {
                let (led, key) = self.writable(at, key)?;
                let note = note_of(key.get(prefix_len(&led)..).unwrap_or(""), 0);
                self.complete((led.bucket, key), note, UploadId(*upload), parts)
                    .await
            }
            Op::Abort { at, key, upload } => {
                let (led, key) = self.writable(at, key)?;
                let (bucket, upload) = (led.bucket, UploadId(*upload));
                let shard = self.shard(bucket, &key);
                let job = move |store: Rc<SimStore>| async move {
                    store.abort_upload(bucket, key.as_bytes(), upload).await
                };
                self.core.on_shard(shard, job).await?;
                Ok(Outcome::Done)
            }
            Op::Get { at, key, from, len } => {
                let (opened, led, stored) = self.find(at, key).await?;
                let size = opened.object.record.size;
                let begin = size.min(*from as u64);
                let end = size.min(begin.saturating_add(*len as u64));
                let bytes = self.read(led.bucket, &stored, &opened, begin..end).await?;
                Ok(Outcome::Found(bytes.into(), opened.object.record.etag))
            }
            Op::List {
                at,
                prefix,
                after,
                limit,
            } => self.list(at, prefix, after, *limit),
        }
    }

    async fn name(&self, op: &Op) -> Result<Outcome> {
        let command = match op.clone() {
            Op::Volume(name) => Command::CreateVolume {
                name,
                owner: OWNER.to_owned(),
                quota_bytes: None,
                quota_namespace: None,
            },
            Op::DropVolume(name) => Command::DeleteVolume { name },
            Op::Bucket((volume, name)) => Command::CreateBucket {
                volume,
                name,
                owner: OWNER.to_owned(),
                acl: CannedAcl::Private,
                object_lock: false,
                protected: false,
                quota_bytes: None,
                quota_namespace: None,
            },
            Op::Link {
                at: (volume, name),
                to: source,
                prefix,
                read_only,
            } => Command::CreateLink {
                source,
                volume,
                name,
                owner: OWNER.to_owned(),
                strict: false,
                options: LinkOptions {
                    prefix,
                    read_only,
                    ..LinkOptions::default()
                },
            },
            Op::Relink {
                at: (volume, name),
                to: source,
            } => Command::SetLinkSource {
                volume,
                name,
                source,
                expect: None,
                expect_generation: None,
                delegate: None,
                by: OWNER.to_owned(),
            },
            other => return Err(Stop(Outcome::Failed(format!("{other:?} is no command")))),
        };
        let made = match self.command(command).await? {
            Reply::Entry(entry) => entry.bucket().map(|bucket| bucket.id.0),
            _ => None,
        };
        Ok(made.map_or(Outcome::Done, Outcome::Made))
    }

    async fn drop(&self, (volume, name): &Place) -> Result<Outcome> {
        let names = self.core.names();
        let broken = |error: &dyn std::fmt::Display| Stop(Outcome::Failed(error.to_string()));
        if names
            .volume(volume)
            .map_err(|error| broken(&error))?
            .is_none()
        {
            return refuse(Refusal::NoVolume);
        }
        let entry = names.entry(volume, name).map_err(|error| broken(&error))?;
        let Some(entry) = entry else {
            return refuse(Refusal::NoBucket);
        };
        let (volume, name) = (volume.clone(), name.clone());
        let Some(bucket) = entry.bucket() else {
            self.command(Command::DeleteLink { volume, name }).await?;
            return Ok(Outcome::Done);
        };
        let expect = bucket.id;
        if !self.core.seal_if_empty(expect).await? {
            return refuse(Refusal::NotEmpty);
        }
        let command = Command::DeleteBucket {
            volume,
            name,
            expect,
        };
        if let Err(stop) = self.command(command).await {
            self.core.unseal_all(expect).await?;
            return Err(stop);
        }
        Ok(Outcome::Done)
    }

    /// The number of the bucket that a name leads to.
    pub fn leads_to(&self, place: &Place) -> std::result::Result<u64, String> {
        match self.resolve(place) {
            Ok(led) => Ok(led.bucket.0),
            Err(Stop(outcome)) => Err(format!("{place:?} leads nowhere: {outcome:?}")),
        }
    }

    fn resolve(&self, (volume, name): &Place) -> Result<Rc<Resolved>> {
        Ok(self.core.resolve(volume, name)?)
    }

    /// The bucket and the key there, for a write.
    fn writable(&self, at: &Place, key: &str) -> Result<(Rc<Resolved>, String)> {
        let led = self.resolve(at)?;
        let admin = Who {
            admin: true,
            ..Who::ANONYMOUS
        };
        if !led.allows(&admin, Right::Write) {
            return refuse(Refusal::ReadOnly);
        }
        let key = stored(&led, key)?;
        Ok((led, key))
    }

    fn shard(&self, bucket: BucketId, key: &str) -> ShardId {
        self.core.shard_of(bucket, key.as_bytes())
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

    /// A command to the namespace, wherever that is.
    async fn command(&self, command: Command) -> Result<Reply> {
        let job = |names: Rc<SimNames>| async move { names.apply(command).await };
        match self.core.on_namespace(job).await {
            Some(reply) => Ok(reply?),
            None => Err(Stop(Outcome::Failed("the namespace is gone".to_owned()))),
        }
    }

    async fn find(&self, at: &Place, key: &str) -> Result<(Opened<SimDisk>, Rc<Resolved>, String)> {
        let led = self.resolve(at)?;
        let key = stored(&led, key)?;
        let reader = self.core.reader_of(led.bucket, key.as_bytes());
        let cache = Some(&**self.core.cache());
        match reader.open(led.bucket, key.as_bytes(), cache).await? {
            Some(opened) => Ok((opened, led, key)),
            None => refuse(Refusal::NoSuchKey),
        }
    }

    async fn read(
        &self,
        bucket: BucketId,
        key: &str,
        opened: &Opened<SimDisk>,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<u8>> {
        let reader = self.core.reader_of(bucket, key.as_bytes());
        let mut stream = reader.body(opened, range, Some(self.core.cache().clone()));
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    async fn copy(&self, from: (&Place, &str), to: (&Place, &str)) -> Result<Outcome> {
        let (opened, source, key) = self.find(from.0, from.1).await?;
        let (led, target) = self.writable(to.0, to.1)?;
        let size = opened.object.record.size;
        let bytes = self.read(source.bucket, &key, &opened, 0..size).await?;
        let etag = ETag {
            md5: Md5::digest(&bytes),
            parts: 0,
        };
        let shard = self.shard(led.bucket, &target);
        let extent = if bytes.len() > 1024 { 2048 } else { 0 };
        let new = NewObject {
            bucket: led.bucket,
            key: target.clone().into_bytes(),
            etag,
            size,
            meta: opened.object.record.meta.clone(),
            body: self.bring(shard, &bytes, extent).await?,
            condition: WriteCondition::default(),
            modified: None,
        };
        let job = |store: Rc<SimStore>| async move { store.put(new).await };
        self.core.on_shard(shard, job).await?;
        Ok(Outcome::Stored(etag))
    }

    async fn part(
        &self,
        bucket: BucketId,
        key: String,
        (upload, number): (UploadId, u32),
        body: &Body,
    ) -> Result<Outcome> {
        let shard = self.shard(bucket, &key);
        let reader = self.core.reader_of(bucket, key.as_bytes());
        reader.upload(bucket, key.as_bytes(), upload).await?;
        let bytes = body.bytes();
        let md5 = Md5::digest(&bytes);
        let new = NewPart {
            bucket,
            upload,
            number,
            md5,
            size: bytes.len() as u64,
            checksum: None,
            body: self.bring(shard, &bytes, body.extent).await?,
            key: key.into_bytes(),
        };
        let job = |store: Rc<SimStore>| async move { store.put_part(new).await };
        self.core.on_shard(shard, job).await?;
        Ok(Outcome::Stored(ETag { md5, parts: 0 }))
    }

    async fn complete(
        &self,
        (bucket, key): (BucketId, String),
        note: String,
        upload: UploadId,
        numbers: &[u32],
    ) -> Result<Outcome> {
        let reader = self.core.reader_of(bucket, key.as_bytes());
        reader.upload(bucket, key.as_bytes(), upload).await?;
        let there = reader.parts(upload, 0, usize::MAX)?;
        let mut parts = Vec::new();
        for number in numbers {
            let Some((_, part)) = there.iter().find(|(n, _)| n == number) else {
                return refuse(Refusal::InvalidPart);
            };
            parts.push(PartRef {
                number: *number,
                size: part.size,
                md5: part.md5,
                at: part.at,
                record_len: part.record_len,
                checksum: Vec::new(),
            });
        }
        let etag = etag_of_parts(parts.iter().map(|part| part.md5));
        let object = NewObject {
            bucket,
            etag,
            size: parts.iter().map(|part| part.size).sum(),
            meta: meta(note),
            body: NewBody::Parts(parts),
            condition: WriteCondition::default(),
            modified: None,
            key: key.clone().into_bytes(),
        };
        let shard = self.shard(bucket, &key);
        let complete = CompleteUpload { upload, object };
        let job = |store: Rc<SimStore>| async move { store.complete_upload(complete).await };
        self.core.on_shard(shard, job).await?;
        Ok(Outcome::Stored(etag))
    }

    fn list(&self, at: &Place, prefix: &str, after: &str, limit: usize) -> Result<Outcome> {
        let led = self.resolve(at)?;
        let (begin, after) = (stored(&led, prefix)?, stored(&led, after)?);
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

fn prefix_len(led: &Resolved) -> usize {
    led.prefix.as_deref().map_or(0, str::len)
}

fn stored(led: &Resolved, key: &str) -> Result<String> {
    match led.key(key) {
        Ok(key) => Ok(key.into_owned()),
        Err(_) => Err(Stop(Outcome::Failed("key too long".to_owned()))),
    }
}
