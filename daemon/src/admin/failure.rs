//! The one place that says which error of the engine becomes which result code. What is the
//! client's doing is told in full; what is ours is logged in full and told in short.

use crate::log::LogError;
use crate::namespace::{NamespaceError, ReadError, ResolveError};
use crate::store::StoreError;
use chainring_protocol::{Failure, ResultCode};

/// Of a command to the namespace.
pub(super) fn of_namespace(error: &NamespaceError) -> Failure {
    let code = match error {
        NamespaceError::InvalidVolumeName(_) => ResultCode::InvalidVolumeName,
        NamespaceError::InvalidBucketName(_) => ResultCode::InvalidBucketName,
        NamespaceError::InvalidUserName(_)
        | NamespaceError::InvalidAccessKey
        | NamespaceError::InvalidSecret
        | NamespaceError::InvalidRequest(_)
        | NamespaceError::PropertyTooLarge(_)
        | NamespaceError::LastAdmin(_)
        | NamespaceError::NotALink(_)
        | NamespaceError::AccessIdIsAdmin(_)
        | NamespaceError::BucketChanged(_)
        | NamespaceError::NoGeneration(..)
        | NamespaceError::Acl(_)
        | NamespaceError::InvalidPrefix(_) => ResultCode::InvalidRequest,
        NamespaceError::LinkChanged { .. } => ResultCode::LinkChanged,
        NamespaceError::BucketIsLinked { .. } => ResultCode::BucketIsLinked,
        NamespaceError::MayNotDelegate { .. } => ResultCode::PermissionDenied,
        NamespaceError::NoTarget(why) => {
            let code = of_resolve(why).code;
            return Failure::new(code, error.to_string());
        }
        // Whatever was to be changed belongs to the source.
        NamespaceError::NotSupported(_) | NamespaceError::IsALink(_) => {
            ResultCode::NotSupportedOperation
        }
        NamespaceError::QuotaExceeded(_) => ResultCode::QuotaExceeded,
        NamespaceError::QuotaInvalid(_) => ResultCode::QuotaError,
        NamespaceError::TooManyVolumes(..) => ResultCode::UserTooManyVolumes,
        NamespaceError::TooManyBuckets(_) => ResultCode::TooManyBuckets,
        NamespaceError::TenantNotFound(_) => ResultCode::TenantNotFound,
        NamespaceError::TenantAlreadyExists(_) => ResultCode::TenantAlreadyExists,
        NamespaceError::TenantNotEmpty(..) => ResultCode::TenantNotEmpty,
        NamespaceError::AccessIdAlreadyExists { .. } => ResultCode::TenantUserAccessIdAlreadyExists,
        NamespaceError::AccessIdNotFound(_) => ResultCode::AccessIdNotFound,
        NamespaceError::VolumeNotFound(_) => ResultCode::VolumeNotFound,
        NamespaceError::VolumeAlreadyExists(_) => ResultCode::VolumeAlreadyExists,
        NamespaceError::VolumeNotEmpty(_) => ResultCode::VolumeNotEmpty,
        NamespaceError::VolumeIsPermanent(_) | NamespaceError::VolumeIsReferenced(_) => {
            ResultCode::VolumeIsReferenced
        }
        NamespaceError::BucketNotFound(_) | NamespaceError::BucketGone(_) => {
            ResultCode::BucketNotFound
        }
        NamespaceError::BucketAlreadyExists(_) => ResultCode::BucketAlreadyExists,
        NamespaceError::Strict(why) => {
            let Failure { code, message } = of_resolve(why);
            return Failure::new(code, format!("strict link refused: {message}"));
        }
        NamespaceError::UserNotFound(_) => ResultCode::UserNotFound,
        NamespaceError::UserAlreadyExists(_) => ResultCode::UserAlreadyExists,
        NamespaceError::AccessKeyNotFound => ResultCode::S3SecretNotFound,
        NamespaceError::AccessKeyAlreadyExists => ResultCode::S3SecretAlreadyExists,
        NamespaceError::Log(LogError::NoSpace) => ResultCode::DiskOutOfSpace,
        NamespaceError::Closed => return stopping(),
        // Whatever is wrong with the log, the index or a snapshot.
        other => return internal("the namespace failed", other),
    };
    Failure::new(code, error.to_string())
}

/// Of looking for the bucket behind a name.
pub(super) fn of_resolve(error: &ResolveError) -> Failure {
    let code = match error {
        ResolveError::VolumeNotFound => ResultCode::VolumeNotFound,
        ResolveError::BucketNotFound | ResolveError::Dangling { .. } => ResultCode::BucketNotFound,
        ResolveError::Loop { .. } => ResultCode::DetectedLoopInBucketLinks,
        ResolveError::TooDeep { .. } => ResultCode::LinkTooDeep,
        ResolveError::Expired { .. } => ResultCode::LinkExpired,
        ResolveError::Damaged(error) => return internal("the namespace cannot be read", error),
    };
    Failure::new(code, error.to_string())
}

/// Of reading the namespace.
pub(super) fn of_read(error: ReadError) -> Failure {
    internal("the namespace cannot be read", &error)
}

/// Of an operation on a key.
pub(super) fn of_store(error: &StoreError) -> Failure {
    let code = match error {
        StoreError::BucketGone => ResultCode::BucketNotFound,
        StoreError::NoSuchKey => ResultCode::KeyNotFound,
        StoreError::QuotaExceeded => ResultCode::QuotaExceeded,
        StoreError::Log(LogError::NoSpace) => ResultCode::DiskOutOfSpace,
        StoreError::Stopping => return stopping(),
        other => return internal("the store failed", other),
    };
    Failure::new(code, error.to_string())
}

/// The daemon goes down.
pub(super) fn stopping() -> Failure {
    Failure::new(ResultCode::Timeout, "the daemon is stopping")
}

fn internal(what: &str, error: &impl std::error::Error) -> Failure {
    tracing::error!(%error, "{what}");
    Failure::new(
        ResultCode::InternalError,
        format!("{what}; the daemon's log says more"),
    )
}
