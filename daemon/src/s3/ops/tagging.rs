//! Tags of objects and of buckets. A change of an object's tags rewrites its record, not its bytes.

use super::response::Response;
use super::{Context, key_error};
use crate::io::{Clock, Disk};
use crate::namespace::Command;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::place::Place;
use crate::s3::rights;
use crate::s3::tagging;
use crate::s3::xml::{documents, read};
use crate::store::meta::{ObjectMeta, Pair};
use crate::store::{Object, StoreError};
use std::rc::Rc;

/// Number of the bucket property that holds its tags.
const PROPERTY_TAGS: u8 = 1;

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `GET /bucket/key?tagging`
    pub async fn get_object_tagging(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        self.check_version()?;
        let object = self.read(&bucket).await?;
        Ok(Response::xml(documents::tagging(&object.record.meta.tags)))
    }

    /// `PUT /bucket/key?tagging`
    pub async fn put_object_tagging(&self, document: &[u8]) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        self.check_version()?;
        let tags = tagging::of_object(read::tagging(document)?)?;
        self.change_meta(&bucket, move |meta| meta.tags.clone_from(&tags))
            .await?;
        Ok(Response::empty(200))
    }

    /// `DELETE /bucket/key?tagging`
    pub async fn delete_object_tagging(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        self.check_version()?;
        self.change_meta(&bucket, |meta| meta.tags.clear()).await?;
        Ok(Response::empty(204))
    }

    /// The object asked for, for a caller who may do with it what the operation
    /// needs.
    pub(super) async fn read(&self, bucket: &Place) -> Result<Rc<Object>> {
        let key = bucket.key(self.key()?)?;
        let need = rights::needs(self.operation);
        Ok(self.object(bucket, &key, need).await?.object)
    }

    /// Rewrites an object's record with other metadata. When the object is replaced meanwhile, the
    /// change is tried again on the new one.
    pub(super) async fn change_meta(
        &self,
        bucket: &Place,
        change: impl Fn(&mut ObjectMeta),
    ) -> Result<()> {
        let key = bucket.key(self.key()?)?;
        let need = rights::needs(self.operation);
        // Whether the caller may is asked of the very object that is written again.
        let changed = self.core.change_meta(bucket.id(), key.as_bytes(), |meta| {
            self.check_object(bucket, &key, meta, need)?;
            change(meta);
            Ok::<_, Unchanged>(())
        });
        match changed.await {
            Ok(()) => Ok(()),
            Err(Unchanged::Refused(error)) => Err(error),
            Err(Unchanged::Store(StoreError::NoSuchKey)) => Err(self.missing(bucket, &key)),
            Err(Unchanged::Store(StoreError::PreconditionFailed)) => {
                Err(ErrorCode::OperationAborted.into())
            }
            Err(Unchanged::Store(error)) => Err(key_error(&error, &key)),
        }
    }

    /// `GET /bucket?tagging`
    pub fn get_bucket_tagging(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let stored = self
            .core
            .names()
            .property(bucket.id(), PROPERTY_TAGS)
            .map_err(|error| super::buckets::namespace_failed(&error))?;
        let tags = stored.ok_or(ErrorCode::NoSuchTagSet)?;
        let tags = tagging::decode(&tags).ok_or(ErrorCode::InternalError)?;
        Ok(Response::xml(documents::tagging(&tags)))
    }

    /// `PUT /bucket?tagging`
    pub async fn put_bucket_tagging(&self, document: &[u8]) -> Result<Response<D>> {
        let tags = tagging::of_bucket(read::tagging(document)?)?;
        self.set_bucket_tags(Some(tags)).await?;
        Ok(Response::empty(204))
    }

    /// `DELETE /bucket?tagging`
    pub async fn delete_bucket_tagging(&self) -> Result<Response<D>> {
        self.set_bucket_tags(None).await?;
        Ok(Response::empty(204))
    }

    async fn set_bucket_tags(&self, tags: Option<Vec<Pair>>) -> Result<()> {
        let bucket = self.bucket()?;
        refuse_link(&bucket)?;
        let command = Command::SetBucketProperty {
            bucket: bucket.id(),
            property: PROPERTY_TAGS,
            value: tags.map(|tags| tagging::encode(&tags)),
        };
        let name = self.bucket_name()?;
        let reply = self.apply(command).await?;
        reply
            .map(drop)
            .map_err(|error| super::buckets::namespace_error(&error, name))
    }
}

/// Why an object's metadata was not changed.
enum Unchanged {
    Refused(S3Error),
    Store(StoreError),
}

impl From<S3Error> for Unchanged {
    fn from(error: S3Error) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Unchanged {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Properties belong to the source of a link: they can be seen through the link, not changed.
pub(super) fn refuse_link(bucket: &Place) -> Result<()> {
    if bucket.is_link {
        return Err(S3Error::new(
            ErrorCode::NotImplemented,
            "This bucket is a link; its properties belong to its source.",
        ));
    }
    Ok(())
}
