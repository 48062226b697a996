//! Who may do what. One gate for all operations: names are resolved here and nowhere else, and
//! every operation on objects starts from the [`Place`] that comes out.
//!
//! The rule for now: an administrator may do everything; otherwise a bucket and what is in it belong
//! to its owner, a canned ACL may open it to others, and following a link needs the link as well as
//! its source. Whatever is not allowed is denied.

use crate::io::{Clock, Disk};
use crate::namespace::{CannedAcl as BucketAcl, Name, ResolveError};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::place::Place;
use crate::shard::Core;
use crate::store::meta::CannedAcl;

/// The volume that S3 shows to access keys of no tenant.
pub const S3_VOLUME: &str = "s3v";

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular: the request is not signed.
    Anonymous,
    /// The holder of an access key.
    User(Principal),
}

/// A user, as far as requests need one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Name, unique.
    pub name: Name,
    /// Canonical id, 64 hexadecimal digits.
    pub id: String,
    /// The name for people.
    pub display_name: String,
    /// May do everything.
    pub admin: bool,
}

/// What a caller wants of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Know that it exists, list it.
    List,
    /// Create and delete objects.
    Write,
    /// Read or change its settings, delete it.
    Own,
}

impl Caller {
    /// Canonical id; empty for nobody.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Anonymous => "",
            Self::User(user) => &user.id,
        }
    }

    /// The user, or `AccessDenied`.
    pub fn user(&self) -> Result<&Principal> {
        match self {
            Self::Anonymous => Err(ErrorCode::AccessDenied.into()),
            Self::User(user) => Ok(user),
        }
    }

    /// Whether everything behind this name belongs to the caller: the link, if it is one, and the
    /// bucket.
    #[must_use]
    pub fn owns(&self, bucket: &Place) -> bool {
        match self {
            Self::Anonymous => false,
            Self::User(user) => {
                user.admin || (bucket.entry_owner == user.name && bucket.source_owner == user.name)
            }
        }
    }

    /// Whether a link (or the bucket itself) lets the caller through to the source's own rules.
    fn passes(&self, bucket: &Place) -> bool {
        if !bucket.is_link {
            return true;
        }
        matches!(self, Self::User(user) if user.admin || bucket.entry_owner == user.name)
    }

    /// Whether the bucket's ACL or ownership gives the caller what it wants.
    #[must_use]
    pub fn may(&self, bucket: &Place, want: Want) -> bool {
        if self.owns(bucket) {
            return true;
        }
        if !self.passes(bucket) {
            return false;
        }
        match (bucket.acl, want) {
            (_, Want::Own) | (BucketAcl::Private, _) => false,
            (BucketAcl::PublicReadWrite, _) | (BucketAcl::PublicRead, Want::List) => true,
            (BucketAcl::AuthenticatedRead, Want::List) => matches!(self, Self::User(_)),
            (BucketAcl::PublicRead | BucketAcl::AuthenticatedRead, Want::Write) => false,
        }
    }

    /// Fails unless [`Caller::may`].
    pub fn check(&self, bucket: &Place, want: Want) -> Result<()> {
        if self.may(bucket, want) {
            Ok(())
        } else {
            Err(ErrorCode::AccessDenied.into())
        }
    }

    /// Whether the caller may read an object with this owner and ACL. Only asked when it does not
    /// own the bucket.
    #[must_use]
    pub fn may_read_object(&self, bucket: &Place, owner: &str, acl: CannedAcl) -> bool {
        if self.owns(bucket) {
            return true;
        }
        if !self.passes(bucket) {
            return false;
        }
        let own = !owner.is_empty() && owner == self.id();
        own || match acl {
            CannedAcl::PublicRead | CannedAcl::PublicReadWrite => true,
            CannedAcl::AuthenticatedRead => matches!(self, Self::User(_)),
            CannedAcl::Private | CannedAcl::BucketOwnerRead | CannedAcl::BucketOwnerFullControl => {
                false
            }
        }
    }
}

/// Resolves a bucket name of S3's namespace.
pub fn resolve<D: Disk, C: Clock>(core: &Core<D, C>, bucket: &str) -> Result<Place> {
    core.names()
        .resolve(S3_VOLUME, bucket, core.clock().now())
        .map(Place::new)
        .map_err(|error| resolve_error(&error, bucket))
}

/// The S3 error of a name that leads nowhere.
#[must_use]
pub fn resolve_error(error: &ResolveError, bucket: &str) -> S3Error {
    match error {
        ResolveError::Loop { .. } | ResolveError::TooDeep { .. } => {
            S3Error::new(ErrorCode::InvalidBucketState, error.to_string())
        }
        ResolveError::VolumeNotFound
        | ResolveError::BucketNotFound
        | ResolveError::Dangling { .. }
        | ResolveError::Expired { .. } => S3Error::from(ErrorCode::NoSuchBucket),
        _ => {
            tracing::error!(bucket, %error, "name cannot be resolved");
            S3Error::from(ErrorCode::InternalError)
        }
    }
    .with("BucketName", bucket)
}
