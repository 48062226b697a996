//! Copies: of an object onto a key, and of a range onto a part. The source goes through the same
//! gate as a GET of it would, links included.

use super::put::with_checksum;
use super::response::Response;
use super::{Context, key_error, write_condition};
use crate::base::ShardId;
use crate::base::limits::PART_BYTES_MAX;
use crate::base::md5::Md5;
use crate::io::{Clock, Disk};
use crate::s3::access;
use crate::s3::checksum::{self, Hasher};
use crate::s3::conditions::{self, Outcome};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::keys::Key;
use crate::s3::path::CopySource;
use crate::s3::place::Place;
use crate::s3::range;
use crate::s3::rights;
use crate::s3::route::Access;
use crate::s3::stored::{self, Directive};
use crate::s3::xml::documents;
use crate::shard::{Permit, copy_bytes};
use crate::store::meta::{Checksum, ChecksumAlgorithm, ChecksumKind};
use crate::store::{ETag, NewBody, NewObject, Opened};
use std::ops::Range;

/// The source of a copy, readable by the caller.
pub(super) struct Source<D: Disk> {
    pub(super) bucket: Place,
    pub(super) key: Key<'static>,
    pub(super) opened: Opened<D>,
}

/// Bytes that were copied.
pub(super) struct Copied {
    pub(super) body: NewBody,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) checksum: Option<Checksum>,
    pub(super) permit: Option<Permit>,
}

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `PUT /bucket/key` with `x-amz-copy-source`
    pub async fn copy_object(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let key = bucket.key(self.key()?)?;
        let hold = self.hold(&bucket, &key).await?;
        let asked = write_condition(&self.head)?;
        let condition = hold.guard(asked.clone())?;
        let mut source = self.copy_source().await?;
        let replaces = |name| -> Result<bool> {
            Ok(stored::directive(&self.head, name)? == Directive::Replace)
        };
        let replace = replaces("x-amz-metadata-directive")?;
        let replace_tags = replaces("x-amz-tagging-directive")?;
        let onto_itself = source.bucket.id() == bucket.id() && source.key.stored() == key.stored();
        if onto_itself && !replace && self.head.0.header("x-amz-storage-class").is_none() {
            return Err(S3Error::new(
                ErrorCode::InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself \
                 without changing the object's metadata, storage class, website redirect location \
                 or encryption attributes.",
            ));
        }
        let given = self.new_meta(&bucket)?;
        let mut meta = if replace {
            given.clone()
        } else {
            source.opened.object.record.meta.clone()
        };
        meta.tags = if replace_tags {
            given.tags
        } else {
            source.opened.object.record.meta.tags.clone()
        };
        meta.acl = given.acl;
        meta.owner = given.owner;
        meta.rules = given.rules;
        self.core
            .expect_object(
                bucket.id(),
                key.as_bytes(),
                source.opened.object.record.size,
            )
            .await
            .map_err(|error| key_error(&error, &key))?;
        let shard = self.core.shard_of(bucket.id(), key.as_bytes());
        let wanted = checksum::of_upload(&self.head)?.map(|c| c.algorithm);
        let copied = self.copy_whole(&mut source, shard, wanted).await?;
        let etag = ETag {
            md5: copied.md5,
            parts: 0,
        };
        meta.checksum = copied.checksum;
        let checksum = meta.checksum.clone();
        let new = NewObject {
            bucket: bucket.id(),
            key: key.as_bytes().to_vec(),
            etag,
            size: copied.size,
            meta,
            body: copied.body,
            condition,
            modified: None,
        };
        let stored = self
            .core
            .on_shard(shard, move |store| async move { store.put(new).await })
            .await
            .map_err(|error| hold.refused(&error, &asked, &key))?;
        drop(copied.permit);
        let document =
            documents::copy_object(&etag.to_string(), stored.modified, checksum.as_ref());
        Ok(with_checksum(Response::xml(document), checksum.as_ref()))
    }

    /// Looks the source up and checks that the caller may read it and that the conditions hold.
    pub(super) async fn copy_source(&self) -> Result<Source<D>> {
        let raw = self
            .head
            .0
            .header("x-amz-copy-source")
            .ok_or(ErrorCode::InvalidRequest)?;
        self.observed.copies(raw);
        let asked = CopySource::parse(raw)?;
        if asked.version.as_deref().is_some_and(|v| v != "null") {
            return Err(ErrorCode::NoSuchVersion.into());
        }
        let bucket = access::resolve(self.core, self.caller, &asked.bucket);
        let place = (self.caller.volume(), &*asked.bucket);
        self.observed
            .copies_from(self.core, place, bucket.as_deref().ok());
        let bucket = bucket?;
        self.caller.admit(&bucket, rights::SOURCE, Access::Read)?;
        let key = bucket.key(asked.key())?.into_owned();
        self.check_owner(
            &bucket.entry_owner,
            self.demands.source_bucket_owner.as_deref(),
        )?;
        let opened = self.object(&bucket, &key, rights::SOURCE).await?;
        let entry = &opened.entry;
        match conditions::copy_source(&self.head, &entry.etag, entry.modified) {
            Outcome::Proceed => Ok(Source {
                bucket,
                key,
                opened,
            }),
            Outcome::NotModified | Outcome::Failed => Err(ErrorCode::PreconditionFailed.into()),
        }
    }

    /// The bytes of a whole object.
    async fn copy_whole(
        &self,
        source: &mut Source<D>,
        shard: ShardId,
        wanted: Option<ChecksumAlgorithm>,
    ) -> Result<Copied> {
        let size = source.opened.object.record.size;
        if size > PART_BYTES_MAX {
            return Err(S3Error::new(
                ErrorCode::InvalidRequest,
                "The specified copy source is larger than the maximum allowable size for a copy \
                 source: 5368709120",
            ));
        }
        let kept = source.opened.object.record.meta.checksum.clone();
        let kept = kept.filter(|c| c.kind == ChecksumKind::FullObject);
        let algorithm = wanted.or(source
            .opened
            .object
            .record
            .meta
            .checksum
            .as_ref()
            .map(|c| c.algorithm));
        let recompute = match (&kept, algorithm) {
            (Some(kept), Some(algorithm)) if kept.algorithm == algorithm => None,
            (_, algorithm) => algorithm,
        };
        let copied = self.copy_range(source, 0..size, shard, recompute).await?;
        let checksum = copied.checksum.clone().or(kept);
        Ok(Copied { checksum, ..copied })
    }

    /// Copies a range of the source into the log of `shard`.
    pub(super) async fn copy_range(
        &self,
        source: &mut Source<D>,
        bytes: Range<u64>,
        shard: ShardId,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<Copied> {
        let failed = |error| key_error(&error, &source.key);
        let size = bytes.end - bytes.start;
        let known = (size == source.opened.object.record.size
            && source.opened.entry.etag.parts == 0)
            .then_some(source.opened.entry.etag.md5);
        let mut md5 = known.is_none().then(Md5::new);
        let mut hasher = algorithm.map(Hasher::new);
        let reader = self
            .core
            .reader_of(source.bucket.id(), source.key.as_bytes());
        let stream = reader.body(&source.opened, bytes, None);
        let tag = super::extent_tag(source.bucket.id(), &source.key);
        let look = |chunk: &[u8]| {
            if let Some(md5) = &mut md5 {
                md5.update(chunk);
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(chunk);
            }
        };
        let (body, permit) = copy_bytes(self.core, stream, size, shard, tag, look)
            .await
            .map_err(failed)?;
        let checksum = algorithm.zip(hasher).map(|(algorithm, hasher)| Checksum {
            algorithm,
            kind: ChecksumKind::FullObject,
            value: hasher.finish(),
        });
        let computed = md5.map(|md5| md5.finish());
        let md5 = known.or(computed).ok_or(ErrorCode::InternalError)?;
        Ok(Copied {
            body,
            size,
            md5,
            checksum,
            permit,
        })
    }

    /// `x-amz-copy-source-range`, or all of the source.
    pub(super) fn copy_source_range(&self, source: &Source<D>) -> Result<Range<u64>> {
        range::copy_source(
            self.head.0.header("x-amz-copy-source-range"),
            source.opened.object.record.size,
        )
    }
}
