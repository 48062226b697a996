//! The operations of S3, a family per file. Each takes a [`Context`], which has been authenticated,
//! and answers with a [`Response`] or an error.

mod acl;
mod attributes;
mod buckets;
mod copy;
mod delete;
mod filling;
mod get;
mod hold;
mod list;
mod metadata;
mod multipart;
mod post;
mod put;
mod receive;
mod response;
mod tagging;
mod uploads;

use crate::base::BucketId;
use crate::io::{Clock, Disk};
use crate::namespace::{Name, Resolved};
use crate::s3::access::{self, Caller};
use crate::s3::conditions;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::headers::Demands;
use crate::s3::keys::{AskedKey, Key};
use crate::s3::observe::Observation;
use crate::s3::path::ResourcePath;
use crate::s3::place::Place;
use crate::s3::query::Query;
use crate::s3::rights;
use crate::s3::route::{Access, Operation};
use crate::s3::service::{HttpHead, Settings};
use crate::shard::Core;
use crate::store::{EtagSet, StoreError, WriteCondition};
use std::rc::Rc;

pub use dispatch::dispatch;
// For the fuzz targets: nothing else outside has to do with tokens.
#[doc(hidden)]
pub use list::Resumed;
pub use receive::Incoming;
pub(in crate::s3) use receive::body_error;
pub use response::{Payload, Response};

mod dispatch;

/// An authenticated request.
pub struct Context<'a, D: Disk, C: Clock> {
    /// The core it runs on.
    pub core: &'a Rc<Core<D, C>>,
    /// Settings of the S3 service.
    pub settings: &'a Settings,
    /// Its head.
    pub head: HttpHead<'a>,
    /// What its headers demand beside the operation itself.
    pub demands: Demands,
    /// What it asks for.
    pub operation: Operation,
    /// What it is about.
    pub path: &'a ResourcePath<'a>,
    /// Its query, decoded.
    pub query: &'a Query<'a>,
    /// Who sent it.
    pub caller: &'a Caller,
    /// What is noted of it.
    pub observed: &'a Observation,
}

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// The bucket's name.
    fn bucket_name(&self) -> Result<&str> {
        self.path
            .bucket()
            .ok_or_else(|| ErrorCode::InvalidBucketName.into())
    }

    /// The object's key, as it was asked for.
    fn key(&self) -> Result<AskedKey<'_>> {
        self.path.key().ok_or_else(|| ErrorCode::InvalidURI.into())
    }

    /// The bucket, resolved, without any look at rights.
    fn resolve(&self) -> Result<Place> {
        let name = self.bucket_name()?;
        self.noted(access::resolve(self.core, self.caller, name))
    }

    /// What the bucket's name leads to, noted for whoever wants to know later.
    fn noted(&self, bucket: Result<Place>) -> Result<Place> {
        let place = (self.caller.volume(), self.bucket_name()?);
        self.observed
            .names(self.core, place, bucket.as_deref().ok());
        bucket
    }

    /// The bucket, resolved, for a caller who may do there what the operation needs, or whom only
    /// an object's own list can still let do it: see [`Context::object`] and [`Context::hold`].
    fn bucket(&self) -> Result<Place> {
        self.admit(self.resolve()?)
    }

    fn admit(&self, mut place: Place) -> Result<Place> {
        let (need, access) = (rights::needs(self.operation), self.operation.access());
        if access == Access::Read {
            place.only_read();
        }
        self.caller.admit(&place, need, access)?;
        self.check_expected_owner(&place.entry_owner)?;
        Ok(place)
    }

    /// The bucket in which something began, an upload or a listing, when the name asked for led to
    /// `id`; of several ways there, the one that `fits`. A link that was given another source since
    /// still leads there; what the caller may do is judged there. When the name never led there, the
    /// bucket that it leads to now.
    fn bucket_of(&self, id: BucketId, fits: impl Fn(&Place) -> bool) -> Result<Place> {
        let now = self.resolve();
        if let Ok(place) = &now
            && place.id() == id
            && fits(place)
        {
            return self.admit(now?);
        }
        let fitting = |resolved: &Resolved| fits(&Place::new(Rc::new(resolved.clone())));
        let name = self.bucket_name()?;
        let pinned = access::resolve_pinned(self.core, self.caller, name, id, fitting)
            .or_else(|_| access::resolve_pinned(self.core, self.caller, name, id, |_| true));
        match pinned {
            Ok(then) => self.admit(self.noted(Ok(then))?),
            Err(_) => self.admit(now?),
        }
    }

    /// `x-amz-expected-bucket-owner` is compared with the owner of the name asked for.
    fn check_expected_owner(&self, owner: &Name) -> Result<()> {
        self.check_owner(owner, self.demands.bucket_owner.as_deref())
    }

    fn check_owner(&self, owner: &Name, expected: Option<&str>) -> Result<()> {
        let Some(expected) = expected else {
            return Ok(());
        };
        if self.principal(owner)?.id == expected {
            Ok(())
        } else {
            Err(access::denied())
        }
    }
}

/// The conditions of a PUT, copy, complete or DELETE, for the shard's owner to judge.
fn write_condition(head: &HttpHead<'_>) -> Result<WriteCondition> {
    let found = conditions::write(head)?;
    let set = |tags: Vec<String>| {
        if tags.iter().any(|tag| tag == "*") {
            EtagSet::Any
        } else {
            EtagSet::OneOf(tags)
        }
    };
    Ok(WriteCondition {
        if_match: found.if_match.map(set),
        if_none_match: found.if_none_match.map(set),
        if_size: found.if_size,
        if_modified_at: found.if_modified_at,
        if_at: None,
        if_unmoved: false,
    })
}

/// Marks the extents of an object's body.
fn extent_tag(bucket: BucketId, key: &Key<'_>) -> u128 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(&bucket.0.to_le_bytes());
    hasher.update(key.as_bytes());
    hasher.digest128()
}

fn no_such_key(key: &Key<'_>) -> S3Error {
    S3Error::from(ErrorCode::NoSuchKey).with("Key", key.shown())
}

/// The S3 error of a failed look at, or change of, one key.
fn key_error(error: &StoreError, key: &Key<'_>) -> S3Error {
    match error {
        StoreError::NoSuchKey => no_such_key(key),
        other => store_error(other),
    }
}

/// The one place where an engine's error becomes S3's.
fn store_error(error: &StoreError) -> S3Error {
    use crate::log::LogError;
    match error {
        StoreError::BucketGone => ErrorCode::NoSuchBucket.into(),
        StoreError::InvalidPart(_) => S3Error::from(ErrorCode::InvalidPart),
        StoreError::NoSuchKey => ErrorCode::NoSuchKey.into(),
        StoreError::NoSuchUpload => ErrorCode::NoSuchUpload.into(),
        StoreError::PreconditionFailed => ErrorCode::PreconditionFailed.into(),
        StoreError::QuotaExceeded => ErrorCode::QuotaExceeded.into(),
        StoreError::Stopping => ErrorCode::ServiceUnavailable.into(),
        StoreError::Log(LogError::NoSpace) => ErrorCode::InsufficientStorage.into(),
        StoreError::Log(LogError::Poisoned(_)) => S3Error::new(
            ErrorCode::ServiceUnavailable,
            "A write to the device failed; this part of the store takes no more writes.",
        ),
        other => {
            tracing::error!(error = %other, "the store failed");
            S3Error::from(ErrorCode::InternalError)
        }
    }
}
