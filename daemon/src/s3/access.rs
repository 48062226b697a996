//! Who may do what. One gate for all operations: names are resolved here and nowhere else, rights
//! are asked for here by the table of [`super::rights`], and every operation on objects starts from
//! the [`Place`] that comes out. What a name allows is decided by the namespace
//! ([`crate::namespace::Resolved::allows`]); objects' own lists add to it.

use crate::base::BucketId;
use crate::io::{Clock, Disk};
use crate::namespace::{Name, ResolveError, Resolved, Right, S3_VOLUME, UserId, Who};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::place::Place;
use crate::s3::rights::Need;
use crate::s3::route::Access;
use crate::s3::sigv4::Identity;
use crate::shard::Core;
use crate::store::meta::{CannedAcl, ObjectMeta};
use std::rc::Rc;

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
    /// Canonical id.
    pub id: UserId,
    /// May do everything.
    pub admin: bool,
    /// The groups the user is in.
    pub groups: Vec<Name>,
    /// The tenant of the access id, whose volume is then what S3 shows.
    pub tenant: Option<Name>,
    /// May do everything in that volume.
    pub tenant_admin: bool,
}

impl From<Identity<Principal>> for Caller {
    fn from(identity: Identity<Principal>) -> Self {
        match identity {
            Identity::User(user) => Self::User(user),
            Identity::Anonymous => Self::Anonymous,
        }
    }
}

impl Caller {
    /// Canonical id, 64 hexadecimal digits; empty for nobody.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Anonymous => String::new(),
            Self::User(user) => user.id.to_string(),
        }
    }

    /// The user, or `AccessDenied`.
    pub fn user(&self) -> Result<&Principal> {
        match self {
            Self::Anonymous => Err(denied()),
            Self::User(user) => Ok(user),
        }
    }

    /// The caller, as the namespace wants to know it.
    #[must_use]
    pub fn who(&self) -> Who<'_> {
        match self {
            Self::Anonymous => Who::ANONYMOUS,
            Self::User(user) => Who {
                name: Some(&user.name),
                groups: &user.groups,
                admin: user.admin,
                tenant: user.tenant.as_ref(),
                tenant_admin: user.tenant_admin,
                ..Who::ANONYMOUS
            },
        }
    }

    /// The volume whose buckets and links S3 shows this caller.
    #[must_use]
    pub fn volume(&self) -> &str {
        match self {
            Self::User(Principal {
                tenant: Some(tenant),
                ..
            }) => tenant,
            Self::Anonymous | Self::User(_) => S3_VOLUME,
        }
    }

    /// Whether the bucket gives the caller a right, through the name asked for.
    #[must_use]
    pub fn may(&self, place: &Place, right: Right) -> bool {
        place.allows(&self.who(), right)
    }

    /// The canonical id that is kept of the caller with what it writes there; empty for nobody.
    #[must_use]
    pub fn author(&self, place: &Place) -> String {
        let volume = place.source_volume.as_bytes();
        match self {
            Self::Anonymous => String::new(),
            Self::User(_) => self.who().author_in(volume, &self.id()),
        }
    }

    /// Whether the caller wrote what has this owner.
    #[must_use]
    pub fn wrote(&self, place: &Place, meta: &ObjectMeta) -> bool {
        !meta.owner.is_empty() && self.author(place) == meta.owner
    }

    /// Whether the canned list of an object lets the caller read it. Only asked of callers who
    /// reach the bucket.
    #[must_use]
    pub fn reads_canned(&self, place: &Place, meta: &ObjectMeta) -> bool {
        match meta.acl {
            CannedAcl::PublicRead | CannedAcl::PublicReadWrite => true,
            CannedAcl::AuthenticatedRead if matches!(self, Self::User(_)) => true,
            CannedAcl::AuthenticatedRead
            | CannedAcl::Private
            | CannedAcl::BucketOwnerRead
            | CannedAcl::BucketOwnerFullControl => self.wrote(place, meta),
        }
    }

    /// Turns away whoever cannot have what is needed here whatever the objects' own lists say, and
    /// everybody who wants to write through a name that only shows.
    pub fn admit(&self, place: &Place, need: Need, access: Access) -> Result<()> {
        if access == Access::Write && place.read_only {
            return Err(S3Error::new(
                ErrorCode::AccessDenied,
                "Access Denied: this bucket is a read-only link.",
            ));
        }
        let who = self.who();
        let open = match need {
            Need::Bucket(right) => place.allows(&who, right),
            // What the objects' own lists add, they add for those who get as far as the bucket.
            Need::Object(right) => place.allows(&who, right) || place.reaches(&who),
            Need::Content => place.allows(&who, Right::Read) || place.reaches(&who),
            Need::Put => place.allows(&who, Right::Create) || place.reaches(&who),
            // Not asked of a place.
            Need::Nothing | Need::Volume(_) | Need::Name(_) => false,
        };
        if open { Ok(()) } else { Err(denied()) }
    }
}

/// `AccessDenied`, which says nothing more.
#[must_use]
pub fn denied() -> S3Error {
    ErrorCode::AccessDenied.into()
}

/// Resolves a bucket name of the caller's namespace.
pub fn resolve<D: Disk, C: Clock>(
    core: &Core<D, C>,
    caller: &Caller,
    bucket: &str,
) -> Result<Place> {
    core.resolve(caller.volume(), bucket)
        .map(Place::new)
        .map_err(|error| resolve_error(&error, bucket))
}

/// Resolves a name for something that began when it led to the bucket `id`. A link that leads
/// elsewhere by now, or nowhere, still leads there, for whoever may do there what is asked.
pub fn resolve_pinned<D: Disk, C: Clock>(
    core: &Core<D, C>,
    caller: &Caller,
    bucket: &str,
    id: BucketId,
    fits: impl Fn(&Resolved) -> bool,
) -> Result<Place> {
    core.names()
        .resolve_pinned_with(caller.volume(), bucket, id, core.clock().now(), fits)
        .map(|resolved| Place::new(Rc::new(resolved)))
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
